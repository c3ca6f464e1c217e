"""The outbox: what must reach the ledger is sent until the ledger says that it has it."""

from __future__ import annotations

import asyncio
import heapq
import logging
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from labmesh.mesh import Mesh
from labmesh.store import NodeStore, Unsent
from messages.envelope import Header, decode, encode
from messages.errors import (
    LabmeshError,
    NotConnectedError,
    PublishRefusedError,
    RefusedError,
    StoreError,
)
from messages.ids import NodeId
from messages.ledger import Receipt
from messages.model import Message
from messages.topics import Topic

logger = logging.getLogger("labmesh.outbox")

_FIRST_RESEND: Final = 2.0
_LAST_RESEND: Final = 30.0
"""Seconds between two sends of a message without a receipt: doubled from the first to the last."""

_WINDOW: Final = 64
"""Messages that wait for their receipt at a time, for `_FIRST_RESEND` at most: a backlog must not
flood the ledger, nor a message nobody answers hold up the others. Below the transport's window, so
that calls and heartbeats find room."""


@dataclass(slots=True, eq=False)
class _Pending:
    """A message without a receipt."""

    message: Unsent
    header: Header
    since: float
    pause: float = field(default_factory=lambda: _FIRST_RESEND)
    sending: bool = False
    again: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: list[asyncio.Future[Receipt]] = field(default_factory=list)


class Outbox:
    """Sends durable messages to one ledger, oldest first; `open` first.

    Args:
        mesh: Who sends.
        store: Where unreceipted messages outlive the process.
        ledger: The broker node.
        refused: Told of refusals nobody waits for (messages of an earlier life of this node).
    """

    def __init__(
        self,
        mesh: Mesh,
        store: NodeStore,
        ledger: NodeId,
        *,
        refused: Callable[[UUID, str], None] = lambda _id, _reason: None,
    ) -> None:
        self._mesh = mesh
        self._store = store
        self.ledger = ledger
        self.refused = refused
        self._pending: dict[UUID, _Pending] = {}
        self._ready: deque[_Pending] = deque()
        self._later: list[tuple[float, UUID]] = []
        self._sending = 0
        self._news = asyncio.Event()

    @property
    def pending(self) -> int:
        """How many messages have no receipt yet."""
        return len(self._pending)

    @property
    def waiting(self) -> float:
        """Wall seconds that the oldest message without a receipt has waited; 0 without any."""
        oldest = next(iter(self._pending.values()), None)
        return 0.0 if oldest is None else asyncio.get_running_loop().time() - oldest.since

    async def open(self) -> None:
        """Subscribe to receipts and take up what an earlier process left.

        Raises:
            StoreError: What it left cannot be read.
        """
        await self._mesh.on_message(
            self._mesh.topics.to_me("receipt", author=self.ledger), Receipt, self._take
        )
        for message in await self._store.unsent():
            if message.id in self._pending:
                continue
            try:
                self._add(message, decode(message.payload).header)
            except LabmeshError as error:
                logger.error("message %s of an earlier process is damaged: %s", message.id, error)
                self._forget(message.id)
        self._mesh.background(self._send_for_ever(), "outbox")
        self._mesh.transport.on_connect(self._send_all_now)

    async def send(
        self,
        topic: str,
        message: Message,
        *,
        id: UUID | None = None,  # noqa: A002
        durable: bool = False,
        trace: str = "",
        ends: UUID | None = None,
    ) -> Receipt:
        """Send ``message`` and return the ledger's receipt, however long that takes.

        Cancelling the wait does not cancel the sending: the message is in the outbox for good.
        Where the disk does not take it, it is sent from memory and an error logged.

        Args:
            topic: A directed topic to the ledger.
            message: The message.
            id: Its identity; a second message of the same id and content gets the same receipt.
            durable: Outlive a loss of power, not only the death of the process.
            trace: W3C traceparent.
            ends: The order in hand whose result this is; see `NodeStore.put`.

        Raises:
            RefusedError: The ledger refused it, for the reason it gives; or a message of this id
                and other content is under way.
            BodyError: The message does not travel, or is too large to be kept.
        """
        header = self._mesh.header(type(message), id=id, trace=trace)
        unsent = Unsent(header.id, topic, encode(header, message, kept=True))
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        pending = self._pending.get(header.id)
        if pending is None:
            pending = self._add(unsent, header)
        elif not _same(pending.message, unsent):
            raise RefusedError(
                f"a message of id {header.id} and other content is under way", where=topic
            )
        pending.waiting.append(future)
        try:
            stored = await self._write(unsent, durable=durable, ends=ends)
            receipt = await future
        finally:
            if future in pending.waiting:
                pending.waiting.remove(future)
        if ends is not None and not stored:
            await self._put_down(ends)
        if not receipt.accepted:
            raise RefusedError(receipt.reason, where=str(self.ledger))
        return receipt

    async def _write(self, message: Unsent, *, durable: bool, ends: UUID | None) -> bool:
        try:
            await self._store.put(message, durable=durable, ends=ends)
        except StoreError as error:
            logger.error("%s is sent from memory alone: %s", message.topic, error)
            return False
        return True

    async def _put_down(self, request: UUID) -> None:
        try:
            await self._store.put_down(request)
        except StoreError as error:
            logger.error("order %s stays noted as in hand: %s", request, error)

    def _add(self, message: Unsent, header: Header) -> _Pending:
        now = asyncio.get_running_loop().time()
        pending = self._pending[message.id] = _Pending(message, header, now)
        self._ready.append(pending)
        self._news.set()
        return pending

    async def _send_for_ever(self) -> None:
        """Begin what is due, as far as the window allows."""
        loop = asyncio.get_running_loop()
        while True:
            self._news.clear()
            now = loop.time()
            while self._later and self._later[0][0] <= now:
                _, identity = heapq.heappop(self._later)
                if (due := self._pending.get(identity)) is not None and not due.sending:
                    self._ready.append(due)
            while self._ready and self._sending < _WINDOW:
                pending = self._ready.popleft()
                if self._pending.get(pending.message.id) is pending and not pending.sending:
                    pending.sending = True
                    self._sending += 1
                    self._mesh.background(self._send_once(pending), f"outbox {pending.message.id}")
            try:
                async with asyncio.timeout_at(self._later[0][0] if self._later else None):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _send_once(self, pending: _Pending) -> None:
        """Publish, and hold a place in the window until the receipt comes, but not for long."""
        loop = asyncio.get_running_loop()
        pending.again.clear()
        try:
            await self._publish(pending.message, pending.header)
            if pending.message.id in self._pending:
                async with asyncio.timeout(_FIRST_RESEND):
                    await pending.again.wait()
        except TimeoutError:
            # Jitter keeps many nodes from resending at one beat after an outage.
            due = loop.time() + pending.pause * random.uniform(0.0, 0.4)  # noqa: S311
            due += pending.pause - _FIRST_RESEND
            heapq.heappush(self._later, (due, pending.message.id))
            pending.pause = min(pending.pause * 2, _LAST_RESEND)
        else:
            if pending.message.id in self._pending:
                self._ready.append(pending)
        finally:
            pending.sending = False
            self._sending -= 1
            self._news.set()

    async def _send_all_now(self) -> None:
        """After a reconnect nothing waits for its time, the oldest goes first."""
        self._later.clear()
        self._ready.clear()
        for pending in self._pending.values():
            pending.pause = _FIRST_RESEND
            if pending.sending:
                pending.again.set()
            else:
                self._ready.append(pending)
        self._news.set()

    async def _publish(self, message: Unsent, header: Header) -> None:
        try:
            await self._mesh.send_payload(message.topic, message.payload, header)
        except (NotConnectedError, PublishRefusedError) as error:
            logger.warning("%s not sent yet: %s", message.topic, error)
        except LabmeshError as error:
            # It can never be sent (too large, bad topic): the author must know now.
            self._settle(Receipt(message=message.id, accepted=False, reason=str(error)[:4000]))

    def _take(self, receipt: Receipt, header: Header, topic: Topic) -> None:
        self._settle(receipt)

    def _settle(self, receipt: Receipt) -> None:
        pending = self._pending.pop(receipt.message, None)
        if pending is None:
            return
        pending.again.set()
        self._forget(receipt.message)
        waiting = [future for future in pending.waiting if not future.done()]
        for future in waiting:
            future.set_result(receipt)
        if not waiting and not receipt.accepted:
            logger.error("the ledger refused %s: %s", receipt.message, receipt.reason)
            self.refused(receipt.message, receipt.reason)

    def _forget(self, message: UUID) -> None:
        async def work() -> None:
            try:
                await self._store.forget(message)
            except StoreError as error:
                logger.warning("message %s will be sent again: %s", message, error)

        self._mesh.background(work(), f"outbox forget {message}")


def _same(one: Unsent, other: Unsent) -> bool:
    """Tell whether two messages differ in nothing but the time and number of their envelopes."""
    if one.topic != other.topic:
        return False
    first, second = decode(one.payload), decode(other.payload)
    return first.header.type == second.header.type and first.body == second.body

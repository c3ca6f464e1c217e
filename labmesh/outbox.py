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

from labmesh.links import Links
from labmesh.mesh import Mesh
from labmesh.store import NodeStore, Unsent
from labmesh.transport import Delivery, Outbound
from messages.envelope import Header, decode, encode
from messages.errors import LabmeshError, NotConnectedError, RefusedError, StoreError
from messages.ids import NodeId
from messages.ledger import Receipt
from messages.model import Message
from messages.topics import Topic, check_topic

logger = logging.getLogger("labmesh.outbox")

_FIRST_RESEND: Final = 2.0
_LAST_RESEND: Final = 30.0
"""Seconds between two sends of a message without a receipt: doubled from the first to the last."""

_CUT_OFF_RESEND: Final = 300.0
"""Seconds between two sends while the ledger's site is not reached. What was sent waits in the
queue of a bridge, and every copy would wait there, too; yet a link may say that it is down and be
wrong."""

_WINDOW: Final = 64
"""Messages that wait for their receipt at a time, for `_FIRST_RESEND` at most: a backlog must not
flood the ledger, nor a message nobody answers hold up the others. Below the transport's window, so
that calls and heartbeats find room."""


@dataclass(slots=True, eq=False)
class _Pending:
    """A message without a receipt.

    Attributes:
        message: What is sent.
        header: Its envelope's.
        since: Loop time when it was first to be sent.
        pause: Seconds until it is sent again.
        sending: It has a place in the window.
        timer: Loop time of the one entry in the heap of timers that counts.
        waiting: Who waits for its receipt.
    """

    message: Unsent
    header: Header
    since: float
    pause: float = field(default_factory=lambda: _FIRST_RESEND)
    sending: bool = False
    timer: float = 0.0
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
        self._timers: list[tuple[float, UUID]] = []
        self._sending = 0
        self._news = asyncio.Event()
        self._links = Links(mesh.me.site)

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
        if self.ledger.site != self._mesh.me.site:
            pattern = self._links.pattern(self._mesh.topics.realm)
            await self._mesh.transport.subscribe(pattern, self._hear_link)
        for message in await self._store.unsent():
            if message.id in self._pending:
                continue
            try:
                self._add(message, decode(message.payload).header)
            except LabmeshError as error:
                logger.error("message %s of an earlier process is damaged: %s", message.id, error)
                self._store.forget(message.id)
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
            TopicError: The topic is not one to publish to.
        """
        check_topic(topic)
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
        """Send what is due, as far as the window allows."""
        loop = asyncio.get_running_loop()
        while True:
            self._news.clear()
            now = loop.time()
            while self._timers and self._timers[0][0] <= now:
                at, identity = heapq.heappop(self._timers)
                pending = self._pending.get(identity)
                if pending is not None and pending.timer == at:
                    self._time_is_up(pending, now)
            chosen: list[_Pending] = []
            while self._ready and self._sending < _WINDOW and self._mesh.transport.connected:
                pending = self._ready.popleft()
                if self._pending.get(pending.message.id) is pending and not pending.sending:
                    pending.sending = True
                    self._sending += 1
                    self._wake_at(pending, now + _FIRST_RESEND)
                    chosen.append(pending)
            if chosen:
                try:
                    await self._publish(chosen)
                except NotConnectedError:  # closed for good: the next process goes on
                    return
                continue
            try:
                async with asyncio.timeout_at(self._timers[0][0] if self._timers else None):
                    await self._news.wait()
            except TimeoutError:
                continue

    def _time_is_up(self, pending: _Pending, now: float) -> None:
        """Give up the place in the window where no receipt came; later, send again."""
        if not pending.sending:
            if self._reached:
                self._ready.append(pending)
            else:
                self._wake_at(pending, now + _CUT_OFF_RESEND)
            return
        self._leave(pending)
        # Jitter keeps many nodes from resending at one beat after an outage.
        rest = pending.pause * random.uniform(1.0, 1.4) - _FIRST_RESEND  # noqa: S311
        self._wake_at(pending, now + rest)
        pending.pause = min(pending.pause * 2, _LAST_RESEND)

    @property
    def _reached(self) -> bool:
        return self._links.reaches(self.ledger.site)

    def _hear_link(self, delivery: Delivery) -> None:
        """After a cut what is queued arrives first; what has no receipt then is sent again."""
        before = self._reached
        self._links.hear(delivery)
        if before or not self._reached:
            return
        now = asyncio.get_running_loop().time()
        for pending in self._pending.values():
            pending.pause = _FIRST_RESEND
            if not pending.sending:
                self._wake_at(pending, now + _FIRST_RESEND * random.uniform(1.0, 1.4))  # noqa: S311
        self._news.set()

    def _wake_at(self, pending: _Pending, at: float) -> None:
        pending.timer = at
        heapq.heappush(self._timers, (at, pending.message.id))

    def _leave(self, pending: _Pending) -> None:
        pending.sending = False
        self._sending -= 1
        self._news.set()

    async def _send_all_now(self) -> None:
        """After a reconnect nothing waits for its time, the oldest goes first."""
        self._timers.clear()
        self._ready.clear()
        for pending in self._pending.values():
            pending.pause = _FIRST_RESEND
            if pending.sending:
                self._leave(pending)
            self._ready.append(pending)
        self._news.set()

    async def _publish(self, chosen: list[_Pending]) -> None:
        messages = [
            Outbound(p.message.topic, p.message.payload, False, {"type": p.header.type})
            for p in chosen
        ]
        published = await self._mesh.transport.publish_all(messages)
        published.add_done_callback(_complain)

    def _take(self, receipt: Receipt, header: Header, topic: Topic) -> None:
        self._settle(receipt)

    def _settle(self, receipt: Receipt) -> None:
        pending = self._pending.pop(receipt.message, None)
        if pending is None:
            return
        if pending.sending:
            self._leave(pending)
        self._store.forget(receipt.message)
        waiting = [future for future in pending.waiting if not future.done()]
        for future in waiting:
            future.set_result(receipt)
        if not waiting and not receipt.accepted:
            logger.error("the ledger refused %s: %s", receipt.message, receipt.reason)
            self.refused(receipt.message, receipt.reason)


def _complain(published: asyncio.Future[list[Exception]]) -> None:
    """Say what did not go out; it is sent again until there is a receipt."""
    for error in published.result():
        if not isinstance(error, NotConnectedError):
            logger.warning("not sent yet: %s", error)


def _same(one: Unsent, other: Unsent) -> bool:
    """Tell whether two messages differ in nothing but the time and number of their envelopes."""
    if one.topic != other.topic:
        return False
    first, second = decode(one.payload), decode(other.payload)
    return first.header.type == second.header.type and first.body == second.body

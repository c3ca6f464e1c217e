"""The outbox: what must reach the ledger is sent until the ledger says that it has it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
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
)
from messages.ids import NodeId
from messages.ledger import Receipt
from messages.model import Message
from messages.topics import Topic

logger = logging.getLogger("labmesh.outbox")

_FIRST_RESEND: Final = 2.0
_LAST_RESEND: Final = 30.0
"""Seconds between two sends of a message without a receipt: doubled from the first to the last."""


class Outbox:
    """Sends durable messages to one ledger; `open` first.

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
        self._refused = refused
        self._waiting: dict[UUID, asyncio.Future[Receipt]] = {}
        self._resending: dict[UUID, asyncio.Event] = {}

    @property
    def pending(self) -> int:
        """How many messages have no receipt yet."""
        return len(self._resending)

    async def open(self) -> None:
        """Subscribe to receipts and take up what an earlier process left."""
        await self._mesh.on_message(
            self._mesh.topics.to_me("receipt", author=self.ledger), Receipt, self._take
        )
        for message in await self._store.unsent():
            if message.id not in self._resending:
                self._keep_sending(message)

        async def resend_now() -> None:
            for event in self._resending.values():
                event.set()

        self._mesh.transport.on_connect(resend_now)

    async def send(
        self,
        topic: str,
        message: Message,
        *,
        id: UUID | None = None,  # noqa: A002
        durable: bool = False,
        trace: str = "",
        stored: Callable[[], Awaitable[None]] | None = None,
    ) -> Receipt:
        """Send ``message`` and return the ledger's receipt, however long that takes.

        Cancelling the wait does not cancel the sending: the message is in the outbox for good.

        Args:
            topic: A directed topic to the ledger.
            message: The message.
            id: Its identity; a second message of the same id and content gets the same receipt.
            durable: Outlive a loss of power, not only the death of the process.
            trace: W3C traceparent.
            stored: Awaited once the message is on disk, before the receipt.

        Raises:
            RefusedError: The ledger refused it, for the reason it gives.
            BodyError: The message does not travel, or is too large to be kept.
        """
        header = self._mesh.header(type(message), id=id, trace=trace)
        unsent = Unsent(header.id, topic, encode(header, message, kept=True))
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting[header.id] = future
        write = asyncio.ensure_future(self._store.put(unsent, durable=durable))
        try:
            self._keep_sending(unsent)
            await write
            if stored is not None:
                await stored()
            receipt = await future
        finally:
            self._waiting.pop(header.id, None)
        if not receipt.accepted:
            raise RefusedError(receipt.reason, where=str(self.ledger))
        return receipt

    def _keep_sending(self, message: Unsent) -> None:
        self._resending[message.id] = asyncio.Event()
        self._mesh.background(self._send_until_receipt(message), f"outbox {message.id}")

    async def _send_until_receipt(self, message: Unsent) -> None:
        header = decode(message.payload).header
        pause = _FIRST_RESEND
        while (again := self._resending.get(message.id)) is not None:
            again.clear()
            await self._publish(message, header)
            if message.id not in self._resending:
                return
            try:
                # Jitter keeps many nodes from resending at one beat after an outage.
                await asyncio.wait_for(again.wait(), pause * random.uniform(0.8, 1.2))  # noqa: S311
            except TimeoutError:
                pause = min(pause * 2, _LAST_RESEND)

    async def _publish(self, message: Unsent, header: Header) -> None:
        try:
            await self._mesh.send_payload(message.topic, message.payload, header)
        except (NotConnectedError, PublishRefusedError) as error:
            logger.warning("%s not sent yet: %s", message.topic, error)
        except LabmeshError as error:
            # It can never be sent (too large, bad topic): the author must know now.
            self._settle(Receipt(message=message.id, accepted=False, reason=str(error)))

    def _take(self, receipt: Receipt, header: Header, topic: Topic) -> None:
        self._settle(receipt)

    def _settle(self, receipt: Receipt) -> None:
        event = self._resending.pop(receipt.message, None)
        if event is None:
            return
        event.set()
        self._mesh.background(self._store.forget(receipt.message), "outbox forget")
        future = self._waiting.get(receipt.message)
        if future is not None and not future.done():
            future.set_result(receipt)
        elif not receipt.accepted:
            logger.error("the ledger refused %s: %s", receipt.message, receipt.reason)
            self._refused(receipt.message, receipt.reason)

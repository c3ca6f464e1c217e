"""Says what has been written: receipts, journal, orders. Driven by the journal alone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Iterator
from itertools import islice
from typing import Any, Final

from labmesh.mesh import Mesh
from labmesh.transport import Delivery
from messages.envelope import validate
from messages.errors import LabmeshError, NotConnectedError
from messages.ids import NodeId
from messages.ledger import EntryKind, Head, SampleState
from messages.model import Message
from nodes.broker._ledger import Outcome
from nodes.broker._outbound import Publication

logger = logging.getLogger("labmesh.ledger")

_AT_ONCE: Final = 256
"""Publishes begun together; the transport's window bounds what is in flight."""

_HEAD_PAUSE: Final = 0.1
"""Wall seconds in which newer heads take the place of older ones."""


class Forwarder:
    """Publishes outcomes in order.

    Args:
        mesh: The ledger's seat.
        forwarded: Offset up to which everything was published before.

    Attributes:
        forwarded: Offset up to which every entry has been published and acknowledged.
        unsent: Messages the MQTT broker or the transport would not take.
    """

    def __init__(self, mesh: Mesh, forwarded: int) -> None:
        self._mesh = mesh
        self._queue: asyncio.Queue[Outcome] = asyncio.Queue()
        self._saying = False
        self._head: Head | None = None
        self.forwarded = forwarded
        self.unsent = 0

    def put(self, outcome: Outcome) -> None:
        """Let an outcome be published after those before it."""
        self._queue.put_nowait(outcome)

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            outcome = await self._queue.get()
            count = 1
            while not self._queue.empty():
                outcome.add(self._queue.get_nowait())
                count += 1
            self._saying = True
            await self.publish(outcome)
            self._saying = False
            for _ in range(count):
                self._queue.task_done()

    @property
    def busy(self) -> bool:
        """Whether something is written and not yet said."""
        return bool(self._queue.qsize() or self._saying)

    async def drain(self) -> None:
        """Return when everything has been published."""
        await self._queue.join()

    async def publish(self, outcome: Outcome) -> None:
        """Publish everything an outcome says.

        Raises:
            NotConnectedError: The transport was closed. The rest is said at the next start.
        """
        messages = self._messages(outcome)
        while chunk := list(islice(messages, _AT_ONCE)):
            for done in await asyncio.gather(*chunk, return_exceptions=True):
                if isinstance(done, NotConnectedError | asyncio.CancelledError):
                    raise done
                if isinstance(done, BaseException):
                    self.unsent += 1
                    logger.error("not published: %s", done)
        for parcel, refusal in outcome.problems:
            self._mesh.complain(Delivery(parcel.topic, parcel.payload), refusal)
        if outcome.said:
            self.forwarded = outcome.said[-1].row.offset
            self.say_head(outcome.head)

    def say_head(self, head: Head) -> None:
        """Publish where the ledger stands, soon; of several heads only the last."""
        waiting = self._head is not None
        self._head = head
        if not waiting:
            self._mesh.background(self._say_head(), "ledger head")

    async def _say_head(self) -> None:
        await asyncio.sleep(_HEAD_PAUSE)
        await self.say_head_now()

    async def say_head_now(self) -> None:
        """Publish a head that waits to be published."""
        head, self._head = self._head, None
        if head is not None:
            await self._mesh.keep(self._mesh.topics.own("head"), head)

    def _messages(self, outcome: Outcome) -> Iterator[Coroutine[Any, Any, None]]:
        for publication in outcome.said:
            try:
                yield from self._of_entry(publication)
            except LabmeshError as error:
                self.unsent += 1
                logger.error("entry %d not published: %s", publication.row.offset, error)
        for author, receipt in outcome.receipts:
            yield self._send("receipt", author, receipt)
        for worker, void in _latest(outcome.voids):
            yield self._send("void", worker, void, str(void.request))

    def _of_entry(self, publication: Publication) -> Iterable[Coroutine[Any, Any, None]]:
        row = publication.row
        if publication.receipt is not None:
            yield self._send("receipt", row.author, publication.receipt)
        topics = self._mesh.topics
        yield self._publish(
            topics.journal(row.kind, NodeId.parse(publication.party)), row.entry(), retain=False
        )
        if publication.order is not None:
            worker, order = publication.order
            yield self._send("order", worker, order, str(order.request))
        if publication.void is not None:
            worker, void = publication.void
            yield self._send("void", worker, void, str(void.request))
        if row.kind == EntryKind.SAMPLE.value:
            state = validate(SampleState, row.body, where="sample")
            yield self._publish(topics.own("sample", state.sample), state, retain=True)

    def _send(
        self, kind: str, to: str, message: Message, *levels: str
    ) -> Coroutine[Any, Any, None]:
        topic = self._mesh.topics.to(kind, NodeId.parse(to), *levels)
        return self._publish(topic, message, retain=False)

    async def _publish(self, topic: str, message: Message, *, retain: bool) -> None:
        try:
            await self._mesh.send(topic, message, retain=retain)
        except NotConnectedError:
            raise
        except LabmeshError as error:
            self.unsent += 1
            logger.error("not published on %s: %s", topic, error)


def _latest(voids: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """One word to a worker about one order is enough."""
    return list(
        {(worker, void.request, void.token): (worker, void) for worker, void in voids}.values()
    )

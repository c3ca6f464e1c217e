"""Says what has been written: receipts, journal, orders. Driven by the journal alone."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterator
from typing import Any, Final

from labmesh.mesh import Mesh
from labmesh.transport import Delivery, Outbound
from messages.access import SiteAccess, Withheld
from messages.envelope import validate
from messages.errors import LabmeshError, NotConnectedError
from messages.ledger import EntryKind, Head, SampleState
from messages.model import JsonObject
from nodes.broker._guard import Guard, is_declaration
from nodes.broker._ledger import Outcome
from nodes.broker._outbound import Publication
from nodes.broker._wire import Wire

logger = logging.getLogger("labmesh.ledger")

_HEAD_PAUSE: Final = 0.1
"""Wall seconds in which newer heads take the place of older ones."""

_Said = tuple["asyncio.Future[list[Exception]]", Head | None]


class Forwarder:
    """Publishes outcomes in order.

    Args:
        mesh: The ledger's seat.
        guard: What stays at the ledger's site.
        forwarded: Offset up to which everything was published before.

    Attributes:
        forwarded: Offset up to which every entry has been published and acknowledged.
        unsent: Messages the MQTT broker or the transport would not take.
    """

    def __init__(self, mesh: Mesh, guard: Guard, forwarded: int) -> None:
        self._mesh = mesh
        self._guard = guard
        self._wire = Wire(mesh)
        self._queue: asyncio.Queue[Outcome] = asyncio.Queue()
        self._under_way: deque[_Said] = deque()
        self._saying = False
        self._quiet = asyncio.Event()
        self._head: Head | None = None
        self.forwarded = forwarded
        self.unsent = 0

    def put(self, outcome: Outcome) -> None:
        """Let an outcome be published after those before it."""
        self._queue.put_nowait(outcome)

    async def run(self) -> None:
        """Publish until cancelled.

        Raises:
            NotConnectedError: The transport was closed. The rest is said at the next start.
        """
        self._saying = False
        self._under_way.clear()
        while True:
            outcome = await self._queue.get()
            self._saying = True
            while not self._queue.empty():
                outcome.add(self._queue.get_nowait())
            await self.publish(outcome)
            self._saying = False
            self._settle()

    @property
    def busy(self) -> bool:
        """Whether something is written and not yet said."""
        return bool(self._queue.qsize() or self._saying or self._under_way)

    async def drain(self) -> None:
        """Return when everything has been published."""
        while self.busy:
            self._quiet.clear()
            await self._quiet.wait()

    async def publish(self, outcome: Outcome) -> None:
        """Publish everything an outcome says; what is acknowledged later is noted later.

        Raises:
            NotConnectedError: The transport was closed.
        """
        said = await self._mesh.transport.publish_all(self._messages(outcome))
        reached = None
        if outcome.said:
            last = outcome.said[-1].row
            reached = Head.model_construct(offset=last.offset, hash=last.hash)
        self._under_way.append((said, reached))
        said.add_done_callback(lambda _: self._settle())
        for parcel, refusal in outcome.problems:
            self._mesh.complain(Delivery(parcel.topic, parcel.payload), refusal)

    def _settle(self) -> None:
        """Note how far everything has been acknowledged, without a gap."""
        while self._under_way and self._under_way[0][0].done():
            said, reached = self._under_way.popleft()
            errors = said.result()
            if any(isinstance(error, NotConnectedError) for error in errors):
                self._under_way.clear()  # closed: whatever is not noted is said at the next start
                break
            for error in errors:
                self._not_published(error)
            if reached is not None:
                self.forwarded = reached.offset
                self.say_head(reached)
        if not self.busy:
            self._quiet.set()

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

    def _messages(self, outcome: Outcome) -> Iterator[Outbound]:
        """Yield receipts first: somebody waits for each. Then the rest in the entries' order."""
        wire = self._wire
        for publication in outcome.said:
            if publication.receipt:
                yield wire.accepted(publication.row, publication.trace)
        for author, receipt in outcome.receipts:
            yield wire.receipt(author, receipt, outcome.traces.get(receipt.message, ""))
        for publication in outcome.said:
            try:
                yield from self._of_entry(publication)
            except LabmeshError as error:
                self._not_published(error)
        for worker, void in _latest(outcome.voids):
            yield self._directed("void", worker, void)

    def _of_entry(self, publication: Publication) -> Iterator[Outbound]:
        row, trace, guard = publication.row, publication.trace, self._guard
        # Asked now, not when it was written: what was declared meanwhile counts.
        hidden = guard.active and guard.hides(row)
        if publication.order is not None:
            worker, order = publication.order
            if not (hidden and guard.is_away(worker)):
                yield self._directed("order", worker, order, trace)
        if publication.void is not None:
            worker, void = publication.void
            if hidden and guard.is_away(worker):
                void = void.model_copy(update={"reason": "it is confidential by now"})
            yield self._directed("void", worker, void, trace)
        withhold = hidden and guard.is_away(publication.party)
        yield self._wire.entry(row, publication.party, trace, withhold=withhold)
        if row.kind == EntryKind.SAMPLE.value:
            sample = str(row.body["sample"])
            if not hidden:
                yield self._sample(sample, row.body)
            elif guard.was_said(sample):
                yield self._sample(sample, None)
        for sample, body in publication.samples:
            yield self._sample(sample, body)
        if guard.active and is_declaration(row.kind, row.body):
            self._mesh.background(self.tell_site(), "tell the site")

    def _sample(self, sample: str, body: JsonObject | None) -> Outbound:
        """Return a sample's last state, or what covers the one that was told before.

        Covered, not cleared: a value that is there is told anew when a site's link comes back, and
        an empty one is not.
        """
        topic = self._mesh.topics.own("sample", sample)
        if body is None:
            return self._wire.message(topic, Withheld(sample=sample), retain=True)
        state = validate(SampleState, body, where="sample")
        return self._wire.message(topic, state, retain=True)

    async def tell_site(self) -> None:
        """Tell the nodes of this site whether something is confidential."""
        if self._guard.active:
            said = SiteAccess(confidential=self._guard.confidential)
            self._mesh.discreet = said.confidential
            await self._mesh.keep(self._mesh.topics.own("access"), said)

    async def cover(self) -> None:
        """Cover once more what must not be told of samples: the MQTT broker may have forgotten.

        Raises:
            NotConnectedError: The transport was closed.
        """
        samples = self._guard.covered()
        if samples:
            await self._mesh.transport.publish_all(self._sample(each, None) for each in samples)

    def _directed(self, kind: str, worker: str, message: Any, trace: str = "") -> Outbound:
        topic = f"{self._wire.to(kind, worker)}/{message.request}"
        return self._wire.message(topic, message, trace=trace)

    def _not_published(self, error: Exception) -> None:
        self.unsent += 1
        logger.error("not published: %s", error)


def _latest(voids: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """One word to a worker about one order is enough."""
    return list(
        {(worker, void.request, void.token): (worker, void) for worker, void in voids}.values()
    )

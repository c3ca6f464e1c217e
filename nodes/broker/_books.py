"""The ledger's present in memory, and the entries of the batch under way.

One thread at a time. Everything here follows from the journal (and from what nodes say of
themselves): after a failed commit it is thrown away and read again.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import messages.ledger as wire
from labmesh.tracing import trace_of
from messages.ids import NodeId, new_id
from messages.ledger import EntryKind, Head, OrderCancel, Status, StatusChange
from messages.model import JsonObject, Message
from messages.schema import schema_hash
from nodes.broker._catalogue import Catalogue, Key, Standing
from nodes.broker._deadlines import Deadlines
from nodes.broker._door import Incoming
from nodes.broker._guard import Guard
from nodes.broker._live import LiveRequest, Order
from nodes.broker._queue import Queue
from nodes.broker._row import Row, Tip, make_row
from nodes.broker._schemas import Schemas, Vocabulary
from nodes.broker._status import HAS_ORDER, IN_HAND, check_change, is_final
from nodes.broker.store import Store

_PARAMETERS: Final = 4096
"""Requests whose parameters are kept in memory; of others they are read again."""

_BACK_OFF: Final = (1.0, 30.0)
"""Wall seconds a node is not asked again after it declined a request: doubled, first to last."""


HOME: Final = "home "
"""Before the hash of a limitation: of an offer at the ledger's own site."""


@dataclass(frozen=True, slots=True)
class Now:
    """One moment by three clocks.

    Attributes:
        wall: ns UTC.
        stamp: ns by the mesh's clock, which may be simulated.
        mono: Monotonic seconds; leases and back-off.
    """

    wall: int
    stamp: int
    mono: float


@dataclass(frozen=True, slots=True)
class SampleNow:
    """What a sample is, its last state, and where it was then."""

    kind: str
    state: int
    location: str
    label: str


@dataclass(slots=True)
class Batch:
    """What one transaction is to write and to say."""

    rows: list[Row] = field(default_factory=list)
    fresh: dict[str, Row] = field(default_factory=dict)
    orders: dict[int, tuple[str, wire.Order]] = field(default_factory=dict)
    voids: list[tuple[str, OrderCancel]] = field(default_factory=list)
    parties: dict[int, str] = field(default_factory=dict)
    samples: dict[str, SampleNow] = field(default_factory=dict)
    result_states: dict[str, tuple[str, str]] = field(default_factory=dict)
    traces: dict[int, str] = field(default_factory=dict)


class Books:
    """What the ledger knows.

    Args:
        me: The broker node.
        store: The database.
        schemas: Compiled schemas, shared by successive books.
        vocabulary: Capabilities known before anyone offers them.
        catalogue: Offers and presences to go on with after a reload; capabilities are read anew.
        guard: What stays at the ledger's site; shared by successive books.
    """

    def __init__(
        self,
        me: NodeId,
        store: Store,
        schemas: Schemas,
        vocabulary: Vocabulary,
        catalogue: Catalogue | None = None,
        guard: Guard | None = None,
    ) -> None:
        self.me = str(me)
        self.guard = guard or Guard(me.site)
        self.store = store
        self.schemas = schemas
        self.vocabulary = vocabulary
        self.catalogue = catalogue or Catalogue(me.site)
        self.catalogue.busy.clear()
        self.now = Now(0, 0, 0.0)
        head = store.head()
        self._tip = Tip(head.offset, head.hash)
        self.batch = Batch()
        self.cause = ""
        """Traceparent of the message that is being taken, or empty."""
        self.live: dict[str, LiveRequest] = {}
        self.by_worker: dict[str, set[str]] = defaultdict(set)
        self.queue = Queue()
        self.dirty: set[Key] = set()
        self.leases = Deadlines()
        self.expiries = Deadlines()
        self.wakes = Deadlines()
        self.sample_in_hand: dict[str, str] = {}
        self.waiting_for_sample: dict[str, list[LiveRequest]] = defaultdict(list)
        self._parameters: OrderedDict[str, JsonObject] = OrderedDict()

    @property
    def head(self) -> Head:
        """The last entry's offset and hash, the batch under way included."""
        return Head.model_construct(offset=self._tip.offset, hash=self._tip.hash)

    @property
    def next_offset(self) -> int:
        """The offset of the entry to come."""
        return self._tip.offset + 1

    # -- entries ---------------------------------------------------------------------------

    def append(
        self,
        kind: EntryKind,
        body: JsonObject,
        model: type[Message],
        *,
        author: str = "",
        incoming: Incoming | None = None,
    ) -> Row:
        """Add an entry of the ledger's own making; with ``incoming`` that message's id and stamp.

        Args:
            kind: Kind of entry.
            body: Plain values.
            model: The body's type.
            author: Whose doing it is, without ``incoming``; by default the ledger's.
            incoming: The message that caused it; its author gets a receipt for this entry.
        """
        row = make_row(
            self._tip,
            uuid=incoming.id if incoming else str(new_id()),
            kind=kind.value,
            stamp=incoming.header.stamp if incoming else self.now.stamp,
            load_time=self.now.wall,
            author=incoming.author if incoming else author or self.me,
            type=model.TYPE,
            schema=schema_hash(model),
            body=body,
        )
        return self._add(row)

    def append_message(self, kind: EntryKind, incoming: Incoming) -> Row:
        """Add a message as it is."""
        header = incoming.header
        row = make_row(
            self._tip,
            uuid=incoming.id,
            kind=kind.value,
            stamp=header.stamp,
            load_time=self.now.wall,
            author=incoming.author,
            type=header.type,
            schema=header.schema,
            body=incoming.body,
            packed=incoming.packed,
        )
        return self._add(row)

    def _add(self, row: Row) -> Row:
        self._tip = Tip(row.offset, row.hash)
        self.batch.rows.append(row)
        if self.cause:
            self.batch.traces[row.offset] = self.cause
        self.batch.fresh[row.uuid] = row
        if self.guard.active:
            self.guard.take(row)
        return row

    # -- requests --------------------------------------------------------------------------

    def admit(self, request: LiveRequest, parameters: JsonObject) -> None:
        """Take a new request in; it is pending."""
        request.trace = self.cause or trace_of(request.id)
        request.since = self.now.wall
        self.live[request.id] = request
        self.keep_parameters(request.id, parameters)
        self._settle(request, None)

    def restore(self, request: LiveRequest) -> None:
        """Take in a request as an earlier process left it; leases get a full term."""
        self.live[request.id] = request
        self._settle(request, None)

    def change(
        self,
        request: LiveRequest,
        after: Status,
        message: str,
        *,
        by: str = "",
        cause: Incoming | None = None,
        result: str | None = None,
        give_to: tuple[Standing, Order] | None = None,
    ) -> Row:
        """Change a request's status: the entry, and everything that hangs on the status.

        Args:
            request: The request.
            after: Its new status.
            message: Why, for people.
            by: Who caused it; by default the author of ``cause``, else the ledger.
            cause: The message that caused it, if that has no entry of its own.
            result: The result that ended it or the attempt.
            give_to: With ``reserved``, the offer and the order (its token is filled in here).

        Raises:
            LifecycleError: The change is illegal. Nothing has happened then.
        """
        before = request.status
        check_change(before, after)
        terms: JsonObject | None = None
        attempt = request.begun
        if after is Status.RUNNING and before is Status.RESERVED:
            attempt = request.begun + 1
        order = request.order
        if give_to is not None:
            order = give_to[1]
            order.token = self.next_offset
            attempt = order.attempt
            terms = {
                "worker": "instrument" if order.instrument else "model",
                "epoch": order.epoch,
                "lease": order.lease,
            }
        row = self.append(
            EntryKind.STATUS,
            {
                "request": request.id,
                "before": before.value,
                "after": after.value,
                "message": message[:4000],
                "by": by or (cause.author if cause else self.me),
                "worker": order.worker if order else None,
                "token": order.token if order else None,
                "attempt": attempt,
                "result": result,
                "reservation": terms,
                "cause": cause.hash.hex() if cause else "",
            },
            StatusChange,
            incoming=cause,
        )
        self.batch.parties[row.offset] = request.requester
        request.trace = self.cause or request.trace
        self.batch.traces[row.offset] = request.trace
        request.status = after
        if after is Status.RUNNING:
            request.begun = attempt
        self._release(request, before)
        request.order = order if after in HAS_ORDER else None
        self._settle(request, before)
        if give_to is not None and order is not None:
            self.batch.orders[row.offset] = (order.worker, self.order_message(request))
        return row

    def _release(self, request: LiveRequest, before: Status) -> None:
        """Undo what hung on the status before."""
        order = request.order
        self.queue.leave(request)
        if order is not None and before in IN_HAND and request.status not in IN_HAND:
            self.catalogue.busy[order.worker, request.key] -= 1
            self.leases.drop(request.id)
            self.dirty.add(request.key)
        if order is not None and request.status not in HAS_ORDER:
            self.by_worker[order.worker].discard(request.id)
        sample = request.sample
        if sample and before in HAS_ORDER and request.status not in HAS_ORDER:
            self.sample_in_hand.pop(sample, None)
            for waiting in self.waiting_for_sample.pop(sample, ()):
                if waiting.status is Status.PENDING:
                    self.enqueue(waiting)

    def _settle(self, request: LiveRequest, before: Status | None) -> None:
        """Do what hangs on the status now."""
        status, order = request.status, request.order
        if order is not None:
            self.by_worker[order.worker].add(request.id)
            if status in IN_HAND:
                if before not in IN_HAND:
                    self.catalogue.busy[order.worker, request.key] += 1
                self.renew(request)
            if request.sample:
                self.sample_in_hand[request.sample] = request.id
        if status is Status.PENDING:
            self.enqueue(request)
        if request.expires is not None and status in (Status.PENDING, Status.RESERVED):
            self.expiries.set(request.id, request.expires)
        else:
            self.expiries.drop(request.id)
        if is_final(status):
            del self.live[request.id]
            self.wakes.drop(request.id)
            self._parameters.pop(request.id, None)

    def enqueue(self, request: LiveRequest) -> None:
        """Let a pending request wait for an offer."""
        self.queue.push(request)
        self.dirty.add(request.key)

    def renew(self, request: LiveRequest) -> None:
        """Give a request's order a full lease from now."""
        if request.order is not None:
            self.leases.set(request.id, self.now.mono + request.order.lease)

    def avoid(self, request: LiveRequest, node: str) -> None:
        """Do not ask a node again for a while."""
        first, last = _BACK_OFF
        pause = min(first * 2**request.declined, last)
        request.declined += 1
        request.avoid[node] = self.now.mono + pause

    def order_message(self, request: LiveRequest) -> wire.Order:
        """Return the order a worker gets for a request that is reserved."""
        order = request.order
        if order is None:
            raise ValueError(f"request {request.id} has no order")
        return wire.Order.model_construct(
            request=UUID(request.id),
            attempt=order.attempt,
            token=order.token,
            requester=request.requester,
            quantity=request.key[0],
            method=request.key[1],
            parameters=self.parameters(request.id),
            campaign=request.campaign,
            lease=order.lease,
            expires=request.expires,
            from_state=wire.FromState(sample=request.sample, state=request.sample_state)
            if request.sample
            else None,
        )

    # -- parameters ------------------------------------------------------------------------

    def keep_parameters(self, request: str, parameters: JsonObject) -> None:
        """Keep a request's parameters at hand for a while."""
        self._parameters[request] = parameters
        if len(self._parameters) > _PARAMETERS:
            self._parameters.popitem(last=False)

    def parameters(self, request: str) -> JsonObject:
        """Return a request's parameters."""
        found = self._parameters.get(request)
        if found is None:
            row = self.batch.fresh.get(request)
            body = row.body if row is not None else self.store.request_body(request)
            found = body["parameters"]
        return found

    def parameters_of(self, requests: Sequence[LiveRequest]) -> list[JsonObject]:
        """Return the parameters of many requests; what must be read is read together."""
        fresh, kept = self.batch.fresh, self._parameters
        far = [r.id for r in requests if r.id not in kept and r.id not in fresh]
        # Whoever is looked at now is given out soon: keep what was read.
        for request, known in (self.store.known(far) if far else {}).items():
            self.keep_parameters(request, known.body["parameters"])
        return [self.parameters(r.id) for r in requests]

    def classify(self, requests: Sequence[LiveRequest]) -> None:
        """Note in requests of one capability which of the present limitations each satisfies."""
        limits = self.catalogue.limits(requests[0].key)
        shared: dict[frozenset[str], frozenset[str]] = {}
        for request, parameters in zip(requests, self.parameters_of(requests), strict=True):
            fits = frozenset(key for key, schema in limits.items() if schema.accepts(parameters))
            if self.guard.hides_request(request.id):
                fits = frozenset(f"{HOME}{key}" for key in fits)
            request.fits = shared.setdefault(fits, fits)

    def requeue(self, key: Key) -> None:
        """Look anew at what waits for a capability: there is a limitation that was not."""
        self.queue.forget(key)
        self.dirty.add(key)

    # -- samples ---------------------------------------------------------------------------

    def sample(self, sample: str) -> SampleNow | None:
        """Return a sample as it is now, this batch included."""
        found = self.batch.samples.get(sample)
        if found is None and (row := self.store.sample(sample)) is not None:
            found = SampleNow(row.kind, row.state, row.location, row.label)
        return found

    def sample_state(self, sample: str) -> int | None:
        """Return a sample's last state, this batch included."""
        found = self.sample(sample)
        return None if found is None else found.state

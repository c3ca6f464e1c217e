"""Dispatch: each free slot to the request whose turn it is."""

from __future__ import annotations

import heapq
from collections import Counter

from messages.ledger import Status
from messages.sample_state import UNKNOWN, resolve_command
from nodes.broker._books import HOME, Books, SampleNow
from nodes.broker._catalogue import Catalogue, Key, Standing
from nodes.broker._guard import Guard
from nodes.broker._live import LiveRequest, Order


def dispatch(books: Books) -> None:
    """Reserve whatever can be reserved now."""
    while books.dirty:
        key = books.dirty.pop()
        free = Free(books.catalogue, key, books.guard)
        while free and (request := books.queue.take(key, free.usable, books.classify)) is not None:
            _deal(books, request, free)


class Free:
    """The offers of a capability whose node could take an order now, the best first.

    The least busy comes first, then the one that has waited longest.
    """

    def __init__(self, catalogue: Catalogue, key: Key, guard: Guard) -> None:
        self._catalogue = catalogue
        self._guard = guard
        self._heap: list[tuple[tuple[float, int, str], Standing]] = []
        self._limits: Counter[str] = Counter()
        for standing in catalogue.free(key):
            self._heap.append((self._rank(standing), standing))
            self._count(standing, 1)
        heapq.heapify(self._heap)

    def __bool__(self) -> bool:
        return bool(self._heap)

    def usable(self, fits: frozenset[str]) -> bool:
        """Tell whether an offer with one of these limitations is free."""
        return any(self._limits[limit] for limit in fits)

    def take(self, request: LiveRequest, now: float) -> Standing | None:
        """Remove and return the offer for a request, None where each has declined it of late."""
        passed: list[tuple[tuple[float, int, str], Standing]] = []
        chosen: Standing | None = None
        while self._heap and chosen is None:
            item = heapq.heappop(self._heap)
            standing = item[1]
            if self._fits(standing, request) and request.avoid.get(standing.node, now) <= now:
                chosen = standing
                self._count(standing, -1)
            else:
                passed.append(item)
        for item in passed:
            heapq.heappush(self._heap, item)
        return chosen

    def put_back(self, standing: Standing) -> None:
        """Take an offer that got an order in again, if it has another slot."""
        if self._catalogue.has_slot(standing):
            heapq.heappush(self._heap, (self._rank(standing), standing))
            self._count(standing, 1)

    def nodes(self) -> list[str]:
        """Return whose offers are free."""
        return [standing.node for _, standing in self._heap]

    def _count(self, standing: Standing, change: int) -> None:
        self._limits[standing.limitations.hash] += change
        if self._guard.active and not self._guard.is_away(standing.node):
            self._limits[f"{HOME}{standing.limitations.hash}"] += change

    def _fits(self, standing: Standing, request: LiveRequest) -> bool:
        """Tell whether an offer is one of those for a request: what is confidential stays here."""
        fits, limit = request.fits or frozenset(), standing.limitations.hash
        if not self._guard.active:
            return limit in fits
        return limit in fits or (
            f"{HOME}{limit}" in fits and not self._guard.is_away(standing.node)
        )

    def _rank(self, standing: Standing) -> tuple[float, int, str]:
        where = (standing.node, standing.key)
        return (
            self._catalogue.busy[where] / standing.offer.slots,
            self._catalogue.last_served.get(where, -1),
            standing.node,
        )


def _unfit(request: LiveRequest, last: SampleNow | None) -> str:
    """Return why a request cannot begin with its sample as that is now, or ""."""
    sample, state = request.sample or "", None if last is None else last.state
    waits = last is not None and last.label == UNKNOWN
    if state != request.sample_state:
        words = f"sample {sample} has moved on to state {state}"
        words += f", {UNKNOWN}" if waits else ""
        words += f"; the request begins from {request.sample_state}"
    elif waits:
        words = f"sample {sample} is in state {state}, {UNKNOWN}: nobody can vouch for it"
    else:
        return ""
    return f"{words}; look at it, then {resolve_command(sample)}" if waits else words


def _deal(books: Books, request: LiveRequest, free: Free) -> None:
    """Reserve a request, let it wait for its sample or a node, or end it."""
    if request.sample is not None:
        if request.sample in books.sample_in_hand:
            books.waiting_for_sample[request.sample].append(request)
            return
        if words := _unfit(request, books.sample(request.sample)):
            books.change(request, Status.FAILED, words)
            return
    now = books.now.mono
    chosen = free.take(request, now)
    if chosen is None:
        # Every free offer has declined it of late: ask again when the first of them may be asked.
        waits = (request.avoid.get(node, now) for node in free.nodes())
        books.wakes.set(request.id, min(at for at in waits if at > now))
        return
    order = Order(
        token=-1,
        worker=chosen.node,
        epoch=books.catalogue.epoch(chosen.node),
        attempt=request.begun + 1,
        instrument=chosen.offer.worker == "instrument",
        lease=chosen.offer.lease,
    )
    books.queue.served(request)
    books.catalogue.last_served[chosen.node, chosen.key] = books.next_offset
    books.change(request, Status.RESERVED, f"given to {chosen.node}", give_to=(chosen, order))
    free.put_back(chosen)

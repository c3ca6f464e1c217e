"""Which request is served next: priority, then campaigns in turn, within one the oldest."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from typing import Final

from nodes.broker._catalogue import Key
from nodes.broker._live import LiveRequest

Usable = Callable[[frozenset[str]], bool]
"""Tells whether an offer with one of these limitations has a free slot."""

Classify = Callable[[list[LiveRequest]], None]
"""Notes in each of some requests of one capability which limitations it satisfies (``fits``)."""

_AT_ONCE: Final = 64
"""Requests classified together: their parameters may have to be read."""

_Heap = list[tuple[int, int, LiveRequest]]
_Entry = tuple[int, int, int, int, "_Line"]
"""(-priority, the campaign's last turn, offset of the oldest, a number, line)."""


class _Line:
    """The requests of one capability, priority and campaign, by age.

    Those that could go to the same offers stand in one heap, those not looked at since the
    limitations changed in another: finding the next one costs neither the number of requests nor
    a look at those behind it.
    """

    __slots__ = ("_gone", "_known", "_size", "_unknown", "campaign", "entry", "priority")

    def __init__(self, priority: int, campaign: str) -> None:
        self.priority = priority
        self.campaign = campaign
        self.entry: _Entry | None = None
        self._unknown: _Heap = []
        self._known: dict[frozenset[str], _Heap] = {}
        self._size = self._gone = 0

    def add(self, request: LiveRequest, number: int) -> None:
        """Let a request wait here; what it fits is not known yet."""
        heapq.heappush(self._unknown, (request.offset, number, request))
        self._size += 1

    def oldest(self) -> int | None:
        """Return the offset of the oldest request, None when nobody waits."""
        heads = [heap[0][0] for heap in self._heaps() if self._prune(heap)]
        return min(heads, default=None)

    def take(self, usable: Usable, classify: Classify) -> LiveRequest | None:
        """Remove and return the oldest request that could go to a usable offer."""
        best: _Heap | None = None
        for fits, heap in list(self._known.items()):
            if not self._prune(heap):
                del self._known[fits]
            elif usable(fits) and (best is None or heap[0] < best[0]):
                best = heap
        while self._prune(self._unknown) and (best is None or self._unknown[0] < best[0]):
            looked_at: _Heap = []
            while len(looked_at) < _AT_ONCE and self._prune(self._unknown):
                looked_at.append(heapq.heappop(self._unknown))
            classify([request for *_, request in looked_at])
            for item in looked_at:
                fits = item[2].fits or frozenset()
                heap = self._known.setdefault(fits, [])
                heapq.heappush(heap, item)
                if usable(fits) and (best is None or heap[0] < best[0]):
                    best = heap
        if best is None:
            return None
        self._size -= 1
        return heapq.heappop(best)[2]

    def forget(self) -> None:
        """Forget what everybody fits."""
        self._unknown = [item for heap in self._heaps() for item in heap]
        heapq.heapify(self._unknown)
        self._known.clear()

    def leave(self) -> None:
        """Note that somebody has left; now and then let go of all who have."""
        self._gone += 1
        if self._gone > _AT_ONCE and self._gone * 2 > self._size:
            for heap in self._heaps():
                heap[:] = [item for item in heap if item[2].queued]
                heapq.heapify(heap)
            self._size -= self._gone
            self._gone = 0

    def _heaps(self) -> list[_Heap]:
        return [self._unknown, *self._known.values()]

    def _prune(self, heap: _Heap) -> bool:
        """Drop from the top who has left; return whether somebody is still there."""
        while heap and not heap[0][2].queued:
            heapq.heappop(heap)
            self._size -= 1
            self._gone -= 1
        return bool(heap)


class Queue:
    """Pending requests of every capability."""

    def __init__(self) -> None:
        self._lines: dict[Key, dict[tuple[int, str], _Line]] = {}
        self._order: dict[Key, list[_Entry]] = {}
        self._turns: dict[tuple[Key, str], int] = {}
        self._turn = 0
        self._number = count()

    def push(self, request: LiveRequest) -> None:
        """Let a pending request wait; its age is its offset. Idempotent."""
        if request.queued:
            return
        lines = self._lines.setdefault(request.key, {})
        name = (request.priority, request.campaign or "")
        line = lines.get(name)
        if line is None:
            line = lines[name] = _Line(*name)
        line.add(request, next(self._number))
        request.queued = True
        if line.entry is None or request.offset < line.entry[2]:
            self._place(request.key, line, request.offset)

    def leave(self, request: LiveRequest) -> None:
        """Let go of a request that waits no more (cancelled, expired ...)."""
        if not request.queued:
            return
        request.queued = False
        self._lines[request.key][request.priority, request.campaign or ""].leave()

    def keys(self) -> list[Key]:
        """Return the capabilities somebody may wait for."""
        return list(self._lines)

    def take(self, key: Key, usable: Usable, classify: Classify) -> LiveRequest | None:
        """Remove and return the request whose turn it is, None when none could be served.

        Args:
            key: The capability.
            usable: Which limitations have a free slot.
            classify: Called for requests whose limitations are not known or not any more.
        """
        order = self._order.get(key, [])
        passed: list[_Entry] = []
        found: LiveRequest | None = None
        while order and found is None:
            entry = heapq.heappop(order)
            line = entry[4]
            if line.entry is not entry:
                continue  # It has been placed anew.
            oldest = line.oldest()
            if oldest is None:
                del self._lines[key][line.priority, line.campaign]
            elif (self._turns.get((key, line.campaign), -1), oldest) != entry[1:3]:
                # Served or left since: both only move it back, so it suffices to look now.
                self._place(key, line, oldest)
            else:
                found = line.take(usable, classify)
                passed.append(entry)
        for entry in passed:
            heapq.heappush(order, entry)
        if found is not None:
            found.queued = False
        elif not order:
            self._lines.pop(key, None)
            self._order.pop(key, None)
        return found

    def served(self, request: LiveRequest) -> None:
        """Note that a campaign has had its turn."""
        self._turn += 1
        self._turns[request.key, request.campaign or ""] = self._turn

    def forget(self, key: Key) -> None:
        """Forget what the requests of a capability fit: its offers have changed."""
        for line in self._lines.get(key, {}).values():
            line.forget()

    def _place(self, key: Key, line: _Line, oldest: int) -> None:
        turn = self._turns.get((key, line.campaign), -1)
        line.entry = (-line.priority, turn, oldest, next(self._number), line)
        heapq.heappush(self._order.setdefault(key, []), line.entry)

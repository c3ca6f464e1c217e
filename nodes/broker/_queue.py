"""Which request is served next: priority, then campaigns in turn, within one the oldest."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator

from messages.ledger import Status
from nodes.broker._catalogue import Key
from nodes.broker._live import LiveRequest

_Group = tuple[int, str, frozenset[str]]
"""(priority, campaign, limitations satisfied): requests that differ in nothing but age."""


class Queue:
    """Pending requests of every capability.

    Requests that could go to the same offers wait in one heap, so that finding the next one costs
    the number of groups, not of requests, however long the queue is.
    """

    def __init__(self) -> None:
        self._groups: dict[Key, dict[_Group, list[tuple[int, int, LiveRequest]]]] = {}
        self._count = 0
        self._turns: dict[tuple[Key, str], int] = {}
        self._turn = 0

    def push(self, request: LiveRequest) -> None:
        """Let a pending request wait; its age is its offset."""
        group = (request.priority, request.campaign or "", request.fits)
        heap = self._groups.setdefault(request.key, {}).setdefault(group, [])
        self._count += 1
        heapq.heappush(heap, (request.offset, self._count, request))

    def keys(self) -> list[Key]:
        """Return the capabilities somebody waits for."""
        return list(self._groups)

    def in_order(self, key: Key, usable: Callable[[frozenset[str]], bool]) -> Iterator[LiveRequest]:
        """Yield the head of every group that could go to a usable offer, the best first.

        The caller removes it with `pop` or goes on to the next. After a change ask anew.

        Args:
            key: The capability.
            usable: Whether an offer with one of these limitations has a free slot.
        """
        groups = self._groups.get(key, {})
        heads: list[tuple[int, int, int, LiveRequest]] = []
        for group in list(groups):
            head = self._head(groups, group)
            if head is not None and usable(group[2]):
                turn = self._turns.get((key, group[1]), -1)
                heads.append((-group[0], turn, head.offset, head))
        if not groups:
            self._groups.pop(key, None)
        for *_, head in sorted(heads, key=lambda item: item[:3]):
            yield head

    def pop(self, request: LiveRequest) -> None:
        """Remove a head that `in_order` gave."""
        group = (request.priority, request.campaign or "", request.fits)
        heapq.heappop(self._groups[request.key][group])

    def served(self, request: LiveRequest) -> None:
        """Note that a campaign has had its turn."""
        self._turn += 1
        self._turns[request.key, request.campaign or ""] = self._turn

    def take_all(self, key: Key) -> list[LiveRequest]:
        """Remove and return everything that waits for a capability (its offers changed)."""
        groups = self._groups.pop(key, {})
        unique = {
            id(item[2]): item[2]
            for heap in groups.values()
            for item in heap
            if item[2].status is Status.PENDING
        }
        return list(unique.values())

    @staticmethod
    def _head(
        groups: dict[_Group, list[tuple[int, int, LiveRequest]]], group: _Group
    ) -> LiveRequest | None:
        heap = groups[group]
        # Whoever was cancelled or expired while waiting is dropped when its turn comes.
        while heap and heap[0][2].status is not Status.PENDING:
            heapq.heappop(heap)
        if not heap:
            del groups[group]
            return None
        return heap[0][2]

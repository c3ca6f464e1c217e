"""Deadlines that are often put off: leases, expiry of requests, back-off."""

from __future__ import annotations

import heapq
from typing import Final

_FEW: Final = 100
"""Deadlines that passed out of use and may stay in the heap all the same."""


class Deadlines:
    """A table of deadlines by key. Putting one off costs a dictionary write."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._at)

    def __contains__(self, key: str) -> bool:
        return key in self._at

    def set(self, key: str, at: float) -> None:
        """Set or move a key's deadline."""
        before = self._at.get(key)
        self._at[key] = at
        if before is None or at < before:
            if len(self._heap) > 2 * len(self._at) + _FEW:
                # Most of what stands there has been dropped since: do not keep it till its time.
                self._heap = [(when, name) for name, when in self._at.items()]
                heapq.heapify(self._heap)
            else:
                heapq.heappush(self._heap, (at, key))

    def drop(self, key: str) -> None:
        """Forget a key. Idempotent."""
        self._at.pop(key, None)

    def next(self) -> float | None:
        """Return the time of the next deadline; it may have been put off since."""
        while self._heap and self._heap[0][1] not in self._at:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> list[str]:
        """Remove and return the keys whose deadline has passed, the earliest first."""
        found: list[str] = []
        while self._heap and self._heap[0][0] <= now:
            _, key = heapq.heappop(self._heap)
            at = self._at.get(key)
            if at is None:
                continue
            if at > now:
                heapq.heappush(self._heap, (at, key))
            else:
                del self._at[key]
                found.append(key)
        return found

    def keys(self) -> list[str]:
        """Return every key."""
        return list(self._at)

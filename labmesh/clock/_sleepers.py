"""Tasks that wait for a time to come."""

from __future__ import annotations

import asyncio
from heapq import heappop, heappush


class Sleepers:
    """Wakes tasks in the order of their times; among equals, in the order of their coming."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = 0

    @property
    def next(self) -> int | None:
        """The earliest time anybody waits for, or None."""
        while self._heap and self._heap[0][2].done():
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def add(self, when: int) -> asyncio.Future[None]:
        """Return a future that `wake` completes at ``when``."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heappush(self._heap, (when, self._count, future))
        return future

    def wake(self, now: int) -> None:
        """Wake everybody whose time has come."""
        while (when := self.next) is not None and when <= now:
            heappop(self._heap)[2].set_result(None)

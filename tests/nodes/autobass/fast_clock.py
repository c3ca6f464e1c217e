"""A clock by which every wait is over as soon as it is its turn."""

from __future__ import annotations

import asyncio
from heapq import heappop, heappush


class FastClock:
    """Simulated time that goes on to the next sleeper when the event loop has nothing else to do.

    Args:
        turns: Of the event loop after which it goes on: bytes on real ports get through.
        pulse: Wall seconds before a wait as long as that for a relay's pulse begins: the board
            tells two commands apart by the silence between them alone.
    """

    def __init__(self, turns: int = 10, pulse: float = 0.03) -> None:
        self._now = 1_750_000_000 * 10**9
        self._pulse = pulse
        self._turns = turns
        self._count = 0
        self._heap: list[tuple[int, int, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def simulated(self) -> bool:
        return True

    def now(self) -> int:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        if 2.2 <= seconds < 2.3:
            await asyncio.sleep(self._pulse)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heappush(self._heap, (self._now + max(round(seconds * 1e9), 1000), self._count, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._go_on())
        await future

    async def _go_on(self) -> None:
        while self._heap:
            for _ in range(self._turns):
                await asyncio.sleep(0)
            when, _, future = heappop(self._heap)
            if not future.done():
                self._now = max(self._now, when)
                future.set_result(None)

"""Simulated time that follows a clock node."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from labmesh.clock._sleepers import Sleepers
from messages.node import ClockTick

_SECOND: Final = 10**9

_BELIEVABLE: Final = 2 * _SECOND
"""Oldest age of a first tick that is believed by comparing wall clocks, in nanoseconds."""


_CATCHING_UP: Final = 0.5
"""How fast a clock runs that is ahead of the last tick, as a share of the tick's rate."""


class ScaledClock:
    """Follows `ClockTick` messages; between two it extrapolates with the rate of the last.

    Only this computer's monotonic clock measures what has passed since a tick arrived, so hosts
    whose wall clocks differ agree to within the time a tick travels, times the rate. Only the first
    tick, which is a retained one, is dated by its own wall time, where that is believable.

    Never runs backwards. A tick behind what was shown already (by extrapolation) makes the clock
    run at half the rate until the tick's time has caught up. It does not stand: where 50 000 s a
    second became 100, a tick that was late by 60 ms would have stopped it for half a minute, and
    with it every simulated device whose driver waits for an answer. A tick earlier than the tick
    before is of a clock node that began anew, or was overtaken: it is ignored and counted in
    `ignored`.

    Before the first tick there is no time: `now` returns 0, as ROS 2's clock does, and sleepers
    sleep.

    Attributes:
        ignored: Ticks that went backwards.
    """

    def __init__(self) -> None:
        self.ignored = 0
        self._base: tuple[int, int, float] | None = None
        self._from = 0
        self._shown = 0
        self._sleepers = Sleepers()
        self._timer: asyncio.TimerHandle | None = None
        self._ready = asyncio.Event()

    @property
    def simulated(self) -> bool:
        """True."""
        return True

    @property
    def rate(self) -> float:
        """Simulated seconds a wall second; 0 while paused and before the first tick."""
        return self._base[2] if self._base is not None else 0.0

    async def ready(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Return when a tick has come.

        Raises:
            TimeoutError: None came within ``timeout`` wall seconds.
        """
        async with asyncio.timeout(timeout):
            await self._ready.wait()

    def tick(self, tick: ClockTick) -> None:
        """Take a tick that has just arrived."""
        if self._base is not None and tick.time < self._base[0]:
            self.ignored += 1
            return
        self.now()
        age = time.time_ns() - tick.wall if self._base is None else 0
        since = time.monotonic_ns() - (age if 0 <= age <= _BELIEVABLE else 0)
        self._base, self._from = (tick.time, since, tick.rate), self._shown
        self._ready.set()
        self._wake()

    def now(self) -> int:
        """Return nanoseconds UTC of simulated time."""
        if self._base is not None:
            begin, since, rate = self._base
            elapsed = time.monotonic_ns() - since
            behind = self._from + int(elapsed * rate * _CATCHING_UP) if self._from > begin else 0
            self._shown = max(self._shown, behind, begin + int(elapsed * rate))
        return self._shown

    async def sleep(self, seconds: float) -> None:
        """Return when ``seconds`` of simulated time have passed; a pause makes that longer.

        Called before the first tick, the sleep begins with it.
        """
        if not self._ready.is_set():
            await self.ready()
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future = self._sleepers.add(self.now() + round(seconds * _SECOND))
        self._schedule()
        await future

    def _wake(self) -> None:
        self._sleepers.wake(self.now())
        self._schedule()

    def _schedule(self) -> None:
        """Set the one timer to the earliest sleeper, by the present rate."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        when = self._sleepers.next
        if when is None or self._base is None or not self._base[2]:
            return
        begin, since, rate = self._base
        wait = (when - begin) / rate
        if self._from > begin:
            wait = min(wait, (when - self._from) / (rate * _CATCHING_UP))
        due = (since + wait - time.monotonic_ns()) / _SECOND
        self._timer = asyncio.get_running_loop().call_later(max(due, 0.0), self._wake)

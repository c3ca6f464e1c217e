"""A clock that a test turns by hand."""

from __future__ import annotations

import asyncio
from typing import Final

from labmesh.clock._sleepers import Sleepers

START: Final = 1_750_000_000 * 10**9
"""2025-06-15T15:06:40Z, where a `ManualClock` begins unless told otherwise."""

_TURNS: Final = 20
"""Turns of the event loop that the woken get, to run on or to sleep again, before time goes on."""


class ManualClock:
    """Simulated time that stands still until `advance`.

    Args:
        start: Nanoseconds UTC to begin at.
    """

    def __init__(self, start: int = START) -> None:
        self._now = start
        self._sleepers = Sleepers()

    @property
    def simulated(self) -> bool:
        """True."""
        return True

    def now(self) -> int:
        """Return nanoseconds UTC."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Return when `advance` has passed ``seconds``; at once when that is not positive."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        await self._sleepers.add(self._now + round(seconds * 1e9))

    async def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass, waking sleepers one after another, each at its own time.

        The woken run until they wait for something before time goes on, so a task that sleeps in a
        loop wakes as often as it should.

        Raises:
            ValueError: ``seconds`` is negative.
        """
        if seconds < 0:
            raise ValueError(f"time does not run backwards: {seconds} s")
        end = self._now + round(seconds * 1e9)
        await _settle()
        while (when := self._sleepers.next) is not None and when <= end:
            self._now = max(self._now, when)
            self._sleepers.wake(self._now)
            await _settle()
        self._now = end


async def _settle() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)

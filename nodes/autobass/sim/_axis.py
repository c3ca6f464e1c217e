"""The simulated linear axis that both rails are: a carriage that moves at constant speed."""

from __future__ import annotations

import asyncio
from typing import Final

from labmesh.clock import Clock

_TICK: Final = 1e-6
"""Seconds; clocks count nanoseconds, so that less than one might never pass."""


class Axis:
    """A carriage on a rail, on a clock.

    Args:
        clock: Whose time moves take.
        position: Where it is at first, m.

    Attributes:
        jammed: It does not proceed.
        blocked: The next move ends half-way.
    """

    def __init__(self, clock: Clock, position: float) -> None:
        self.jammed = False
        self.blocked = False
        self._clock = clock
        self._from = self._to = position
        self._speed = 1.0
        self._since = 0
        self._hits = False

    @property
    def position(self) -> float:
        """Where it is now, m."""
        if self.jammed:
            return self._from
        way = self._to - self._from
        gone = (self._clock.now() - self._since) / 1e9 * self._speed
        return self._to if gone >= abs(way) else self._from + gone * (1 if way > 0 else -1)

    @property
    def moving(self) -> bool:
        """Whether it is on its way."""
        return self.position != self._to

    @property
    def remaining(self) -> float:
        """Seconds until it is there."""
        return abs(self._to - self.position) / self._speed

    @property
    def collided(self) -> bool:
        """Whether the last move has ended at an obstacle."""
        return self._hits and not self.moving

    def move(self, target: float, speed: float) -> None:
        """Set off; where it is blocked, for half the way only."""
        self._from, self._since = self.position, self._clock.now()
        self._speed = speed
        self._hits, self.blocked = self.blocked, False
        self._to = (self._from + target) / 2 if self._hits else target

    def stop(self) -> None:
        """Stand still where it is."""
        self._hits = False
        self._from = self._to = self.position

    def jam(self, *, jammed: bool) -> None:
        """Block it, or let it go on."""
        self._from, self._since = self.position, self._clock.now()
        self.jammed = jammed

    async def arrived(self) -> None:
        """Return when it stands."""
        while self.moving:
            await self._clock.sleep(1.0 if self.jammed else max(self.remaining, _TICK))
            await asyncio.sleep(0)

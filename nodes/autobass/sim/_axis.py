"""The simulated linear axis that both rails are: a carriage that moves at constant speed."""

from __future__ import annotations

import asyncio

from labmesh.clock import Clock


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

    def move(self, target: float, speed: float) -> bool:
        """Set off; False when something is in the way, and it will end half-way."""
        self._from, self._since = self.position, self._clock.now()
        self._speed = speed
        free, self.blocked = not self.blocked, False
        self._to = target if free else (self._from + target) / 2
        return free

    def stop(self) -> None:
        """Stand still where it is."""
        self._from = self._to = self.position

    def jam(self, *, jammed: bool) -> None:
        """Block it, or let it go on."""
        self._from, self._since = self.position, self._clock.now()
        self.jammed = jammed

    async def arrived(self) -> None:
        """Return when it stands."""
        while self.moving:
            await self._clock.sleep(1.0 if self.jammed else self.remaining)
            await asyncio.sleep(0)

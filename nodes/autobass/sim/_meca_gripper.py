"""The simulated electric gripper on the arm."""

from __future__ import annotations

from typing import Final

from labmesh.clock import Clock

STROKE: Final = 6.0
"""Millimetres between closed and open: gripper MEGP 25E, user manual."""

FASTEST: Final = 100.0
"""mm/s at 100 %: MEGP 25E, user manual."""


class Gripper:
    """Fingers that open and close in time, and stop at a part.

    Args:
        clock: Whose time the fingers take.
        part: Width of what lies between the fingers whenever they close, mm; 0: nothing.

    Attributes:
        misses: The next time they close, there is nothing.
    """

    def __init__(self, clock: Clock, part: float) -> None:
        self.misses = False
        self._clock = clock
        self._part = part
        self._from = self._to = STROKE
        self._since = 0
        self._speed = FASTEST
        self._grips = False

    def start(self, name: str, arguments: tuple[float, ...], speed: float) -> None:
        """Open, close or move to a width (``gripperopen``, ``gripperclose``, ``movegripper``)."""
        self._from, self._since = self.width, self._clock.now()
        self._speed = FASTEST * speed / 100
        wanted = {"gripperopen": STROKE, "gripperclose": 0.0}.get(name)
        wanted = max(0.0, min(STROKE, arguments[0])) if wanted is None else wanted
        part = self._part
        if wanted < self._from and self.misses:
            part, self.misses = 0.0, False
        self._grips = wanted < part <= self._from
        self._to = part if self._grips else wanted

    @property
    def width(self) -> float:
        """Millimetres between the fingers now."""
        way = self._to - self._from
        gone = (self._clock.now() - self._since) / 1e9 * self._speed
        return self._to if gone >= abs(way) else self._from + gone * (1 if way > 0 else -1)

    @property
    def rests(self) -> bool:
        """Whether the fingers have ended their way."""
        return self.width == self._to

    @property
    def holding(self) -> bool:
        """Whether a part is held."""
        return self._grips and self.rests

    def flags(self) -> str:
        """Return holding, target reached, closed, open: the data of 2320 behind the time."""
        reached = self.rests and not self._grips
        closed, opened = self.width < 0.1, self.width > STROKE - 0.1
        return ",".join(str(int(flag)) for flag in (self.holding, reached, closed, opened))

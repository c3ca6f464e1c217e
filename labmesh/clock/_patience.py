"""How long to wait for a device."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from labmesh.clock._api import Clock

LEAST: Final = 2.0
"""Wall seconds that every wait lasts at least."""


class Patience:
    """Seconds of a clock after which waiting ends, and wall seconds that it lasts at least.

    Where time is simulated a device's seconds are milliseconds of the wall, of which a computer
    that is busy with something else loses hundreds. That is no fault of the device.

    Args:
        clock: Whose seconds.
        seconds: How many.
        least: Wall seconds; of no account on wall time.
    """

    def __init__(self, clock: Clock, seconds: float, *, least: float = LEAST) -> None:
        self._clock = clock
        self._end = clock.now() + round(seconds * 1e9)
        self._end_wall = time.monotonic() + (least if clock.simulated else 0.0)

    @property
    def over(self) -> bool:
        """Whether both have passed."""
        return self._clock.now() > self._end and time.monotonic() >= self._end_wall


async def settle(clock: Clock, seconds: float, *, least: float = 0.1) -> None:
    """Return when ``seconds`` have passed by the clock, and ``least`` wall seconds at least.

    For silences that a device on a real line has to hear. On wall time ``least`` is of no account.
    """
    begun = time.monotonic()
    await clock.sleep(seconds)
    if clock.simulated:
        await asyncio.sleep(max(0.0, begun + least - time.monotonic()))

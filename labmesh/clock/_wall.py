"""The wall's time."""

from __future__ import annotations

import asyncio
import time


class WallClock:
    """UTC of this computer, kept from running backwards when somebody sets it."""

    def __init__(self) -> None:
        self._last = 0

    @property
    def simulated(self) -> bool:
        """False."""
        return False

    def now(self) -> int:
        """Return nanoseconds UTC."""
        self._last = max(self._last, time.time_ns())
        return self._last

    async def sleep(self, seconds: float) -> None:
        """Return when ``seconds`` have passed."""
        await asyncio.sleep(seconds)

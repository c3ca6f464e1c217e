"""How fast: a bound on bytes a second, shared by several transfers."""

from __future__ import annotations

import asyncio
from typing import Final

RATE: Final = 8.0 * 2**20
"""Bytes a wall second unless an operator says otherwise: a third of what the MQTT broker and two
nodes on one machine of two cores can move (``benchmarks/artifacts.py``), so that everyone else
hardly notices."""


class Pace:
    """Lets bytes pass at a bounded rate; whoever comes waits for his turn.

    Args:
        rate: Bytes a wall second; 0 for no bound. May be changed while it is used.
    """

    def __init__(self, rate: float = 0.0) -> None:
        self.rate = rate
        self._free_at = 0.0

    async def take(self, size: int) -> None:
        """Return when ``size`` more bytes may be asked for."""
        if not self.rate:
            return
        now = asyncio.get_running_loop().time()
        begin = max(now, self._free_at)
        self._free_at = begin + size / self.rate
        if begin > now:
            await asyncio.sleep(begin - now)

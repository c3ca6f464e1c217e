"""The node with a clock by which nothing takes long, for a process of its own."""

from __future__ import annotations

import asyncio

from labmesh.clock import Clock
from nodes.autobass import AutobassNode
from tests.nodes.autobass.fast_clock import FastClock


class QuickClock(FastClock):
    """Leaves the devices, whose clock is another process's, time to see a pulse of a relay end."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        if seconds > 1.2:
            await asyncio.sleep(0.15)


CLOCK = QuickClock()


class QuickNode(AutobassNode):
    """AutoBASS in a hurry."""

    @property
    def clock(self) -> Clock:
        return CLOCK

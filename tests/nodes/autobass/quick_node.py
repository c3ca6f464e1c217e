"""The node with a clock by which nothing takes long, for a process of its own."""

from __future__ import annotations

from labmesh.clock import Clock
from nodes.autobass import AutobassNode
from tests.nodes.autobass.fast_clock import FastClock

CLOCK = FastClock(pulse=0.2)
"""The devices' clock is another process's: they must have seen a relay's pulse end."""


class QuickNode(AutobassNode):
    """AutoBASS in a hurry."""

    @property
    def clock(self) -> Clock:
        return CLOCK

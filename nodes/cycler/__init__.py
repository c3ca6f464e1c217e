"""Cyclers: their channels, protocols and files."""

from nodes.cycler._driver import (
    ENDED,
    CellLimits,
    ChannelState,
    ChannelStatus,
    CyclerDriver,
    Job,
)
from nodes.cycler._node import CyclerNode
from nodes.cycler._parameters import CyclerParameters

__all__ = [
    "ENDED",
    "CellLimits",
    "ChannelState",
    "ChannelStatus",
    "CyclerDriver",
    "CyclerNode",
    "CyclerParameters",
    "Job",
]

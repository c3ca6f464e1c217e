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
from nodes.cycler.harvester import HarvesterNode, HarvesterParameters

__all__ = [
    "ENDED",
    "CellLimits",
    "ChannelState",
    "ChannelStatus",
    "CyclerDriver",
    "CyclerNode",
    "CyclerParameters",
    "HarvesterNode",
    "HarvesterParameters",
    "Job",
]

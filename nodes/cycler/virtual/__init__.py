"""The virtual cycler: many channels, each with a simulated NMC 811 | graphite coin cell."""

from nodes.cycler.virtual._bench import Backend
from nodes.cycler.virtual._cell import Cell, assembled
from nodes.cycler.virtual._driver import VirtualCycler
from nodes.cycler.virtual._engine import COLUMNS, Ended, Engine
from nodes.cycler.virtual._faults import FAULTS

__all__ = [
    "COLUMNS",
    "FAULTS",
    "Backend",
    "Cell",
    "Ended",
    "Engine",
    "VirtualCycler",
    "assembled",
]

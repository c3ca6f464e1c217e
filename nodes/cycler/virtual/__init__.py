"""The virtual cycler: many channels, each with a simulated NMC 811 | graphite coin cell."""

from nodes.cycler.virtual._cell import Cell, assembled
from nodes.cycler.virtual._engine import COLUMNS, Ended, Engine

__all__ = ["COLUMNS", "Cell", "Ended", "Engine", "assembled"]

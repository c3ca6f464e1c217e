"""Simulated measuring devices of ASAB, on real ports, over one simulated world."""

from nodes.asab.sim._balance import BalanceOptions, BalanceSimulator
from nodes.asab.sim._densimeter import DensimeterOptions, DensimeterSimulator
from nodes.asab.sim._potentiostat import PotentiostatOptions, PotentiostatSimulator
from nodes.asab.sim._world import (
    FLUIDICS,
    RINSE,
    RINSE_DENSITY,
    STANDARD,
    CellContent,
    Truth,
    look,
    mass_in,
)

__all__ = [
    "FLUIDICS",
    "RINSE",
    "RINSE_DENSITY",
    "STANDARD",
    "BalanceOptions",
    "BalanceSimulator",
    "CellContent",
    "DensimeterOptions",
    "DensimeterSimulator",
    "PotentiostatOptions",
    "PotentiostatSimulator",
    "Truth",
    "look",
    "mass_in",
]

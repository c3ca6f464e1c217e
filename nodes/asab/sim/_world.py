"""The simulated world that ASAB's simulators share: a folder with what is where.

``fluidics.json`` is written by the simulated pumps: contents of tubes, vessels and syringes, and
for each measuring cell what an instrument would find in it. ``standard.json`` is written by whoever
fills the conductivity cell by hand with a solution of known conductivity, and removed after it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from messages.model import JsonObject
from nodes.asab._mixing import Vector
from nodes.asab._noise import Noise
from nodes.asab._stocks import CHEMICALS, SYMBOLS, Stock, concentrations
from nodes.asab.fluidics import AIR, FluidicWorld, Liquid

FLUIDICS: Final = "fluidics.json"
STANDARD: Final = "standard.json"
RINSE: Final = "rinse"
"""The solvent that cleans: EMC, so that what is left of it is a chemical the laws know."""

RINSE_DENSITY: Final = 1005.0
"""kg/m3, as of the stock of EMC."""


@dataclass(frozen=True, slots=True)
class CellContent:
    """What an instrument would find in its cell.

    Attributes:
        air: Volume fraction of air; a cell with much of it measures nothing.
        spread: Largest difference of a volume fraction along the cell.
        fractions: True mole fractions of the liquid; None where there is none.
        standard: Conductivity in S/m of a standard that somebody has filled in by hand, or None.
    """

    air: float
    spread: float
    fractions: Vector | None
    standard: float | None = None


class Truth:
    """What the fluids really are: the weighing and the densities of every bottle err a little.

    Args:
        stocks: As their labels say.
        seed: Of the errors; those of the other rig for the same seed.
    """

    def __init__(self, stocks: Sequence[Stock], seed: int) -> None:
        noise = Noise(seed)
        self._fluids: dict[str, tuple[Vector, float]] = {}
        for stock in stocks:
            errors = np.array([noise.normal("mass", stock.name, symbol) for symbol in SYMBOLS])
            mass = stock.mass + stock.mass_uncertainty * (stock.mass > 0) * errors
            density = stock.density + stock.density_uncertainty * noise.normal(
                "density", stock.name
            )
            self._fluids[stock.name] = (concentrations(np.maximum(mass, 0.0), density), density)
        solvent = np.eye(len(CHEMICALS))[-1]
        self._fluids[RINSE] = (concentrations(solvent, RINSE_DENSITY), RINSE_DENSITY)

    def fractions(self, liquid: Liquid) -> Vector | None:
        """Return the mole fractions of a liquid, None where all of it is air."""
        amounts = sum(
            (share * self._fluids[fluid][0] for fluid, share in liquid.items() if fluid != AIR),
            start=np.zeros(len(CHEMICALS)),
        )
        total = float(amounts.sum())
        return amounts / total if total > 0 else None

    def density(self, liquid: Liquid) -> float:
        """Return kg/m3, air counted as nothing."""
        return sum(s * self._fluids[fluid][1] for fluid, s in liquid.items() if fluid != AIR)

    def describe(self, world: FluidicWorld) -> JsonObject:
        """Return what the file says for the instruments: cells, and masses in the vessels."""
        cells: JsonObject = {}
        for tube in world.rig.tubes:
            if not tube.cell:
                continue
            contents = world.tubes[tube.name]
            mean = contents.mean
            fractions = self.fractions(mean)
            cells[tube.name] = {
                "air": mean.get(AIR, 0.0),
                "spread": max(
                    abs(plug.liquid.get(fluid, 0.0) - mean.get(fluid, 0.0))
                    for plug in contents.plugs
                    for fluid in {*plug.liquid, *mean}
                ),
                "mole_fractions": None
                if fractions is None
                else dict(zip(SYMBOLS, fractions.tolist(), strict=True)),
            }
        masses = {
            name: store.volume * self.density(store.liquid) for name, store in world.vessels.items()
        }
        return {"cells": cells, "masses": masses}


def look(folder: Path, cell: str) -> CellContent:
    """Return what is in a measuring cell now; all air where nobody has written anything."""
    standard = _read(folder / STANDARD).get(cell)
    plain: Mapping[str, Any] = _read(folder / FLUIDICS).get("cells", {}).get(cell, {})
    fractions = plain.get("mole_fractions")
    return CellContent(
        air=float(plain.get("air", 1.0)),
        spread=float(plain.get("spread", 0.0)),
        fractions=None if fractions is None else np.array([fractions[s] for s in SYMBOLS]),
        standard=None if standard is None else float(standard),
    )


def mass_in(folder: Path, vessel: str) -> float:
    """Return kg of liquid in a vessel now."""
    return float(_read(folder / FLUIDICS).get("masses", {}).get(vessel, 0.0))


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found

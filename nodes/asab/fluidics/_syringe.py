"""Syringes: what fits into one, and how fast its piston may go."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

STROKE: Final = 0.060
"""m; the full stroke of CETONI's glass syringes for the low-pressure pump."""

SIZES: Final = tuple(
    volume * 1e-9 for volume in (25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000)
)
"""m3; the series of CETONI's glass syringes, 25 uL to 25 mL."""

SLOWEST: Final = 1e-6
"""m/s of the piston below which it does not move smoothly; assumed."""

FASTEST: Final = 10e-3
"""m/s of the piston; assumed."""


@dataclass(frozen=True, slots=True)
class Syringe:
    """A syringe in a pump.

    Attributes:
        volume: m3 when full.
        stroke: m from empty to full.
        slowest: m/s, the least speed of the piston.
        fastest: m/s, the greatest.
    """

    volume: float
    stroke: float = STROKE
    slowest: float = SLOWEST
    fastest: float = FASTEST

    @property
    def inner_diameter(self) -> float:
        """Metres; what the pump is told, with the stroke."""
        return math.sqrt(4 * self.area / math.pi)

    @property
    def area(self) -> float:
        """m2 of the piston."""
        return self.volume / self.stroke

    @property
    def least_flow(self) -> float:
        """m3/s."""
        return self.area * self.slowest

    @property
    def greatest_flow(self) -> float:
        """m3/s."""
        return self.area * self.fastest


def size_for(volume: float, flow: float) -> Syringe | None:
    """Return the smallest syringe that gives ``volume`` (m3) in one stroke at ``flow`` (m3/s).

    None: there is none, so the volume takes several strokes, or another flow.
    """
    for size in SIZES:
        syringe = Syringe(size)
        if size >= volume and syringe.least_flow <= flow <= syringe.greatest_flow:
            return syringe
    return None

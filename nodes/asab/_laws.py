"""The laws of the simulated world, each with its region, accuracy, repeatability and source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from nodes.asab._conductivity import CONDUCTIVITY_ACCURACY, CONDUCTIVITY_REGION, conductivity
from nodes.asab._density import DENSITY_ACCURACY, DENSITY_REGION, density
from nodes.asab._measurement import Law, molality_and_share
from nodes.asab._mixing import Vector
from nodes.asab._noise import (
    CONDUCTIVITY_REPEATABILITY,
    DENSITY_REPEATABILITY,
    VISCOSITY_REPEATABILITY,
)
from nodes.asab._region import Interval, outside
from nodes.asab._viscosity import VISCOSITY_ACCURACY, VISCOSITY_REGION, viscosity


@dataclass(frozen=True, slots=True)
class Property:
    """A measurable property.

    Attributes:
        name: As labels and notes spell it.
        law: Its value in the simulated world.
        repeatability: Relative standard deviation of one reading.
        region: Where the law was checked.
        accuracy: Relative; how well the law knows the real electrolyte inside its region.
        source: For provenance.
    """

    name: str
    law: Law
    repeatability: float
    region: Mapping[str, Interval]
    accuracy: float
    source: str

    def outside(self, fractions: Vector, temperature: float) -> tuple[str, ...]:
        """Return the bounds of the region that this electrolyte leaves, in words."""
        molality, w_ec = molality_and_share(fractions)
        point = {"temperature": temperature, "molality": molality, "w_EC": w_ec}
        return outside(self.region, point)

    def notes(self, left: tuple[str, ...]) -> dict[str, Any]:
        """Return what provenance says of the law behind a value."""
        return {
            "source": self.source,
            "relative_accuracy": self.accuracy,
            "relative_repeatability": self.repeatability,
            "extrapolated": list(left),
        }


CONDUCTIVITY: Final = Property(
    "conductivity",
    conductivity,
    CONDUCTIVITY_REPEATABILITY,
    CONDUCTIVITY_REGION,
    CONDUCTIVITY_ACCURACY,
    "VFT fit to Ding et al. 2001 (DOI 10.1149/1.1403730) in CALiSol-23 "
    "(DOI 10.1038/s41597-024-03575-8)",
)
DENSITY: Final = Property(
    "density",
    density,
    DENSITY_REPEATABILITY,
    DENSITY_REGION,
    DENSITY_ACCURACY,
    "additivity of volumes after the feeder densities of Dave et al. 2022 "
    "(DOI 10.1038/s41467-022-32938-1)",
)
VISCOSITY: Final = Property(
    "viscosity",
    viscosity,
    VISCOSITY_REPEATABILITY,
    VISCOSITY_REGION,
    VISCOSITY_ACCURACY,
    "logarithmic mixing of handbook viscosities, exponential in molality; low confidence",
)

"""Density of LiPF6 in EC:EMC by additivity of volumes."""

from __future__ import annotations

from typing import Final

from messages.chemistry import LIPF6, MOLAR_MASSES
from nodes.asab._conductivity import check_point
from nodes.asab._region import Interval

DENSITY_REGION: Final = {
    "temperature": Interval(
        293.0, 313.0, "K", below="its slope is assumed", above="its slope is assumed"
    ),
    "molality": Interval(0.0, 1.5, "mol/kg"),
    "w_EC": Interval(0.3, 0.5, "", below="EMC and 1.5 M LiPF6 in EMC are missed by 1 %"),
}
"""Where the measured densities lie. Names are those of `outside`'s point."""

DENSITY_ACCURACY: Final = 0.005
"""Relative: the four measured densities are met to 0.1 %, a stock solution of EC:EMC to 0.3 %."""

RHO_EC: Final = 1343.0
"""kg/m3 of EC in the mixture, from the measured 30:70 and 50:50 solvents (1.095, 1.156 kg/L)."""
RHO_EMC: Final = 1014.7
"""kg/m3 of EMC in the mixture, from the same two."""
APPARENT_MOLAR_VOLUME: Final = 59.4e-6
"""m3/mol of LiPF6, from the same solvents with 1.5 mol/kg (1.225, 1.287 kg/L)."""
SLOPE: Final = -1.1
"""kg/m3/K; assumed, typical of organic carbonates."""
REFERENCE_TEMPERATURE: Final = 300.0
"""K; the measurements were made at 25.8 to 28 degrees Celsius."""

_LEAST: Final = 100.0
"""kg/m3; the linear slope is not followed into nonsense far above any liquid."""


def density(molality: float, w_ec: float, temperature: float) -> float:
    """Return the density in kg/m3.

    Volumes of EC, EMC and LiPF6 (apparent) add up; a linear slope in temperature. The constants
    reproduce the feeder densities of the Clio study (Dave et al. 2022,
    DOI 10.1038/s41467-022-32938-1): EC:EMC 30:70 1.095, 50:50 1.156, with 1.5 mol/kg LiPF6 1.225
    and 1.287 kg/L at laboratory temperature. Positive everywhere.

    Args:
        molality: LiPF6 in mol/kg of solvent, not negative.
        w_ec: EC/(EC + EMC) in kg/kg, from 0 to 1.
        temperature: In K, positive.

    Raises:
        ValueError: An argument is out of range or not finite.
    """
    check_point(molality, w_ec, temperature)
    mass = 1 + molality * MOLAR_MASSES[LIPF6.key]
    volume = w_ec / RHO_EC + (1 - w_ec) / RHO_EMC + molality * APPARENT_MOLAR_VOLUME
    return max(_LEAST, mass / volume + SLOPE * (temperature - REFERENCE_TEMPERATURE))

"""Dynamic viscosity of LiPF6 in EC:EMC: a rough law, declared as such."""

from __future__ import annotations

import math
from typing import Final

from nodes.asab._conductivity import check_point
from nodes.asab._region import Interval

VISCOSITY_REGION: Final = {
    "temperature": Interval(273.0, 313.0, "K"),
    "molality": Interval(0.0, 1.5, "mol/kg"),
    "w_EC": Interval(0.2, 0.5, ""),
}
"""Where the law is meant to be used. No data of this very system stand behind it."""

VISCOSITY_ACCURACY: Final = 0.15
"""Relative: low confidence, whatever the repeatability of the instrument."""

_EC = 1.9e-3
"""Pa.s of liquid EC at 313 K (handbook value)."""
_EMC = 0.65e-3
"""Pa.s of EMC at 298 K (handbook value)."""
_SALT = 1.08
"""kg/mol at 298 K: the viscosity grows as exp of this times the molality."""
_BARRIER = 9.0e3
"""J/mol, Arrhenius, of both solvents; assumed, typical of carbonates."""
_GAS = 8.314462618
"""J/mol/K (CODATA)."""
_MOST = 1e6
"""Pa.s. Thicker than pitch is thick enough; keeps the exponential finite in the cold."""
_COLDEST = 50.0
"""K; what is colder is taken as this. The law means nothing there, and must stay finite."""


def viscosity(molality: float, w_ec: float, temperature: float) -> float:
    """Return the dynamic viscosity in Pa.s, with an accuracy of `VISCOSITY_ACCURACY`.

    Logarithmic mixing of the solvents by mass, each following Arrhenius from the temperature its
    value was measured at, times ``exp(B m)`` with ``B = 1.08 (298.15 K/T)^2`` kg/mol. Positive and
    finite everywhere.

    Args:
        molality: LiPF6 in mol/kg of solvent, not negative.
        w_ec: EC/(EC + EMC) in kg/kg, from 0 to 1.
        temperature: In K, positive.

    Raises:
        ValueError: An argument is out of range or not finite.
    """
    check_point(molality, w_ec, temperature)
    temperature = max(temperature, _COLDEST)
    ec = math.log(_EC) + _BARRIER / _GAS * (1 / temperature - 1 / 313.15)
    emc = math.log(_EMC) + _BARRIER / _GAS * (1 / temperature - 1 / 298.15)
    salt = _SALT * (298.15 / temperature) ** 2 * molality
    return math.exp(min(w_ec * ec + (1 - w_ec) * emc + salt, math.log(_MOST)))

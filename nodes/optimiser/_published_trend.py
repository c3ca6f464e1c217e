"""How the conductivity of LiPF6 in EC:EMC depends on molality, as published.

A VFT form fitted to the 247 points of Ding et al. 2001 (J. Electrochem. Soc. 148 A1196, DOI
10.1149/1.1403730) in CALiSol-23 (CC BY 4.0, DOI 10.1038/s41597-024-03575-8) with T >= 263 K,
0.42 <= m <= 1.81 mol/kg and 0.2 <= w_EC <= 0.5; RMS 2.2 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from nodes.optimiser._space import Floats

DOI: Final = "10.1149/1.1403730"
SHARES: Final = (0.2, 0.3, 0.4, 0.5)
"""w_EC at which the trend is compared."""
MOLALITIES: Final = (0.42, 1.81)
TEMPERATURES: Final = (263.0, 333.2)
"""Ranges of the fit, mol/kg and K."""
WITHIN: Final = 0.01
"""Of the maximum: the region that counts as the optimum."""
_A: Final = (4.25889, -0.752266, -0.332099, 5.52557, -2.88606, -0.368694)
_B: Final = (241.673, -64.7015, 411.661)
_T: Final = (138.772, 36.4569, -27.7239)


@dataclass(frozen=True, slots=True)
class Optimum:
    """Where along molality the conductivity is greatest, at one w_EC.

    Attributes:
        molality: mol/kg of solvent.
        conductivity: S/m, there.
        low: mol/kg, where the region within 1 % of the maximum begins.
        high: Where it ends.
    """

    molality: float
    conductivity: float
    low: float
    high: float

    @classmethod
    def of(cls, molalities: Floats, conductivities: Floats) -> Optimum:
        """Return the optimum of values along a grid of molalities, both of shape (n,)."""
        top = int(np.argmax(conductivities))
        good = np.flatnonzero(conductivities >= (1 - WITHIN) * conductivities[top])
        return cls(
            float(molalities[top]),
            float(conductivities[top]),
            float(molalities[good[0]]),
            float(molalities[good[-1]]),
        )


def conductivity(w_ec: float, molality: Floats, temperature: float) -> Floats:
    """Return the fit's conductivity in S/m (molality in mol/kg, temperature in K)."""
    w, m = w_ec, molality
    logarithm = _A[0] + _A[1] * np.sqrt(m) + _A[2] * m + _A[3] * w + _A[4] * w * w + _A[5] * m * w
    barrier = _B[0] + _B[1] * m + _B[2] * w
    ideal = _T[0] + _T[1] * m + _T[2] * w
    return np.asarray(0.1 * m * np.exp(logarithm - barrier / (temperature - ideal)))


def published_optimum(w_ec: float, temperature: float) -> Optimum:
    """Return the published optimum over molality, within the range of the fit."""
    molalities = np.linspace(*MOLALITIES, 1391)
    return Optimum.of(molalities, conductivity(w_ec, molalities, temperature))

"""The two conductivity equations: sums of fixed terms with fitted coefficients.

`PC_EC_EMC` has the terms of Flores et al. 2022 (DOI 10.1039/D2DD00027J), found by symbolic
regression: conductivity = b1 c + b2 T + b3 c^2.5 r^0.5 + b4 c^0.25 T^2. They stand in the authors'
repository BIG-MAP/SR-electrolytes, docs/generate_app.ipynb, with the coefficients -5.11, -0.04,
-0.35 and 2.73e-4 for mS/cm; ours are fitted anew.

`EC_EMC` is ours: ln(conductivity / m) is a polynomial in sqrt(m), ln(w_EC) and the reciprocal
temperature, which is an Arrhenius law whose prefactor and barrier depend on the composition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

REFERENCE: Final = 298.15
"""K; where the reciprocal temperature of `EC_EMC` is zero."""


@dataclass(frozen=True, slots=True)
class Equation:
    """Terms of a linear model of conductivity.

    Attributes:
        name: In the file of coefficients.
        terms: What each coefficient belongs to, in their order.
        logarithmic: Whether the sum is ln(conductivity / molality), both in SI units; else it is
            the conductivity itself, in S/m.
    """

    name: str
    terms: tuple[str, ...]
    logarithmic: bool

    def design(self, molality: Floats, share: Floats, temperature: Floats) -> Floats:
        """Return the terms, shape (points, terms).

        Args:
            molality: mol/kg of solvent, positive, shape (points,).
            share: kg/kg: r = PC/(PC + EC) of `PC_EC_EMC`, w_EC = EC/(EC + EMC) of `EC_EMC`.
            temperature: K.
        """
        if self is PC_EC_EMC:
            return np.stack(
                [
                    molality,
                    temperature,
                    molality**2.5 * np.sqrt(share),
                    molality**0.25 * temperature**2,
                ],
                axis=1,
            )
        root, power = np.sqrt(molality), np.log(share)
        theta = 1000 / temperature - 1000 / REFERENCE
        return np.stack(
            [
                np.ones_like(molality),
                root,
                molality,
                molality**2,
                power,
                root * power,
                theta,
                theta * molality,
                theta**2,
                theta * power,
            ],
            axis=1,
        )

    def target(self, molality: Floats, conductivity: Floats) -> Floats:
        """Return what the sum of the terms stands for, of conductivities in S/m."""
        return np.log(conductivity / molality) if self.logarithmic else conductivity


PC_EC_EMC: Final = Equation("pc_ec_emc", ("c", "T", "c^2.5 r^0.5", "c^0.25 T^2"), logarithmic=False)
EC_EMC: Final = Equation(
    "ec_emc",
    ("1", "m^0.5", "m", "m^2", "ln w", "m^0.5 ln w", "t", "t m", "t^2", "t ln w"),
    logarithmic=True,
)

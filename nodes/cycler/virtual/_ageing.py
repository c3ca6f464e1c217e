"""SYNTHETIC: how fast a virtual cell ages in which electrolyte.

Nobody has published a law of it, so this one is made up, and an optimum that a campaign finds with
it is a property of this file. It was built to contain two trends that BIG-MAP's deliverable D9.6
reports of its coin cells (table 1): more LiPF6 gave a longer life, and electrolytes that conduct
best tended to live longer.
"""

from __future__ import annotations

import math
from typing import Final

from nodes.cycler._electrolyte import Electrolyte

TREND: Final = 0.9
"""By which the logarithm of the rate of ageing falls with each mol/kg of LiPF6."""

BEST: Final = Electrolyte(1.0, 0.35)
"""Where conductivity would put the optimum: between the maxima over molality at 298.15 K for w_EC
of 0.3 and 0.4, 1.04 and 0.93 mol/kg (fit to Ding et al. 2001, DOI 10.1149/1.1403730)."""

MOLALITY_WEIGHT: Final = 2.0
"""Of the square of the distance from `BEST` in molality, (kg/mol)2."""

SHARE_WEIGHT: Final = 16.0
"""Of the square of the distance from `BEST` in w_EC."""

RESISTANCE_WEIGHT: Final = 0.5
"""Of the same distances' sum, in the logarithm of the cell's ohmic resistance."""

SYNTHETIC: Final = (
    (
        "how fast the cells age in which electrolyte: a made-up function of molality and w_EC "
        "(nodes/cycler/virtual/_ageing.py) with its optimum at 1.225 mol/kg and w_EC 0.35; an "
        "optimum that is found with it is a property of the simulator"
    ),
    "the spread between cells, and all absolute rates of ageing: assumed",
)
"""What of a virtual cell's results no measurement stands behind; for people."""


def ageing(electrolyte: Electrolyte | None) -> float:
    """Return the factor on the rates of SEI growth and of the loss of active material.

    ``ln f = MOLALITY_WEIGHT (m - m0)2 + SHARE_WEIGHT (w - w0)2 - TREND (m - m0)``: 1 at `BEST`,
    0.90 at its minimum at 1.225 mol/kg, 2.6 at 0.5 mol/kg. An electrolyte that is not known counts
    as `BEST`.
    """
    if electrolyte is None:
        return 1.0
    return math.exp(_distance(electrolyte) - TREND * (electrolyte.molality - BEST.molality))


def resistance(electrolyte: Electrolyte | None) -> float:
    """Return the factor on the ohmic resistance: 1 at `BEST`, more where ions move less well."""
    return 1.0 if electrolyte is None else math.exp(RESISTANCE_WEIGHT * _distance(electrolyte))


def _distance(electrolyte: Electrolyte) -> float:
    salt, share = electrolyte.molality - BEST.molality, electrolyte.w_ec - BEST.w_ec
    return MOLALITY_WEIGHT * salt**2 + SHARE_WEIGHT * share**2

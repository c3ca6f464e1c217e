"""Conductivity from spectra and the cell constant, and the cell constant from a standard."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nodes.asab.devices._circuit import Fit

KCL: Final = {0.01: 0.140823, 0.1: 1.28246}
"""Conductivity in S/m at 25 degrees Celsius (ITS-90) of aqueous KCl by its molality in mol/kg, with
that of the water subtracted: K. W. Pratt, W. F. Koch, Y. C. Wu, P. A. Berezansky, "Molality-based
primary standards of electrolytic conductivity (IUPAC Technical Report)", Pure Appl. Chem. 73
(2001) 1783."""

KCL_RELATIVE: Final = 3e-4
"""Relative standard uncertainty that a laboratory's own standard solution is taken to have."""


@dataclass(frozen=True, slots=True)
class Conductance:
    """What repeats of a spectrum say.

    Attributes:
        value: S/m with a cell constant, 1/m for a calibration.
        uncertainty: Standard, of `value`.
        repeats: One by one.
    """

    value: float
    uncertainty: float
    repeats: NDArray[np.float64]


def conductivity(fits: Sequence[Fit], constant: float, constant_uncertainty: float) -> Conductance:
    """Return kappa = cell constant / R_s (S/m).

    Args:
        fits: Of the repeats.
        constant: Cell constant in 1/m.
        constant_uncertainty: Standard, in 1/m.
    """
    repeats = np.array([constant / fit.resistance for fit in fits])
    random = _random(fits, repeats)
    relative = math.hypot(random, constant_uncertainty / constant)
    mean = float(repeats.mean())
    return Conductance(mean, relative * mean, repeats)


def cell_constant(
    fits: Sequence[Fit], standard: float, standard_uncertainty: float | None = None
) -> Conductance:
    """Return the cell constant (1/m) from repeats on a standard of ``standard`` S/m."""
    if standard_uncertainty is None:
        standard_uncertainty = KCL_RELATIVE * standard
    repeats = np.array([standard * fit.resistance for fit in fits])
    relative = math.hypot(_random(fits, repeats), standard_uncertainty / standard)
    mean = float(repeats.mean())
    return Conductance(mean, relative * mean, repeats)


def _random(fits: Sequence[Fit], repeats: NDArray[np.float64]) -> float:
    """Return the relative standard uncertainty of the mean, from the scatter or from the fits.

    The larger of both counts: three repeats may agree by chance.
    """
    mean = float(repeats.mean())
    count = len(repeats)
    scatter = float(repeats.std(ddof=1)) / mean / math.sqrt(count) if count > 1 else 0.0
    fitted = math.sqrt(sum((f.uncertainty / f.resistance) ** 2 for f in fits)) / count
    return max(scatter, fitted)

"""Uncertainty of the mean of a correlated series, from block averages."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

_FEWEST: Final = 4
"""Blocks of which a spread still says something."""

_HIDDEN: Final = 2.0
"""What an uncertainty from blocks that are too short is multiplied by; a guess."""


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of a correlated series.

    Attributes:
        value: The mean.
        uncertainty: Its standard uncertainty, drift included; infinite for fewer than 4 values.
        inefficiency: Statistical inefficiency: how many samples count as one, 1 at least.
        independent: Samples divided by that.
        plateau: Whether the blocks are long enough to trust the uncertainty.
        drift: Second half's mean less the first half's.
        drift_sigma: The same in its own standard uncertainty.
    """

    value: float
    uncertainty: float
    inefficiency: float
    independent: float
    plateau: bool
    drift: float
    drift_sigma: float


def blocked(values: ArrayLike) -> tuple[float, float, bool]:
    """Return the standard uncertainty of a mean, the statistical inefficiency, and their soundness.

    Block averages of doubling size (Flyvbjerg and Petersen 1989, DOI 10.1063/1.457480). The size
    that counts is the smallest with B^3 > 2 N (u_B/u_1)^4 (Lee et al. 2011,
    DOI 10.1103/PhysRevE.83.066706), which balances what short blocks leave out against the scatter
    of few. Where there is none the greatest uncertainty of all sizes counts, and the third value
    is false. A series that never changes counts as one value, of unknown uncertainty.
    """
    series = np.asarray(values, dtype=float)
    if series.size < _FEWEST:
        return math.inf, max(1.0, float(series.size)), False
    naive = _spread(series)
    if naive == 0.0:
        # What never changed was seen once, not a thousand times.
        return math.inf, float(series.size), False
    greatest, size, length = naive, series.size, 1
    blocks = series
    while blocks.size >= _FEWEST:
        error = _spread(blocks)
        greatest = max(greatest, error)
        if length**3 > 2 * size * (error / naive) ** 4:
            return error, max(1.0, (error / naive) ** 2), True
        blocks = blocks[: blocks.size // 2 * 2].reshape(-1, 2).mean(axis=1)
        length *= 2
    return greatest, max(1.0, (greatest / naive) ** 2), False


def mean_of(values: ArrayLike) -> Mean:
    """Return the mean of a series, which must not be empty, and how far it can be trusted.

    A drift of more than two of its own uncertainties adds half of itself to the uncertainty. Where
    no size of block is long enough the uncertainty is but a lower bound, and is doubled: a guess.
    """
    series = np.asarray(values, dtype=float)
    error, inefficiency, plateau = blocked(series)
    if not plateau:
        error *= _HIDDEN
    half = series.size // 2
    drift, sigma = 0.0, 0.0
    if half >= _FEWEST:
        drift = float(series[-half:].mean() - series[:half].mean())
        spread = math.hypot(blocked(series[:half])[0], blocked(series[-half:])[0])
        sigma = abs(drift) / spread
    if sigma > 2:
        error = math.hypot(error, drift / 2)
    return Mean(
        value=float(series.mean()),
        uncertainty=error,
        inefficiency=inefficiency,
        independent=series.size / inefficiency,
        plateau=plateau,
        drift=drift,
        drift_sigma=sigma,
    )


def _spread(blocks: np.ndarray) -> float:
    return float(blocks.std(ddof=1) / math.sqrt(blocks.size))

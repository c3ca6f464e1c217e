"""Diffusion and conductivity from the paths of the ions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Paths = NDArray[np.float64]
"""nm, shape (frames, particles, 3), not folded back into the box."""

WINDOW: Final = (0.04, 0.16)
"""Lags from which a slope is taken, as parts of the length of the run: long enough to have left
the cage, short enough that `BLOCKS` blocks each hold them."""

BLOCKS: Final = 5
"""Equal parts of a run from whose spread uncertainties come."""

DIFFUSIVE: Final = 1000.0
"""ps after which an ion in these liquids has left its cage. Assumed: published simulations of
carbonate electrolytes near 300 K show mean square displacements that grow linearly after about a
nanosecond."""

ELEMENTARY: Final = 1.602176634e-19
"""C (exact)."""
BOLTZMANN: Final = 1.380649e-23
"""J/K (exact)."""


@dataclass(frozen=True, slots=True)
class Slope:
    """A mean square displacement in the `WINDOW`.

    Attributes:
        slope: nm2/ps.
        uncertainty: Standard, from blocks; infinite for too short a run.
        exponent: Of lag, by which the displacement grows: 1 where there is diffusion, 2 where
            particles fly freely, less than 1 where they rattle in cages.
    """

    slope: float
    uncertainty: float
    exponent: float


def displacements(paths: Paths) -> NDArray[np.float64]:
    """Return the mean square displacement (nm2) by lag in frames, over particles and all origins.

    By the Fourier transform, as Calandrini et al. 2011 (DOI 10.1051/sfn/201112010) describe it.
    """
    frames = len(paths)
    squares = (paths**2).sum(axis=2).mean(axis=1)
    padded = np.fft.rfft(paths, n=2 * frames, axis=0)
    power = np.fft.irfft(padded * padded.conj(), n=2 * frames, axis=0)[:frames]
    left = np.arange(frames, 0, -1)
    correlation = power.sum(axis=2).mean(axis=1) / left
    total = np.concatenate([[0.0], np.cumsum(squares)])
    lags = np.arange(frames)
    ends = total[frames] - total[lags] + total[frames - lags]
    found: NDArray[np.float64] = np.maximum(ends / left - 2 * correlation, 0.0)
    return found


def slope_of(paths: Paths, step: float) -> Slope:
    """Return the slope of the mean square displacement of some particles.

    Args:
        paths: Theirs. A single "particle" may be a collective quantity.
        step: ps between two frames.
    """
    frames = len(paths)
    low, high = max(1, round(WINDOW[0] * frames)), round(WINDOW[1] * frames)
    if high - low < 2 or paths.shape[1] == 0:
        return Slope(math.nan, math.inf, math.nan)
    lags = np.arange(low, high + 1)
    times = lags * float(step)
    whole = displacements(paths)[lags]
    slope = _fit(times, whole)
    length = frames // BLOCKS
    parts = [
        _fit(times, displacements(paths[i * length : (i + 1) * length])[lags])
        for i in range(BLOCKS)
    ]
    error = float(np.std(parts, ddof=1) / math.sqrt(BLOCKS))
    positive = whole > 0
    exponent = (
        float(np.polyfit(np.log(lags[positive]), np.log(whole[positive]), 1)[0])
        if positive.sum() > 1
        else math.nan
    )
    return Slope(slope, error, exponent)


def nernst_einstein(slopes: list[tuple[int, Slope]], volume: float, temperature: float) -> Slope:
    """Return S/m (in the fields of a slope) of ions that do not know of one another.

    ``sum over kinds N z^2 e^2 D / (V k T)``, with |z| = 1 and D a sixth of the slope.

    Args:
        slopes: Number of ions and slope of each kind.
        volume: nm3.
        temperature: K.
    """
    factor = _factor(volume, temperature)
    value = math.fsum(n * s.slope for n, s in slopes) * factor
    error = math.sqrt(math.fsum((n * s.uncertainty) ** 2 for n, s in slopes)) * factor
    exponents = [s.exponent for _, s in slopes]
    return Slope(value, error, math.fsum(exponents) / len(exponents))


def einstein_helfand(paths: Paths, charges: NDArray[np.float64], step: float,
                     volume: float, temperature: float) -> Slope:  # fmt: skip
    """Return S/m (in the fields of a slope) from the collective displacement of all charges.

    ``lim d/dt <|M(t) - M(0)|^2> / (6 V k T)``, M the sum of charge times place. The ions count
    with their formal charges, although the forces between them are those of scaled ones: what is
    scaled is the interaction in a medium whose electrons answer, not the charge that moves
    (Blazquez et al. 2023, DOI 10.1021/acs.jctc.3c00562).

    Args:
        paths: Of all ions.
        charges: Theirs, formal, shape (particles,).
        step: ps between two frames.
        volume: nm3.
        temperature: K.
    """
    moment = np.einsum("p,fpx->fx", charges, paths)[:, None, :]
    found = slope_of(moment, step)
    factor = _factor(volume, temperature)
    return Slope(found.slope * factor, found.uncertainty * factor, found.exponent)


def _fit(times: NDArray[np.floating], values: NDArray[np.float64]) -> float:
    return float(np.polyfit(times, values, 1)[0])


def _factor(volume: float, temperature: float) -> float:
    """Return what makes S/m of N times a slope in nm2/ps: e^2 / (6 V k T)."""
    squares = 1e-18 / 1e-12
    return ELEMENTARY**2 * squares / (6 * volume * 1e-27 * BOLTZMANN * temperature)

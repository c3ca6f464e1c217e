"""The end of life by extrapolation of the capacity's trajectory, with honest discrepancy.

`_fade` says where the mechanisms that are seen will lead; cells do not keep to them. So the cycles
from the last known one N to the end are stretched: a draw that ends at n ends at
``N (n / N) ** exp(drift + spread z)``, z standard normal. Drift and spread were calibrated on cells
whose end is known (`POPULATIONS`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nodes.degradation._fade import END, Fade, learn
from nodes.degradation._known import Known

Vector = NDArray[np.float64]

DRAWS: Final = 4000
SEED: Final = 0
POINTS: Final = 200
"""Points of a trajectory at most."""
FARTHEST: Final = 1e6
"""Cycles after which nothing is told any more."""


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """How cells depart from the mechanisms that their first cycles show.

    Attributes:
        drift: Of the log of the exponent; below zero cells end earlier (knees).
        spread: Its standard deviation.
        cells: What it was calibrated on.
    """

    drift: float
    spread: float
    cells: str


SIMULATED: Final = "simulated"
LFP: Final = "LFP|graphite"

POPULATIONS: Final = {
    SIMULATED: Discrepancy(
        0.0, 0.06, "62 virtual NMC 811 cells, 30 to 60 cycles known (simulated; no knees)"
    ),
    LFP: Discrepancy(
        -0.60, 0.22, "41 LFP cells, the training set of Severson et al. 2019, 40 to 99 cycles known"
    ),
}
"""By population. Cells of neither are taken half and half: with knees, and without."""


@dataclass(frozen=True)
class Forecast:
    """The predicted end of life, cycles counted as those known.

    Attributes:
        life: Draws from the predictive distribution.
        low: 5 % quantile.
        high: 95 % quantile.
        median: Of them.
        uncertainty: Half the distance of the 16 % and 84 % quantiles.
        cycles: Numbers of the trajectory's cycles.
        capacity: Expected, A.h.
        spread: Standard deviation of each, A.h.
        seen: Fade seen so far over its standard error.
        over: Whether the end is among the known cycles.
    """

    life: Vector
    low: float
    high: float
    median: float
    uncertainty: float
    cycles: Vector
    capacity: Vector
    spread: Vector
    seen: float
    over: bool


def population_of(chemistry: str, *, simulated: bool) -> tuple[str, ...]:
    """Return the populations by which a cell's discrepancy is told."""
    if simulated:
        return (SIMULATED,)
    return (LFP,) if chemistry == LFP else (SIMULATED, LFP)


def extrapolate(
    known: Known, populations: tuple[str, ...], *, end: float = END, doubt: float = 1.0
) -> Forecast:
    """Return the predicted end.

    Args:
        known: The cycles so far.
        populations: Keys of `POPULATIONS`, each with an equal share.
        end: Share of the reference capacity at which the cell is spent.
        doubt: Widens the discrepancy; 1 for sound data.
    """
    ended = ended_at(known, end)
    if ended is not None:
        return _over(ended)
    fade = learn(known.time, known.capacity, draws=DRAWS, seed=SEED)
    last, now = float(known.cycle[-1]), float(known.time[-1])
    bend = _exponents(populations, doubt)
    # A cycle that holds less takes less time: on the way to the end (1 + 2 end) / 3 of the first.
    pace = (1 + 2 * end) / 3
    model = last + np.maximum(fade.crossing(end) - now, 1e-3) / pace
    life = np.clip(last * (model / last) ** bend, last, FARTHEST)
    low, early, median, late, high = np.quantile(life, [0.05, 0.16, 0.5, 0.84, 0.95])
    cycles = _cycles(last, float(high))
    capacity, spread = _capacities(fade, cycles, known, bend, pace)
    return Forecast(
        life, float(low), float(high), float(median), float(late - early) / 2,
        cycles, capacity, spread, fade.seen, over=False,
    )  # fmt: skip


def along(known: Known, lives: Vector, *, end: float) -> tuple[Vector, Vector, Vector]:
    """Return the trajectory's cycles, capacities and their spread where the end is known otherwise.

    Each draw is stretched so that it ends at one of ``lives``, cycles that are equally probable.
    """
    fade = learn(known.time, known.capacity, draws=lives.size, seed=SEED)
    last, now = float(known.cycle[-1]), float(known.time[-1])
    pace = (1 + 2 * end) / 3
    model = last + np.maximum(fade.crossing(end) - now, 1e-3) / pace
    ahead = np.log(np.maximum(lives, last + 1) / last)
    bend = np.clip(ahead / np.maximum(np.log(model / last), 1e-9), 1e-3, 1e3)
    cycles = _cycles(last, float(np.quantile(lives, 0.95)))
    capacity, spread = _capacities(fade, cycles, known, bend, pace)
    return cycles, capacity, spread


def _exponents(populations: tuple[str, ...], doubt: float) -> Vector:
    """Draw exponents; a generator of its own, so that they do not depend on the data."""
    generator = np.random.default_rng([SEED, 1])
    normal = generator.standard_normal(DRAWS)
    which = np.arange(DRAWS) % len(populations)
    drift = np.array([POPULATIONS[name].drift for name in populations])[which]
    spread = np.array([POPULATIONS[name].spread for name in populations])[which]
    found: Vector = generator.permutation(np.exp(drift + doubt * spread * normal))
    return found


def ended_at(known: Known, end: float) -> float | None:
    """Return the cycle at which the cell was spent; a single low cycle does not count."""
    below = known.capacity < end
    lasting = below & np.append(below[1:], False)
    places = np.flatnonzero(lasting)
    return float(known.cycle[places[0]]) if places.size else None


def _over(ended: float) -> Forecast:
    none = np.empty(0)
    low = max(ended - 1, 0.0)
    return Forecast(
        np.array([ended]), low, ended + 1, ended, 0.5, none, none, none, np.inf, over=True
    )


def _cycles(last: float, high: float) -> Vector:
    """Return at most `POINTS` whole numbers after the last known cycle, up to the late end."""
    stop = min(max(high, last + 1), FARTHEST)
    return np.unique(np.round(np.linspace(last + 1, max(stop, last + 2), POINTS)))


def _capacities(
    fade: Fade, cycles: Vector, known: Known, bend: Vector, pace: float
) -> tuple[Vector, Vector]:
    last = float(known.cycle[-1])
    straight = last * (cycles[None, :] / last) ** (1 / bend[:, None])
    time = known.time[-1] + (np.minimum(straight, 1e9) - last) * pace
    shares = np.clip(fade.at(time), 0.0, None)
    spread = np.sqrt(shares.var(axis=0) + fade.noise**2)
    return shares.mean(axis=0) * known.reference, spread * known.reference

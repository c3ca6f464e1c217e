"""How a cell fades: what its known cycles say about growth of the SEI and linear loss.

Capacity over that of the first cycle after formation::

    q(n) = q0 - A (sqrt(t + t0) - sqrt(t1 + t0)) - B (t - t1) + T exp(-(t - t1) / 1.5),   A, B >= 0

t is elapsed time in units of the median cycle (the number of the cycle where no time is known), t1
that of the first cycle after formation, t0 what the cell had lived before. The square root is
diffusion-limited growth of the SEI (H. J. Ploehn et al., J. Electrochem. Soc. 151 (2004) A456, DOI
10.1149/1.1644601), the linear term loss of active material and of lithium with every cycle, T the
first cycles' relaxation. q0, T and the noise are integrated out in closed form (normal and inverse
gamma); A, B and t0 are summed over a grid that closes in on the posterior.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

END: Final = 0.8
"""Share of the reference capacity below which a cell is spent."""

LIFE_MEDIAN: Final = 800.0
LIFE_SPREAD: Final = 0.6
"""Prior of the cycle life where the data say nothing: median, and standard deviation of log10.

The published 124 cells have a median of 742 and 0.2; other chemistries and shapes differ more.
"""

NOISE: Final = 5e-5
NOISE_SHAPE: Final = 1.5
"""Prior of the noise's variance (inverse gamma) in the reference capacity's square: a cycler's
repeatability at constant temperature at its best; what is noisier is learned. Assumed."""

_AGES: Final = np.array([0.0, 1.0, 4.0, 16.0, 64.0])
_AGE_PRIOR: Final = np.array([0.35, 0.25, 0.2, 0.12, 0.08])
_RELAXATION: Final = 1.5
_RELAXATION_SPREAD: Final = 0.01
_BOUNDS: Final = ((np.log(1e-6), np.log(0.3)), (np.log(1e-8), np.log(0.03)))
_POINTS: Final = 40
_ROUNDS: Final = 4
_KEEP: Final = 14.0
"""Below the greatest log posterior by this much a point does not matter."""


@dataclass(frozen=True, slots=True)
class Fade:
    """Draws from the posterior; arrays have one value a draw.

    Attributes:
        start: q0.
        root: A.
        linear: B.
        age: t0.
        first: t1.
        noise: Standard deviation of one cycle's capacity.
        seen: Fade over the known cycles over its standard error: how surely the cell fades.
    """

    start: Vector
    root: Vector
    linear: Vector
    age: Vector
    first: float
    noise: float
    seen: float

    def crossing(self, level: float = END) -> Vector:
        """Return the time at which each draw falls below ``level``."""
        root = np.sqrt(self.first + self.age)
        drop = np.maximum(self.start - level, 0.0)
        # A (s - root) + B (s^2 - root^2) = drop with s = sqrt(t + t0).
        c = drop + self.root * root + self.linear * root**2
        s = 2 * c / (self.root + np.sqrt(self.root**2 + 4 * self.linear * c))
        found: Vector = np.maximum(s**2 - self.age, self.first)
        return found

    def at(self, time: Vector) -> Vector:
        """Return capacities over the reference, draws x times; ``time`` is draws x times."""
        age, root = self.age[:, None], np.sqrt(self.first + self.age)[:, None]
        grown = np.sqrt(np.maximum(time + age, 0.0)) - root
        lost = self.root[:, None] * grown + self.linear[:, None] * (time - self.first)
        found: Vector = self.start[:, None] - lost
        return found


def learn(time: Vector, capacity: Vector, *, draws: int, seed: int) -> Fade:
    """Return draws from the posterior given relative capacities after formation, in order.

    Args:
        time: t of each.
        capacity: Over the reference.
        draws: How many.
        seed: Of them.
    """
    first = float(time[0])
    nuisance = np.column_stack([np.ones_like(time), np.exp(-(time - first) / _RELAXATION)])
    share, rest = _independent(time, capacity, nuisance)
    grids = [_posterior(age, time, capacity, nuisance, share) for age in _AGES]
    tops = np.array([grid.evidence for grid in grids]) + np.log(_AGE_PRIOR)
    weights = np.exp(tops - tops.max())
    generator = np.random.default_rng(seed)
    counts = generator.multinomial(draws, weights / weights.sum())
    parts = [g.draw(int(n), generator) for g, n in zip(grids, counts, strict=True)]
    root, linear, start = (np.concatenate([part[i] for part in parts]) for i in range(3))
    age = np.repeat(_AGES, counts)
    noise = float(np.sqrt((NOISE_SHAPE * NOISE**2 + rest) / (NOISE_SHAPE + len(time) / 2)))
    span = np.sqrt(time[-1] + age) - np.sqrt(first + age)
    fallen = root * span + linear * (time[-1] - first)
    error = 2 * noise / np.sqrt(max(len(time) * share, 2.0))
    return Fade(start, root, linear, age, first, noise, float(np.median(fallen)) / error)


@dataclass(frozen=True)
class _Grid:
    """Posterior of log A and log B for one t0."""

    roots: Vector
    linears: Vector
    log: Vector
    starts: Vector
    evidence: float

    def draw(self, count: int, generator: np.random.Generator) -> tuple[Vector, Vector, Vector]:
        weights = np.exp(self.log - self.log.max()).ravel()
        chosen = generator.choice(weights.size, size=count, p=weights / weights.sum())
        i, j = np.unravel_index(chosen, self.log.shape)
        wide = [(axis[1] - axis[0]) for axis in (self.roots, self.linears)]
        jitter = generator.uniform(-0.5, 0.5, (2, count))
        root = np.exp(self.roots[i] + wide[0] * jitter[0])
        linear = np.exp(self.linears[j] + wide[1] * jitter[1])
        return root, linear, self.starts[i, j]


def _independent(time: Vector, capacity: Vector, nuisance: Vector) -> tuple[float, float]:
    """Return which share of the cycles counts as independent, and half the residuals' squares.

    Neighbouring residuals of least squares are alike where the model is not quite right; that many
    cycles do not say more than fewer independent ones (first-order autoregression).
    """
    design = np.column_stack([nuisance, np.sqrt(time), time])
    best, *_ = np.linalg.lstsq(design, capacity, rcond=None)
    left = capacity - design @ best
    square = float(left @ left)
    alike = float(left[1:] @ left[:-1]) / square if square > 1e-18 else 0.0
    alike = min(max(alike, 0.0), 0.95)
    return (1 - alike) / (1 + alike), square / 2


def _posterior(age: float, time: Vector, capacity: Vector, nuisance: Vector, share: float) -> _Grid:
    first = float(time[0])
    root = np.sqrt(time + age) - np.sqrt(first + age)
    columns = np.column_stack([capacity, -root, -(time - first)])
    # Integrate out q0 (flat) and T (normal): what is left of each column.
    precision = nuisance.T @ nuisance + np.diag([0.0, (NOISE / _RELAXATION_SPREAD) ** 2])
    solved = np.linalg.solve(precision, nuisance.T @ columns)
    gram = columns.T @ columns - (nuisance.T @ columns).T @ solved
    bounds = _BOUNDS
    for turn in range(_ROUNDS):
        roots, linears = (np.linspace(low, high, _POINTS) for low, high in bounds)
        a, b = np.exp(roots)[:, None], np.exp(linears)[None, :]
        square = (
            gram[0, 0] - 2 * a * gram[0, 1] - 2 * b * gram[0, 2]
            + a**2 * gram[1, 1] + 2 * a * b * gram[1, 2] + b**2 * gram[2, 2]
        )  # fmt: skip
        rate = NOISE_SHAPE * NOISE**2 + share * np.maximum(square, 0.0) / 2
        log = -(NOISE_SHAPE + share * len(time) / 2) * np.log(rate)
        starts = solved[0, 0] - a * solved[0, 1] - b * solved[0, 2]
        log = log + _prior(a, b, starts, age, first)
        if turn + 1 < _ROUNDS:
            bounds = (_narrowed(roots, log.max(axis=1)), _narrowed(linears, log.max(axis=0)))
    cell = float((roots[1] - roots[0]) * (linears[1] - linears[0]))
    top = float(log.max())
    evidence = top + float(np.log(np.exp(log - top).sum() * cell))
    return _Grid(roots, linears, log, starts, evidence)


def _prior(a: Vector, b: Vector, starts: Vector, age: float, first: float) -> Vector:
    """Log prior of log A and log B, by the cycle life that they mean."""
    root = np.sqrt(first + age)
    c = np.maximum(starts - END, 1e-3) + a * root + b * root**2
    s = 2 * c / (a + np.sqrt(a**2 + 4 * b * c))
    life = np.log10(np.maximum(s**2 - age, 1.0))
    log: Vector = -0.5 * ((life - np.log10(LIFE_MEDIAN)) / LIFE_SPREAD) ** 2
    return log


def _narrowed(axis: Vector, log: Vector) -> tuple[float, float]:
    kept = np.flatnonzero(log > log.max() - _KEEP)
    step = axis[1] - axis[0]
    return float(axis[kept[0]] - step), float(axis[kept[-1]] + step)

"""Noisy expected improvement.

Letham, Karrer, Ottoni, Bakshy, "Constrained Bayesian Optimization with Noisy Experiments",
Bayesian Analysis 14 (2019) 495, DOI 10.1214/18-BA1110: the values at measured and pending points
are not known, so expected improvement is averaged over joint draws of them (quasi-Monte Carlo).
A pending point is thereby a fantasy in every draw: its neighbourhood loses interest at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from scipy.linalg import solve_triangular
from scipy.special import ndtr, ndtri
from scipy.stats import qmc

from nodes.optimiser._space import Floats, Point
from nodes.optimiser._surrogate import Surrogate

DRAWS = 64


def normal_draws(size: int, random: Generator) -> Floats:
    """Return `DRAWS` quasi-random standard normal vectors of length ``size``."""
    uniform = qmc.Sobol(size, scramble=True, rng=random).random_base2(int(np.log2(DRAWS)))
    return np.asarray(ndtri(np.clip(uniform, 1e-9, 1 - 1e-9)))


def expected_improvement(
    model: Surrogate, points: Floats, known: Sequence[Point], draws: Floats, sign: float
) -> Floats:
    """Return the expected improvement at ``points`` over the best of ``known``, shape (m,).

    Args:
        model: In the unit of the objective.
        points: Candidates, shape (m, size).
        known: Measured and pending points of the campaign itself. Without any there is nothing to
            improve on, and the signed posterior mean is returned instead.
        draws: From `normal_draws` with ``len(known)``.
        sign: +1 to maximise, -1 to minimise.
    """
    if not len(known):
        return np.asarray(sign * model.at(points).mean)
    mean, variance, cross, there = model.marginal(points, known)
    jitter = 1e-9 * float(np.mean(np.diag(there.covariance))) + 1e-15
    factor = cholesky(there.covariance, jitter)
    whitened = solve_triangular(factor, cross, lower=True, check_finite=False)
    deviation = np.sqrt(np.clip(variance - np.square(whitened).sum(axis=0), 1e-18, None))
    best = (sign * (there.mean + draws @ factor.T)).max(axis=1)
    gain = sign * (mean + draws @ whitened) - best[:, None]
    z = gain / deviation
    density = np.exp(-0.5 * np.square(z)) / np.sqrt(2 * np.pi)
    return np.asarray((gain * ndtr(z) + deviation * density).mean(axis=0))


def cholesky(covariance: Floats, jitter: float) -> Floats:
    """Return a lower factor; duplicate points make the matrix singular, so the jitter grows."""
    identity = np.eye(len(covariance))
    for power in range(8):
        try:
            return np.asarray(
                np.linalg.cholesky(covariance + jitter * 10.0**power * identity), dtype=np.float64
            )
        except np.linalg.LinAlgError:
            continue
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(np.linalg.qr((vectors * np.sqrt(np.clip(values, jitter, None))).T)[1].T)

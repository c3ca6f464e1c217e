"""Expected hypervolume improvement of several objectives, over joint draws.

The volume that a set of values dominates, above a reference point r, is up to a constant the mean
over directions w of ``max_y u(y, w)`` with ``u = min_i(max(0, y_i - r_i) / w_i)^k`` for k
objectives and w uniform on the positive part of the unit sphere (Zhang, Golovin, "Random
Hypervolume Scalarizations for Provable Multi-Objective Black Box Optimization", ICML 2020,
arXiv 2006.04655). So one direction a draw is enough: the expected improvement of the volume is the
mean over draws of what a candidate adds to the greatest u. As in `expected_improvement`, the values
at measured and pending points are drawn, too (noise, fantasies). Any number of objectives.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from scipy.linalg import solve_triangular
from scipy.special import ndtri
from scipy.stats import qmc

from nodes.optimiser._acquisition import cholesky
from nodes.optimiser._space import Floats, Point
from nodes.optimiser._surrogate import Surrogate

DRAWS = 128
_BEYOND = 0.1
"""Of the range of all values, by which the reference point lies below the worst."""


def hypervolume_draws(known: int, objectives: int, random: Generator) -> Floats:
    """Return quasi-random normal vectors, shape (DRAWS, objectives, known + 2).

    Of each objective: one number a known point, one for the candidate, one for the direction.
    """
    engine = qmc.Sobol(objectives * (known + 2), scramble=True, rng=random)
    uniform = engine.random_base2(int(np.log2(DRAWS)))
    normal = ndtri(np.clip(uniform, 1e-9, 1 - 1e-9))
    return np.asarray(normal.reshape(DRAWS, objectives, known + 2))


def box_of(signed: Floats) -> tuple[Floats, Floats]:
    """Return reference and ideal point of values (n, objectives), greater is better.

    The reference lies a tenth of the range below the worst of all values, dominated ones included:
    below the front's own worst, its ends would never be looked for.
    """
    ideal, worst = signed.max(axis=0), signed.min(axis=0)
    span = ideal - worst
    span = np.where(span > 0, span, np.maximum(1e-12, 0.01 * np.abs(ideal)))
    return ideal - (1.0 + _BEYOND) * span, ideal


def hypervolume_improvement(
    models: Sequence[Surrogate],
    points: Floats,
    known: Sequence[Point],
    draws: Floats,
    signs: Floats,
) -> Floats:
    """Return what each of ``points`` is expected to add, shape (m,).

    As a share of the box from the reference to the ideal point of what is known.

    Args:
        models: One per objective.
        points: Candidates, shape (m, size).
        known: Measured and pending points of the campaign itself, at least one.
        draws: From `hypervolume_draws`.
        signs: +1 to maximise, -1 to minimise, one per objective.
    """
    there = np.stack([model.at(known).mean for model in models], axis=1) * signs
    reference, ideal = box_of(there)
    span = ideal - reference
    count = len(models)
    directions = np.abs(draws[:, :, -1])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    before = np.full((len(draws), len(known)), np.inf)
    after = np.full((len(draws), len(points)), np.inf)
    for index, model in enumerate(models):
        mean, variance, cross, posterior = model.marginal(points, known)
        jitter = 1e-9 * float(np.mean(np.diag(posterior.covariance))) + 1e-15
        factor = cholesky(posterior.covariance, jitter)
        whitened = solve_triangular(factor, cross, lower=True, check_finite=False)
        deviation = np.sqrt(np.clip(variance - np.square(whitened).sum(axis=0), 1e-18, None))
        normal = draws[:, index, : len(known)]
        value = mean + normal @ whitened + draws[:, index, [-2]] * deviation
        old = posterior.mean + normal @ factor.T
        direction = directions[:, [index]]
        for target, drawn in ((before, old), (after, value)):
            share = (signs[index] * drawn - reference[index]) / span[index]
            np.minimum(target, np.clip(share, 0.0, None) / direction, out=target)
    best = before.max(axis=1, keepdims=True) ** count
    return np.asarray(_ball(count) * np.clip(after**count - best, 0.0, None).mean(axis=0))


def _ball(count: int) -> float:
    """Return the volume of the positive part of the unit ball of ``count`` dimensions."""
    return float(math.pi ** (count / 2) / (2**count * math.gamma(count / 2 + 1)))

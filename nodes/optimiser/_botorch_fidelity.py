"""Several fidelities: what a cheaper measurement is worth to the target.

The knowledge gradient of Poloczek, Wang, Frazier, "Multi-Information Source Optimization",
NeurIPS 2017, arXiv:1603.00389: by how much the greatest posterior mean at the target is expected
to rise once the value of another fidelity is known, per unit of cost. The maximum is taken over a
finite set of points, for which the expectation is one of a piecewise linear function of one normal
variable; pending measurements shrink the covariance, as they will whatever they turn out to be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from scipy.special import ndtri

from nodes.optimiser._botorch_model import Model
from nodes.optimiser._space import Floats, Point

_NODES: Final = 96
_DRAWS: Final = ndtri((np.arange(_NODES) + 0.5) / _NODES)


@dataclass(frozen=True, slots=True)
class Pending:
    """A measurement under way: where, and by which fidelity's number."""

    point: Point
    fidelity: int


class Knowledge:
    """Values measurements of one objective by what they teach about the target.

    Args:
        model: Of the objective.
        arms: Points of which the best may be chosen in the end, shape (n, size).
        pending: What is under way at any fidelity.
        noises: Variance of a measurement at each fidelity, standardised.
    """

    def __init__(
        self, model: Model, arms: Floats, pending: Sequence[Pending], noises: Sequence[float]
    ) -> None:
        self._model, self._noises = model, noises
        self._arms = model.inputs(arms)
        self._count = len(arms)
        self._pending = pending
        self._waiting = [model.inputs([p.point], p.fidelity) for p in pending]

    def gains(self, points: Floats, fidelity: int) -> Floats:
        """Return the knowledge gradient of measuring each of ``points`` at ``fidelity``.

        Shape (m,), in the objective's unit.
        """
        rows = [self._arms, self._model.inputs(points, fidelity), *self._waiting]
        mean, covariance = self._model.joint(torch.cat(rows))
        first, last = self._count, self._count + len(points)
        if self._pending:
            noise = np.diag([self._noises[p.fidelity] for p in self._pending])
            known = covariance[:, last:]
            covariance = covariance - known @ np.linalg.solve(
                covariance[last:, last:] + noise, known.T
            )
        variance = np.diag(covariance)[first:last] + self._noises[fidelity]
        slopes = covariance[first:last, :first] / np.sqrt(np.maximum(variance, 1e-12))[:, None]
        mean = mean[:first]
        total = np.zeros(len(points))
        for draw in _DRAWS:
            total += (mean + slopes * draw).max(axis=1)
        gains = total / _NODES - mean.max()
        return np.asarray(self._model.scale * np.maximum(gains, 0.0))


def squared_correlation(model: Model, point: Point, fidelity: int, noise: float) -> float:
    """Return the share of the target's variance at ``point`` that a measurement there removes.

    Args:
        model: Of the objective.
        point: Where.
        fidelity: At which it would be measured.
        noise: Variance of that measurement, standardised.
    """
    rows = torch.cat([model.inputs([point]), model.inputs([point], fidelity)])
    _, covariance = model.joint(rows)
    bottom = max(covariance[0, 0], 1e-12) * max(covariance[1, 1] + noise, 1e-12)
    return float(covariance[0, 1] ** 2 / bottom)

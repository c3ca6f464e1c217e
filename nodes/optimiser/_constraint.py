"""What of the box can be made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nodes.optimiser._space import Floats, Space


class Constraint(Protocol):
    """A feasible set, in the units of the space."""

    def allows(self, space: Space, points: Floats) -> NDArray[np.bool_]:
        """Tell for each point of shape (n, space.size) whether it can be made."""
        ...


@dataclass(frozen=True, slots=True)
class LinearConstraint:
    """``sum(coefficients[name] * value) <= maximum``; dimensions not named count as zero."""

    coefficients: Mapping[str, float]
    maximum: float

    def allows(self, space: Space, points: Floats) -> NDArray[np.bool_]:
        """Tell for each point whether it satisfies the inequality, within rounding."""
        weights = np.array([self.coefficients.get(name, 0.0) for name in space.names])
        slack = 1e-9 * max(1.0, abs(self.maximum))
        return np.asarray(points @ weights <= self.maximum + slack)


def allowed(space: Space, constraints: tuple[Constraint, ...], points: Floats) -> NDArray[np.bool_]:
    """Tell for each point whether the box and every constraint allow it."""
    verdict = space.contains(points)
    for constraint in constraints:
        verdict &= constraint.allows(space, points)
    return verdict

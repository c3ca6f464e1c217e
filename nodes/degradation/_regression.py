"""Conjugate Bayesian linear regression of log10(cycle life): closed form, Student-t predictive.

Normal-inverse-gamma prior: weights N(0, tau^2 sigma^2) on an intercept and standardised features,
sigma^2 inverse gamma (a0, b0). C. M. Bishop, Pattern Recognition and Machine Learning, 2006,
section 3.3 and exercise 3.12. tau 10, a0 1, b0 1e-3: next to nothing is known beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

PRIOR: Final = {"tau": 10.0, "a0": 1.0, "b0": 1e-3}


@dataclass(frozen=True, slots=True)
class Regression:
    """A posterior.

    Attributes:
        mean: Of each feature in training.
        scale: Standard deviation of each; 1 where it did not vary.
        weights: Posterior mean of the weights, the intercept first.
        covariance: Of the weights over sigma^2.
        a: Shape of sigma^2.
        b: Rate of sigma^2.
    """

    mean: Vector
    scale: Vector
    weights: Vector
    covariance: Vector
    a: float
    b: float

    @classmethod
    def fit(
        cls, features: Vector, target: Vector, prior: Mapping[str, float] = PRIOR
    ) -> Regression:
        """Return the posterior of ``features`` (cells x features) and ``target`` (cells)."""
        mean, spread = features.mean(axis=0), features.std(axis=0)
        scale = np.where(spread > 1e-12 * np.maximum(np.abs(mean), 1e-300), spread, 1.0)
        design = np.column_stack([np.ones(len(features)), (features - mean) / scale])
        precision = design.T @ design + np.eye(design.shape[1]) / prior["tau"] ** 2
        weights = np.linalg.solve(precision, design.T @ target)
        rest = float(target @ target - weights @ precision @ weights)
        return cls(
            mean=mean,
            scale=scale,
            weights=weights,
            covariance=np.linalg.inv(precision),
            a=prior["a0"] + len(target) / 2,
            b=prior["b0"] + max(rest, 0.0) / 2,
        )

    def predict(self, features: Vector) -> tuple[Vector, Vector, float]:
        """Return location and scale of the predictive Student-t of each row, and its freedom."""
        design = self._design(features)
        spread = np.einsum("ij,jk,ik->i", design, self.covariance, design)
        return design @ self.weights, np.sqrt(self.b / self.a * (1 + spread)), 2 * self.a

    def leverage(self, features: Vector) -> Vector:
        """Return how far each row is from the training cells: x' (X'X + prior)^-1 x."""
        design = self._design(features)
        found: Vector = np.einsum("ij,jk,ik->i", design, self.covariance, design)
        return found

    def plain(self) -> dict[str, Any]:
        """Return it as numbers and lists."""
        return {
            "mean": self.mean.tolist(),
            "scale": self.scale.tolist(),
            "weights": self.weights.tolist(),
            "covariance": self.covariance.tolist(),
            "a": self.a,
            "b": self.b,
        }

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Regression:
        """Return what `plain` told.

        Raises:
            KeyError, ValueError, TypeError: It is none of ours.
        """
        arrays = {
            name: np.array(plain[name], dtype=np.float64)
            for name in ("mean", "scale", "weights", "covariance")
        }
        size = arrays["weights"].size
        if arrays["mean"].size != size - 1 or arrays["covariance"].shape != (size, size):
            raise ValueError("weights, features and covariance do not go together")
        return cls(**arrays, a=float(plain["a"]), b=float(plain["b"]))

    def _design(self, features: Vector) -> Vector:
        scaled = (np.atleast_2d(features) - self.mean) / self.scale
        return np.column_stack([np.ones(len(scaled)), scaled])

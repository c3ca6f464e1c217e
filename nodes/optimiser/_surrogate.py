"""A Gaussian process over the campaign's observations and those of other sources.

Latent function: constant * Matern 5/2 with one length scale a dimension. Observed: latent + one
offset per foreign source + white noise of a learned variance + each observation's own variance.
Hyperparameters are those of the greatest posterior density; the priors keep the model sane while
there are few points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular
from scipy.optimize import minimize
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from nodes.optimiser._kernels import Coordinates, SourceOffset
from nodes.optimiser._space import Floats, Point, Space
from nodes.optimiser._strategy import Observation

_VARIANCE_BOUNDS = (0.05, 20.0)
_LENGTH_BOUNDS = (0.05, 10.0)
_NOISE_BOUNDS = (1e-6, 0.5)
_JITTER = 1e-8


@dataclass(frozen=True, slots=True)
class Posterior:
    """The latent function at some points, in the unit of the objective.

    Attributes:
        mean: Shape (n,).
        covariance: Shape (n, n).
    """

    mean: Floats
    covariance: Floats

    @property
    def deviation(self) -> Floats:
        """Standard deviations, shape (n,)."""
        return np.sqrt(np.clip(np.diag(self.covariance), 0.0, None))


class Surrogate:
    """The fitted model. Fitting is deterministic and independent of the observations' order.

    Args:
        space: Whose unit cube the model lives in.
        observations: At least one.
    """

    def __init__(self, space: Space, observations: Sequence[Observation]) -> None:
        self._space = space
        # Sums of floats depend on their order; a resumed campaign may learn in another one.
        rows = sorted(observations)
        values = np.array([row.value for row in rows])
        own = np.array([row.own for row in rows])
        level = values[own] if own.sum() >= 3 else values
        self._shift = float(level.mean())
        spread = float(values.std())
        self._scale = spread if spread > 1e-12 * max(1.0, abs(self._shift)) else 1.0

        names = sorted({row.source for row in rows if row.source})
        code = {"": 0} | {name: index + 1 for index, name in enumerate(names)}
        deviations = [0.0] * len(code)
        for row in rows:
            deviations[code[row.source]] = max(
                deviations[code[row.source]], row.offset / self._scale
            )
        sources = np.array([[code[row.source]] for row in rows], dtype=float)
        self._x = np.hstack([space.normalise([row.point for row in rows]), sources])
        y = (values - self._shift) / self._scale
        alpha = np.square([row.uncertainty / self._scale for row in rows]) + _JITTER
        self._model = _fit(self._x, y, alpha, tuple(deviations))
        self._latent = self._model.kernel_.k1.k1

    def at(self, points: Sequence[Point] | Floats) -> Posterior:
        """Return the joint posterior at ``points`` (n, size)."""
        rows = self._rows(points)
        mean, whitened = self._condition(rows)
        prior = self._latent(rows)
        return Posterior(
            self._shift + self._scale * mean,
            self._scale**2 * (prior - whitened.T @ whitened),
        )

    def marginal(
        self, points: Floats, known: Sequence[Point]
    ) -> tuple[Floats, Floats, Floats, Posterior]:
        """Return mean (m,), variance (m,), covariance with ``known`` (k, m), and known's posterior.

        The same numbers as `at` over both sets, without the m * m covariance nobody needs.
        """
        rows, anchors = self._rows(points), self._rows(known)
        mean, whitened = self._condition(rows)
        _, anchored = self._condition(anchors)
        variance = self._latent.diag(rows) - np.square(whitened).sum(axis=0)
        cross = self._latent(anchors, rows) - anchored.T @ whitened
        scale = self._scale**2
        return (
            self._shift + self._scale * mean,
            scale * np.clip(variance, 1e-12, None),
            scale * cross,
            self.at(known),
        )

    @property
    def lengths(self) -> Floats:
        """Length scales in the unit cube, shape (size,)."""
        return np.broadcast_to(self._latent.kernel.k2.length_scale, (self._space.size,))

    @property
    def noise(self) -> float:
        """The learned standard deviation of the white noise, in the objective's unit."""
        return float(self._scale * np.sqrt(self._model.kernel_.k2.noise_level))

    def _rows(self, points: Sequence[Point] | Floats) -> Floats:
        unit = self._space.normalise(points).reshape(-1, self._space.size)
        return np.hstack([unit, np.zeros((len(unit), 1))])

    def _condition(self, rows: Floats) -> tuple[Floats, Floats]:
        cross = self._latent(rows, self._x)
        whitened = solve_triangular(self._model.L_, cross.T, lower=True, check_finite=False)
        return cross @ self._model.alpha_, whitened


def _fit(x: Floats, y: Floats, alpha: Floats, deviations: tuple[float, ...]) -> Any:
    size = x.shape[1] - 1
    latent = Coordinates(
        ConstantKernel(1.0, _VARIANCE_BOUNDS) * Matern(np.full(size, 0.5), _LENGTH_BOUNDS, nu=2.5)
    )
    kernel = latent + SourceOffset(deviations) + WhiteKernel(1e-2, _NOISE_BOUNDS)
    # scikit-learn's own search warns about every bound it touches and knows no priors, so it
    # evaluates the likelihood and the search is ours.
    model = GaussianProcessRegressor(kernel, alpha=alpha, optimizer=None).fit(x, y)
    bounds = np.log([_VARIANCE_BOUNDS, *[_LENGTH_BOUNDS] * size, _NOISE_BOUNDS])

    def loss(theta: Floats) -> tuple[float, Floats]:
        value, slope = model.log_marginal_likelihood(theta, eval_gradient=True, clone_kernel=False)
        if not np.isfinite(value):
            return 1e10, np.zeros_like(theta)
        density, density_slope = _log_prior(theta, size)
        return -(value + density), -(slope + density_slope)

    tries = [
        minimize(
            loss,
            np.log([1.0, *[length] * size, noise]),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": 60},
        )
        for length, noise in ((0.5, 1e-2), (1.5, 1e-3))
    ]
    theta = min(tries, key=lambda result: float(result.fun)).x
    found = kernel.clone_with_theta(np.clip(theta, bounds[:, 0], bounds[:, 1]))
    return GaussianProcessRegressor(found, alpha=alpha, optimizer=None).fit(x, y)


def _log_prior(theta: Floats, size: int) -> tuple[float, Floats]:
    """Log density (up to a constant) of log hyperparameters, and its gradient.

    Length scales: log-normal, centred on 0.5 sqrt(d), wide (the scaling with sqrt(d) is Hvarfner,
    Hellsten, Nardi, ICML 2024). Signal variance: centred on 1 (values are standardised). Noise
    variance: centred on (3 %)^2 of the spread.
    """
    centre = np.log([1.0, *[0.5 * np.sqrt(size)] * size, 1e-3])
    width = np.array([1.0, *[0.75] * size, 1.5])
    distance = (theta - centre) / width
    return -0.5 * float(distance @ distance), -distance / width

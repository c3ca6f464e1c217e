"""A Gaussian process over the campaign's observations and those of other sources.

Latent function: constant * Matern 5/2 with one length scale a dimension; other fidelities follow
it as `CoKriging` says. Observed: latent + one offset per foreign source or fidelity + white noise
of a learned variance + each observation's own variance. Hyperparameters are those of the greatest
posterior density; the priors keep the model sane while there are few points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular
from scipy.optimize import minimize
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from messages.model import JsonObject
from nodes.optimiser._cokriging import DISCREPANCY_BOUNDS, FACTOR_BOUNDS, CoKriging, log_prior
from nodes.optimiser._kernels import Coordinates, SourceOffset
from nodes.optimiser._problem import Fidelity
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
    """The fitted model of one objective. Fitting does not depend on the observations' order.

    Args:
        space: Whose unit cube the model lives in.
        observations: At least one.
        index: Of the objective.
        fidelities: That observations may name; what they are off by.
    """

    def __init__(
        self,
        space: Space,
        observations: Sequence[Observation],
        index: int = 0,
        fidelities: Sequence[Fidelity] = (),
    ) -> None:
        self._space = space
        # Sums of floats depend on their order; a resumed campaign may learn in another one.
        rows = sorted(observations)
        values = np.array([row.values[index] for row in rows])
        own = np.array([row.own for row in rows])
        level = values[own] if own.sum() >= 3 else values
        self._shift = float(level.mean())
        used = sorted({row.fidelity for row in rows if row.fidelity})
        self._fidelities = {"": 0} | {name: number + 1 for number, name in enumerate(used)}
        # The spread of poor values says nothing about the target's.
        spread = float(level.std() if used else values.std())
        self._scale = spread if spread > 1e-12 * max(1.0, abs(self._shift)) else 1.0

        sources = _offsets(rows, index, fidelities, abs(self._shift))
        self._offsets = {key: deviation / self._scale for key, deviation in sources.items()}
        code = {key: number for number, key in enumerate(self._offsets)}
        codes = [[code[row.source, row.fidelity]] for row in rows]
        unit = space.normalise([row.point for row in rows])
        if used:
            column = [[self._fidelities[row.fidelity]] for row in rows]
            unit = np.hstack([unit, np.array(column, dtype=float)])
        self._x = np.hstack([unit, np.array(codes, dtype=float)])
        y = (values - self._shift) / self._scale
        alpha = np.square([row.uncertainties[index] / self._scale for row in rows]) + _JITTER
        self._model = _fit(self._x, y, alpha, tuple(self._offsets.values()), space.size, len(used))
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

    def information(
        self, point: Point, fidelity: Fidelity, pending: Sequence[tuple[Point, str]]
    ) -> float:
        """Return what one value by ``fidelity`` tells of the target's truth at ``point``, in nats.

        Half the logarithm of the variance there before over after, when what is pending has been
        measured. A fidelity that was never observed counts with its declared offset alone.

        Args:
            point: Where.
            fidelity: By what; the target has the empty name.
            pending: Points and fidelities under way.
        """
        known = [(p, f) for p, f in pending if f in self._fidelities]
        places = [(point, ""), *known, (point, fidelity.name)]
        covariance = self._joint(places)
        noise = np.full(len(places), self.noise**2)
        noise[0] = 1e-12 * covariance[0, 0]
        noise[-1] += (fidelity.relative_noise * self._shift) ** 2
        if fidelity.name not in self._fidelities:
            noise[-1] += (fidelity.relative_offset * self._shift) ** 2
        before, after = (
            _remaining(covariance[:-1, :-1], noise[:-1]),
            _remaining(covariance, noise),
        )
        return 0.5 * float(np.log(before / after))

    def _joint(self, places: Sequence[tuple[Point, str]]) -> Floats:
        """Return the posterior covariance of values without noise, offsets included."""
        unit = self._space.normalise([point for point, _ in places])
        codes = list(self._offsets)
        source = [
            codes.index(("", name)) if ("", name) in self._offsets else 0 for _, name in places
        ]
        columns = [unit]
        if len(self._fidelities) > 1:
            columns.append(np.array([[self._fidelities.get(name, 0)] for _, name in places], float))
        rows = np.hstack([*columns, np.array(source, dtype=float)[:, None]])
        kernel = self._model.kernel_.k1
        cross = kernel(rows, self._x)
        whitened = solve_triangular(self._model.L_, cross.T, lower=True, check_finite=False)
        return np.asarray(self._scale**2 * (kernel(rows) - whitened.T @ whitened))

    @property
    def lengths(self) -> Floats:
        """Length scales in the unit cube, shape (size,)."""
        inner = self._latent.kernel
        base = inner.kernel if isinstance(inner, CoKriging) else inner
        return np.broadcast_to(base.k2.length_scale, (self._space.size,))

    @property
    def factors(self) -> dict[str, tuple[float, float]]:
        """Factor and discrepancy (share of the variance) of each fidelity that was observed."""
        inner = self._latent.kernel
        if not isinstance(inner, CoKriging):
            return {}
        pairs = zip(inner.factors, inner.discrepancies, strict=True)
        return dict(zip(list(self._fidelities)[1:], pairs, strict=True))

    @property
    def noise(self) -> float:
        """The learned standard deviation of the white noise, in the objective's unit."""
        return float(self._scale * np.sqrt(self._model.kernel_.k2.noise_level))

    @property
    def hyperparameters(self) -> JsonObject:
        """What was learned, small and plain, for the record."""
        found: JsonObject = {
            "length_scales": [float(length) for length in self.lengths],
            "amplitude": float(self._scale * np.sqrt(self._latent.diag(self._x[:1] * 0.0)[0])),
            "noise": self.noise,
            "level": self._shift,
        }
        if self.factors:
            found["fidelities"] = {
                name: {"factor": factor, "discrepancy": discrepancy}
                for name, (factor, discrepancy) in self.factors.items()
            }
        return found

    def _rows(self, points: Sequence[Point] | Floats) -> Floats:
        unit = self._space.normalise(points).reshape(-1, self._space.size)
        extra = self._x.shape[1] - self._space.size
        return np.hstack([unit, np.zeros((len(unit), extra))])

    def _condition(self, rows: Floats) -> tuple[Floats, Floats]:
        cross = self._latent(rows, self._x)
        whitened = solve_triangular(self._model.L_, cross.T, lower=True, check_finite=False)
        return cross @ self._model.alpha_, whitened


def _offsets(
    rows: Sequence[Observation], index: int, fidelities: Sequence[Fidelity], level: float
) -> dict[tuple[str, str], float]:
    """Return the prior deviation of the offset of each source and fidelity, in their order."""
    relative = {fidelity.name: fidelity.relative_offset for fidelity in fidelities}
    keys = sorted({(row.source, row.fidelity) for row in rows} | {("", "")})
    found = dict.fromkeys(keys, 0.0)
    for row in rows:
        if row.source:
            key = row.source, row.fidelity
            found[key] = max(found[key], row.offset_of(index))
    for source, fidelity in keys:
        if fidelity:
            own = relative.get(fidelity, 0.1) * level
            found[source, fidelity] = math.hypot(found[source, fidelity], own)
    return found


def _remaining(covariance: Floats, noise: Floats) -> float:
    """Return the variance of the first value once the others were observed with ``noise``."""
    if len(covariance) == 1:
        return float(covariance[0, 0] + noise[0])
    inner = covariance[1:, 1:] + np.diag(noise[1:])
    known = float(covariance[0, 1:] @ np.linalg.solve(inner, covariance[1:, 0]))
    first = float(covariance[0, 0] + noise[0])
    return max(first - known, 1e-9 * first)


def _fit(
    x: Floats, y: Floats, alpha: Floats, deviations: tuple[float, ...], size: int, others: int
) -> Any:
    latent = ConstantKernel(1.0, _VARIANCE_BOUNDS) * Matern(
        np.full(size, 0.5), _LENGTH_BOUNDS, nu=2.5
    )
    if others:
        latent = CoKriging(latent, (1.0,) * others, (0.05,) * others)
    kernel = Coordinates(latent) + SourceOffset(deviations) + WhiteKernel(1e-2, _NOISE_BOUNDS)
    # scikit-learn's own search warns about every bound it touches and knows no priors, so it
    # evaluates the likelihood and the search is ours.
    model = GaussianProcessRegressor(kernel, alpha=alpha, optimizer=None).fit(x, y)
    own = size + 1
    more = [FACTOR_BOUNDS] * others + [DISCREPANCY_BOUNDS] * others
    bounds = np.log([_VARIANCE_BOUNDS, *[_LENGTH_BOUNDS] * size, *more, _NOISE_BOUNDS])
    begin = [*[1.0] * others, *[0.05] * others]

    def loss(theta: Floats) -> tuple[float, Floats]:
        value, slope = model.log_marginal_likelihood(theta, eval_gradient=True, clone_kernel=False)
        if not np.isfinite(value):
            return 1e10, np.zeros_like(theta)
        base = np.append(theta[:own], theta[-1])
        density, density_slope = _log_prior(base, size)
        if others:
            further, further_slope = log_prior(theta[own:-1], others)
            density += further
            density_slope = np.concatenate(
                [density_slope[:own], further_slope, density_slope[own:]]
            )
        return -(value + density), -(slope + density_slope)

    tries = [
        minimize(
            loss,
            np.log([1.0, *[length] * size, *begin, noise]),
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

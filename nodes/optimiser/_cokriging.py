"""Covariance of observations of several fidelities: linear autoregressive co-kriging.

Each fidelity is the target's latent function f times a factor, plus a discrepancy of its own:
``f_i(x) = rho_i f(x) + delta_i(x)``, with ``delta_i`` a Gaussian process with the same length
scales and ``d_i`` times the variance of f (Kennedy, O'Hagan, Biometrika 87 (2000) 1, DOI
10.1093/biomet/87.1.1, written from the target's side). So the covariance is
``(rho_i rho_j + [i = j] d_i) k(x, x')``: that of the coordinates times a small matrix. What a
fidelity is off by everywhere is no part of it: see `SourceOffset`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.gaussian_process.kernels import Hyperparameter, Kernel

from nodes.optimiser._space import Floats

FACTOR_BOUNDS = (0.2, 3.0)
DISCREPANCY_BOUNDS = (1e-4, 1.0)


class CoKriging(Kernel):  # type: ignore[misc]
    """Rows of X are (coordinates..., fidelity); fidelity 0 is the target.

    Args:
        kernel: Of the coordinates, at the target.
        factors: ``rho`` of fidelities 1, 2, ...
        discrepancies: ``d`` of fidelities 1, 2, ...
    """

    def __init__(
        self, kernel: Kernel, factors: tuple[float, ...], discrepancies: tuple[float, ...]
    ) -> None:
        self.kernel = kernel
        self.factors = factors
        self.discrepancies = discrepancies

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the arguments, and below ``kernel__`` the kernel's own."""
        params: dict[str, Any] = {
            "kernel": self.kernel,
            "factors": self.factors,
            "discrepancies": self.discrepancies,
        }
        if deep:
            params |= {f"kernel__{k}": v for k, v in self.kernel.get_params().items()}
        return params

    @property
    def hyperparameters(self) -> list[Any]:
        """The kernel's, then factors and discrepancies."""
        count = len(self.factors)
        return [
            *self.kernel.hyperparameters,
            Hyperparameter("factors", "numeric", FACTOR_BOUNDS, count),
            Hyperparameter("discrepancies", "numeric", DISCREPANCY_BOUNDS, count),
        ]

    @property
    def theta(self) -> Floats:
        """Logarithms of all hyperparameters."""
        own = np.log(np.array([*self.factors, *self.discrepancies], dtype=np.float64))
        return np.concatenate([np.asarray(self.kernel.theta), own])

    @theta.setter
    def theta(self, theta: Floats) -> None:
        count = len(self.factors)
        inner = len(theta) - 2 * count
        self.kernel.theta = theta[:inner]
        own = np.exp(theta[inner:])
        self.factors = tuple(map(float, own[:count]))
        self.discrepancies = tuple(map(float, own[count:]))

    @property
    def bounds(self) -> Floats:
        """Bounds of `theta`."""
        count = len(self.factors)
        own = np.log([*[FACTOR_BOUNDS] * count, *[DISCREPANCY_BOUNDS] * count])
        return np.vstack([np.asarray(self.kernel.bounds), own])

    def __call__(self, X: Floats, Y: Floats | None = None, eval_gradient: bool = False) -> Any:  # noqa: N803
        """Return the covariance of the latent functions."""
        ours = X[:, -1].astype(int)
        theirs = ours if Y is None else Y[:, -1].astype(int)
        matrix = self._matrix()
        weights = matrix[ours[:, None], theirs[None]]
        if not eval_gradient:
            return weights * self.kernel(X[:, :-1], None if Y is None else Y[:, :-1])
        base, slope = self.kernel(X[:, :-1], None, eval_gradient=True)
        slopes = [weights[:, :, None] * slope]
        rho = np.array([1.0, *self.factors])
        products = rho[ours][:, None] * rho[theirs][None]
        for index in range(1, len(rho)):
            one, other = ours[:, None] == index, theirs[None] == index
            slopes.append((products * (1.0 * one + 1.0 * other) * base)[:, :, None])
        for index, discrepancy in enumerate(self.discrepancies, start=1):
            both = (ours[:, None] == index) & (theirs[None] == index)
            slopes.append((discrepancy * both * base)[:, :, None])
        return weights * base, np.concatenate(slopes, axis=2)

    def diag(self, X: Floats) -> Floats:  # noqa: N803
        """Return the variance at each row."""
        weights = np.diag(self._matrix())[X[:, -1].astype(int)]
        return np.asarray(weights * self.kernel.diag(X[:, :-1]))

    def is_stationary(self) -> bool:
        """It depends on the fidelity, not on a distance alone."""
        return False

    def _matrix(self) -> Floats:
        rho = np.array([1.0, *self.factors])
        return np.asarray(np.outer(rho, rho) + np.diag([0.0, *self.discrepancies]))


def log_prior(theta: Floats, count: int) -> tuple[float, Floats]:
    """Log density (up to a constant) of log factors and discrepancies, and its gradient.

    Factors: log-normal around 1, 0.25 wide: a fidelity is meant to mean the same. Discrepancies:
    around 5 % of the variance, wide.
    """
    centre = np.log([*[1.0] * count, *[0.05] * count])
    width = np.array([*[0.25] * count, *[1.5] * count])
    distance = (theta - centre) / width
    return -0.5 * float(distance @ distance), -distance / width

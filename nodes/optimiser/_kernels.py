"""Covariance of observations that come from several sources.

Rows of X are (coordinates in the unit cube..., source): source 0 is the campaign itself, every
other number a foreign source. The classes follow scikit-learn's kernel protocol.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.gaussian_process.kernels import Kernel

from nodes.optimiser._space import Floats


class Coordinates(Kernel):  # type: ignore[misc]
    """Applies ``kernel`` to the coordinates alone; its hyperparameters are this one's."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the kernel, and below ``kernel__`` its own parameters."""
        params: dict[str, Any] = {"kernel": self.kernel}
        if deep:
            params |= {f"kernel__{k}": v for k, v in self.kernel.get_params().items()}
        return params

    @property
    def hyperparameters(self) -> list[Any]:
        """The inner kernel's."""
        return list(self.kernel.hyperparameters)

    @property
    def theta(self) -> Floats:
        """The inner kernel's logarithmic hyperparameters."""
        return np.asarray(self.kernel.theta)

    @theta.setter
    def theta(self, theta: Floats) -> None:
        self.kernel.theta = theta

    @property
    def bounds(self) -> Floats:
        """Bounds of `theta`."""
        return np.asarray(self.kernel.bounds)

    def __call__(self, X: Floats, Y: Floats | None = None, eval_gradient: bool = False) -> Any:  # noqa: N803
        """Return the covariance of the coordinates."""
        return self.kernel(X[:, :-1], None if Y is None else Y[:, :-1], eval_gradient)

    def diag(self, X: Floats) -> Floats:  # noqa: N803
        """Return the variance at each row."""
        return np.asarray(self.kernel.diag(X[:, :-1]))

    def is_stationary(self) -> bool:
        """Whether the inner kernel is."""
        return bool(self.kernel.is_stationary())


class SourceOffset(Kernel):  # type: ignore[misc]
    """One unknown constant per foreign source: rows of one source are off by the same amount.

    Args:
        deviations: Prior standard deviation of each source's constant; entry 0, the campaign's
            own, is 0. Fixed: there is nothing to be learned.
    """

    def __init__(self, deviations: tuple[float, ...]) -> None:
        self.deviations = deviations

    def __call__(self, X: Floats, Y: Floats | None = None, eval_gradient: bool = False) -> Any:  # noqa: N803
        """Return the variance of the source's constant where both rows share it, else 0."""
        ours = X[:, -1].astype(int)
        theirs = ours if Y is None else Y[:, -1].astype(int)
        variances = np.square(np.asarray(self.deviations))
        covariance = np.where(ours[:, None] == theirs[None], variances[ours][:, None], 0.0)
        if eval_gradient:
            return covariance, np.empty((len(X), len(X), 0))
        return covariance

    def diag(self, X: Floats) -> Floats:  # noqa: N803
        """Return the variance at each row."""
        return np.asarray(np.square(np.asarray(self.deviations))[X[:, -1].astype(int)])

    def is_stationary(self) -> bool:
        """It depends on the source, not on a distance."""
        return False

"""The model of one objective: what was observed, and the Gaussian process fitted to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import torch
from botorch.fit import fit_gpytorch_mll_scipy
from botorch.models import SingleTaskGP
from botorch.optim.closures.core import ForwardBackwardClosure
from gpytorch.means import ConstantMean
from gpytorch.mlls import ExactMarginalLogLikelihood
from gpytorch.priors import NormalPrior
from linear_operator.utils.errors import NotPSDError

from nodes.optimiser._botorch_kernel import CampaignKernel, CampaignLikelihood
from nodes.optimiser._botorch_scope import DOUBLE
from nodes.optimiser._space import Floats, Point, Space
from nodes.optimiser._surrogate import Posterior

_STARTS: Final = ((0.5, 1e-2), (1.5, 1e-3))
"""Length scale and noise variance where the two searches for hyperparameters begin."""

_STEPS: Final = 60
_JITTER: Final = 1e-8


@dataclass(frozen=True, slots=True, order=True)
class Row:
    """One observation of one objective.

    Attributes:
        point: In the units of the space.
        fidelity: 0 for the target.
        source: Empty for the campaign itself.
        value: In the objective's unit.
        deviation: Standard uncertainty that is given; 0 where unknown.
        offset: Prior standard deviation of the source's offset.
    """

    point: Point
    fidelity: int
    source: str
    value: float
    deviation: float = 0.0
    offset: float = 0.0


class Model:
    """A fitted SingleTaskGP with the covariance of `CampaignKernel`.

    Inputs are the unit cube's; outcomes are shifted by the mean of the campaign's own values at
    the target (of all, while there are fewer than three) and scaled by the spread of all (with
    several fidelities, of the same ones), with the sign that makes greater better. Fit within
    `scope`.

    Args:
        space: Whose unit cube the model lives in.
        rows: At least one.
        sign: +1 where greater is better, else -1.
        biases: Of each fidelity, the standard deviation of how far it may be off as a whole, as a
            fraction of the value; entry 0, of the target, is 0.
    """

    def __init__(
        self, space: Space, rows: Sequence[Row], sign: float, biases: tuple[float, ...] = (0.0,)
    ) -> None:
        self.space, self.sign = space, sign
        # Sums of floats depend on their order; a resumed campaign may learn in another one.
        rows = sorted(rows)
        values = np.array([row.value for row in rows])
        own = np.array([not row.source and row.fidelity == 0 for row in rows])
        level = values[own] if own.sum() >= 3 else values
        self.shift = float(level.mean())
        several = any(row.fidelity for row in rows)
        # The spread of poor values says nothing about the target's.
        spread = float(level.std() if several else values.std())
        self.scale = spread if spread > 1e-12 * max(1.0, abs(self.shift)) else 1.0
        self.sources = ("", *sorted({row.source for row in rows if row.source}))
        code = {name: index for index, name in enumerate(self.sources)}
        offsets = [0.0] * len(code)
        for row in rows:
            offsets[code[row.source]] = max(offsets[code[row.source]], row.offset / self.scale)
        offsets[0] = 0.0
        extra = np.array(
            [
                (code[row.source], row.fidelity, (row.deviation / self.scale) ** 2 + _JITTER)
                for row in rows
            ]
        )
        x = np.hstack([space.normalise([row.point for row in rows]), extra])
        y = sign * (values - self.shift) / self.scale
        bias = tuple(each * abs(self.shift) / self.scale for each in biases)
        self.gp = _fit(torch.tensor(x, dtype=DOUBLE), torch.tensor(y, dtype=DOUBLE)[:, None],
                       space.size, tuple(offsets), bias)  # fmt: skip

    def inputs(self, points: Any, fidelity: int = 0) -> torch.Tensor:
        """Return rows of X for ``points`` (n, size) at ``fidelity``, as the campaign's own."""
        unit = self.space.normalise(points).reshape(-1, self.space.size)
        extra = np.tile([0.0, float(fidelity), 0.0], (len(unit), 1))
        return torch.tensor(np.hstack([unit, extra]), dtype=DOUBLE)

    def at(self, points: Sequence[Point] | Floats, fidelity: int = 0) -> Posterior:
        """Return the joint posterior at ``points``, in the unit of the objective."""
        mean, covariance = self.joint(self.inputs(points, fidelity))
        return Posterior(self.shift + self.sign * self.scale * mean, self.scale**2 * covariance)

    def joint(self, x: torch.Tensor) -> tuple[Floats, Floats]:
        """Return mean and covariance at rows of X, signed and standardised."""
        with torch.no_grad():
            there = self.gp.posterior(x).distribution
            return there.mean.numpy(), there.covariance_matrix.numpy()

    def marginal(
        self, points: Floats, known: Sequence[Point]
    ) -> tuple[Floats, Floats, Floats, Posterior]:
        """Return what `Surrogate.marginal` does, at the target."""
        count = len(points)
        joint = self.at(np.concatenate([points, np.array(known)]))
        return (
            joint.mean[:count],
            np.clip(np.diag(joint.covariance)[:count], 1e-12 * self.scale**2, None),
            joint.covariance[count:, :count],
            Posterior(joint.mean[count:], joint.covariance[count:, count:]),
        )

    def noise(self, fidelity: int = 0) -> float:
        """Return the learned noise variance of a fidelity, standardised."""
        return float(self.gp.likelihood.noise_covar.noise[fidelity])


def _fit(
    x: torch.Tensor,
    y: torch.Tensor,
    size: int,
    offsets: tuple[float, ...],
    biases: tuple[float, ...],
) -> Any:
    """Return the model of the greatest posterior density among two searches."""
    found: list[tuple[float, Any]] = []
    for length, noise in _STARTS:
        kernel = CampaignKernel(size, offsets, biases)
        kernel.latent.base_kernel.lengthscale = length
        likelihood = CampaignLikelihood(size, len(biases), noise)
        mean = ConstantMean(constant_prior=NormalPrior(0.0, 1.0))
        gp = SingleTaskGP(
            x, y, likelihood=likelihood, covar_module=kernel, mean_module=mean,
            outcome_transform=None,
        )  # fmt: skip
        mll = ExactMarginalLogLikelihood(gp.likelihood, gp)
        gp.train()
        parameters = {name: p for name, p in mll.named_parameters() if p.requires_grad}
        result = fit_gpytorch_mll_scipy(
            mll,
            closure=ForwardBackwardClosure(partial(_loss, mll), parameters),
            options={"maxiter": _STEPS},
        )
        found.append((float(result.fval), gp.eval()))
    return min(found, key=lambda pair: pair[0])[1]


def _loss(mll: Any) -> torch.Tensor:
    """Return minus the log density of data and hyperparameters, per observation.

    The same as ``mll`` of its model's output; for so few rows one dense Cholesky factor takes half
    the time of gpytorch's lazy operators.
    """
    gp = mll.model
    x, y = gp.train_inputs[0], gp.train_targets
    cover = gp.covar_module.forward(x, x) + torch.diag(gp.likelihood.noise_covar.variances(x))
    factor, failed = torch.linalg.cholesky_ex(cover)
    if failed:
        raise NotPSDError("the covariance has no Cholesky factor")
    whitened = torch.linalg.solve_triangular(factor, (y - gp.mean_module(x))[:, None], upper=False)
    density = -0.5 * whitened.square().sum() - factor.diagonal().log().sum()
    density = density - 0.5 * len(y) * math.log(2 * math.pi)
    for _, module, prior, closure, _ in gp.named_priors():
        density = density + prior.log_prob(closure(module)).sum()
    return -density / len(y)

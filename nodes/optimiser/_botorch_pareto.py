"""Several objectives: noisy expected hypervolume improvement.

BoTorch's qLogNoisyExpectedHypervolumeImprovement: Daulton, Balandat, Bakshy, "Parallel Bayesian
Optimization of Multiple Noisy Objectives with Expected Hypervolume Improvement", NeurIPS 2021,
arXiv:2105.08195, in logarithms (Ament et al. 2023, arXiv:2310.20708).

Reference point: a tenth of the range below the worst posterior means on the front of what was
measured and at the ends it may come to have, which are the points of a look over the space where
an objective's mean plus standard deviation is greatest (the pay-off table, as multi-criteria
optimisation estimates a nadir). Without those ends, a front that begins in a corner stays there,
for what lies beyond its own worst values counts as nothing. It moves with what was told, and
depends on nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.acquisition.multi_objective.monte_carlo import qNoisyExpectedHypervolumeImprovement
from botorch.models import ModelListGP
from botorch.sampling.normal import SobolQMCNormalSampler

from nodes.optimiser._botorch_model import Model
from nodes.optimiser._botorch_search import Acquisition
from nodes.optimiser._pareto import undominated
from nodes.optimiser._space import Floats, Point

_SAMPLES: Final = 64
_BEYOND: Final = 0.1


class Hypervolume:
    """The acquisition function of one proposal.

    Args:
        models: One per objective.
        own: Measured at the target; at least one.
        pending: At the target.
        looks: Points all over the space, shape (n, size).
        seed: Of the samples.
    """

    def __init__(
        self,
        models: Sequence[Model],
        own: Sequence[Point],
        pending: Sequence[Point],
        looks: Floats,
        seed: int,
    ) -> None:
        self._inputs = models[0].inputs
        reference, ideal = _box(models, own, looks)
        self._box = float(np.prod(ideal - reference))
        shared = {
            "model": ModelListGP(*(model.gp for model in models)),
            "ref_point": reference.tolist(),
            "X_baseline": self._inputs(own),
            "X_pending": self._inputs(pending) if pending else None,
            "prune_baseline": True,
        }
        self._shared = shared
        self._seed = seed
        self.function: Acquisition = qLogNoisyExpectedHypervolumeImprovement(
            **shared, sampler=_sampler(seed)
        )

    def promise(self, point: Point) -> float:
        """Return the expected gain of hypervolume at ``point``.

        As a share of the box from the reference to the ideal point of the front; not smoothed.
        """
        plain = qNoisyExpectedHypervolumeImprovement(**self._shared, sampler=_sampler(self._seed))
        with torch.no_grad():
            gain = float(plain(self._inputs([point]).unsqueeze(0)))
        return gain / self._box


def means_at(models: Sequence[Model], points: Sequence[Point]) -> Floats:
    """Return posterior means at the target, standardised, greater is better: (n, objectives)."""
    return np.stack([model.joint(model.inputs(points))[0] for model in models], axis=1)


def _box(models: Sequence[Model], own: Sequence[Point], looks: Floats) -> tuple[Floats, Floats]:
    """Return the reference point and the ideal point of what was measured, standardised."""
    means = means_at(models, own)
    there = [model.joint(model.inputs(looks)) for model in models]
    over = np.stack([mean for mean, _ in there], axis=1)
    deviations = np.stack([np.sqrt(np.clip(np.diag(c), 0.0, None)) for _, c in there], axis=1)
    ends = over[np.argmax(over + deviations, axis=0)]
    ideal = means.max(axis=0)
    worst = np.minimum(means[undominated(means)].min(axis=0), ends.min(axis=0))
    # A front of one point where nothing better is expected has no range of its own.
    span = np.maximum(ideal - worst, 1e-3)
    return ideal - (1.0 + _BEYOND) * span, ideal


def together(models: Sequence[Model]) -> Acquisition:
    """Return the sum of the standardised posterior means: where to look before any front."""
    gps = [model.gp for model in models]

    def total(x: torch.Tensor) -> torch.Tensor:
        return torch.stack([gp.posterior(x).mean[..., 0, 0] for gp in gps]).sum(dim=0)

    return total


def _sampler(seed: int) -> SobolQMCNormalSampler:
    return SobolQMCNormalSampler(torch.Size([_SAMPLES]), seed=seed)

"""Several objectives: noisy expected hypervolume improvement.

BoTorch's qLogNoisyExpectedHypervolumeImprovement: Daulton, Balandat, Bakshy, "Parallel Bayesian
Optimization of Multiple Noisy Objectives with Expected Hypervolume Improvement", NeurIPS 2021,
arXiv:2105.08195, in logarithms (Ament et al. 2023, arXiv:2310.20708).

Reference point: that of `box_of`, a tenth of the front's range below its worst posterior means. It
moves as the front does, and depends on nothing but what was told.
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
from nodes.optimiser._hypervolume import box_of
from nodes.optimiser._space import Floats, Point

_SAMPLES: Final = 64


class Hypervolume:
    """The acquisition function of one proposal.

    Args:
        models: One per objective.
        own: Measured at the target; at least one.
        pending: At the target.
        seed: Of the samples.
    """

    def __init__(
        self, models: Sequence[Model], own: Sequence[Point], pending: Sequence[Point], seed: int
    ) -> None:
        self._inputs = models[0].inputs
        means = means_at(models, own)
        reference, ideal = box_of(means)
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


def together(models: Sequence[Model]) -> Acquisition:
    """Return the sum of the standardised posterior means: where to look before any front."""
    gps = [model.gp for model in models]

    def total(x: torch.Tensor) -> torch.Tensor:
        return torch.stack([gp.posterior(x).mean[..., 0, 0] for gp in gps]).sum(dim=0)

    return total


def _sampler(seed: int) -> SobolQMCNormalSampler:
    return SobolQMCNormalSampler(torch.Size([_SAMPLES]), seed=seed)

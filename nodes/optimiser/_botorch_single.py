"""One objective: noisy expected improvement.

Search by BoTorch's qLogNoisyExpectedImprovement (Ament, Daulton, Eriksson, Balandat, Bakshy,
"Unexpected Improvements to Expected Improvement for Bayesian Optimization", NeurIPS 2023,
arXiv:2310.20708), whose logarithm has gradients where the improvement itself is flat. What it
promises is told by the light backend's formula, which is not smoothed: a stop rule needs a number
that goes to zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch
from botorch.acquisition.analytic import PosteriorMean
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.sampling.normal import SobolQMCNormalSampler

from nodes.optimiser._acquisition import expected_improvement, normal_draws
from nodes.optimiser._botorch_model import Model
from nodes.optimiser._botorch_search import Acquisition
from nodes.optimiser._candidates import Candidates
from nodes.optimiser._space import Point

_SAMPLES: Final = 64


def improvement(
    model: Model, own: Sequence[Point], pending: Sequence[Point], seed: int
) -> Acquisition:
    """Return the acquisition function at the target.

    Args:
        model: Of the objective.
        own: Measured at the target. Without any there is nothing to improve on, and the posterior
            mean is returned.
        pending: At the target.
        seed: Of its samples.
    """
    if not own:
        mean: Acquisition = PosteriorMean(model.gp)
        return mean
    function: Acquisition = qLogNoisyExpectedImprovement(
        model.gp,
        X_baseline=model.inputs(own),
        sampler=SobolQMCNormalSampler(torch.Size([_SAMPLES]), seed=seed),
        X_pending=model.inputs(pending) if pending else None,
        prune_baseline=True,
        cache_root=True,
    )
    return function


def promise(
    model: Model, point: Point, known: Sequence[Point], candidates: Candidates, index: int
) -> float | None:
    """Return the expected improvement at ``point`` in the objective's unit; None without any known.

    Args:
        model: Of the objective.
        point: Where.
        known: Measured and pending points at the target.
        candidates: Of the campaign, for its random numbers.
        index: Number of the proposal.
    """
    if not known:
        return None
    draws = normal_draws(len(known), candidates.random(2, index))
    alike: Any = model  # It has the methods of a `Surrogate` that are asked for.
    return float(expected_improvement(alike, np.array([point]), known, draws, model.sign)[0])

"""The models' hyperparameters, for the record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from messages.model import JsonObject
from nodes.optimiser._botorch_model import Model
from nodes.optimiser._botorch_rows import fidelity_names
from nodes.optimiser._problem import Problem


def describe(problem: Problem, models: Sequence[Model]) -> JsonObject:
    """Return the fitted hyperparameters by objective, as plain JSON; empty without models.

    Length scales are by dimension, in the unit cube. ``outcome_scale``, ``mean``, ``deviation``
    (of the function about its mean) and ``noise`` (learned standard deviation, beside the given
    ones) are in the objective's unit. Of a fidelity: ``gain``, and ``deviation`` and
    ``length_scale`` of its discrepancy. Of a source: its offset's posterior.
    """
    names = fidelity_names(problem)
    return {
        objective.name: _of(model, problem.space.names, names)
        for objective, model in zip(problem.objectives, models, strict=False)
    }


def _of(model: Model, dimensions: tuple[str, ...], names: tuple[str, ...]) -> JsonObject:
    kernel, scale = model.gp.covar_module, model.scale
    lengths = kernel.latent.base_kernel.lengthscale.detach().flatten().tolist()
    gains = kernel.gains.detach().tolist()
    fidelities: dict[str, Any] = {}
    for number, name in enumerate(names[1:], start=1):
        own = kernel.discrepancies[number - 1]
        fidelities[name] = {
            "gain": gains[number],
            "deviation": scale * float(own.outputscale.detach()) ** 0.5,
            "length_scale": float(own.base_kernel.lengthscale.detach()),
            "noise": scale * model.noise(number) ** 0.5,
        }
    return {
        "length_scales": dict(zip(dimensions, lengths, strict=True)),
        "outcome_scale": scale,
        "mean": model.shift + model.sign * scale * float(model.gp.mean_module.constant.detach()),
        "deviation": scale * float(kernel.latent.outputscale.detach()) ** 0.5,
        "noise": scale * model.noise() ** 0.5,
        **({"fidelities": fidelities} if fidelities else {}),
        **({"offsets": offsets} if (offsets := _offsets(model)) else {}),
    }


def _offsets(model: Model) -> dict[str, Any]:
    """Return the posterior of each source's offset, in the objective's unit.

    A source's offset is a Gaussian constant, so it is conditioned on the residuals like any other
    part of the covariance.
    """
    gp, kernel = model.gp, model.gp.covar_module
    x, y = gp.train_inputs[0], gp.train_targets
    with torch.no_grad():
        noise = gp.likelihood.noise_covar.variances(x)
        factor = torch.linalg.cholesky(kernel.forward(x, x) + torch.diag(noise))
        residual = (y - gp.mean_module(x)).unsqueeze(-1)
        found = {}
        for number, name in enumerate(model.sources[1:], start=1):
            variance = kernel.offsets[number].square()
            shares = ((x[:, -3].long() == number) * variance).unsqueeze(-1)
            weights = torch.cholesky_solve(shares, factor)
            left = torch.clamp(variance - (shares * weights).sum(), min=0.0)
            found[name] = {
                "value": model.sign * model.scale * float((weights * residual).sum()),
                "uncertainty": model.scale * float(left.sqrt()),
            }
    return found

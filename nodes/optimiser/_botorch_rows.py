"""From observations to the models of the objectives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from nodes.optimiser._botorch_model import Model, Row
from nodes.optimiser._problem import Problem
from nodes.optimiser._strategy import Observation

TARGET: Final = 0
"""Number of the target among the fidelities."""


def fidelity_names(problem: Problem) -> tuple[str, ...]:
    """Return the names of the fidelities by number: the target's, empty, is first."""
    return ("", *(fidelity.name for fidelity in problem.fidelities))


def fit(problem: Problem, observations: Sequence[Observation]) -> list[Model]:
    """Return the fitted model of each objective.

    A value of a fidelity that brings no uncertainty gets the fidelity's ``relative_noise``.
    Observations of fidelities the problem does not know teach nothing.

    Args:
        problem: Of the campaign.
        observations: At least one of a known fidelity.
    """
    names = fidelity_names(problem)
    biases = tuple(problem.fidelity(name).relative_offset for name in names)
    noises = [problem.fidelity(name).relative_noise for name in names]
    models = []
    for place, objective in enumerate(problem.objectives):
        rows = []
        for each in observations:
            if each.fidelity not in names:
                continue
            number = names.index(each.fidelity)
            value = each.values[place]
            given = each.uncertainties[place] or noises[number] * abs(value)
            rows.append(Row(each.point, number, each.source, value, given, each.offset_of(place)))
        models.append(Model(problem.space, rows, objective.sign, biases))
    return models


def noises(
    problem: Problem, model: Model, observations: Sequence[Observation], place: int
) -> list[float]:
    """Return the variance one more measurement of objective ``place`` would have, standardised.

    One per fidelity: what was learned, plus the mean of the variances given so far
    (``relative_noise`` while there are none).
    """
    found = []
    for number, name in enumerate(fidelity_names(problem)):
        given = [
            each.uncertainties[place]
            for each in observations
            if not each.source and each.fidelity == name and each.uncertainties[place]
        ]
        if not given:
            given = [problem.fidelity(name).relative_noise * abs(model.shift)]
        variance = float(np.mean(np.square(sorted(given)))) / model.scale**2
        found.append(variance + model.noise(number))
    return found

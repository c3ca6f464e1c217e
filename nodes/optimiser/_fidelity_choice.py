"""By what to measure next: the information per cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nodes.optimiser._candidates import SAME
from nodes.optimiser._problem import Fidelity, Problem
from nodes.optimiser._space import Point, Space
from nodes.optimiser._strategy import Observation, Suggestion
from nodes.optimiser._surrogate import Surrogate


def start_fidelity(fidelities: Sequence[Fidelity], index: int) -> str:
    """Return the fidelity of a point of the start: the target and the others in turn."""
    names = ["", *(fidelity.name for fidelity in fidelities)]
    return names[index % len(names)]


def choose_fidelity(
    problem: Problem,
    model: Surrogate,
    point: Point,
    observations: Sequence[Observation],
    waiting: Sequence[Suggestion],
    number: int,
    target_every: int,
) -> str:
    """Return by what to measure at ``point``.

    The one whose value there tells most of the target's truth there, in nats per cost (the order
    of Huang, Allen, Notz, Miller, Struct. Multidisc. Optim. 32 (2006) 369, DOI
    10.1007/s00158-005-0587-0: first where, then by what, by the correlation with the target, the
    noise and the ratio of costs). The target where it was asked less often than once in
    ``target_every`` requests, and where every other has a value there already.

    Args:
        problem: With its fidelities.
        model: Of the objective.
        point: Where.
        observations: Everything told.
        waiting: What is under way.
        number: Of the requests so far.
        target_every: As above.
    """
    if not problem.fidelities:
        return ""
    asked = [(o.point, o.fidelity) for o in observations if not o.source]
    pending = [(s.point, s.fidelity) for s in waiting]
    at_target = sum(not fidelity for _, fidelity in [*asked, *pending])
    if at_target < (number + 1) // target_every:
        return ""
    best, most = "", model.information(point, problem.fidelity(""), pending)
    for fidelity in problem.fidelities:
        there = [p for p, name in [*asked, *pending] if name == fidelity.name]
        if _near(problem.space, point, there):
            continue
        gain = model.information(point, fidelity, pending) / fidelity.cost
        if gain > most:
            best, most = fidelity.name, gain
    return best


def _near(space: Space, point: Point, others: Sequence[Point]) -> bool:
    if not others:
        return False
    gaps = np.abs(space.normalise(others) - space.normalise([point])).max(axis=1)
    return bool((gaps <= SAME).any())

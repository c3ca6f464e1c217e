"""The heavy strategy: BoTorch's models and acquisition functions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from messages.model import JsonObject
from nodes.optimiser._botorch_design import Design
from nodes.optimiser._botorch_model import Model
from nodes.optimiser._botorch_propose import Proposal
from nodes.optimiser._botorch_rows import fidelity_names, fit
from nodes.optimiser._botorch_scope import scope
from nodes.optimiser._botorch_state import describe
from nodes.optimiser._candidates import Candidates
from nodes.optimiser._pareto import compromise, undominated
from nodes.optimiser._problem import Problem
from nodes.optimiser._space import Floats, Point
from nodes.optimiser._strategy import Observation, Recommendation, Suggestion


class BoTorchStrategy:
    """Models all observations and proposes what is worth its cost.

    It begins with `Design`. Then, with one objective at one fidelity, it maximises noisy expected
    improvement; with several objectives, noisy expected hypervolume improvement; with several
    fidelities it sets that, at the target, against what the others teach about the target per unit
    of cost. What is pending counts as measured with a value yet unknown.

    With several fidelities, ``expected_improvement`` of a suggestion is that of the best
    measurement at the target, whichever is suggested: what is left to gain.

    Args:
        problem: Where to search, and for what.
        start: Observations before the model decides; by default as many as `Design` has.
        target_every: Of so many requests at least one is at the target: for budgets that count
            requests. None leaves it to the costs alone.
    """

    def __init__(
        self, problem: Problem, *, start: int | None = None, target_every: int | None = None
    ) -> None:
        self._problem = problem
        self._names = fidelity_names(problem)
        self._signs = np.array([objective.sign for objective in problem.objectives])
        self._candidates = Candidates(problem.space, problem.constraints, problem.seed)
        self._design = Design(problem)
        self._start = self._design.size if start is None else max(1, start)
        self._target_every = target_every
        self._observations: list[Observation] = []
        self._models: list[Model] = []

    def tell(self, observations: Sequence[Observation]) -> None:
        """See `Strategy.tell`. Observations of fidelities the problem lacks teach nothing."""
        self._observations.extend(o for o in observations if o.fidelity in self._names)
        self._models = []

    def exclude(self, point: Point, radius: float = 0.0) -> None:
        """See `Strategy.exclude`."""
        self._candidates.exclude(point, radius)

    def ask(self, n: int, pending: Sequence[Suggestion], number: int) -> list[Suggestion]:
        """See `Strategy.ask`. Some 0.5 s a point on one core, more with several objectives."""
        waiting = list(pending)
        found: list[Suggestion] = []
        for index in range(number, number + n):
            suggestion = self._next(waiting, index)
            found.append(suggestion)
            waiting.append(suggestion)
        return found

    def best(self) -> Recommendation | None:
        """See `Strategy.best`: by posterior mean among the measured points, never beyond them."""
        front = self.front()
        return front[compromise(self._signed(front))] if front else None

    def front(self) -> list[Recommendation]:
        """See `Strategy.front`."""
        own = sorted(o for o in self._observations if o.own)
        if not own:
            return []
        with scope(self._problem.seed):
            there = [model.at([o.point for o in own]) for model in self.models()]
        means = np.stack([each.mean for each in there], axis=1)
        deviations = np.stack([each.deviation for each in there], axis=1)
        kept = np.flatnonzero(undominated(self._signs * means))
        # Several measurements of one point share a mean; the first stands for all.
        places = {own[place].point: place for place in reversed(kept.tolist())}
        found = [
            Recommendation(
                own[place], tuple(means[place].tolist()), tuple(deviations[place].tolist())
            )
            for place in sorted(places.values())
        ]
        return sorted(found, key=lambda each: -self._signs[0] * each.mean[0])

    def state(self) -> JsonObject:
        """See `Strategy.state`; the keys are those of `describe`."""
        if len(self._observations) < self._start:
            return {}
        with scope(self._problem.seed):
            return describe(self._problem, self.models())

    def models(self) -> list[Model]:
        """Return the model of each objective. There must be an observation."""
        if not self._models:
            with scope(self._problem.seed):
                self._models = fit(self._problem, self._observations)
        return self._models

    def _next(self, waiting: list[Suggestion], index: int) -> Suggestion:
        if len(self._observations) < self._start:
            taken = {
                name: [
                    *(o.point for o in self._observations if not o.source and o.fidelity == name),
                    *(s.point for s in waiting if s.fidelity == name),
                ]
                for name in self._names
            }
            return self._design.next(self._candidates, taken, index)
        seed = int(self._candidates.random(9, index).integers(2**31))
        with scope(seed):
            return Proposal(
                self._problem,
                self.models(),
                self._observations,
                self._candidates,
                waiting,
                index,
                self._target_every,
            ).make()

    def _signed(self, found: Sequence[Recommendation]) -> Floats:
        return np.asarray(self._signs * np.array([each.mean for each in found]))

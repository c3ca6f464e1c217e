"""The default strategy: Gaussian processes and noisy expected improvement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from messages.model import JsonObject
from nodes.optimiser._acquisition import expected_improvement, normal_draws
from nodes.optimiser._candidates import Candidates
from nodes.optimiser._fidelity_choice import choose_fidelity, start_fidelity
from nodes.optimiser._hypervolume import hypervolume_draws, hypervolume_improvement
from nodes.optimiser._pareto import compromise, undominated
from nodes.optimiser._problem import Problem
from nodes.optimiser._space import Floats, Point
from nodes.optimiser._strategy import Observation, Recommendation, Suggestion
from nodes.optimiser._surrogate import Surrogate

_CANDIDATES = 512
_REFINED = 4
_RADII = (0.08, 0.02, 0.005)


class GaussianProcessStrategy:
    """Models all observations and proposes where the own best is most likely to be beaten.

    It begins with a scrambled Sobol sequence until ``start`` observations are known (literature
    counts), then maximises noisy expected improvement (of several objectives: of the hypervolume)
    over Sobol points and, in shrinking boxes, around the best of them. Of several fidelities it
    then takes the one that tells most of the target's truth at that point for its cost.

    Args:
        problem: Where to search, and for what.
        start: Observations before the model decides; by default 2 * dimensions + 1.
        target_every: Of so many requests at least one is at the target.
    """

    def __init__(
        self, problem: Problem, *, start: int | None = None, target_every: int = 3
    ) -> None:
        self._problem = problem
        self._space = problem.space
        self._signs = np.array([objective.sign for objective in problem.objectives])
        self._candidates = Candidates(problem.space, problem.constraints, problem.seed)
        self._start = 2 * self._space.size + 1 if start is None else max(1, start)
        self._target_every = target_every
        self._observations: list[Observation] = []
        self._models: tuple[Surrogate, ...] = ()

    def tell(self, observations: Sequence[Observation]) -> None:
        """See `Strategy.tell`."""
        self._observations.extend(observations)
        self._models = ()

    def exclude(self, point: Point, radius: float = 0.0) -> None:
        """See `Strategy.exclude`."""
        self._candidates.exclude(point, radius)

    def ask(self, n: int, pending: Sequence[Suggestion], number: int) -> list[Suggestion]:
        """See `Strategy.ask`. Some 0.1 s a point on one core."""
        waiting = list(pending)
        found: list[Suggestion] = []
        for index in range(number, number + n):
            if len(self._observations) < self._start:
                fidelity = start_fidelity(self._problem.fidelities, index)
                taken = [s.point for s in waiting]
                taken += [o.point for o in self._observations if not o.source]
                point = self._candidates.start(taken, skip=index)
                suggestion = Suggestion(point, fidelity)
            else:
                # Matrices of this size are slower, and not reproducible, on several BLAS threads.
                with _threads().limit(limits=1):
                    suggestion = self._improve(waiting, index)
            found.append(suggestion)
            waiting.append(suggestion)
        return found

    def best(self) -> Recommendation | None:
        """See `Strategy.best`: by posterior mean among the measured points, never beyond them."""
        front = self.front()
        if not front:
            return None
        return front[compromise(np.array([r.mean for r in front]) * self._signs)]

    def front(self) -> list[Recommendation]:
        """See `Strategy.front`."""
        own = sorted(o for o in self._observations if o.own)
        if not own:
            return []
        with _threads().limit(limits=1):
            there = [model.at([o.point for o in own]) for model in self.models()]
        mean = np.stack([p.mean for p in there], axis=1)
        deviation = np.stack([p.deviation for p in there], axis=1)
        signed = mean * self._signs
        if len(self._signs) == 1:
            kept = [int(np.argmax(signed[:, 0]))]
        else:
            kept = [int(i) for i in np.flatnonzero(undominated(signed))]
            kept.sort(key=lambda i: -signed[i, 0])
        return [
            Recommendation(own[i], tuple(map(float, mean[i])), tuple(map(float, deviation[i])))
            for i in kept
        ]

    def model(self) -> Surrogate:
        """Return the model of the first objective; there must be an observation."""
        return self.models()[0]

    def models(self) -> tuple[Surrogate, ...]:
        """Return the models of everything told so far, one per objective."""
        if not self._models:
            self._models = tuple(
                Surrogate(self._space, self._observations, index, self._problem.fidelities)
                for index in range(len(self._signs))
            )
        return self._models

    def state(self) -> JsonObject:
        """See `Strategy.state`."""
        if len(self._observations) < self._start:
            return {}
        return {
            objective.name: model.hyperparameters
            for objective, model in zip(self._problem.objectives, self.models(), strict=True)
        }

    def _improve(self, waiting: list[Suggestion], index: int) -> Suggestion:
        models = self.models()
        at_target = [s.point for s in waiting if not s.fidelity]
        own = [o.point for o in self._observations if o.own]
        # In a fixed order, for sums of floats depend on it.
        known = sorted({*own, *at_target})
        score = self._scorer(models, known, index)
        points = self._candidates.fresh(self._candidates.sobol(_CANDIDATES, 3, index), known)
        if not len(points):
            return Suggestion(self._candidates.start(known, skip=index))
        scores = score(points)
        for step, radius in enumerate(_RADII):
            order = np.argsort(-scores, kind="stable")[:_REFINED]
            points, scores = points[order], scores[order]
            close = self._candidates.fresh(
                self._candidates.around(points, radius, 24, 4, index, step), known
            )
            if len(close):
                points = np.concatenate([points, close])
                scores = np.concatenate([scores, score(close)])
        top = int(np.argmax(scores))
        point = tuple(map(float, points[top]))
        there = [model.at(points[top : top + 1]) for model in models]
        return Suggestion(
            point,
            choose_fidelity(
                self._problem, models[0], point, self._observations, waiting, index,
                self._target_every,
            ),
            expected_improvement=float(scores[top]) if known else None,
            mean=tuple(float(p.mean[0]) for p in there),
            uncertainty=tuple(float(p.deviation[0]) for p in there),
        )  # fmt: skip

    def _scorer(
        self, models: tuple[Surrogate, ...], known: list[Point], index: int
    ) -> Callable[[Floats], Floats]:
        """Return what says how good candidates are."""
        random = self._candidates.random(2, index)
        if len(models) == 1:
            draws = normal_draws(len(known), random) if known else _NONE
            sign = float(self._signs[0])
            return lambda points: expected_improvement(models[0], points, known, draws, sign)
        if not known:
            # Nothing of its own to improve on: the mean of all, each scaled by its own spread.
            return lambda points: np.asarray(
                sum(
                    sign * (mean - mean.mean()) / (float(mean.std()) or 1.0)
                    for sign, mean in zip(
                        self._signs, (model.at(points).mean for model in models), strict=True
                    )
                )
            )
        several = hypervolume_draws(len(known), len(models), random)
        return lambda points: hypervolume_improvement(models, points, known, several, self._signs)


_NONE = np.empty((0, 0))


@cache
def _threads() -> ThreadpoolController:
    """Looking for the BLAS libraries takes milliseconds; once is enough."""
    return ThreadpoolController()

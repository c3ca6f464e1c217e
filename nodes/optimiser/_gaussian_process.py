"""The default strategy: a Gaussian process and noisy expected improvement."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from messages.model import JsonObject
from nodes.optimiser._acquisition import expected_improvement, normal_draws
from nodes.optimiser._candidates import Candidates
from nodes.optimiser._problem import Problem
from nodes.optimiser._space import Point
from nodes.optimiser._strategy import Observation, Recommendation, Suggestion
from nodes.optimiser._surrogate import Surrogate

_CANDIDATES = 512
_REFINED = 4
_RADII = (0.08, 0.02, 0.005)


class GaussianProcessStrategy:
    """Models all observations and proposes where the own best is most likely to be beaten.

    It begins with a scrambled Sobol sequence until ``start`` observations are known (literature
    counts), then maximises noisy expected improvement over Sobol points and, in shrinking boxes,
    around the best of them.

    Args:
        problem: Where to search, and for what.
        start: Observations before the model decides; by default 2 * dimensions + 1.
    """

    def __init__(self, problem: Problem, *, start: int | None = None) -> None:
        self._space = problem.space
        self._objective = problem.objective
        self._candidates = Candidates(problem.space, problem.constraints, problem.seed)
        self._start = 2 * self._space.size + 1 if start is None else max(1, start)
        self._observations: list[Observation] = []
        self._model: Surrogate | None = None

    def tell(self, observations: Sequence[Observation]) -> None:
        """See `Strategy.tell`."""
        self._observations.extend(observations)
        self._model = None

    def exclude(self, point: Point, radius: float = 0.0) -> None:
        """See `Strategy.exclude`."""
        self._candidates.exclude(point, radius)

    def ask(self, n: int, pending: Sequence[Suggestion], number: int) -> list[Suggestion]:
        """See `Strategy.ask`. Some 0.1 s a point on one core."""
        waiting = [p.point for p in pending]
        found: list[Suggestion] = []
        for index in range(number, number + n):
            if len(self._observations) < self._start:
                taken = [*self._own_points(), *waiting]
                suggestion = Suggestion(self._candidates.start(taken, skip=index))
            else:
                # Matrices of this size are slower, and not reproducible, on several BLAS threads.
                with _threads().limit(limits=1):
                    suggestion = self._improve(waiting, index)
            found.append(suggestion)
            waiting.append(suggestion.point)
        return found

    def best(self) -> Recommendation | None:
        """See `Strategy.best`: by posterior mean among the measured points, never beyond them."""
        own = sorted(o for o in self._observations if o.own)
        if not own:
            return None
        with _threads().limit(limits=1):
            there = self.model().at([o.point for o in own])
        index = int(np.argmax(self._objective.sign * there.mean))
        return Recommendation(
            own[index], (float(there.mean[index]),), (float(there.deviation[index]),)
        )

    def front(self) -> list[Recommendation]:
        """See `Strategy.front`."""
        best = self.best()
        return [] if best is None else [best]

    def state(self) -> JsonObject:
        """See `Strategy.state`."""
        if self._model is None:
            return {}
        return {"length_scales": [*map(float, self._model.lengths)], "noise": self._model.noise}

    def model(self) -> Surrogate:
        """Return the model of everything told so far. There must be an observation."""
        if self._model is None:
            self._model = Surrogate(self._space, self._observations)
        return self._model

    def _improve(self, waiting: list[Point], index: int) -> Suggestion:
        model = self.model()
        # In a fixed order, for sums of floats depend on it.
        known = sorted({*self._own_points(), *waiting})
        draws = normal_draws(len(known), self._candidates.random(2, index)) if known else _NONE
        sign = self._objective.sign
        points = self._candidates.fresh(self._candidates.sobol(_CANDIDATES, 3, index), known)
        if not len(points):
            return Suggestion(self._candidates.start(known, skip=index))
        scores = expected_improvement(model, points, known, draws, sign)
        for step, radius in enumerate(_RADII):
            order = np.argsort(-scores, kind="stable")[:_REFINED]
            points, scores = points[order], scores[order]
            close = self._candidates.fresh(
                self._candidates.around(points, radius, 24, 4, index, step), known
            )
            if len(close):
                points = np.concatenate([points, close])
                scores = np.concatenate(
                    [scores, expected_improvement(model, close, known, draws, sign)]
                )
        top = int(np.argmax(scores))
        there = model.at(points[top : top + 1])
        return Suggestion(
            tuple(map(float, points[top])),
            expected_improvement=float(scores[top]) if known else None,
            mean=(float(there.mean[0]),),
            uncertainty=(float(there.deviation[0]),),
        )

    def _own_points(self) -> list[Point]:
        return [o.point for o in self._observations if o.own]


_NONE = np.empty((0, 0))


@cache
def _threads() -> ThreadpoolController:
    """Looking for the BLAS libraries takes milliseconds; once is enough."""
    return ThreadpoolController()

"""The baseline every strategy has to beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from messages.model import JsonObject
from nodes.optimiser._candidates import Candidates
from nodes.optimiser._pareto import compromise, undominated
from nodes.optimiser._problem import Problem
from nodes.optimiser._space import Point
from nodes.optimiser._strategy import Observation, Recommendation, Suggestion


class RandomStrategy:
    """Proposes uniformly distributed feasible points and learns nothing.

    It measures at the target alone.

    Args:
        problem: Where to search, and for what.
    """

    def __init__(self, problem: Problem) -> None:
        self._signs = np.array([objective.sign for objective in problem.objectives])
        self._candidates = Candidates(problem.space, problem.constraints, problem.seed)
        self._own: list[Observation] = []

    def tell(self, observations: Sequence[Observation]) -> None:
        """See `Strategy.tell`. Foreign observations are of no use to it."""
        self._own.extend(o for o in observations if o.own)

    def exclude(self, point: Point, radius: float = 0.0) -> None:
        """See `Strategy.exclude`."""
        self._candidates.exclude(point, radius)

    def ask(self, n: int, pending: Sequence[Suggestion], number: int) -> list[Suggestion]:
        """See `Strategy.ask`."""
        taken = [*(o.point for o in self._own), *(p.point for p in pending)]
        found: list[Suggestion] = []
        for index in range(number, number + n):
            unit = self._candidates.random(1, index).random((4096, self._candidates.space.size))
            points = self._candidates.space.denormalise(unit)
            fresh = self._candidates.fresh(points, taken)
            point = (
                tuple(map(float, fresh[0]))
                if len(fresh)
                else self._candidates.start(taken, skip=index)
            )
            taken.append(point)
            found.append(Suggestion(point))
        return found

    def best(self) -> Recommendation | None:
        """See `Strategy.best`; without a model single values decide."""
        front = self.front()
        if not front:
            return None
        return front[compromise(np.array([r.mean for r in front]) * self._signs)]

    def front(self) -> list[Recommendation]:
        """See `Strategy.front`; without a model single values decide."""
        if not self._own:
            return []
        rows = sorted(self._own, reverse=True)
        signed = np.array([o.values for o in rows]) * self._signs
        kept = [o for o, stays in zip(rows, undominated(signed), strict=True) if stays]
        kept.sort(key=lambda o: self._signs[0] * o.value, reverse=True)
        kept = kept[:1] if len(self._signs) == 1 else kept
        return [Recommendation(o, o.values, o.uncertainties) for o in kept]

    def state(self) -> JsonObject:
        """See `Strategy.state`: there is none."""
        return {}

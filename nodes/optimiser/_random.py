"""The baseline every strategy has to beat."""

from __future__ import annotations

from collections.abc import Sequence

from nodes.optimiser._candidates import Candidates
from nodes.optimiser._constraint import Constraint
from nodes.optimiser._space import Point, Space
from nodes.optimiser._strategy import Objective, Observation, Suggestion


class RandomStrategy:
    """Proposes uniformly distributed feasible points and learns nothing.

    Args:
        space: Where to search.
        objective: What is better.
        constraints: What of the space can be made.
        seed: Of every random number.
    """

    def __init__(
        self,
        space: Space,
        objective: Objective,
        *,
        constraints: tuple[Constraint, ...] = (),
        seed: int = 0,
    ) -> None:
        self._objective = objective
        self._candidates = Candidates(space, constraints, seed)
        self._own: list[Observation] = []

    def tell(self, observations: Sequence[Observation]) -> None:
        """See `Strategy.tell`. Foreign observations are of no use to it."""
        self._own.extend(o for o in observations if not o.source)

    def exclude(self, point: Point, radius: float = 0.0) -> None:
        """See `Strategy.exclude`."""
        self._candidates.exclude(point, radius)

    def ask(self, n: int, pending: Sequence[Point], number: int) -> list[Suggestion]:
        """See `Strategy.ask`."""
        taken = [*(o.point for o in self._own), *pending]
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

    def best(self) -> tuple[Observation, float, float] | None:
        """See `Strategy.best`; without a model it is the best single value."""
        if not self._own:
            return None
        top = max(self._own, key=lambda o: (self._objective.sign * o.value, o))
        return top, top.value, top.uncertainty

"""What is measured before there is a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nodes.optimiser._candidates import Candidates
from nodes.optimiser._problem import Problem
from nodes.optimiser._space import Point
from nodes.optimiser._strategy import Suggestion


class Design:
    """Points of the campaign's Sobol sequence, and by which fidelity each is measured.

    With the target alone: 2 * dimensions + 1 points. With more fidelities the designs are nested,
    for nothing else tells a fidelity's error from the function: the first dimensions + 1 points
    are measured by all, the cheapest first, the other ones by the cheapest alone.

    Args:
        problem: Of the campaign.

    Attributes:
        size: How many measurements it has.
    """

    def __init__(self, problem: Problem) -> None:
        costs = {fidelity.name: fidelity.cost for fidelity in problem.fidelities} | {"": 1.0}
        self._fidelities = sorted(costs, key=lambda name: (costs[name], name))
        points, shared = 2 * problem.space.size + 1, problem.space.size + 1
        self._by = [self._fidelities if k < shared else self._fidelities[:1] for k in range(points)]
        self.size = sum(len(names) for names in self._by)

    def next(
        self, candidates: Candidates, taken: Mapping[str, Sequence[Point]], index: int
    ) -> Suggestion:
        """Return the first measurement of the design that was not made yet.

        Args:
            candidates: Of the campaign.
            taken: Points measured or pending, by fidelity.
            index: Number of the proposal; where to go on when the design is through.

        Raises:
            SpaceExhaustedError: The space holds no further point.
        """
        if len(self._fidelities) == 1:
            return Suggestion(candidates.start(taken[""], skip=index))
        sequence: list[Point] = []
        for names in self._by:
            sequence.append(candidates.start(sequence, skip=0))
            for name in names:
                if sequence[-1] not in taken[name]:
                    return Suggestion(sequence[-1], name)
        cheapest = self._fidelities[0]
        return Suggestion(candidates.start([*taken[cheapest], *sequence], skip=index), cheapest)

"""One proposal of the heavy strategy, once there are models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from nodes.optimiser._botorch_fidelity import Knowledge, Pending, squared_correlation
from nodes.optimiser._botorch_model import Model
from nodes.optimiser._botorch_pareto import Hypervolume, means_at, together
from nodes.optimiser._botorch_rows import TARGET, fidelity_names, noises
from nodes.optimiser._botorch_search import Search
from nodes.optimiser._botorch_single import improvement, promise
from nodes.optimiser._candidates import Candidates
from nodes.optimiser._problem import Problem
from nodes.optimiser._space import Floats, Point
from nodes.optimiser._strategy import Observation, Suggestion

_ANCHORS: Final = 3
_ARMS: Final = 128
_LOOKS: Final = 128
_RADII: Final = (0.08, 0.02)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a proposal is made from. Call within `scope`.

    Attributes:
        problem: Of the campaign.
        models: One per objective.
        observations: All that was told.
        candidates: Of the campaign.
        waiting: What is pending.
        index: Number of the proposal.
        target_every: Of so many requests at least one is at the target; None leaves that to costs.
    """

    problem: Problem
    models: Sequence[Model]
    observations: Sequence[Observation]
    candidates: Candidates
    waiting: Sequence[Suggestion]
    index: int
    target_every: int | None

    def make(self) -> Suggestion:
        """Return what to measure next.

        Raises:
            SpaceExhaustedError: The space holds no further point.
        """
        own = sorted({each.point for each in self.observations if each.own})
        search = Search(self.candidates, self.taken(""), self._anchors(own), self.index)
        if not len(search.points):
            return self._elsewhere()
        point, gain = self._at_target(search, own)
        fidelity = ""
        if self.problem.fidelities and not self._target_due():
            if len(self.models) == 1:
                point, fidelity = self._cheaper(point, gain, own)
            else:
                fidelity = self._worth_most(point)
        return self._suggest(point, fidelity, gain)

    def taken(self, fidelity: str) -> list[Point]:
        """Return the points measured or pending at ``fidelity``, each once, in order."""
        seen = [o.point for o in self.observations if not o.source and o.fidelity == fidelity]
        return sorted({*seen, *(s.point for s in self.waiting if s.fidelity == fidelity)})

    def _target_due(self) -> bool:
        if self.target_every is None:
            return False
        asked = sum(o.own for o in self.observations) + sum(not s.fidelity for s in self.waiting)
        return asked < (self.index + 1) // self.target_every

    def _at_target(self, search: Search, own: Sequence[Point]) -> tuple[Point, float | None]:
        """Return what to measure were there the target alone, and what that promises."""
        pending = sorted({s.point for s in self.waiting if s.fidelity == ""})
        seed = int(self.candidates.random(5, self.index).integers(2**31))
        first = self.models[0]
        if len(self.models) == 1:
            point = search.greatest(improvement(first, own, pending, seed), first.inputs)
            known = self.taken("") if own else []
            return point, promise(first, point, known, self.candidates, self.index)
        if not own:
            return search.greatest(together(self.models), first.inputs), None
        looks = self.candidates.fresh(self.candidates.sobol(_LOOKS, 7, self.index), ())
        volume = Hypervolume(self.models, own, pending, looks, seed)
        point = search.greatest(volume.function, first.inputs)
        return point, volume.promise(point)

    def _cheaper(self, point: Point, gain: float | None, own: Sequence[Point]) -> tuple[Point, str]:
        """Return the measurement of greatest worth per cost; ``point`` at the target, or another.

        The worth of the target is its expected improvement (there, what is measured can also be
        recommended), that of another fidelity its knowledge gradient.
        """
        model = self.models[0]
        variances = noises(self.problem, model, self.observations, 0)
        arms = self._arms(point, own)
        knowledge = Knowledge(model, arms, self._pending(), variances)
        best = (point, "")
        worth = gain if gain is not None else float(knowledge.gains(np.array([point]), TARGET)[0])
        for number, fidelity in enumerate(self.problem.fidelities, start=1):
            found = self._most_taught(knowledge, number, arms)
            if found is not None and found[1] / fidelity.cost > worth:
                worth = found[1] / fidelity.cost
                best = (found[0], fidelity.name)
        return best

    def _most_taught(
        self, knowledge: Knowledge, number: int, arms: Floats
    ) -> tuple[Point, float] | None:
        """Return where fidelity ``number`` teaches most, and how much; None if nothing is left."""
        taken = self.taken(fidelity_names(self.problem)[number])
        points = self.candidates.fresh(arms, taken)
        if not len(points):
            return None
        gains = knowledge.gains(points, number)
        for step, radius in enumerate(_RADII):
            top = points[int(np.argmax(gains))][None]
            near = self.candidates.around(top, radius, 32, 6, self.index, number, step)
            near = self.candidates.fresh(near, taken)
            if len(near):
                points = np.concatenate([points, near])
                gains = np.concatenate([gains, knowledge.gains(near, number)])
        place = int(np.argmax(gains))
        return _point(points[place]), float(gains[place])

    def _worth_most(self, point: Point) -> str:
        """Return the fidelity that removes most of the target's variance at ``point`` per cost."""
        shares = dict.fromkeys(fidelity_names(self.problem), 0.0)
        for place, model in enumerate(self.models):
            variances = noises(self.problem, model, self.observations, place)
            for number, name in enumerate(shares):
                share = squared_correlation(model, point, number, variances[number])
                shares[name] += share / self.problem.fidelity(name).cost
        for name in shares:
            if name and not len(self.candidates.fresh(np.array([point]), self.taken(name))):
                shares[name] = 0.0
        return max(shares, key=lambda name: (shares[name], name))

    def _arms(self, point: Point, own: Sequence[Point]) -> Floats:
        """Return what might be chosen in the end: Sobol points, measured ones, and ``point``."""
        looks = self.candidates.fresh(self.candidates.sobol(_ARMS, 7, self.index), ())
        centres = np.array([point, *self._anchors(own)])
        near = [
            self.candidates.around(centres, r, 8, 8, self.index, i) for i, r in enumerate(_RADII)
        ]
        near.append(centres)
        return np.concatenate([looks, self.candidates.fresh(np.concatenate(near), ())])

    def _anchors(self, own: Sequence[Point]) -> list[Point]:
        """Return the measured points of the greatest posterior means."""
        if not own:
            return []
        total = means_at(self.models, own)
        order = np.argsort(-total, axis=0, kind="stable")[:_ANCHORS]
        return [own[place] for place in dict.fromkeys(order.flatten().tolist())]

    def _pending(self) -> list[Pending]:
        names = fidelity_names(self.problem)
        found = {(s.point, names.index(s.fidelity)) for s in self.waiting}
        return [Pending(*each) for each in sorted(found)]

    def _elsewhere(self) -> Suggestion:
        """Return what is left where no point looked at is fresh at the target."""
        for name in fidelity_names(self.problem):
            taken = self.taken(name)
            looks = self.candidates.fresh(self.candidates.sobol(_LOOKS, 0), taken)
            if len(looks):
                return self._suggest(_point(looks[0]), name, None)
        return self._suggest(self.candidates.start(self.taken(""), skip=self.index), "", None)

    def _suggest(self, point: Point, fidelity: str, gain: float | None) -> Suggestion:
        there = [model.at([point]) for model in self.models]
        return Suggestion(
            point,
            fidelity,
            expected_improvement=gain,
            mean=tuple(float(each.mean[0]) for each in there),
            uncertainty=tuple(float(each.deviation[0]) for each in there),
        )


def _point(row: Floats) -> Point:
    return tuple(map(float, row))

"""The campaign: ask, submit, wait, tell, until it is enough."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias
from uuid import NAMESPACE_URL, UUID, uuid5

from messages.campaign import CampaignProposal
from messages.errors import LabmeshError, RefusedError
from messages.ledger import FINAL, Status
from messages.query import RequestView
from nodes.optimiser._campaign_file import CampaignFile
from nodes.optimiser._lab import CampaignLab, Ending, Reporter
from nodes.optimiser._measurement import Measurement
from nodes.optimiser._nearest import nearest_named
from nodes.optimiser._numbers import measured, readable, with_unit
from nodes.optimiser._proposal import (
    knew,
    proposal_of,
    recipe_of,
    record_proposal,
    recorded_proposals,
)
from nodes.optimiser._route import routes_of
from nodes.optimiser._space import Point, Space
from nodes.optimiser._stop import StopRule
from nodes.optimiser._strategy import Observation, Strategy, Suggestion

Origin: TypeAlias = Literal["start", "model", "recommended"]

_REFUSALS: Final = 25
_FAILURES: Final = 5
_OFFER_POLL: Final = 2.0
_CAUTION: Final = 0.7
_WHY: Final = {
    "start": "spread over the space",
    "model": "the model's proposal",
    "recommended": "the nearest feasible one",
}


class CampaignError(LabmeshError):
    """The campaign cannot go on without a person."""


@dataclass(frozen=True, slots=True)
class CampaignOutcome:
    """What a campaign has done, since its first request, in whatever number of processes.

    Attributes:
        measurements: Requests that have ended, by number.
        begun: Stamp (experiment time, ns) of the first request, or 0.
        begun_wall: Wall time (ns) of the first request at the ledger, or 0.
        stopped: Why it is over.
    """

    measurements: tuple[Measurement, ...]
    begun: int
    begun_wall: int
    stopped: str


class Campaign:
    """Runs one campaign against a laboratory, or goes on with it.

    The ledger is its only memory: it reads back what was asked and answered before, waits for
    what is still under way, and proposes what it would have proposed had it never stopped (for
    one request at a time and for rounds of a ``batch``; with several in ``parallel``, the order of
    answers decides, as it does in the lab). Each proposal is in the ledger before its request.

    Args:
        name: Of the campaign in the ledger; what it resumes by.
        plan: The campaign file.
        space: Of the plan.
        strategy: Proposes; has been told what is known before the first measurement.
        lab: The laboratory.
        reporter: Hears about progress.
        author: Who asks; part of the identity of requests.
        prior: What the strategy was told; part of what proposals say they rest on.
        decided: Called with every proposal before its request is submitted.
        seed: Of the strategy's random numbers, for the record.
    """

    def __init__(
        self,
        name: str,
        plan: CampaignFile,
        *,
        space: Space,
        strategy: Strategy,
        lab: CampaignLab,
        reporter: Reporter,
        author: str,
        prior: Sequence[Observation] = (),
        decided: Callable[[CampaignProposal], None] = lambda _proposal: None,
        seed: int = 0,
    ) -> None:
        self._seed = seed
        self._name = name
        self._plan = plan
        self._space = space
        self._strategy = strategy
        self._lab = lab
        self._reporter = reporter
        self._author = author
        self._decided = decided
        self._routes = routes_of(plan)
        self._stop = StopRule(plan.stop)
        self._ended: dict[int, Measurement] = {}
        self._pending: dict[int, tuple[UUID, Suggestion]] = {}
        self._told = list(prior)
        self._excluded: list[Point] = []
        # Poor fidelities that had nothing to say of a point; the point itself may be good.
        self._silent: list[Suggestion] = []
        self._refused: list[Point] = []
        self._failures = 0
        self._hint: Suggestion | None = None
        self._verdict = ""
        self._last_refusal = ""

    async def run(self) -> CampaignOutcome:
        """Run until the budget is spent or the stop rule says so.

        Raises:
            CampaignError: Everything is refused or fails; run it again when that is mended.
            SpaceExhaustedError: There is nothing left to measure.
        """
        waiting = await self._resume()
        try:
            stopped = await self._loop(waiting)
        finally:
            for task in waiting:
                task.cancel()
        first = next((view for view, _ in await self._requests()), None)
        return CampaignOutcome(
            tuple(self._ended[number] for number in sorted(self._ended)),
            begun=first.stamp if first else 0,
            begun_wall=first.load_time if first else 0,
            stopped=stopped,
        )

    async def _loop(self, waiting: dict[asyncio.Task[Ending], int]) -> str:
        batch = self._plan.batch
        side_by_side = batch or self._plan.parallel
        # A round is learned from as a whole, so that the order of its answers does not matter.
        when = asyncio.ALL_COMPLETED if batch else asyncio.FIRST_COMPLETED
        while True:
            stopped = ""
            while not stopped and len(waiting) < side_by_side:
                stopped = await self._next(waiting)
            if not waiting:
                return stopped
            done, _ = await asyncio.wait(waiting, return_when=when)
            for task in sorted(done, key=lambda t: waiting[t]):
                await self._learn(waiting.pop(task), task.result())

    async def _next(self, waiting: dict[asyncio.Task[Ending], int]) -> str:
        """Submit one more request, or return why there shall be none."""
        number = len(self._ended) + len(self._pending)
        if number >= self._plan.budget:
            return f"the budget of {self._plan.budget} measurements is spent"
        for _ in range(_REFUSALS):
            hint, self._hint = self._hint, None
            suggestion = self._propose(number) if hint is None else hint
            if suggestion is None:
                return self._verdict
            origin: Origin = "start" if suggestion.mean is None else "model"
            origin = origin if hint is None else "recommended"
            if await self._submit(number + 1, suggestion, origin, waiting):
                return ""
        raise CampaignError(
            f"{_REFUSALS} proposals were refused one after another, the last at "
            f"{self._space.describe(self._refused[-1])}: {self._last_refusal}",
            where=self._capability,
            remedy="bring the campaign's space and constraints in line with what can be made",
        )

    def _propose(self, number: int) -> Suggestion | None:
        """Return what to measure next, or None where `_verdict` says why nothing."""
        suggestion = self._strategy.ask(1, self._under_way(), number)[0]
        self._stop.take(suggestion.expected_improvement)
        lessons = sum(m.at_target for m in self._ended.values())
        several = len(self._plan.objectives) > 1
        unit = "of the hypervolume" if several else self._plan.objective.unit
        self._verdict = self._stop.verdict(lessons, unit)
        return None if self._verdict else suggestion

    def _under_way(self) -> list[Suggestion]:
        return [*(suggestion for _, suggestion in self._pending.values()), *self._silent]

    async def _submit(
        self,
        number: int,
        suggestion: Suggestion,
        origin: Origin,
        waiting: dict[asyncio.Task[Ending], int],
    ) -> bool:
        """Submit a request for a point; False where it was refused and learned from."""
        # The same proposal after a crash is the same request, whatever had become of it.
        route = self._routes[suggestion.fidelity]
        parameters = route.encoding.parameters(suggestion.point)
        words: list[Any] = [self._author, self._name, number, parameters]
        if suggestion.fidelity:
            words.append(suggestion.fidelity)
        text = json.dumps(words, sort_keys=True)
        request = uuid5(NAMESPACE_URL, f"labmesh:campaign:{text}")
        proposal = proposal_of(
            number, request, suggestion, origin, self._space,
            knew(self._told, self._under_way(), self._excluded),
            # A model may have been fitted for other ends; only one that decided is on record.
            self._strategy.state() if origin == "model" else {},
        )  # fmt: skip
        self._decided(proposal)
        await record_proposal(
            proposal, self._name, self._lab, self._reporter,
            recipe=recipe_of(proposal, self._plan.strategy, self._seed),
            simulated=any(m.lesson and m.simulated for m in self._ended.values()),
        )  # fmt: skip
        said = False
        while True:
            try:
                await self._lab.submit(
                    route.quantity,
                    route.method,
                    parameters,
                    campaign=self._name,
                    priority=self._plan.priority,
                    attempts=self._plan.attempts,
                    id=request,
                )
                break
            except RefusedError as error:
                if await self._lab.offered(route.quantity, route.method):
                    self._refuse(suggestion, str(error))
                    return False
                if not said:
                    self._reporter.warn(
                        f"waiting for a node that offers {route.quantity}/{route.method}",
                        refusal=str(error),
                    )
                    said = True
                await asyncio.sleep(_OFFER_POLL)
        self._wait_for(number, request, suggestion, waiting)
        place = self._space.describe(suggestion.point) + _by(suggestion.fidelity)
        self._reporter.say(f"asked {number}/{self._plan.budget}: {place} ({_WHY[origin]})")
        return True

    def _refuse(self, suggestion: Suggestion, reason: str) -> None:
        self._refused.append(suggestion.point)
        self._last_refusal = reason
        place = self._space.describe(suggestion.point)
        self._reporter.warn(f"refused: {place}{_by(suggestion.fidelity)}", reason=reason)
        self._rule_out(suggestion, reason)

    def _rule_out(self, suggestion: Suggestion, reason: str) -> None:
        """Learn that a point cannot be made, and try what ``reason`` recommends instead.

        Where a nearest feasible point is named, nothing nearer can be made either. What a poor
        fidelity cannot do says nothing of the point.
        """
        if suggestion.fidelity:
            self._silent.append(suggestion)
            return
        point = suggestion.point
        self._excluded.append(point)
        nearest = nearest_named(reason, self._space)
        if nearest is None:
            self._strategy.exclude(point)
            return
        unit = self._space.normalise([point, nearest])
        # "Near" was measured in other coordinates than the unit cube's, hence the caution.
        self._strategy.exclude(point, _CAUTION * math.dist(unit[0], unit[1]))
        hint = self._snapped(nearest)
        tried = [
            *self._refused,
            *(m.wanted for m in self._ended.values()),
            *(s.point for _, s in self._pending.values()),
        ]
        self._hint = None if hint in tried else Suggestion(hint)

    def _wait_for(
        self,
        number: int,
        request: UUID,
        suggestion: Suggestion,
        waiting: dict[asyncio.Task[Ending], int],
    ) -> None:
        self._pending[number] = (request, suggestion)

        def changed(status: Status, message: str) -> None:
            if status is Status.HELD:
                self._reporter.warn(
                    f"measurement {number} is held until a person releases or abandons "
                    f"request {request}",
                    reason=message,
                )

        task = asyncio.create_task(
            self._lab.ending(request, changed), name=f"campaign {self._name} {number}"
        )
        waiting[task] = number

    async def _requests(self) -> list[tuple[RequestView, Suggestion | None]]:
        """Return the campaign's requests, oldest first, each with what it is a request for."""
        views: dict[UUID, RequestView] = {}
        for capability in {(r.quantity, r.method): None for r in self._routes.values()}:
            for view in await self._lab.requests(self._name, *capability):
                # What serves another request is no decision of this campaign.
                if view.parent is None:
                    views[view.id] = view
        ordered = sorted(views.values(), key=lambda view: view.offset)
        return [(view, self._asked(view)) for view in ordered]

    def _asked(self, view: RequestView) -> Suggestion | None:
        """Return the point and fidelity of a request; None where it is none of the campaign's."""
        likely: Suggestion | None = None
        for route in self._routes.values():
            if (route.quantity, route.method) != (view.quantity, view.method):
                continue
            point = route.encoding.point(view.parameters)
            if point is None:
                continue
            found = Suggestion(self._snapped(point), route.fidelity)
            # Two fidelities may be one capability, one of them with a parameter more.
            if route.encoding.parameters(point).keys() == view.parameters.keys():
                return found
            likely = likely or found
        return likely

    async def _resume(self) -> dict[asyncio.Task[Ending], int]:
        """Read the campaign back from the ledger; return tasks for what is under way."""
        everything = await self._requests()
        views = [(view, s) for view, s in everything if s is not None]
        strangers = len(everything) - len(views)
        if strangers:
            self._reporter.warn(
                f"{strangers} requests of campaign {self._name} are of no point of this campaign "
                "file (another temperature, or other chemicals) and are left alone"
            )
        waiting: dict[asyncio.Task[Ending], int] = {}
        if not views:
            return waiting
        decisions = await recorded_proposals(self._name, self._lab)
        learned = self._learned([view for view, _ in views])
        for number, (view, suggestion) in enumerate(views, start=1):
            decision = decisions.get(view.id)
            if decision is not None:
                self._decided(decision)
            if view.status not in FINAL or number > learned:
                self._wait_for(number, view.id, suggestion, waiting)
                continue
            if number > len(views) - self._stop.rounds:
                self._look_back(number, decision)
            self._hint = None
            result = await self._lab.result(view.result) if view.result else None
            end = Ending(view.status, view.message, result)
            self._tell(number, view.id, suggestion, end)
        self._reporter.say(
            f"campaign {self._name} goes on: {len(self._ended)} measurements in the ledger, "
            f"{len(waiting)} under way"
        )
        return waiting

    def _learned(self, views: Sequence[RequestView]) -> int:
        """Return how many requests had been learned from: with a batch, only whole rounds."""
        batch = self._plan.batch
        if batch is None:
            return len(views)
        for begin in range(0, len(views), batch):
            part = views[begin : begin + batch]
            whole = len(part) == batch or begin + len(part) >= self._plan.budget
            if not whole or any(view.status not in FINAL for view in part):
                return begin
        return len(views)

    def _look_back(self, number: int, decision: CampaignProposal | None) -> None:
        """Let the stop rule see what it saw when a proposal was made."""
        if decision is None:
            # Not on record; asking again gives the same answer.
            again = self._strategy.ask(1, self._under_way(), number - 1)[0]
            self._stop.take(again.expected_improvement)
        elif decision.origin != "recommended":
            self._stop.take(decision.expected_improvement)

    def _snapped(self, point: Point) -> Point:
        """Return the nearest point of the space: what was proposed, before fractions rounded it."""
        return tuple(map(float, self._space.denormalise(self._space.normalise([point]))[0]))

    async def _learn(self, number: int, end: Ending) -> None:
        """Take in what came of a request, and say so."""
        request, suggestion = self._pending.pop(number)
        measurement = self._tell(number, request, suggestion, end)
        best = self._best_words()
        self._say(measurement, best)
        await self._reporter.progress(len(self._ended), self._plan.budget, best)
        if measurement.status is Status.RESOLVED:
            self._failures = 0
            return
        self._failures += 1
        if self._failures >= _FAILURES:
            raise CampaignError(
                f"{self._failures} requests came to nothing one after another, the last "
                f"{measurement.reason}",
                where=self._capability,
                remedy="mend the cause and start the node again: it goes on where it stopped",
            )

    def _tell(self, number: int, request: UUID, suggestion: Suggestion, end: Ending) -> Measurement:
        reading = self._routes[suggestion.fidelity].reading
        measurement = reading.measurement(number, request, suggestion.point, end)
        self._ended[number] = measurement
        if measurement.lesson:
            observation = measurement.observation()
            self._told.append(observation)
            self._strategy.tell([observation])
        else:
            self._rule_out(suggestion, end.message if end.status is Status.FAILED else "")
        return measurement

    def _say(self, measurement: Measurement, best: str) -> None:
        head = f"measurement {measurement.number}/{self._plan.budget}"
        place = self._space.describe(measurement.point) + _by(measurement.fidelity)
        if not measurement.lesson:
            self._reporter.warn(f"{head}: {place}: not used, {measurement.reason}")
            return
        objectives = self._plan.build_objectives()
        values = ", ".join(
            f"{objective.name} {measured(value, uncertainty, objective.unit)}"
            for objective, value, uncertainty in zip(
                objectives, measurement.values, measurement.uncertainties, strict=True
            )
        )
        self._reporter.say(f"{head}: {place}: {values}; {best}", rating=measurement.rating)

    def _best_words(self) -> str:
        best = self._strategy.best()
        if best is None:
            return "no best yet"
        objectives = self._plan.build_objectives()
        means = ", ".join(
            f"{readable(mean)}{with_unit(objective.unit)}"
            for objective, mean in zip(objectives, best.mean, strict=True)
        )
        where = self._space.describe(best.observation.point)
        front = len(self._strategy.front())
        several = f" (of {front} on the front)" if len(objectives) > 1 else ""
        return f"best {means} at {where}{several}"

    @property
    def _capability(self) -> str:
        return f"{self._plan.objective.quantity}/{self._plan.objective.method}"


def _by(fidelity: str) -> str:
    return f" by {fidelity}" if fidelity else ""

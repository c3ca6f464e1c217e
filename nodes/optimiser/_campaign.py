"""The campaign: ask, submit, wait, tell, until it is enough."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import dataclass
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from messages.errors import LabmeshError, RefusedError
from messages.ledger import FINAL, Status
from messages.query import RequestView
from nodes.optimiser._campaign_file import CampaignFile
from nodes.optimiser._encoding import Encoding
from nodes.optimiser._lab import CampaignLab, Ending, Reporter
from nodes.optimiser._measurement import Measurement, Reading
from nodes.optimiser._nearest import nearest_named
from nodes.optimiser._space import Point, Space
from nodes.optimiser._stop import StopRule
from nodes.optimiser._strategy import Strategy, Suggestion

_REFUSALS: Final = 25
_FAILURES: Final = 5
_OFFER_POLL: Final = 2.0
_CAUTION: Final = 0.7


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
    one request at a time; with several, the order of answers decides, as it does in the lab).

    Args:
        name: Of the campaign in the ledger; what it resumes by.
        plan: The campaign file.
        space: Of the plan.
        strategy: Proposes; has been told what is known before the first measurement.
        encoding: Between points and requests.
        lab: The laboratory.
        reporter: Hears about progress.
        author: Who asks; part of the identity of requests.
    """

    def __init__(
        self,
        name: str,
        plan: CampaignFile,
        *,
        space: Space,
        strategy: Strategy,
        encoding: Encoding,
        lab: CampaignLab,
        reporter: Reporter,
        author: str,
    ) -> None:
        self._name = name
        self._plan = plan
        self._space = space
        self._strategy = strategy
        self._encoding = encoding
        self._lab = lab
        self._reporter = reporter
        self._author = author
        objective = plan.objective
        self._quantity, self._method = objective.quantity, objective.method
        self._reading = Reading(encoding, objective.output, objective.unit, plan.minimum_rating)
        self._stop = StopRule(plan.stop)
        self._ended: dict[int, Measurement] = {}
        self._pending: dict[int, tuple[UUID, Point]] = {}
        self._refused: list[Point] = []
        self._failures = 0
        self._hint: Point | None = None
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
        views = await self._lab.requests(self._name, self._quantity, self._method)
        return CampaignOutcome(
            tuple(self._ended[number] for number in sorted(self._ended)),
            begun=views[0].stamp if views else 0,
            begun_wall=views[0].load_time if views else 0,
            stopped=stopped,
        )

    async def _loop(self, waiting: dict[asyncio.Task[Ending], int]) -> str:
        while True:
            stopped = ""
            while not stopped and len(waiting) < self._plan.parallel:
                stopped = await self._next(waiting)
            if not waiting:
                return stopped
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in sorted(done, key=lambda t: waiting[t]):
                await self._learn(waiting.pop(task), task.result())

    async def _next(self, waiting: dict[asyncio.Task[Ending], int]) -> str:
        """Submit one more request, or return why there shall be none."""
        number = len(self._ended) + len(self._pending)
        if number >= self._plan.budget:
            return f"the budget of {self._plan.budget} measurements is spent"
        for _ in range(_REFUSALS):
            point = self._hint if self._hint is not None else self._propose(number)
            self._hint = None
            if point is None:
                return self._verdict
            if await self._submit(number + 1, point, waiting):
                return ""
        raise CampaignError(
            f"{_REFUSALS} proposals were refused one after another, the last at "
            f"{self._space.describe(self._refused[-1])}: {self._last_refusal}",
            where=f"{self._quantity}/{self._method}",
            remedy="bring the campaign's space and constraints in line with what can be made",
        )

    def _propose(self, number: int) -> Point | None:
        """Return what to measure next, or None where `_verdict` says why nothing."""
        suggestion = self._strategy.ask(
            1, [Suggestion(p) for _, p in self._pending.values()], number
        )[0]
        self._stop.take(suggestion.expected_improvement)
        lessons = sum(m.lesson for m in self._ended.values())
        self._verdict = self._stop.verdict(lessons, self._plan.objective.unit)
        return None if self._verdict else suggestion.point

    async def _submit(
        self, number: int, point: Point, waiting: dict[asyncio.Task[Ending], int]
    ) -> bool:
        """Submit a request for ``point``; False where it was refused and learned from."""
        # The same proposal after a crash is the same request, whatever had become of it.
        parameters = self._encoding.parameters(point)
        words = json.dumps([self._author, self._name, number, parameters], sort_keys=True)
        request = uuid5(NAMESPACE_URL, f"labmesh:campaign:{words}")
        said = False
        while True:
            try:
                await self._lab.submit(
                    self._quantity,
                    self._method,
                    parameters,
                    campaign=self._name,
                    priority=self._plan.priority,
                    attempts=self._plan.attempts,
                    id=request,
                )
                break
            except RefusedError as error:
                if await self._lab.offered(self._quantity, self._method):
                    self._refuse(point, str(error))
                    return False
                if not said:
                    self._reporter.warn(
                        f"waiting for a node that offers {self._quantity}/{self._method}",
                        refusal=str(error),
                    )
                    said = True
                await asyncio.sleep(_OFFER_POLL)
        self._wait_for(number, request, point, waiting)
        return True

    def _refuse(self, point: Point, reason: str) -> None:
        self._refused.append(point)
        self._last_refusal = reason
        self._reporter.warn(f"refused: {self._space.describe(point)}", reason=reason)
        self._rule_out(point, reason)

    def _rule_out(self, point: Point, reason: str) -> None:
        """Learn that ``point`` cannot be made, and try what ``reason`` recommends instead.

        Where a nearest feasible point is named, nothing nearer can be made either.
        """
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
            *(p for _, p in self._pending.values()),
        ]
        self._hint = None if hint in tried else hint

    def _wait_for(
        self,
        number: int,
        request: UUID,
        point: Point,
        waiting: dict[asyncio.Task[Ending], int],
    ) -> None:
        self._pending[number] = (request, point)

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

    async def _resume(self) -> dict[asyncio.Task[Ending], int]:
        """Read the campaign back from the ledger; return tasks for what is under way."""
        views: list[tuple[RequestView, Point]] = []
        strangers = 0
        for view in await self._lab.requests(self._name, self._quantity, self._method):
            point = self._encoding.point(view.parameters)
            if point is None:
                strangers += 1
            else:
                views.append((view, self._snapped(point)))
        if strangers:
            self._reporter.warn(
                f"{strangers} requests of campaign {self._name} are of no point of this campaign "
                "file (another temperature, or other chemicals) and are left alone"
            )
        waiting: dict[asyncio.Task[Ending], int] = {}
        if not views:
            return waiting
        for number, (view, point) in enumerate(views, start=1):
            if view.status not in FINAL:
                self._wait_for(number, view.id, point, waiting)
                continue
            # What the stop rule saw then is not on record; asking again gives the same answer.
            if number > len(views) - self._stop.rounds:
                pending = [Suggestion(p) for _, p in self._pending.values()]
                again = self._strategy.ask(1, pending, number - 1)[0]
                self._stop.take(again.expected_improvement)
            self._hint = None
            result = await self._lab.result(view.result) if view.result else None
            end = Ending(view.status, view.message, result)
            self._tell(number, view.id, point, end)
        self._reporter.say(
            f"campaign {self._name} goes on: {len(self._ended)} measurements in the ledger, "
            f"{len(waiting)} under way"
        )
        return waiting

    def _snapped(self, point: Point) -> Point:
        """Return the nearest point of the space: what was proposed, before fractions rounded it."""
        return tuple(map(float, self._space.denormalise(self._space.normalise([point]))[0]))

    async def _learn(self, number: int, end: Ending) -> None:
        """Take in what came of a request, and say so."""
        request, point = self._pending.pop(number)
        measurement = self._tell(number, request, point, end)
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
                where=f"{self._quantity}/{self._method}",
                remedy="mend the cause and start the node again: it goes on where it stopped",
            )

    def _tell(self, number: int, request: UUID, point: Point, end: Ending) -> Measurement:
        measurement = self._reading.measurement(number, request, point, end)
        self._ended[number] = measurement
        if measurement.lesson:
            self._strategy.tell([measurement.observation()])
        else:
            self._rule_out(point, end.message if end.status is Status.FAILED else "")
        return measurement

    def _say(self, measurement: Measurement, best: str) -> None:
        objective = self._plan.objective
        head = f"measurement {measurement.number}/{self._plan.budget}"
        place = self._space.describe(measurement.point)
        if not measurement.lesson:
            self._reporter.warn(f"{head}: {place}: not used, {measurement.reason}")
            return
        self._reporter.say(
            f"{head}: {place}: {objective.quantity} {measurement.value:.4f} ± "
            f"{measurement.uncertainty:.4f} {objective.unit}; {best}",
            rating=measurement.rating,
        )

    def _best_words(self) -> str:
        best = self._strategy.best()
        if best is None:
            return "no best yet"
        unit = self._plan.objective.unit
        where = self._space.describe(best.observation.point)
        return f"best {best.mean[0]:.4f} {unit} at {where}"

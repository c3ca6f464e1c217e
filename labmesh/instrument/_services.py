"""Services that every instrument has."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from labmesh.instrument._arguments import (
    CalibrationQuery,
    JournalQuery,
    Pause,
    RecordCalibration,
    Refill,
    Reset,
    Resolve,
    SupplyQuery,
)
from labmesh.instrument._calibrations import Calibrations
from labmesh.instrument._journal import StepJournal
from labmesh.instrument._supplies import Supplies
from labmesh.node import service
from messages.errors import LabmeshError
from messages.model import JsonObject

if TYPE_CHECKING:
    from labmesh.clock import Clock


class InstrumentServices:
    """The services, as methods of the node."""

    if TYPE_CHECKING:

        @property
        def journal(self) -> StepJournal: ...
        @property
        def calibrations(self) -> Calibrations: ...
        @property
        def supplies(self) -> Supplies: ...
        @property
        def clock(self) -> Clock: ...
        def story(self) -> JsonObject: ...
        async def reset(self, *, by: str, reason: str) -> JsonObject: ...
        def pause(self, *, by: str, reason: str) -> None: ...
        def resume(self, *, by: str) -> None: ...

    @service("instrument.reset", when_inactive=True)
    async def instrument_reset(self, arguments: Reset) -> JsonObject:
        """Acknowledge an emergency stop or a fault, by name; the instrument may move again."""
        return await self.reset(by=_named(arguments.acknowledged_by), reason=arguments.reason)

    @service("instrument.pause", when_inactive=True)
    async def instrument_pause(self, arguments: Pause) -> JsonObject:
        """Pause between two steps, and begin no order."""
        self.pause(by=_named(arguments.by), reason=arguments.reason)
        return self.story()

    @service("instrument.resume", when_inactive=True)
    async def instrument_resume(self, arguments: Pause) -> JsonObject:
        """Go on after a pause."""
        self.resume(by=_named(arguments.by))
        return self.story()

    @service("instrument.journal", when_inactive=True)
    async def instrument_journal(self, arguments: JournalQuery) -> JsonObject:
        """How the instrument is, what was in hand, which steps are in doubt, and its last steps."""
        if arguments.request is not None:
            steps = self.journal.steps(arguments.request)[-arguments.limit :]
        else:
            steps = self.journal.recent(arguments.limit)
        return {**self.story(), "steps": [step.plain() for step in steps]}

    @service("instrument.resolve", when_inactive=True)
    async def instrument_resolve(self, arguments: Resolve) -> JsonObject:
        """Say how a step in doubt ended, by the word of a person who has looked."""
        step = self.journal.resolve(
            arguments.step, arguments.outcome, by=_named(arguments.by), words=arguments.words,
            result=arguments.result,
        )  # fmt: skip
        return {**self.story(), "step": step.plain()}

    @service("calibration.record", when_inactive=True)
    async def calibration_record(self, arguments: RecordCalibration) -> JsonObject:
        """Note a calibration: who found what, how, and for how long it counts."""
        expires = None
        if arguments.valid_for is not None:
            expires = self.clock.now() + round(arguments.valid_for * 1e9)
        record = self.calibrations.record(
            arguments.calibration, who=_named(arguments.who), method=arguments.method,
            result=arguments.result, expires=expires,
        )  # fmt: skip
        return record.plain()

    @service("calibration.list", when_inactive=True)
    async def calibration_list(self, arguments: CalibrationQuery) -> JsonObject:
        """The calibrations that count now, flagged where they do not any more."""
        wanted = arguments.calibration
        current = [c.plain() for c in self.calibrations.current() if wanted in ("", c.key)]
        if not arguments.history:
            return {"calibrations": current}
        history = [record.plain() for record in self.calibrations.history(wanted)]
        return {"calibrations": current, "history": history}

    @service("supplies.list", when_inactive=True)
    async def supplies_list(self, arguments: SupplyQuery) -> JsonObject:
        """What is left of everything that the instrument consumes."""
        supplies = [{**asdict(each), "is_low": each.is_low} for each in self.supplies.all()]
        if not arguments.movements:
            return {"supplies": supplies}
        return {"supplies": supplies, "movements": self.supplies.movements(arguments.movements)}

    @service("supplies.refill", when_inactive=True)
    async def supplies_refill(self, arguments: Refill) -> JsonObject:
        """Note that a stock was refilled, waste emptied, or a part renewed."""
        supply = self.supplies.refill(
            arguments.name, arguments.amount, lot=arguments.lot, by=_named(arguments.by),
            sample=arguments.sample,
        )  # fmt: skip
        return asdict(supply)


def _named(person: str) -> str:
    if not person.strip():
        raise LabmeshError("say who you are: a person's name belongs to it")
    return person.strip()

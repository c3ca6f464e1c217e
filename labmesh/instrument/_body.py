"""What an instrument does around its author's code: files, conditions, stops, lifecycle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from labmesh.instrument._board import Board
from labmesh.instrument._brake import Brake
from labmesh.instrument._calibrations import Calibrations
from labmesh.instrument._file import InstrumentFile
from labmesh.instrument._gate import Gate
from labmesh.instrument._journal import StepJournal
from labmesh.instrument._pace import Pace
from labmesh.instrument._parameters import InstrumentParameters
from labmesh.instrument._reviews import of_calibrations, of_supplies
from labmesh.instrument._services import InstrumentServices
from labmesh.instrument._stops import Stop, StopBook
from labmesh.instrument._supplies import Supplies
from labmesh.instrument._watch import Watch
from labmesh.node import Node, NodeOptions
from messages.errors import EmergencyStopError, LabmeshError, NotReadyError
from messages.model import JsonObject
from messages.node import Level, State, Transition
from messages.safety import Condition, InstrumentCondition

P = TypeVar("P", bound=InstrumentParameters)
T = TypeVar("T")


class InstrumentBody(InstrumentServices, Node[P], Generic[P]):
    """The part of `InstrumentNode` that authors need not read.

    Attributes:
        gate: Between drivers and wires.
    """

    if TYPE_CHECKING:

        async def halt(self) -> None: ...
        async def park(self) -> None: ...
        async def heartbeat(self) -> None: ...
        def fault(self, why: str, *, remedy: str = "") -> None: ...

    def __init__(self, options: NodeOptions) -> None:
        super().__init__(options)
        self.gate = Gate(str(options.id))
        self._guards = 0
        self._board = Board(self.gate.remedy)
        self._file: InstrumentFile | None = None
        self._journal: StepJournal | None = None
        self._pace: Pace | None = None
        self._calibrations: Calibrations | None = None
        self._supplies: Supplies | None = None
        self._stop_book: StopBook | None = None
        self._brake: Brake | None = None
        self._watch: Watch | None = None
        self._told: tuple[Any, ...] = ()

    @property
    def dry_run(self) -> bool:
        """Whether no byte is sent to any device."""
        return self.parameters.dry_run

    @property
    def condition(self) -> Condition:
        """How the instrument is; STOPPED from the moment that a stop is heard."""
        return Condition.STOPPED if self.gate.closed else self._board.judge().condition

    @property
    def journal(self) -> StepJournal:
        """The steps of its plans."""
        return opened(self._journal)

    @property
    def pace(self) -> Pace:
        """How fast simulated time may run while it works."""
        return opened(self._pace)

    @property
    def calibrations(self) -> Calibrations:
        """The records of its calibrations."""
        return opened(self._calibrations)

    @property
    def supplies(self) -> Supplies:
        """What it consumes."""
        return opened(self._supplies)

    def story(self) -> JsonObject:
        """Return in plain values how it is, what was in hand, and what the person may do next."""
        judged = self._board.judge()
        return {
            "condition": str(self.condition), "reason": self.gate.closed or judged.why,
            "remedy": judged.remedy, "state": self.state.value, "dry_run": self.dry_run,
            "in_hand": list(self._board.in_hand or self._board.busy),
            "stops": [
                {"id": str(s.id), "from": s.sender, "by": s.by, "reason": s.reason, "at": s.at}
                for s in opened(self._stop_book).engaged()
            ],
            "in_doubt": [step.plain() for step in self.journal.in_doubt()],
        }  # fmt: skip

    # What the watchdog does and sees.

    @property
    def stops_are_heard(self) -> bool:
        """Whether an emergency stop would arrive at this moment."""
        return self._brake is not None and self._brake.connected

    async def park_now(self, why: str) -> None:
        """Park, and say so; a park that fails is a fault."""
        self._board.parked = why
        self.review()
        try:
            await self.park()
        except Exception as error:  # noqa: BLE001 - a driver's
            self.fault(f"did not park: {type(error).__name__}: {error}")

    def unpark(self) -> None:
        """Note that the MQTT broker is back."""
        self._board.parked = ""
        self.review()

    def review(self) -> None:
        """Judge anew how the instrument is, and tell where that has changed."""
        board = self._board
        board.stop, board.lost = self.gate.closed, self._watch.lost if self._watch else ""
        judged = board.judge()
        told = (judged, board.in_hand)
        if told == self._told or self.leaving:
            return
        offered, self._told = not self._told or self._told[0].offers, told
        self.diagnose(
            "condition", Level.ERROR if judged.closed else Level.OK,
            f"{judged.condition}: {judged.why}" if judged.why else str(judged.condition),
            remedy=judged.remedy, condition=str(judged.condition), dry_run=self.dry_run,
            in_hand="; ".join(board.in_hand)[:4000],
        )  # fmt: skip
        message = InstrumentCondition(
            condition=judged.condition, since=self.clock.now(), reason=judged.why[:4000],
            stop=board.stop_id, in_hand=board.in_hand[:64], dry_run=self.dry_run,
        )  # fmt: skip
        self.mesh.background(self._tell(message, republish=offered != judged.offers), "condition")

    def review_calibrations(self) -> None:
        """Tell of calibrations that are missing, have expired or soon will."""
        if self._calibrations is None:
            return
        p = self.parameters
        word = of_calibrations(
            self._calibrations.current(), self.clock.now(), warning=p.calibration_warning,
            refuses=p.expired_calibration == "refuse",
        )  # fmt: skip
        self.diagnose("calibrations", word.level, word.words, remedy=word.remedy)

    async def _ask_clock(self, service: str, arguments: JsonObject) -> JsonObject:
        clock = self.options.place.clock
        if clock is None:
            raise NotReadyError("this node follows no clock node", where=str(self.id))
        return await self.call(clock, service, arguments)

    async def _tell(self, message: InstrumentCondition, *, republish: bool) -> None:
        try:
            if republish and self.takes_orders:
                await self.publish_offers()
            await self.emit("data", "condition", message, qos=1)
        except LabmeshError as error:
            self.log.debug(f"condition not told: {error}")

    def _review_supplies(self) -> None:
        word = of_supplies(self.supplies.all())
        self.diagnose("supplies", word.level, word.words, remedy=word.remedy)

    def _review_steps(self) -> None:
        self._board.doubts = tuple(map(str, self.journal.in_doubt()))
        self.review()

    # Around the author's hooks.

    async def _joined(self) -> None:
        await super()._joined()
        file = self._file = InstrumentFile(self.data_dir / "instrument.sqlite")
        now, dry = self.clock.now, self.dry_run
        self._supplies = Supplies(
            file, now, dry_run=dry, changed=lambda: self._soon(self._review_supplies)
        )
        self._calibrations = Calibrations(
            file, now, refuse=lambda: self.parameters.expired_calibration == "refuse",
            changed=lambda: self._soon(self.review_calibrations),
        )  # fmt: skip
        self._journal = StepJournal(
            file, now, self._supplies, dry_run=dry, changed=lambda: self._soon(self._review_steps)
        )
        self._journal.close_others()
        self._pace = Pace(
            self.clock, lambda: self.parameters.max_sim_rate, self._ask_clock, self.log.warn
        )
        self._stop_book = StopBook(file)
        self._board.in_hand = tuple(self._stop_book.in_hand())
        self._brake = Brake(
            self.gate, self._stop_book, halt=self.halt, at_once=lambda: bool(self._guards),
            stopped=self._stopped, failed=self._not_halted,
        )  # fmt: skip
        self._watch = Watch(self)
        await self._brake.open(self.options.place, self.id, patience=self.options.patience)
        self.spawn(self._watch.run(), name="watchdog")
        self._review_steps()

    def _withheld(self, transition: Transition) -> str:
        if self.gate.closed:
            return self.gate.closed
        doubts = self._board.doubts
        if transition is Transition.ACTIVATE and doubts:
            return f"nobody knows how these ended: {'; '.join(doubts)}"
        return super()._withheld(transition)

    async def _before(self, transition: Transition) -> None:
        await super()._before(transition)
        if transition not in (Transition.CONFIGURE, Transition.ACTIVATE):
            return
        self.gate.check(str(self.id))
        if why := self._withheld(transition):
            remedy = "look at the instrument, then say so with instrument.resolve, one by one"
            raise NotReadyError(why, where=str(self.id), remedy=remedy)

    async def _after(self, transition: Transition) -> None:
        await super()._after(transition)
        if transition in (Transition.ACTIVATE, Transition.DEACTIVATE):
            self._board.active = transition is Transition.ACTIVATE
            self.review()

    async def _left(self) -> None:
        await super()._left()
        if self._brake is not None:
            await self._brake.close()
        if self._file is not None:
            self._file.close()

    def refuses_orders(self) -> str:
        """Return why no order is begun now."""
        board = self._board
        board.stop, board.lost = self.gate.closed, self._watch.lost if self._watch else ""
        judged = board.judge()
        if judged.closed or board.lost or board.paused:
            return judged.why or board.lost
        return super().refuses_orders()

    def offered(self) -> bool:
        """Tell whether the offers stand: not while stopped or at fault."""
        self._board.stop = self.gate.closed
        return self._board.judge().offers

    # The emergency stop, in the event loop.

    def _stopped(self, stop: Stop) -> None:
        board = self._board
        steps = [str(step) for step in self.journal.under_way()]
        in_hand = dict.fromkeys((*board.in_hand, *self.orders_begun(), *steps))
        if not self.orders_begun():
            in_hand.update(dict.fromkeys(board.caught))
        board.caught.clear()
        board.in_hand, board.stop_id = tuple(in_hand), stop.id
        self.abort_orders(
            EmergencyStopError(str(stop), where=str(self.id), remedy=self.gate.remedy)
        )
        held = "; ".join(in_hand)
        self.log.fatal(str(stop), in_hand=held or "nothing", remedy=self.gate.remedy)
        text = f"{stop}; in hand: {held or 'nothing'}"
        self.happened("estop", text, stop=str(stop.id), by=stop.by, in_hand=list(in_hand))
        self.review()
        self.spawn(self._note_in_hand(stop, in_hand), name="what was in hand")

    async def _note_in_hand(self, stop: Stop, in_hand: dict[str, None]) -> None:
        book = opened(self._stop_book)

        def note() -> None:
            book.engage(stop)
            book.note_in_hand(stop, in_hand)

        await asyncio.to_thread(note)

    def _not_halted(self, why: str) -> None:
        if self.state is State.UNCONFIGURED:  # no device has been opened, or all are closed
            self.log.warn(why)
            return
        remedy = "use the hardware's own emergency stop"
        self.log.fatal(why, remedy=remedy)
        self.diagnose("halt", Level.ERROR, why, remedy=remedy)

    def _soon(self, look: Callable[[], None]) -> None:
        """Look in the event loop, whoever has made the change."""
        if self._loop is None or self._loop.is_closed() or self.leaving:
            return
        try:
            inside = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            inside = False
        if inside:
            look()
        else:
            self._loop.call_soon_threadsafe(look)


def opened(part: T | None) -> T:
    """Return a part that exists while the node runs."""
    if part is None:
        raise LabmeshError("the node has not started", remedy="use this from a hook or a handler")
    return part

"""The instrument: a node whose devices move, heat, dose or press."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from labmesh.instrument._calibrations import Calibrations
from labmesh.instrument._file import InstrumentFile
from labmesh.instrument._journal import StepJournal
from labmesh.instrument._parameters import InstrumentParameters
from labmesh.instrument._supplies import Supplies
from labmesh.node import Node, NodeOptions, Order
from messages.errors import ConfigurationError, LabmeshError, NotReadyError, OrderError
from messages.node import Level, Transition
from messages.safety import Condition, InstrumentCondition

P = TypeVar("P", bound=InstrumentParameters)

_CLOSED = {Condition.PAUSED, Condition.STOPPED, Condition.FAULT}


class InstrumentNode(Node[P], Generic[P]):
    """A node that acts on the physical world.

    A subclass opens its devices in `on_configure`, says how to `halt` them, wraps each order in
    `busy` and each step of its plan in `journal.step`.
    """

    def __init__(self, options: NodeOptions) -> None:
        super().__init__(options)
        if type(self).halt is InstrumentNode.halt:
            raise ConfigurationError(
                "an instrument says how its devices are stopped",
                where=type(self).__qualname__,
                remedy="override async def halt(self)",
            )
        self._file: InstrumentFile | None = None
        self._journal: StepJournal | None = None
        self._calibrations: Calibrations | None = None
        self._supplies: Supplies | None = None
        self._condition = Condition.OFF
        self._why = ""
        self._since = 0
        self._busy = 0

    # What an author overrides.

    async def halt(self) -> None:
        """Send every device its stop now: no lock, no queue, no waiting for answers.

        Called by the emergency stop, at any time, also twice. Errors are logged; a device that
        cannot be reached must not keep the others from being stopped.
        """
        raise NotImplementedError

    async def park(self) -> None:
        """Go to a safe position between two steps, since the MQTT broker is lost."""

    async def heartbeat(self) -> None:
        """Ask the devices whether they live; called while idle. Raise a LabmeshError if not."""

    async def on_reset(self) -> None:
        """Make the devices ready again after a person has acknowledged a stop or a fault."""

    # What an author uses.

    @property
    def dry_run(self) -> bool:
        """Whether no byte is sent to any device."""
        return self.parameters.dry_run

    @property
    def condition(self) -> Condition:
        """How the instrument is."""
        return self._condition

    @property
    def journal(self) -> StepJournal:
        """The steps of its plans."""
        return _opened(self._journal)

    @property
    def calibrations(self) -> Calibrations:
        """The records of its calibrations."""
        return _opened(self._calibrations)

    @property
    def supplies(self) -> Supplies:
        """What it consumes."""
        return _opened(self._supplies)

    @contextmanager
    def busy(self, order: Order[Any]) -> Iterator[None]:
        """Be BUSY with an order; IDLE afterwards, or FAULT after an error nobody foresaw.

        An `OrderError` is a driver that gave up in words and leaves the instrument IDLE. Whatever
        else is raised leaves it at FAULT until a person has reset it.

        Raises:
            NotReadyError: It is paused, stopped, at fault or has steps in doubt; nothing was done.
        """
        if self._condition in _CLOSED:
            raise NotReadyError(
                f"{self.id} is {self._condition}: {self._why}", where=str(order.request),
                retryable=True,
            )  # fmt: skip
        self._busy += 1
        self._become(Condition.BUSY, f"request {order.request}")
        try:
            yield
        except (OrderError, asyncio.CancelledError):
            raise
        except Exception as error:
            self.fault(f"{type(error).__name__}: {error}")
            raise
        finally:
            self._busy -= 1
            if self._condition is Condition.BUSY and not self._busy:
                self._become(Condition.IDLE, "")

    def fault(self, why: str, *, remedy: str = "") -> None:
        """Take no order any more until a person has reset the instrument."""
        if self._condition is not Condition.STOPPED:
            self._become(Condition.FAULT, why, remedy=remedy)

    def _become(self, condition: Condition, why: str, *, remedy: str = "") -> None:
        self._condition, self._why, self._since = condition, why, self.clock.now()
        level = Level.ERROR if condition in _CLOSED else Level.OK
        words = f"{condition}: {why}" if why else str(condition)
        self.diagnose("condition", level, words, remedy=remedy, dry_run=self.dry_run)
        message = InstrumentCondition(
            condition=condition, since=self._since, reason=why[:4000], dry_run=self.dry_run
        )
        self.mesh.background(self._tell(message), "condition")

    async def _tell(self, message: InstrumentCondition) -> None:
        try:
            await self.emit("data", "condition", message, qos=1)
        except LabmeshError as error:
            self.log.debug(f"condition not told: {error}")

    async def _joined(self) -> str:
        file = self._file = InstrumentFile(self.data_dir / "instrument.sqlite")
        self._supplies = Supplies(file, self.clock.now, dry_run=self.dry_run)
        self._calibrations = Calibrations(
            file, self.clock.now, refuse=lambda: self.parameters.expired_calibration == "refuse"
        )
        self._journal = StepJournal(file, self.clock.now, self._supplies, dry_run=self.dry_run)
        self._journal.close_others()
        self._become(Condition.OFF, "")
        return await super()._joined()

    async def _after(self, transition: Transition) -> None:
        await super()._after(transition)
        if transition is Transition.ACTIVATE and self._condition is Condition.OFF:
            self._become(Condition.IDLE, "")
        elif transition is Transition.DEACTIVATE and self._condition not in _CLOSED:
            self._become(Condition.OFF, "")

    async def _left(self) -> None:
        await super()._left()
        if self._file is not None:
            self._file.close()

    def refuses_orders(self) -> str:
        """Return why no order is begun now."""
        if self._condition in _CLOSED:
            return f"{self._condition}: {self._why}"
        return super().refuses_orders()


T = TypeVar("T")


def _opened(part: T | None) -> T:
    if part is None:
        raise LabmeshError("the node has not started", remedy="use this from a hook or a handler")
    return part

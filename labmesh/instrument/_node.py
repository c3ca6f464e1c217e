"""The instrument: a node whose devices move, heat, dose or press."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from labmesh.instrument._body import InstrumentBody, opened
from labmesh.instrument._guard import W, guarded
from labmesh.instrument._parameters import InstrumentParameters
from labmesh.node import NodeOptions, Order
from messages.errors import ConfigurationError, NotReadyError, OrderError
from messages.model import JsonObject
from messages.node import Level, State

P = TypeVar("P", bound=InstrumentParameters)


class InstrumentNode(InstrumentBody[P], Generic[P]):
    """A node that acts on the physical world.

    A subclass opens its devices in `on_configure`, each by a wire that it has passed through
    `guard`; says how to `halt` them; wraps each order in `busy`, each step of a plan in
    `journal.step`, and calls `checkpoint` between two steps. In a dry run its drivers have no wire.
    """

    def __init__(self, options: NodeOptions) -> None:
        super().__init__(options)
        if type(self).halt is InstrumentNode.halt:
            raise ConfigurationError(
                "an instrument says how its devices are stopped",
                where=type(self).__qualname__,
                remedy="override async def halt(self)",
            )

    # What an author overrides.

    async def halt(self) -> None:
        """Send every device its stop NOW: no lock, no queue, no waiting for answers.

        Called by the emergency stop, at any time: at once from a thread of the stop's own, where
        guarded wires write past the event loop and reading raises; and again in the event loop. A
        device that cannot be reached must not keep the others from being stopped: gather them with
        ``return_exceptions``, or stop the most dangerous first.
        """
        raise NotImplementedError

    async def park(self) -> None:
        """Go to a safe position between two steps, since the MQTT broker is lost."""

    async def heartbeat(self) -> None:
        """Ask the devices whether they live; called while idle. Raise a LabmeshError if not."""

    async def on_reset(self) -> None:
        """Make the devices ready again after a person has acknowledged a stop or a fault.

        Called while the node is active; raise a LabmeshError to stay at fault.
        """

    # What an author uses.

    def guard(self, wire: W, *, reads: bool = False) -> W:
        """Return ``wire`` as the drivers shall have it: only a stop passes while one is engaged.

        Args:
            wire: As `labmesh.wire.open_wire` gives it.
            reads: Of a Modbus unit that is only watched: questions pass all the same.
        """
        self._guards += 1
        return guarded(wire, self.gate, reads=reads)

    @contextmanager
    def busy(self, order: Order[Any]) -> Iterator[None]:
        """Be BUSY with an order; IDLE afterwards, or FAULT after an error nobody foresaw.

        An `OrderError` is a driver that gave up in words and leaves the instrument IDLE. Whatever
        else is raised leaves it at FAULT until a person has reset it.

        Raises:
            EmergencyStopError: A stop is engaged.
            NotReadyError: It is paused, at fault or has steps in doubt; nothing was done.
        """
        self.gate.check(str(self.id))
        if why := self.refuses_orders():
            raise NotReadyError(why, where=str(self.id), retryable=True)
        words = f"request {order.request}"
        with self._board.has_in_hand(words):
            self.review()
            self.pace.begin()
            try:
                yield
            except (OrderError, asyncio.CancelledError):
                raise
            except Exception as error:
                self.fault(f"{type(error).__name__}: {error}")
                raise
            finally:
                self.pace.end()
                if self.gate.closed:
                    self._board.caught.append(words)
        self.review()

    async def checkpoint(self, order: Order[Any]) -> None:
        """Between two steps: wait while paused or, where the policy is to park, cut off.

        Raises:
            OrderVoidError: The order was cancelled, or given up while the instrument waited.
            EmergencyStopError: A stop is engaged.
        """
        self.gate.check(str(self.id))
        order.check()
        await self.pace.ready()
        watch = opened(self._watch)
        if watch.lost and self.parameters.on_connection_loss == "park":
            if not self._board.parked:
                await self.park_now(watch.lost)
            await watch.until_back()
        if self._board.paused:
            self._board.waits = True
            self.review()
            await self._board.until_resumed()
            self._board.waits = False
            self.review()
        self.gate.check(str(self.id))
        order.check()

    def fault(self, why: str, *, remedy: str = "") -> None:
        """Take no order any more until a person has reset the instrument."""
        self._board.fault = (why, remedy)
        self.log.error(f"at fault: {why}")
        self.review()

    # What the services do.

    def pause(self, *, by: str, reason: str = "") -> None:
        """Begin no order, and stop between the next two steps of the one in hand."""
        self._board.pause(f"paused by {by}" + (f": {reason}" if reason else ""))
        self.review()

    def resume(self, *, by: str) -> None:
        """Go on after a pause."""
        self._board.resume()
        self.log.info(f"resumed by {by}")
        self.review()

    async def reset(self, *, by: str, reason: str = "") -> JsonObject:
        """Acknowledge every stop and fault by a person's name; errors as `on_reset`."""
        stops = opened(self._brake).reset(by=by, reason=reason, at=self.clock.now())
        board = self._board
        was, board.fault, board.in_hand, board.stop_id = board.fault, None, (), None
        board.caught.clear()
        what = "; ".join([*map(str, stops), *([was[0]] if was else [])]) or "nothing"
        text = f"reset by {by}" + (f" ({reason})" if reason else "") + f": {what}"
        self.log.warn(text)
        self.happened("reset", text, by=by, reason=reason, stops=[str(stop.id) for stop in stops])
        self.diagnose("halt", Level.OK, "")
        if self.state is State.ACTIVE and what != "nothing":
            try:
                self.gate.check(str(self.id))
                await self.on_reset()
            except Exception as error:
                if not self.gate.closed:
                    self.fault(f"not ready after the reset: {error}", remedy="reset it again")
                raise
        self.review()
        return self.story()

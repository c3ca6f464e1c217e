"""The node of a cycler."""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from labmesh import (
    LabmeshError,
    Level,
    NoArguments,
    NodeOptions,
    Order,
    OrderError,
    capability,
    service,
)
from labmesh.devices import ClimateChamber
from labmesh.instrument import InstrumentNode
from labmesh.wire import modbus_wire
from messages.cycling import (
    CapacityInput,
    CapacityOutput,
    CyclingChannelInput,
    CyclingChannelOutput,
)
from messages.model import JsonObject
from nodes.cycler._backends import open_backend
from nodes.cycler._desk import Desk
from nodes.cycler._driver import ENDED, ChannelState, ChannelStatus, CyclerDriver
from nodes.cycler._library import SHIPPED, Library, Plan
from nodes.cycler._parameters import CyclerParameters
from nodes.cycler._services import (
    ChannelInput,
    ChannelList,
    ChannelView,
    FaultInput,
    ProtocolInput,
    ProtocolList,
    ProtocolView,
    Released,
    ReservationInput,
    ReservationList,
    ReservationView,
)
from nodes.cycler._test_run import TestRun
from nodes.cycler.virtual import VirtualCycler

T = TypeVar("T")

_BAD: Final = (ChannelState.FAULT, ChannelState.TRIPPED)

_LOOK: Final = 30.0
"""Simulated seconds between two looks at all channels."""

_PACE: Final = 0.05
"""Wall seconds between two looks at least, however fast the mesh's time goes."""


class CyclerNode(InstrumentNode[CyclerParameters]):
    """A battery cycler: reserves channels, runs protocols on many cells at once, reads its files.

    The default backend is a virtual cycler. A channel goes on while the node is down, as a real
    one does; a request that is released after a crash finds its own test again.
    """

    Parameters = CyclerParameters

    def __init__(self, options: NodeOptions) -> None:
        super().__init__(options)
        self._cycler: CyclerDriver | None = None
        self._desk: Desk | None = None
        self._library: Library | None = None
        self._chamber: ClimateChamber | None = None
        self._watch_task: asyncio.Task[None] | None = None
        self._ended: dict[int, asyncio.Event] = {}
        self._felt: float | None = None
        self._outside: int | None = None
        self._offer_as_it_is()

    def _offer_as_it_is(self) -> None:
        """Offer as many slots as there are channels, and say whether cells are simulated."""
        p = self.parameters
        simulated = p.backend in ("virtual", "pybamm") or p.dry_run
        for key, bound in self._capabilities.items():
            spec = dataclasses.replace(bound.spec, simulated=simulated)
            if key == ("capacity", "cycling"):
                spec = dataclasses.replace(spec, slots=p.channels)
            self._capabilities[key] = dataclasses.replace(bound, spec=spec)

    # Hooks.

    async def on_configure(self) -> None:
        """Open files and cycler; channels that ran go on."""
        p = self.parameters
        self._library = Library([SHIPPED, *([Path(p.protocols)] if p.protocols else [])])
        self._desk = Desk(self.data_dir / "channels.sqlite", p.channels)
        self._cycler = open_backend(p, self.clock, self.data_dir, self.guard)
        await self._cycler.open()
        if p.chamber:
            wire = None if self.dry_run else self.guard(modbus_wire(p.chamber))
            self._chamber = ClimateChamber(
                wire, clock=self.clock, low=p.temperature_min, high=p.temperature_max
            )
            await self._chamber.connect()
        self._watch_task = self.spawn(self._watch_channels(), name="channels")

    async def on_activate(self) -> None:
        """Say how the channels are."""
        await self._show()

    async def on_cleanup(self) -> None:
        """Close cycler and files; a real cycler's channels go on."""
        if self._watch_task is not None:
            self._watch_task.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch_task
        if self._chamber is not None:
            await self._chamber.close()
        if self._cycler is not None:
            await self._cycler.close()
        if self._desk is not None:
            self._desk.close()
        self._cycler = self._desk = self._library = self._chamber = self._watch_task = None

    async def halt(self) -> None:
        """All channels to rest."""
        if self._cycler is not None:
            await self._cycler.halt()

    async def heartbeat(self) -> None:
        """Ask the cycler for its channels."""
        if self._cycler is not None:
            await self._cycler.channels()

    # Capabilities.

    @capability("cycling_channel", "service", slots=8)
    async def reserve(self, order: Order[CyclingChannelInput]) -> CyclingChannelOutput:
        """Channels kept for the cells that somebody will bring."""
        number, p = order.parameters.number_required_channels, self.parameters
        kept = self.desk.reserve(
            str(order.request),
            str(order.requester),
            number,
            usable=await self.usable(),
            now=self.clock.now(),
            ttl=p.reservation_ttl,
        )
        if kept is None:
            order.rate(success=False, rating=0, reason=f"fewer than {number} channels are free")
            return CyclingChannelOutput(success=False)
        order.note(channels=list(kept.channels), expires=kept.expires, owner=kept.owner)
        order.rate(success=True, rating=5, reason=f"{number} channels are kept")
        await self._show()
        return CyclingChannelOutput(success=True, reservation_id=kept.id)

    @capability("capacity", "cycling", worker="instrument", slots=64, lease=30.0)
    async def capacity(self, order: Order[CapacityInput]) -> CapacityOutput:
        """Capacities of a cell over formation and cycling, from the cycler's raw files."""
        with self.busy(order):
            try:
                return await TestRun(self, order).run()
            except OrderError:
                raise
            except LabmeshError as error:
                raise OrderError(error.what, where=error.where, remedy=error.remedy) from error

    def limitations(self, quantity: str, method: str) -> JsonObject:
        """No more channels than there are."""
        if quantity != "cycling_channel":
            return {}
        usable = self.parameters.channels - len(self.parameters.disabled)
        return {"properties": {"number_required_channels": {"maximum": usable}}}

    # What a run of a test uses.

    @property
    def cycler(self) -> CyclerDriver:
        """The backend."""
        return self._opened(self._cycler)

    @property
    def desk(self) -> Desk:
        """Who has which channel."""
        return self._opened(self._desk)

    @property
    def library(self) -> Library:
        """The protocols."""
        return self._opened(self._library)

    @property
    def chamber(self) -> ClimateChamber | None:
        """The climate chamber of all channels, if there is one."""
        return self._chamber

    async def usable(self) -> list[int]:
        """Return the channels on which a test may begin."""
        off = set(self.parameters.disabled)
        return [
            each.channel
            for each in await self.cycler.channels()
            if each.channel not in off and _at_rest(each)
        ]

    def ended(self, channel: int) -> asyncio.Event:
        """Return what is set when no test runs on a channel any more."""
        return self._ended.setdefault(channel, asyncio.Event())

    async def _watch_channels(self) -> None:
        while True:
            try:
                await self._show()
                await self._watch_chamber()
            except LabmeshError as error:
                self.diagnose(
                    "channels", Level.ERROR, f"the cycler does not answer: {error.what}",
                    remedy=error.remedy,
                )  # fmt: skip
            await self.clock.sleep(_LOOK)
            await asyncio.sleep(_PACE)

    async def _watch_chamber(self) -> None:
        """Tell how warm it is; virtual cells feel it, real ones are stopped beyond the limits."""
        if self._chamber is None:
            return
        p, state = self.parameters, await self._chamber.read()
        if isinstance(self.cycler, VirtualCycler) and state.temperature != self._felt:
            self._felt = state.temperature
            for channel in range(1, p.channels + 1):
                await self.cycler.set_temperature(channel, state.temperature)
        outside = not p.temperature_min <= state.temperature <= p.temperature_max
        now = self.clock.now()
        self._outside = (self._outside or now) if outside else None
        if self._outside is not None and now - self._outside >= p.limit_delay * 1e9:
            await self.cycler.halt()
        bad = outside or state.alarm
        self.diagnose(
            "chamber",
            Level.ERROR if bad else Level.OK,
            f"{state.temperature:.2f} K, set to {state.set_point:.2f} K"
            + (": channels are stopped" if outside else "")
            + (", alarm" if state.alarm else ""),
            remedy="look at the chamber" if bad else "",
            temperature=state.temperature,
            set_point=state.set_point,
        )

    async def _show(self) -> None:
        """Wake who waits for a channel, and publish one line on all."""
        statuses = await self.cycler.channels()
        counts = dict.fromkeys(ChannelState, 0)
        for each in statuses:
            counts[each.state] += 1
            event = self.ended(each.channel)
            (event.set if each.state in ENDED else event.clear)()
        bad = [each for each in statuses if each.state in _BAD]
        kept = sum(len(each.channels) for each in self.desk.reservations(self.clock.now()))
        words = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        words += f", {kept} reserved" if kept else ""
        if bad:
            words += f"; channel {bad[0].channel} {bad[0].state}: {bad[0].words}"
        self.diagnose(
            "channels",
            Level.WARN if bad else Level.OK,
            f"{self.cycler.name}: {words}"[:4000],
            remedy="channel.list says more; channel.reset after looking at it" if bad else "",
            **{state.value: count for state, count in counts.items()},
            reserved=kept,
        )

    # Services.

    @service("channel.list", when_inactive=True)
    async def channel_list(self, arguments: NoArguments) -> ChannelList:
        """All channels: state, cell, request, voltage, current."""
        assigned = self.desk.assignments()
        kept = {
            channel: each.id
            for each in self.desk.reservations(self.clock.now())
            for channel in each.channels
        }
        usable = set(await self.usable())
        views = []
        for each in await self.cycler.channels():
            mine = assigned.get(each.channel)
            plain = dataclasses.asdict(each) | {"state": each.state.value}
            views.append(
                ChannelView(
                    **plain,
                    usable=each.channel in usable and mine is None,
                    cell=mine.cell if mine else "",
                    request=mine.request if mine else "",
                    reservation=kept.get(each.channel, ""),
                )
            )
        return ChannelList(channels=tuple(views))

    @service("channel.stop", when_inactive=True)
    async def channel_stop(self, arguments: ChannelInput) -> ChannelView:
        """End the test on a channel; its order fails with what was measured."""
        await self.cycler.stop(arguments.channel)
        return await self._view(arguments.channel)

    @service("channel.reset", when_inactive=True)
    async def channel_reset(self, arguments: ChannelInput) -> ChannelView:
        """Use a channel again that was at fault, after somebody has looked at it."""
        await self.cycler.clear(arguments.channel)
        mine = self.desk.assignments().get(arguments.channel)
        if mine is not None and (await self.cycler.status(arguments.channel)).state in ENDED:
            self.desk.free(mine.request)  # its order has gone, or will say that the channel has
        await self._show()
        return await self._view(arguments.channel)

    @service("reservation.list", when_inactive=True)
    async def reservation_list(self, arguments: NoArguments) -> ReservationList:
        """Reservations that stand."""
        found = self.desk.reservations(self.clock.now())
        views = tuple(ReservationView(**dataclasses.asdict(each)) for each in found)
        return ReservationList(reservations=views)

    @service("reservation.release", when_inactive=True)
    async def reservation_release(self, arguments: ReservationInput) -> Released:
        """Give up a reservation."""
        return Released(released=self.desk.release(arguments.id))

    @service("protocol.list", when_inactive=True)
    async def protocol_list(self, arguments: NoArguments) -> ProtocolList:
        """Protocols that a request may name."""
        return ProtocolList(protocols=tuple(self.library.names()))

    @service("protocol.show", when_inactive=True)
    async def protocol_show(self, arguments: ProtocolInput) -> ProtocolView:
        """The method that a request would run; nothing moves."""
        plan: Plan = self.library.plan(
            CapacityInput.model_validate(
                {
                    "cycling_protocol": arguments.name,
                    "number_cycles": arguments.number_cycles,
                    "formation_cycles": arguments.formation_cycles,
                    "capacity": arguments.capacity,
                    "cell_info": {"sample": "unknown"},
                    "location": {"address": self.id.site},
                }
            ),
            capacity=self.parameters.nominal_capacity,
            record=self.parameters.record_interval,
        )
        return ProtocolView(
            name=plan.name, formation=plan.formation, cycles=plan.cycles, protocol=plan.protocol
        )

    @service("cycler.fault", when_inactive=True)
    async def cycler_fault(self, arguments: FaultInput) -> ChannelList:
        """Virtual cyclers alone: let a fault happen now (simulated)."""
        if not isinstance(self.cycler, VirtualCycler):
            raise LabmeshError("only a virtual cycler has faults on demand", where=str(self.id))
        await self.cycler.inject(
            arguments.kind, arguments.channel, arguments.amount, arguments.seconds
        )
        await self._show()
        return await self.channel_list(NoArguments())

    async def _view(self, channel: int) -> ChannelView:
        views = (await self.channel_list(NoArguments())).channels
        found = [each for each in views if each.channel == channel]
        if not found:
            raise LabmeshError(f"there is no channel {channel}", where=str(self.id))
        return found[0]

    def _opened(self, part: T | None) -> T:
        if part is None:
            raise LabmeshError(
                "the node is not configured",
                where=str(self.id),
                remedy=f"labmesh lifecycle set {self.id} configure",
            )
        return part


def _at_rest(status: ChannelStatus) -> bool:
    resting = (ChannelState.IDLE, ChannelState.FINISHED, ChannelState.STOPPED, ChannelState.TRIPPED)
    return status.state in resting

"""The node of a cycler."""

from __future__ import annotations

import dataclasses
import time

from labmesh import (
    LabmeshError,
    NoArguments,
    Order,
    OrderError,
    capability,
    service,
)
from messages.cycling import (
    CapacityInput,
    CapacityOutput,
    CyclingChannelInput,
    CyclingChannelOutput,
)
from messages.model import JsonObject
from nodes.cycler._base import CyclerBase
from nodes.cycler._driver import ENDED
from nodes.cycler._library import Plan
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


class CyclerNode(CyclerBase):
    """A battery cycler: reserves channels, runs protocols on many cells at once, reads its files.

    The default backend is a virtual cycler. A channel goes on while the node is down, as a real
    one does; a request that is released after a crash finds its own test again.
    """

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
            now=time.time_ns(),
            ttl=p.reservation_ttl,
        )
        if kept is None:
            order.rate(success=False, rating=0, reason=f"fewer than {number} channels are free")
            return CyclingChannelOutput(success=False)
        order.note(channels=list(kept.channels), expires=kept.expires, owner=kept.owner)
        order.rate(success=True, rating=5, reason=f"{number} channels are kept")
        await self.show()
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

    # Services.

    @service("channel.list", when_inactive=True)
    async def channel_list(self, arguments: NoArguments) -> ChannelList:
        """All channels: state, cell, request, voltage, current."""
        assigned = self.desk.assignments()
        kept = {
            channel: each.id
            for each in self.desk.reservations(time.time_ns())
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
        await self.show()
        return await self._view(arguments.channel)

    @service("reservation.list", when_inactive=True)
    async def reservation_list(self, arguments: NoArguments) -> ReservationList:
        """Reservations that stand."""
        found = self.desk.reservations(time.time_ns())
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
        await self.show()
        return await self.channel_list(NoArguments())

    async def _view(self, channel: int) -> ChannelView:
        views = (await self.channel_list(NoArguments())).channels
        found = [each for each in views if each.channel == channel]
        if not found:
            raise LabmeshError(f"there is no channel {channel}", where=str(self.id))
        return found[0]

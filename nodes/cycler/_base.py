"""What a cycler node is made of: its files, its cycler, and the watch over all channels."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from labmesh import (
    LabmeshError,
    Level,
    NodeOptions,
)
from labmesh.devices import ClimateChamber
from labmesh.instrument import InstrumentNode
from labmesh.wire import modbus_wire
from nodes.cycler._backends import open_backend
from nodes.cycler._desk import Desk
from nodes.cycler._driver import ENDED, ChannelState, ChannelStatus, CyclerDriver
from nodes.cycler._frozen import FrozenNames
from nodes.cycler._library import SHIPPED, Library
from nodes.cycler._limits import beyond
from nodes.cycler._parameters import CyclerParameters
from nodes.cycler.virtual import VirtualCycler

T = TypeVar("T")

_BAD: Final = (ChannelState.FAULT, ChannelState.TRIPPED)

_LOOK: Final = 10.0
"""Simulated seconds between two looks at all channels."""

_PACE: Final = 0.05
"""Wall seconds between two looks at least, however fast the mesh's time goes."""


class CyclerBase(InstrumentNode[CyclerParameters]):
    """Opens and closes what the node uses, and watches its channels."""

    Parameters = CyclerParameters

    def __init__(self, options: NodeOptions) -> None:
        super().__init__(options)
        self._cycler: CyclerDriver | None = None
        self._desk: Desk | None = None
        self._library: Library | None = None
        self._frozen: FrozenNames | None = None
        self._chamber: ClimateChamber | None = None
        self._watch_task: asyncio.Task[None] | None = None
        self._ended: dict[int, asyncio.Event] = {}
        self._felt: float | None = None
        self._outside: int | None = None
        self._over: dict[int, int] = {}
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
        self._frozen = FrozenNames(self.lab, simulated=self._cycler.simulated)
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
        await self.show()

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
    def frozen(self) -> FrozenNames:
        """What the protocols' names stand for in this lab."""
        return self._opened(self._frozen)

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
                await self.show()
                await self._watch_chamber()
            except LabmeshError as error:
                self.diagnose(
                    "channels", Level.ERROR, f"the cycler does not answer: {error.what}",
                    remedy=error.remedy,
                )  # fmt: skip
            await self.clock.sleep(_LOOK)
            await asyncio.sleep(_PACE)

    async def _watch_limits(self, statuses: Sequence[ChannelStatus]) -> None:
        """Stop channels beyond the node's limits: for cyclers that do not watch all of them."""
        limits, now = self.parameters.limits, self.clock.now()
        over: dict[int, str] = {}
        for each in statuses:
            if each.state is ChannelState.RUNNING and (words := beyond(limits, each)):
                over[each.channel] = words
        self._over = {channel: self._over.get(channel, now) for channel in over}
        for channel, since in self._over.items():
            if now - since >= limits.delay * 1e9:
                self.log.error(f"channel {channel} is stopped: {over[channel]}")
                await self.cycler.stop(channel)

    async def _watch_chamber(self) -> None:
        """Tell how warm it is; virtual cells feel it, real ones are stopped beyond the limits."""
        if self._chamber is None:
            return
        p, state = self.parameters, await self._chamber.read()
        if isinstance(self.cycler, VirtualCycler) and state.temperature != self._felt:
            self._felt = state.temperature
            await self.cycler.set_temperature(state.temperature)
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

    async def show(self) -> None:
        """Wake who waits for a channel, and publish one line on all channels."""
        statuses = await self.cycler.channels()
        await self._watch_limits(statuses)
        counts = dict.fromkeys(ChannelState, 0)
        for each in statuses:
            counts[each.state] += 1
            event = self.ended(each.channel)
            (event.set if each.state in ENDED else event.clear)()
        if isinstance(self.cycler, VirtualCycler) and self.cycler.error:
            raise LabmeshError(self.cycler.error, remedy="make room for its files")
        bad = [each for each in statuses if each.state in _BAD]
        kept = sum(len(each.channels) for each in self.desk.reservations(time.time_ns()))
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

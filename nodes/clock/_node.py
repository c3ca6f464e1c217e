"""Drives simulated time: retained ticks that say what time it is and how fast it runs."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime

from pydantic import AwareDatetime, Field

from labmesh import Level, Node, NodeParameters, service
from labmesh.node import NoArguments
from messages.envelope import Header
from messages.errors import ConfigurationError
from messages.node import ClockPace, ClockTick, HoldClock, State
from nodes.clock._holds import Holds


class ClockParameters(NodeParameters):
    """Parameters of the clock node."""

    rate: float = Field(
        default=600.0, ge=0, le=1e6, description="simulated seconds a wall second; 0 is a pause"
    )
    start: AwareDatetime | None = Field(
        default=None, description="simulated time of the first start; None is the wall's"
    )
    period: float = Field(default=1.0, gt=0, le=60, description="wall seconds between two ticks")


class ClockNode(Node[ClockParameters]):
    """Simulated time for the whole mesh.

    It runs at `ClockParameters.rate`, or as slowly as the slowest of the instruments that hold it
    back while they work.

    Time goes on where an earlier process of the same node left off, so that records of one ledger
    never run backwards.
    """

    Parameters = ClockParameters

    async def on_configure(self) -> None:
        """Take up the time an earlier process left."""
        self._file = self.data_dir / "time.json"
        self._holds = Holds(time.monotonic)
        self._noted = True
        start = self.parameters.start or datetime.now(UTC)
        begin = int(start.timestamp()) * 10**9
        begin = max(begin, self._left_at())
        self._anchor = (begin, time.time_ns(), 0.0)
        await self._tick()

    async def on_activate(self) -> None:
        """Begin to tick."""
        await self._run_at(self._rate())
        self._ticking = self.spawn(self._tick_for_ever(), name="tick")

    async def on_deactivate(self) -> None:
        """Stop time, so that nobody runs ahead of the next start."""
        self._ticking.cancel()
        await self._run_at(0.0)

    async def on_parameters(self, before: ClockParameters, after: ClockParameters) -> None:
        """Change the rate from now on."""
        if self.state is State.ACTIVE:
            await self._run_at(self._holds.slowest(after.rate))

    @service("clock.hold")
    async def hold(self, arguments: HoldClock, header: Header) -> ClockPace:
        """Let time run no faster than at a rate, for some wall seconds; the caller may renew it."""
        self._holds.add(header.sender, arguments.rate, arguments.seconds)
        return await self._paced()

    @service("clock.release")
    async def release(self, arguments: NoArguments, header: Header) -> ClockPace:
        """End the caller's hold."""
        self._holds.remove(header.sender)
        return await self._paced()

    @service("clock.pace")
    async def pace(self, arguments: NoArguments) -> ClockPace:
        """Tell how fast time runs, how fast it should, and who holds it back."""
        return ClockPace(
            rate=self._anchor[2], wanted=self.parameters.rate, holds=self._holds.present()
        )

    async def _paced(self) -> ClockPace:
        await self._adjust()
        return await self.pace(NoArguments())

    def _rate(self) -> float:
        return self._holds.slowest(self.parameters.rate)

    async def _adjust(self) -> None:
        """Run at the rate that is right by now."""
        if self.state is State.ACTIVE and self._rate() != self._anchor[2]:
            await self._run_at(self._rate())

    async def _run_at(self, rate: float) -> None:
        wall = time.time_ns()
        self._anchor = (self._time(wall), wall, rate)
        await self._tick()

    def _left_at(self) -> int:
        if not self._file.is_file():
            return 0
        try:
            return int(json.loads(self._file.read_text(encoding="utf-8"))["time"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(
                f"does not say where simulated time stood: {error!r}",
                where=str(self._file),
                remedy="delete it to begin at the wall's time; entries of the ledger may then "
                "seem to run backwards",
            ) from error

    def _time(self, wall: int) -> int:
        begin, begin_wall, rate = self._anchor
        return begin + int(max(wall - begin_wall, 0) * rate)

    async def _tick(self) -> None:
        wall = time.time_ns()
        now = self._time(wall)
        tick = ClockTick(time=now, wall=wall, rate=self._anchor[2])
        # Old ticks must not queue for whoever is away: the last one, retained, says it all.
        await self.mesh.send(self.topics.own("clock"), tick, qos=0, retain=True)
        temporary = self._file.with_suffix(".tmp")
        # Followers extrapolate until the next tick; should this process be killed, the next one
        # begins where none of them can have been.
        ahead = int(2 * self.parameters.period * 1e9 * self._anchor[2])
        try:
            temporary.write_text(json.dumps({"time": now + ahead}), encoding="utf-8")
            temporary.replace(self._file)
        except OSError as error:
            # A full disk must not stop time.
            self._noted = False
            self.diagnose(
                "file",
                Level.ERROR,
                f"simulated time is not noted: {error}",
                remedy="make room on the disk; a clock that starts before that may run behind",
            )
        else:
            if not self._noted:
                self._noted = True
                self.diagnose("file", Level.OK, "simulated time is noted")

    async def _tick_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self.parameters.period)
            await self._adjust()
            await self._tick()

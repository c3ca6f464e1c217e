"""Drives simulated time: retained ticks that say what time it is and how fast it runs."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime

from pydantic import AwareDatetime, Field

from labmesh import Node, NodeParameters
from messages.node import ClockTick


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

    Time goes on where an earlier process of the same node left off, so that records of one ledger
    never run backwards.
    """

    Parameters = ClockParameters

    async def on_configure(self) -> None:
        """Take up the time an earlier process left."""
        self._file = self.data_dir / "time.json"
        start = self.parameters.start or datetime.now(UTC)
        begin = int(start.timestamp()) * 10**9
        if self._file.is_file():
            begin = max(begin, int(json.loads(self._file.read_text(encoding="utf-8"))["time"]))
        self._anchor = (begin, time.time_ns(), self.parameters.rate)
        await self._tick()

    async def on_activate(self) -> None:
        """Begin to tick."""
        self._ticking = self.spawn(self._tick_for_ever(), name="tick")

    async def on_deactivate(self) -> None:
        """Stop ticking; followers go on at the last rate."""
        self._ticking.cancel()

    async def on_parameters(self, before: ClockParameters, after: ClockParameters) -> None:
        """Change the rate from now on."""
        wall = time.time_ns()
        self._anchor = (self._time(wall), wall, after.rate)
        await self._tick()

    def _time(self, wall: int) -> int:
        begin, begin_wall, rate = self._anchor
        return begin + int(max(wall - begin_wall, 0) * rate)

    async def _tick(self) -> None:
        wall = time.time_ns()
        now = self._time(wall)
        tick = ClockTick(time=now, wall=wall, rate=self._anchor[2])
        await self.mesh.send(self.topics.own("clock"), tick, retain=True)
        temporary = self._file.with_suffix(".tmp")
        temporary.write_text(json.dumps({"time": now}), encoding="utf-8")
        temporary.replace(self._file)

    async def _tick_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self.parameters.period)
            await self._tick()

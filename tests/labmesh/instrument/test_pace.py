"""An instrument holds simulated time back while it works."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from labmesh.clock import ScaledClock, WallClock
from labmesh.instrument._pace import Pace
from messages.errors import CallTimeoutError
from messages.node import ClockTick


class Clockwork:
    """What the clock node does, without a mesh."""

    def __init__(self, *, deaf: bool = False) -> None:
        self.clock, self.deaf = ScaledClock(), deaf
        self.calls: list[str] = []
        self.warnings: list[str] = []
        self.tick(20_000.0)
        self.pace = Pace(self.clock, lambda: 100.0, self.answer, self.warnings.append)

    def tick(self, rate: float) -> None:
        self.clock.tick(ClockTick(time=self.clock.now() + 1, wall=time.time_ns(), rate=rate))

    async def answer(self, service: str, arguments: dict[str, Any]) -> None:
        self.calls.append(service)
        if self.deaf:
            raise CallTimeoutError("kit/clock does not answer", where="clock.hold")
        rate = arguments.get("rate", 20_000.0)
        asyncio.get_running_loop().call_later(0.02, self.tick, rate)


async def test_an_order_waits_until_time_has_slowed_down() -> None:
    it = Clockwork()
    it.pace.begin()
    assert it.clock.rate == 20_000
    await it.pace.ready()
    assert it.clock.rate == 100
    it.pace.end()
    await asyncio.sleep(0.05)
    assert it.calls == ["clock.hold", "clock.release"]
    assert it.clock.rate == 20_000


async def test_time_is_held_until_the_last_order_has_ended() -> None:
    it = Clockwork()
    it.pace.begin()
    it.pace.begin()
    await it.pace.ready()
    it.pace.end()
    await asyncio.sleep(0.05)
    assert it.clock.rate == 100
    it.pace.end()
    await asyncio.sleep(0.05)
    assert it.clock.rate == 20_000


async def test_a_clock_node_that_is_away_holds_up_no_order() -> None:
    it = Clockwork(deaf=True)
    it.pace.begin()
    async with asyncio.timeout(1):
        await it.pace.ready()
    it.pace.end()
    assert it.warnings == [
        "simulated time may run too fast for this instrument: clock.hold: kit/clock does not answer"
    ]


async def test_wall_time_is_left_alone() -> None:
    calls: list[str] = []

    async def call(service: str, arguments: dict[str, Any]) -> None:
        calls.append(service)

    pace = Pace(WallClock(), lambda: 100.0, call, calls.append)
    pace.begin()
    await pace.ready()
    pace.end()
    assert calls == []

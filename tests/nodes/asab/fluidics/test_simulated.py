from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labmesh.clock import ManualClock
from messages.errors import EmergencyStopError, MissingProgramError
from nodes.asab.fluidics import (
    AIR,
    Contents,
    Fluidics,
    FluidicsError,
    Plug,
    SimulatedBus,
    load_rig,
    merge,
)
from nodes.asab.fluidics.qmix import QmixBus

RIG = load_rig()

liquids = st.sampled_from([{"a": 1.0}, {"b": 1.0}, {AIR: 1.0}, {"a": 0.25, "b": 0.75}])
streams = st.lists(st.builds(Plug, st.floats(1e-9, 3e-6), liquids), min_size=1, max_size=5)


def amount(plugs: list[Plug], fluid: str) -> float:
    return sum(plug.volume * plug.liquid.get(fluid, 0.0) for plug in plugs)


@settings(max_examples=50, deadline=None)
@given(streams, streams, st.booleans())
def test_a_tube_gives_out_what_was_pushed_in(
    before: list[Plug], stream: list[Plug], backwards: bool
) -> None:
    tube = Contents.of(1e-6, {"a": 1.0})
    tube.push(before, film=0.02)
    held = list(tube.plugs)
    for fluid in ("a", "b", AIR):
        start = amount(held, fluid) + amount(stream, fluid)
        copy = Contents(type(tube.plugs)(Plug(p.volume, p.liquid) for p in held))
        out = copy.push(stream, film=0.02, backwards=backwards)
        assert amount([*copy.plugs], fluid) + amount(out, fluid) == pytest.approx(start, abs=1e-12)
        assert sum(p.volume for p in copy.plugs) == pytest.approx(1e-6, rel=1e-6)


@settings(max_examples=50, deadline=None)
@given(streams, streams)
def test_streams_that_meet_lose_nothing(one: list[Plug], other: list[Plug]) -> None:
    together = merge([one, other])
    for fluid in ("a", "b", AIR):
        assert amount(together, fluid) == pytest.approx(
            amount(one, fluid) + amount(other, fluid), abs=1e-12
        )


class Bench:
    """A simulated bus with its driver, on a clock that runs while something waits."""

    def __init__(self, folder: Path, **bottles: float) -> None:
        self.clock = ManualClock()
        self.path = folder / "fluidics.json"
        self.bus = SimulatedBus(RIG, self.clock, self.path, bottles=bottles)
        self.bus.open()
        self.driver = Fluidics(self.bus, None, RIG, self.clock)

    async def do(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        while not task.done():
            await self.clock.advance(1)
        await task

    async def draw(self, number: int, volume: float) -> None:
        await self.do(self.driver.turn({f"valve{number}": 1}))
        await self.do(self.driver.move({f"pump{number}": (volume, 1e-7)}))

    async def give(self, outlet: int, flow: float, *numbers: int) -> None:
        ways = {f"valve{number}": 2 for number in numbers} | {"outlet_valve": outlet}
        await self.do(self.driver.turn(ways))
        await self.do(self.driver.move({f"pump{number}": (0.0, flow) for number in numbers}))


async def test_an_unpurged_line_gives_the_wrong_mixture_and_a_purged_one_the_right(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path)
    for number in (1, 4):
        await bench.draw(number, 1e-6)
    await bench.give(1, 5e-8, 1, 4)
    cell = bench.bus.world.tubes["densimeter"].mean
    # the feeding tubes held air, and so do the syringes now
    assert cell[AIR] > 0.2
    for _ in range(2):
        for number in (1, 4):
            await bench.draw(number, 4e-6)
        await bench.give(1, 5e-8, 1, 4)
    cell = bench.bus.world.tubes["densimeter"].mean
    assert cell == pytest.approx({"lipf6_ec_emc": 0.5, "emc": 0.5}, abs=1e-3)


async def test_the_rinsed_solution_stands_until_it_is_pushed_out(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for _ in range(2):
        await bench.draw(4, 4e-6)
        await bench.give(1, 1e-7, 4)
    await bench.draw(2, 1e-6)
    await bench.give(1, 1e-7, 2)
    # one mL behind the lines' 0.12 mL: the first part of the densimeter, not its end
    plugs = [*bench.bus.world.tubes["densimeter"].plugs]
    assert "lipf6_emc" in plugs[0].liquid
    assert plugs[-1].liquid == {"emc": 1.0}


async def test_an_empty_bottle_gives_air_and_a_full_vial_runs_over(tmp_path: Path) -> None:
    bench = Bench(tmp_path, bottle4=5e-7)
    await bench.draw(4, 2e-6)
    assert bench.bus.world.syringes["pump4"].liquid[AIR] == pytest.approx(0.75, rel=1e-3)
    bench.bus.place("vial", 2.45e-5)
    await bench.draw(3, 5e-6)
    await bench.give(2, 1e-7, 3)
    await bench.draw(3, 5e-6)
    await bench.give(2, 1e-7, 3)
    assert bench.bus.world.vessels["vial"].volume == 2.5e-5
    assert bench.bus.world.spilled["vial"] > 8e-6


async def test_a_pump_stops_at_its_limits_and_against_a_closed_line(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    pump = bench.bus.pump(0)
    for level, flow in ((5.1, 0.1), (-0.1, 0.1), (1.0, 1.0), (1.0, 1e-6)):
        with pytest.raises(FluidicsError, match="is not within"):
            pump.set_fill_level(level, flow)
    assert pump.get_volume_max() == pytest.approx(5)
    bench.bus.valve(0).switch_valve_to_position(1)
    pump.generate_flow(-0.5)
    await bench.clock.advance(4)
    assert pump.get_flow_is() == -0.5
    assert pump.get_fill_level() == pytest.approx(2)
    await bench.clock.advance(60)
    assert not pump.is_pumping()
    assert pump.get_fill_level() == pytest.approx(5)
    bench.bus.valve(0).switch_valve_to_position(5)
    with pytest.raises(FluidicsError, match="stopped by itself"):
        await bench.do(bench.driver.move({"pump1": (0.0, 1e-7)}))
    assert pump.is_in_fault_state()
    with pytest.raises(FluidicsError, match="no position 10"):
        bench.bus.valve(0).switch_valve_to_position(10)
    with pytest.raises(FluidicsError, match="no pump of index 9"):
        bench.bus.pump(9)


async def test_liquids_are_where_they_were_after_the_process_died(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.draw(1, 3e-6)
    bench.bus.valve(0).switch_valve_to_position(2)
    bench.bus.valve(5).switch_valve_to_position(3)
    bench.bus.pump(0).generate_flow(0.1)
    await bench.clock.advance(10)
    assert bench.bus.pump(0).is_pumping()
    again = SimulatedBus(RIG, bench.clock, bench.path)
    again.open()
    assert again.pump(0).get_fill_level() == pytest.approx(2)
    assert not again.pump(0).is_pumping()
    assert again.valve(0).actual_valve_position() == 2
    assert again.world.dump() == bench.bus.world.dump()


async def test_a_stop_reaches_the_pumps_at_once_and_lasts(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.do(bench.driver.turn({"valve1": 1}))
    moving = asyncio.create_task(bench.driver.move({"pump1": (5e-6, 1e-7)}))
    await bench.clock.advance(10)
    await bench.driver.halt()
    level = bench.bus.pump(0).get_fill_level()
    assert level == pytest.approx(1)
    await bench.clock.advance(20)
    with pytest.raises(EmergencyStopError, match="emergency stop"):
        await moving
    assert bench.bus.pump(0).get_fill_level() == level
    with pytest.raises(EmergencyStopError, match="emergency stop"):
        await bench.driver.turn({"valve1": 2})
    bench.driver.reset()
    await bench.do(bench.driver.move({"pump1": (2e-6, 1e-7)}))


async def test_a_stop_from_another_thread_does_not_stop_the_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.bus.valve(0).switch_valve_to_position(1)
    bench.bus.pump(0).generate_flow(-0.1)
    await asyncio.to_thread(lambda: asyncio.run(bench.driver.halt()))
    bench.driver.reset()
    bench.bus.pump(0).generate_flow(-0.1)
    await bench.clock.advance(10)
    assert bench.bus.pump(0).get_fill_level() == pytest.approx(1)


async def test_a_dry_run_checks_the_same_and_takes_the_same_time(tmp_path: Path) -> None:
    clock = ManualClock()
    dry = Fluidics(None, None, RIG, clock)
    for level, flow in ((6e-6, 1e-7), (1e-6, 1.0)):
        with pytest.raises(FluidicsError, match="is not within"):
            await dry.move({"pump1": (level, flow)})
    begun = clock.now()
    task = asyncio.create_task(dry.move({"pump1": (3e-6, 1e-7)}))
    while not task.done():
        await clock.advance(1)
    assert (clock.now() - begun) / 1e9 == pytest.approx(30, abs=2)
    assert dry.level("pump1") == 3e-6


def test_the_vendors_library_is_asked_for_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "qmixsdk", None)
    with pytest.raises(MissingProgramError, match="qmixsdk is not installed") as caught:
        QmixBus(RIG, "/somewhere")
    assert "simulated" in caught.value.remedy

"""Both rails' drivers and simulators: one over TCP, one by Modbus RTU on a pseudo-terminal."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labmesh.clock import Clock, ManualClock
from labmesh.devices import DeviceError, HaltedError, LimitError
from labmesh.sim import run_simulator
from labmesh.wire import WireError, byte_wire, modbus_wire
from nodes.autobass.devices import Lecp6, Linax, Rail
from nodes.autobass.devices._linax import _lines
from nodes.autobass.sim import Lecp6Simulator, LinaxSimulator
from tests.nodes.autobass.fast_clock import FastClock

Sim = LinaxSimulator | Lecp6Simulator

T = TypeVar("T")

KINDS = pytest.mark.parametrize("kind", ["linax", "lecp6"])


@asynccontextmanager
async def track(
    kind: str, clock: Clock, *, patience: float = 5.0
) -> AsyncIterator[tuple[Rail, Sim]]:
    """A simulated rail and its driver, homed where time passes by itself."""
    sim: Sim = LinaxSimulator(clock=clock) if kind == "linax" else Lecp6Simulator(clock=clock)
    async with run_simulator(sim) as server:
        rail: Rail
        if kind == "linax":
            rail = Linax(
                byte_wire(server.address()), clock=clock, high=0.8, answer_timeout=patience
            )
        else:
            rail = Lecp6(
                modbus_wire(f"{server.address()}&timeout={patience}"), clock=clock, high=0.8
            )
        await rail.connect()
        if isinstance(clock, FastClock):
            await rail.home()
        yield rail, sim
        await rail.close()
    assert not sim.troubles


async def drive(clock: ManualClock, work: Coroutine[Any, Any, T] | asyncio.Task[T]) -> T:
    """Let time pass in steps until something is done, and return its result."""
    task = asyncio.ensure_future(work)
    while not task.done():
        await clock.advance(0.05)
        await asyncio.wait({task}, timeout=0.002)
    return task.result()


async def on_its_way(sim: Sim, clock: ManualClock, move: asyncio.Task[None]) -> None:
    """Let one second of a move pass."""
    while not sim.axis.moving and not move.done():
        await clock.advance(0.001)
        await asyncio.wait({move}, timeout=0.002)
    await clock.advance(1.0)


@KINDS
async def test_homes_and_moves_at_its_speed(kind: str) -> None:
    clock = ManualClock()
    async with track(kind, clock) as (rail, sim):
        with pytest.raises(DeviceError, match="home it first"):
            await rail.move_to(0.5)
        await drive(clock, rail.home())
        begun = clock.now()
        await drive(clock, rail.move_to(0.5, speed=0.25))
        assert (clock.now() - begun) / 1e9 == pytest.approx(2.0, abs=0.5)
        assert await rail.position() == pytest.approx(0.5, abs=1e-5)
        for position, speed in ((0.81, 0.1), (-0.01, 0.1), (0.1, 1.1), (0.1, 0.0)):
            with pytest.raises(LimitError, match=r"positions are|speeds are above 0"):
                await rail.move_to(position, speed=speed)
        await drive(clock, rail.home())  # known already: nothing moves
        assert sim.axis.position == pytest.approx(0.5)


async def test_the_controllers_refuse_what_the_drivers_would_not_send() -> None:
    async with track("linax", FastClock()) as (rail, sim):
        assert isinstance(rail, Linax)
        for command in ("G 1900000", "G -1", "G x", "NONSENSE"):
            with pytest.raises(DeviceError, match="the controller refuses"):
                await rail._ask(command)
        assert not sim.axis.moving
    async with track("lecp6", FastClock()) as (rail, sim):
        assert isinstance(rail, Lecp6)
        rail._limits.high = 2.0
        with pytest.raises(DeviceError, match="reports an alarm"):
            await rail.move_to(0.95)
        assert not sim.axis.moving


@KINDS
async def test_a_halt_stops_the_carriage_where_it_is(kind: str) -> None:
    clock = ManualClock()
    async with track(kind, clock) as (rail, sim):
        await drive(clock, rail.home())
        move = asyncio.create_task(rail.move_to(0.6, speed=0.1))
        await on_its_way(sim, clock, move)
        await rail.halt()
        with pytest.raises(HaltedError, match=r"halted during the move to 0.6 m, at 0.1"):
            await drive(clock, move)
        stopped = sim.axis.position
        assert 0.09 < stopped < 0.2
        with pytest.raises(HaltedError, match="make sure that the way is free"):
            await drive(clock, rail.move_to(0.0))
        await rail.reset_error()
        await clock.advance(60)
        assert sim.axis.position == stopped


@KINDS
async def test_what_ends_a_move_is_said(kind: str) -> None:
    async with track(kind, FastClock()) as (rail, sim):
        sim.faults.order("obstacle")
        with pytest.raises(DeviceError, match="the move to 0.6 m: the controller reports"):
            await rail.move_to(0.6)
        assert sim.axis.position == pytest.approx(0.3, abs=0.01)
        with pytest.raises(HaltedError):
            await rail.move_to(0.6)
        await rail.reset_error()
        await rail.home()
        sim.faults.order("jam")
        with pytest.raises(DeviceError, match="was not done after .* look for what blocks"):
            await rail.move_to(0.6)
        sim.faults.clear()
        await rail.reset_error()


@KINDS
async def test_a_power_cut_in_mid_motion_is_said(kind: str) -> None:
    clock = ManualClock()
    async with track(kind, clock, patience=0.4) as (rail, sim):
        await drive(clock, rail.home())
        move = asyncio.create_task(rail.move_to(0.6, speed=0.1))
        await on_its_way(sim, clock, move)
        sim.faults.order("power_cut")
        with pytest.raises(DeviceError, match=r"the move to 0.6 m: .* see where the carriage is"):
            await drive(clock, move)
        assert 0.05 < sim.axis.position < 0.5
        with pytest.raises(HaltedError):
            await rail.move_to(0.0)
        sim.faults.clear()
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(WireError):
                    await rail.reset_error()
                    break
        with pytest.raises(DeviceError, match="home it first"):
            await rail.move_to(0.2)
        await drive(clock, rail.home())
        await drive(clock, rail.move_to(0.2))


async def test_garbage_is_not_taken_for_a_position() -> None:
    async with track("linax", FastClock(), patience=0.4) as (rail, sim):
        sim.faults.order("garbage")
        with pytest.raises((DeviceError, WireError), match="answered with|within 0.4 s"):
            await rail.position()
        sim.faults.clear()


async def test_a_dry_run_sends_nothing() -> None:
    for rail in (Linax(None, clock=FastClock()), Lecp6(None, clock=FastClock())):
        await rail.connect()
        with pytest.raises(DeviceError, match="home it first"):
            await rail.move_to(0.5)
        await rail.home()
        await rail.move_to(0.5)
        assert await rail.position() == 0.5
        with pytest.raises(LimitError):
            await rail.move_to(2.0)


async def test_a_session_with_the_rail_can_be_replayed(tmp_path: Path) -> None:
    async def session(rail: Linax) -> float:
        await rail.connect()
        await rail.home()
        await rail.move_to(0.1, speed=0.5)
        position = await rail.position()
        await rail.close()
        return position

    record = tmp_path / "rail.wire"
    sim = LinaxSimulator(clock=FastClock())
    async with run_simulator(sim) as server:
        wire = byte_wire(server.address(), record=record)
        assert await session(Linax(wire, clock=sim.clock)) == 0.1
    assert await session(Linax(byte_wire(f"replay://{record}"), clock=FastClock())) == 0.1
    other = Linax(byte_wire(f"replay://{record}"), clock=FastClock(), speed=0.2)
    await other.connect()
    await other.home()
    with pytest.raises(DeviceError, match=r"SP 200000"):
        await other.move_to(0.1)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=40))
def test_lines_of_whatever_comes_hold_no_control_characters(raw: bytes) -> None:
    assert all(line and "\r" not in line and "\n" not in line for line in _lines(raw))

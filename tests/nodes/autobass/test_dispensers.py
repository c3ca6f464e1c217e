"""Syringe pump and dispensing module: drivers against simulators on pseudo-terminals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labmesh.clock import ManualClock, WallClock
from labmesh.devices import DeviceError, HaltedError, LimitError
from labmesh.sim import Simulator, run_simulator
from labmesh.wire import WireError, byte_wire
from labmesh.wire.testing import pair
from nodes.autobass.devices import ML600, Dispenser, RLine
from nodes.autobass.devices._rline import frame, unframe
from nodes.autobass.sim import ML600Simulator, RLineSimulator
from tests.nodes.autobass.fast_clock import FastClock

Make = Callable[..., Any]
KINDS: list[tuple[type[Simulator[Any]], Make]] = [(ML600Simulator, ML600), (RLineSimulator, RLine)]


@asynccontextmanager
async def bench(
    kind: type[Simulator[Any]], make: Make, **options: Any
) -> AsyncIterator[tuple[Any, Dispenser]]:
    clock = FastClock()
    simulator = kind.make(options, clock=clock)
    async with run_simulator(simulator) as server:
        driver: Dispenser = make(byte_wire(server.address()), clock=clock)
        await driver.connect()
        try:
            yield simulator, driver
        finally:
            await driver.close()


@pytest.mark.parametrize(("kind", "make"), KINDS)
async def test_what_it_says_it_gave_is_what_left(kind: type[Simulator[Any]], make: Make) -> None:
    async with bench(kind, make) as (simulator, driver):
        await driver.initialise()
        taken = await driver.aspirate(35e-9)
        assert taken == pytest.approx(35e-9, abs=driver.resolution / 2)
        first = await driver.dispense(17.5e-9)
        await driver.dispense(17.5e-9)
        assert first.volume == pytest.approx(17.5e-9, abs=driver.resolution / 2)
        assert simulator.given == [first.steps, first.steps]
        assert driver.contents == pytest.approx(0.0)


@pytest.mark.parametrize(("kind", "make"), KINDS)
async def test_limits_are_checked_before_a_byte_is_sent(
    kind: type[Simulator[Any]], make: Make
) -> None:
    async with bench(kind, make) as (simulator, driver):
        await driver.initialise()
        for wrong in (driver.capacity * 1.5, 0.0):
            with pytest.raises(LimitError, match="is not from"):
                await driver.aspirate(wrong)
        with pytest.raises(LimitError):
            await driver.dispense(10e-9)  # it is empty
        assert simulator.taken == simulator.given == []


@pytest.mark.parametrize(("kind", "make"), KINDS)
async def test_a_halt_stops_the_stroke_and_nothing_is_repeated(
    kind: type[Simulator[Any]], make: Make
) -> None:
    clock = ManualClock()
    simulator: Any = kind.make({}, clock=clock)
    async with run_simulator(simulator) as server:
        driver: Dispenser = make(byte_wire(server.address()), clock=clock)
        await driver.connect()
        stroke = asyncio.create_task(_fill_and_give(driver))
        async with asyncio.timeout(5):
            while not simulator.taken:
                await clock.advance(0.2)
            before = simulator.position
            while simulator.position == before and not _moving_out(simulator):
                await clock.advance(0.05)
        await driver.halt()
        async with asyncio.timeout(5):
            while not stroke.done():
                await clock.advance(0.2)
        with pytest.raises(HaltedError):
            await stroke
        with pytest.raises(HaltedError):
            await driver.dispense(10e-9)
        await driver.reset_error()
        assert sum(simulator.given) * driver.resolution < 30e-9
        assert driver.contents == pytest.approx(
            (sum(simulator.taken) - sum(simulator.given)) * driver.resolution
        )
        await driver.close()


async def _fill_and_give(driver: Dispenser) -> None:
    await driver.initialise()
    await driver.aspirate(40e-9)
    await driver.dispense(30e-9)


def _moving_out(simulator: Any) -> bool:
    return bool(simulator._moving and (getattr(simulator, "_valve", "O") == "O"))


async def test_a_blocked_syringe_is_no_dispense() -> None:
    async with bench(ML600Simulator, ML600) as (simulator, driver):
        await driver.initialise()
        await driver.aspirate(35e-9)
        simulator.faults.order("blocked")
        with pytest.raises(DeviceError, match="syringe reports an error"):
            await driver.dispense(17.5e-9)
        assert simulator.given == []


async def test_lost_steps_are_seen() -> None:
    async with bench(ML600Simulator, ML600, lost_steps=40) as (_, driver):
        await driver.initialise()
        with pytest.raises(DeviceError, match=r"plunger is at step \d+, not at"):
            await driver.aspirate(35e-9)


@pytest.mark.parametrize(
    ("kind", "make", "fault", "error", "words"),
    [
        (ML600Simulator, ML600, "nak", DeviceError, "does not take"),
        (RLineSimulator, RLine, "er4", DeviceError, "er4 to RI70: the drive is busy"),
        (RLineSimulator, RLine, "drive_error", DeviceError, "error 8 after RI70"),
        (ML600Simulator, ML600, "garbage", WireError, "no answer|did not|came"),
        (RLineSimulator, RLine, "garbage", WireError, "no answer|did not|came"),
    ],
)
async def test_faults_of_the_line(
    kind: type[Simulator[Any]], make: Make, fault: str, error: type[Exception], words: str
) -> None:
    async with bench(kind, make) as (simulator, driver):
        await driver.initialise()
        vars(driver)["_timeout"] = 0.2
        simulator.faults.order(fault)
        with pytest.raises(error, match=words):
            await driver.aspirate(35e-9)


async def test_the_wrong_device_is_named() -> None:
    for make in (ML600, RLine):
        mine, other = pair()
        await other.open()
        driver = make(mine, clock=WallClock(), timeout=1.0)
        task = asyncio.create_task(driver.connect())
        await other.read_until(b"\r", timeout=1.0)
        await other.write(b"Elmo 4.2\r")
        with pytest.raises(WireError, match="9600 baud"):
            await task


@pytest.mark.parametrize("make", [ML600, RLine])
async def test_a_dry_run_counts_like_the_device(make: Make) -> None:
    driver: Dispenser = make(None, clock=WallClock())
    await driver.connect()
    await driver.initialise()
    await driver.aspirate(35e-9)
    given = await driver.dispense(17.5e-9)
    assert given.volume == pytest.approx(17.5e-9, abs=driver.resolution / 2)
    with pytest.raises(LimitError):
        await driver.dispense(35e-9)


async def test_frames_with_a_checksum() -> None:
    async with bench(
        RLineSimulator, lambda wire, clock: RLine(wire, clock=clock, checked=True), checked=True
    ) as (simulator, driver):
        await driver.initialise()
        await driver.aspirate(10e-9)
        assert simulator.taken == [20]


@settings(max_examples=40)
@given(st.from_regex(rb"[A-Za-z0-9]{1,12}", fullmatch=True), st.booleans(), st.integers(0, 15))
def test_what_is_framed_is_found_again(payload: bytes, checked: bool, at: int) -> None:
    message = frame(payload, checked=checked)
    assert unframe(message, checked=checked) == payload
    if not checked:
        assert unframe(frame(payload + b"\xba")) == payload
    if checked and at < len(message) - 1:
        broken = bytearray(message)
        broken[at] ^= 0x04
        assert unframe(bytes(broken), checked=True) is None

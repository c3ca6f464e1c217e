"""Glovebox and climate chamber by Modbus TCP, and how numbers lie in registers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from labmesh.clock import ManualClock
from labmesh.devices import ClimateChamber, DeviceError, Glovebox, GloveboxMap, LimitError, Register
from labmesh.devices.sim import ChamberOptions, ChamberSimulator, GloveboxOptions, GloveboxSimulator
from labmesh.sim import run_simulator
from labmesh.wire import WireError, modbus_wire
from tests.nodes.autobass.fast_clock import FastClock

OTHER_MAP = """
oxygen: {address: 100, table: holding, encoding: float32, scale: 1.0e-6}
water: {address: 102, table: holding, encoding: float32, low_word_first: true, scale: 1.0e-6}
pressure: {address: 104, table: holding, encoding: int32}
temperature: {address: 7, encoding: int16, scale: 0.1, offset: 273.15}
doors: {hatch: 40}
alarms: {blower: 33}
"""


@asynccontextmanager
async def glovebox(**options: Any) -> AsyncIterator[tuple[Glovebox, GloveboxSimulator]]:
    sim = GloveboxSimulator(GloveboxOptions.model_validate(options), clock=ManualClock())
    async with run_simulator(sim) as server:
        box = Glovebox(modbus_wire(server.address()), registers=sim.options.registers)
        await box.connect()
        yield box, sim
        await box.close()
    assert not sim.troubles


@pytest.mark.parametrize("registers", [GloveboxMap(), GloveboxMap(**yaml.safe_load(OTHER_MAP))])
async def test_a_glovebox_is_read_by_its_map(registers: GloveboxMap) -> None:
    async with glovebox(registers=registers, oxygen=4e-7, pressure=-120.0) as (box, sim):
        air = await box.read()
        assert air.oxygen == pytest.approx(4e-7)
        assert air.water == pytest.approx(2e-7)
        assert air.pressure == pytest.approx(-120)
        assert air.temperature == pytest.approx(298.15)
        assert air.doors_closed
        assert air.alarms == ()
        sim.faults.order("door_open")
        sim.faults.order("blower")
        air = await box.read()
        assert air.open_doors == (next(iter(registers.doors)),)
        assert air.alarms == ("blower",)


async def test_a_leak_lets_air_in_and_purification_takes_it_out() -> None:
    async with glovebox() as (box, sim):
        assert isinstance(sim.clock, ManualClock)
        sim.faults.order("leak")
        await sim.clock.advance(600)
        leaking = await box.read()
        assert leaking.oxygen > 5e-5
        assert set(leaking.alarms) == {"oxygen_high", "pressure"}
        sim.faults.clear("leak")
        await sim.clock.advance(3600)
        assert (await box.read()).oxygen < 2e-6


async def test_another_map_is_an_error_in_words() -> None:
    async with glovebox() as (box, _):
        box._map = GloveboxMap(**yaml.safe_load(OTHER_MAP))
        with pytest.raises(WireError, match=r"illegal data address \(2\)"):
            await box.read()


@asynccontextmanager
async def chamber(**options: Any) -> AsyncIterator[tuple[ClimateChamber, ChamberSimulator]]:
    clock = FastClock()
    sim = ChamberSimulator(ChamberOptions.model_validate(options), clock=clock)
    async with run_simulator(sim) as server:
        driver = ClimateChamber(modbus_wire(server.address()), clock=clock, poll=60.0)
        await driver.connect()
        yield driver, sim
        await driver.close()
    assert not sim.troubles


@pytest.mark.parametrize("decimals", [0, 1, 2])
async def test_a_chamber_settles(decimals: int) -> None:
    async with chamber(decimals=decimals, high=353.15) as (driver, sim):
        await driver.set_temperature(273.15 + 45)
        begun = sim.clock.now()
        state = await driver.settle(tolerance=1.0, hold=300)
        assert state.temperature == pytest.approx(318.15, abs=1.0)
        assert (sim.clock.now() - begun) / 1e9 > 20 / (3 / 60) / 2  # it cannot be faster
        with pytest.raises(LimitError, match=r"temperatures are 233.15 to 353.15 K"):
            await driver.set_temperature(360.0)
        await driver.set_temperature(263.15)
        assert (await driver.read()).set_point == pytest.approx(263.15)


async def test_a_chamber_that_fails_is_not_waited_for() -> None:
    async with chamber() as (driver, sim):
        sim.faults.order("locked:times=1")
        with pytest.raises(DeviceError, match="should be 320 K and is 298.15 K; is a profile"):
            await driver.set_temperature(320.0)
        sim.faults.order("heater")
        await driver.set_temperature(320.0)
        with pytest.raises(DeviceError, match=r"298.1 K instead of 320.0 K.*is the door closed"):
            await driver.settle(limit=1800)
        sim.faults.order("alarm")
        with pytest.raises(DeviceError, match="reports an alarm"):
            await driver.settle()


@given(
    st.sampled_from(["int16", "uint16", "int32", "uint32", "float32"]),
    st.booleans(),
    st.floats(-100, 100),
)
def test_numbers_survive_registers(encoding: Any, low_first: bool, value: float) -> None:
    register = Register(
        address=0, encoding=encoding, low_word_first=low_first, scale=0.1, offset=-5.0
    )
    low = -5.0 if encoding.startswith("uint") else -100.0
    words = register.encode(value)
    assert len(words) == register.count
    assert all(0 <= word < 65536 for word in words)
    assert register.decode(words) == pytest.approx(max(value, low), abs=0.051)

"""The driver of the syringe heater against a recorded session, and against faults."""

import asyncio
from pathlib import Path

import pytest
from heater import HeaterDriver, HeaterOptions, SimulatedHeater

from labmesh.clock import ManualClock
from labmesh.devices import DeviceError, LimitError
from labmesh.sim import run_simulator
from labmesh.wire import WireTimeoutError, byte_wire

RECORD = Path(__file__).with_name("heater.wire")


async def session(driver, clock):
    """What was done when the record was made."""
    await driver.open()
    await driver.heat(323.15)
    await clock.advance(300)
    reached = await driver.temperature()
    with pytest.raises(LimitError):
        await driver.heat(373.15)
    await driver.halt()
    await driver.close()
    return reached


async def test_the_driver_does_what_it_did_with_the_instrument():
    wire, clock = byte_wire(f"replay://{RECORD}"), ManualClock()
    assert await session(HeaterDriver(wire), clock) == pytest.approx(323.15, abs=0.5)
    assert wire.remaining == 0


async def test_the_simulator_does_what_the_instrument_did():
    clock = ManualClock()
    async with run_simulator(SimulatedHeater(HeaterOptions(), clock=clock)) as simulator:
        driver = HeaterDriver(byte_wire(simulator.address()))
        assert await session(driver, clock) == pytest.approx(323.15, abs=0.5)


async def test_a_broken_sensor_is_an_error_in_words():
    async with run_simulator(SimulatedHeater(), faults=("sensor",)) as simulator:
        driver = HeaterDriver(byte_wire(simulator.address()))
        with pytest.raises(DeviceError, match="sensor open, heater off"):
            await driver.open()
        await driver.close()


async def test_an_instrument_that_does_not_answer_is_asked_once():
    simulated = SimulatedHeater()
    async with run_simulator(simulated) as simulator:
        driver = HeaterDriver(byte_wire(simulator.address()), patience=0.05)
        await driver.open()
        simulated.faults.order("no_answer")
        with pytest.raises(WireTimeoutError):
            await driver.heat(310.0)
        assert simulated.faults.counts["no_answer"] == 1
        await driver.close()


async def test_a_dry_run_checks_and_sends_nothing():
    driver = HeaterDriver(None)
    await driver.open()
    await driver.heat(310.0)
    assert await driver.temperature() == 310.0
    with pytest.raises(LimitError):
        await driver.heat(500.0)


if __name__ == "__main__":  # how heater.wire was recorded; with hardware, name its port

    async def record():
        clock = ManualClock()
        async with run_simulator(SimulatedHeater(clock=clock)) as simulator:
            wire = byte_wire(simulator.address(), record=RECORD)
            await session(HeaterDriver(wire), clock)

    asyncio.run(record())

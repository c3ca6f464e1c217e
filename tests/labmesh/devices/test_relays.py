"""The relay board's driver and its simulator on a pseudo-terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from labmesh.devices import DeviceError, HaltedError, LimitError, RelayBoard
from labmesh.devices.sim import RelayOptions, RelaySimulator
from labmesh.sim import run_simulator
from labmesh.wire import WireTimeoutError, byte_wire


@asynccontextmanager
async def board(**options: object) -> AsyncIterator[tuple[RelayBoard, RelaySimulator]]:
    """A simulated board that takes a pause of 10 ms for the end of a command, and its driver."""
    sim = RelaySimulator(RelayOptions.model_validate({"gap": 0.01, **options}))
    async with run_simulator(sim) as server:
        relays = RelayBoard(
            byte_wire(server.address()), clock=sim.clock, off_at_halt=(1, 3), answer_timeout=5.0,
            gap=0.01,
        )  # fmt: skip
        await relays.connect()
        yield relays, sim
        await relays.close()
    assert not sim.troubles


async def test_switches_pulses_and_tells() -> None:
    async with board() as (relays, sim):
        await relays.on(2)
        assert sim.relays == {1: False, 2: True, 3: False, 4: False}
        assert await relays.state(2)
        await relays.pulse(1)
        assert sim.switched == {2: 1, 1: 1}
        assert not sim.relays[1]
        seen = sim.look()
        assert seen["2"]["on"]
        assert seen["1"]["switched_on"] == 1
        assert seen["2"]["last_on"] < seen["1"]["last_on"] <= sim.clock.now()
        assert seen["3"] == {"on": False, "switched_on": 0, "last_on": None}
        await relays.off(2)
        assert not await relays.state(2)
        with pytest.raises(LimitError, match="there is no relay 5; relays of"):
            await relays.on(5)


async def test_a_halt_passes_a_command_that_waits() -> None:
    async with board() as (relays, sim):
        await relays.on(1)
        await relays.on(2)
        pulse = asyncio.create_task(relays.pulse(4))
        await asyncio.sleep(0.005)  # the board still collects this command
        await relays.halt()
        with pytest.raises(HaltedError):
            await pulse
        async with asyncio.timeout(10):
            while sim.relays[1]:
                await asyncio.sleep(0.005)
        assert sim.relays[2]  # it may hold a part by vacuum
        with pytest.raises(HaltedError, match="make sure that all is safe"):
            await relays.on(1)
        await relays.reset_error()
        await relays.on(1)


async def test_what_is_wrong_is_said() -> None:
    async with board(stuck=3) as (relays, sim):
        sim.faults.order("relay_stuck")
        with pytest.raises(DeviceError, match="relay 3 should be on and is off"):
            await relays.on(3)
        sim.faults.clear()
        sim.faults.order("garbage:times=1")
        with pytest.raises(DeviceError, match="2_1 was answered with"):
            await relays.on(2)
        sim.faults.order("no_answer:times=1")
        relays._timeout = 0.1
        with pytest.raises(WireTimeoutError):
            await relays.off(2)
        relays._timeout = 5.0
        await relays.on(4)
        sim.faults.order("reset")
        assert not await relays.state(4)


async def test_a_dry_run_keeps_the_states_it_would_have() -> None:
    sim = RelaySimulator()
    relays = RelayBoard(None, clock=sim.clock, gap=0.0)
    await relays.connect()
    await relays.on(1)
    assert await relays.state(1)
    assert not await relays.state(2)
    with pytest.raises(LimitError):
        await relays.on(9)

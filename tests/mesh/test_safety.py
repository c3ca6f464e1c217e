"""Emergency stop and dry run through real processes; ``tests/docs/test_safety_page.py`` kills."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import pytest

from labmesh.transport import Outbound
from labmesh.wire import InputBuffer
from messages.ids import NodeId
from messages.safety import EmergencyStop
from tests.mesh.conftest import Lab
from tests.nodes.autobass.conftest import SimulatedDevices, batch, soon
from tests.nodes.autobass.fast_clock import FastClock
from tests.support import Running
from tests.support.device import LineDevice, line_device

ARM = NodeId("kit", "arm")
PROGRAM = "tests.labmesh.instrument.arm:ArmNode"


@pytest.fixture
async def device() -> AsyncIterator[LineDevice]:
    """What the arm's driver speaks to."""
    async with line_device() as made:
        yield made


async def start_arm(lab: Lab, device: LineDevice, *flags: str, wait: bool = True) -> Running:
    return await lab.start(
        PROGRAM, "arm", "--param", f"wire=tcp://127.0.0.1:{device.port}",
        "--param", "expired_calibration=flag", *flags, wait=wait,
    )  # fmt: skip


async def until_offered(lab: Lab) -> None:
    async with asyncio.timeout(10):
        while not any(
            each["offer"]["method"] == "arm" and each["online"]
            for each in (await lab.client.query("query.offers"))["offers"]
        ):
            await asyncio.sleep(0.05)


async def call(lab: Lab, service: str, **arguments: Any) -> dict[str, Any]:
    return await lab.visitor.caller.call(ARM, service, arguments, timeout=30)


async def test_a_stop_gets_past_a_flood_and_a_blocked_event_loop(
    lab: Lab, device: LineDevice
) -> None:
    await start_arm(lab, device)
    mesh, done = lab.visitor.mesh, lab.folder / "done"
    hog = asyncio.create_task(call(lab, "arm.hog", until=str(done)))
    await device.until("hog")
    topic = mesh.topics.to("call", ARM, "nothing")
    await mesh.transport.publish_all([Outbound(topic, bytes(1000)) for _ in range(2000)])
    await mesh.send(mesh.topics.stop("kit"), EmergencyStop(reason="smoke"), retain=True)
    await device.until("STOP")
    assert not hog.done()
    done.touch()
    await hog
    await device.until("STOP", count=2)  # again from the event loop, where answers are read
    assert (await call(lab, "instrument.journal"))["condition"] == "stopped"


async def test_without_the_mqtt_broker_it_parks_and_goes_on_when_that_is_back(
    lab: Lab, device: LineDevice
) -> None:
    arm = await start_arm(
        lab, device, "--param", "on_connection_loss=park", "--param", "connection_patience=0.2",
        "--param", "heartbeat_interval=0.2", "--param", "heartbeat_timeout=0.2",
    )  # fmt: skip
    await until_offered(lab)
    device.mute = "cell1/crimp"
    handle = await lab.client.submit("assembly", "arm", {"cells": 2})
    await device.until("cell1/crimp")
    lab.mqtt.kill()
    await arm.wait_line("lost for 0.2 s: no order is begun")
    await device.answer()
    await device.until("park")
    assert "cell2/pick" not in device.lines
    lab.mqtt.start()
    result = await asyncio.wait_for(handle.result(), 60)
    assert len(result.data["done"]) == 6
    # And a device that does not answer is a fault.
    await device.until("alive")
    device.mute = "alive"
    async with asyncio.timeout(20):
        while (await call(lab, "instrument.journal"))["condition"] != "fault":
            await asyncio.sleep(0.05)


async def test_autobass_tells_its_devices_nothing_but_their_stops(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Byte by byte, as the simulators of the robot's devices hear them on their ports."""
    devices, heard = SimulatedDevices(FastClock()), defaultdict[int, bytearray](bytearray)
    feed = InputBuffer.feed

    def hear(line: InputBuffer, data: bytes) -> None:
        heard[id(line)] += data
        feed(line, data)

    monkeypatch.setattr(InputBuffer, "feed", hear)
    async with devices.on() as addresses:
        simulated = {"expired_calibration": "flag", "simulated": "true", "assume_vials": "true"}
        flags = [
            flag
            for name, value in {**addresses, **simulated}.items()
            for flag in ("--param", f"{name}={value}")
        ]
        await lab.start("tests.nodes.autobass.quick_node:QuickNode", "robot", *flags)
        await lab.until_offered("autobass_assembly")
        handle = await lab.client.submit("cell_assembly", "autobass_assembly", batch(4))
        await soon(lambda: len(devices.dispenser.given) > 3)
        mesh = lab.visitor.mesh
        await mesh.send(mesh.topics.stop("kit"), EmergencyStop(reason="smoke", by="Ada"))
        final = await asyncio.wait_for(handle.done(), 30)
        assert "emergency stop by kit/asker (Ada): smoke" in final.message
        robot = NodeId("kit", "robot")
        story = await lab.visitor.caller.call(robot, "instrument.journal", {}, timeout=10)
        assert any(str(handle.id) in words for words in story["in_hand"])
    stops = {"ClearMotion": rb"(ClearMotion\(\)\0)+", "SM": rb"(SM\r)+", "aK": rb"(aK\raV\r)+",
             "\n1_0": rb"(\n1_0\n)+"}  # fmt: skip
    for word, only in stops.items():
        (line,) = [bytes(each) for each in heard.values() if word.encode() in each]
        assert re.fullmatch(only, line[line.index(word.encode()) :]), line[-200:]


async def test_a_dry_run_is_in_the_ledger_as_one_and_sends_no_byte(
    lab: Lab, device: LineDevice
) -> None:
    await start_arm(lab, device, "--param", "dry_run=true")
    await until_offered(lab)
    handle = await lab.client.submit("assembly", "arm", {"cells": 1})
    result = await asyncio.wait_for(handle.result(), 30)
    assert result.data["done"] == ["cell1/pick", "cell1/dispense", "cell1/crimp"]
    provenance = result.provenance
    assert provenance is not None
    assert (provenance.simulated, provenance.notes["dry_run"]) == (True, True)
    assert not (await lab.client.query("query.samples"))["samples"]
    assert not device.lines

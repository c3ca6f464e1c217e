"""Arbin's CTI both ways: our client against the spoofer of pyctiarbin, its client against ours."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyctiarbin import ChannelInterface, CyclerInterface
from pyctiarbin.arbinspoofer.arbin_spoofer import ArbinSpoofer
from pyctiarbin.messages import Msg

from labmesh.clock import ManualClock
from labmesh.sim import SimulatorServer, run_simulator
from labmesh.wire import WireError, WireRefusedError, byte_wire
from messages.errors import LabmeshError
from messages.protocol import CyclingProtocol
from nodes.cycler._driver import ChannelState, Job
from nodes.cycler.files import read_cycler_file
from nodes.cycler.wires import ArbinClient, ArbinCycler, ArbinSimulator, fingerprint
from nodes.cycler.wires import _arbin_messages as cti
from nodes.cycler.wires._arbin_sim import ArbinOptions

WORD = "a password of nobody"

GOLDEN = Path(__file__).parents[3] / "data" / "arbin_cti"

PROTOCOL = CyclingProtocol.model_validate({
    "sample": {"capacity_mAh": 4.0},
    "record": {"time_s": 30},
    "method": [{"step": "constant_current", "rate_C": 0.5, "until_voltage_V": 4.2}],
})  # fmt: skip


def job(test: str = "cell-7_formation") -> Job:
    return Job(test, "cell-7", PROTOCOL)


# Against messages recorded from a cycler.


@pytest.mark.parametrize(
    ("file", "layout"),
    [
        ("client_channel_info", cti.CHANNEL_INFO), ("client_assign_schedule", cti.ASSIGN),
        ("client_start_schedule", cti.START), ("client_stop_schedule", cti.STOP),
        ("client_set_meta_variable", cti.SET_VARIABLE),
    ],
)  # fmt: skip
def test_what_we_send_is_what_mits_took(file: str, layout: cti.Layout) -> None:
    golden = (GOLDEN / f"{file}_msg.bin").read_bytes()
    assert layout.pack(**layout.unpack(golden)) == golden


def test_what_mits_said_is_understood() -> None:
    golden = {file.stem: file.read_bytes() for file in GOLDEN.glob("server_*.bin")}
    assert all(map(cti.sound, golden.values()))
    login = cti.LOGIN_FEEDBACK.unpack(golden["server_login_msg"])
    assert (login["result"], login["serial"], login["channels"]) == (1, "207855", 16)
    assert login["note"].startswith("LBT21084  16 Channels")
    info = cti.CHANNEL_INFO_FEEDBACK.unpack(golden["server_channel_info_msg"])
    assert info["channel"] == 13
    assert cti.STATUSES[info["status"]] == "Rest"
    assert info["schedule"] == "Rest+207855.sdx"
    assert info["voltage"] == pytest.approx(3.4564648)
    assert info["step_and_cycle"] == "[1] 1: Step_A, Rest"
    for name, layout in (
        ("assign_schedule", cti.ASSIGN_FEEDBACK), ("start_schedule", cti.START_FEEDBACK),
        ("stop_schedule", cti.STOP_FEEDBACK), ("set_meta_variable", cti.SET_VARIABLE_FEEDBACK),
    ):  # fmt: skip
        found = layout.unpack(golden[f"server_{name}_msg"])
        assert (found["channel"], found["result"]) == (13, 0)
        assert layout.pack(**found) == golden[f"server_{name}_msg"]


@given(
    index=st.integers(0, 255), capacity=st.floats(0, 1e3, width=32),
    schedule=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=90),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_any_assignment_survives_and_pyctiarbin_agrees(
    index: int, capacity: float, schedule: str
) -> None:
    message = cti.ASSIGN.pack(channel=index, schedule=schedule, capacity=capacity)
    ours, theirs = cti.ASSIGN.unpack(message), Msg.AssignSchedule.Client.unpack(message)
    assert (ours["channel"], ours["schedule"], ours["capacity"]) == (index, schedule, capacity)
    assert theirs["schedule"] == schedule
    assert theirs["msg_length"] == Msg.AssignSchedule.Client.msg_length


# Our client, their server.


@pytest.fixture
def spoofer() -> Any:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = ArbinSpoofer({"ip": "127.0.0.1", "port": port, "num_channels": 4})
    made.start()
    yield made, f"tcp://127.0.0.1:{port}"
    # Its threads poll twice a second; they are daemons, and no test waits for them.
    threading.Thread(target=made.stop, daemon=True).start()


async def connected(client: ArbinClient, username: str = "lab") -> None:
    async with asyncio.timeout(5):
        while True:
            try:
                return await client.login(username, "x")
            except WireRefusedError:
                raise
            except WireError:  # its thread does not listen yet
                await asyncio.sleep(0.01)


async def test_our_client_and_the_spoofer(spoofer: tuple[Any, str]) -> None:
    server, address = spoofer
    client = ArbinClient(byte_wire(address), patience=5)
    await connected(client)
    assert client.channels == 4
    server.update_channel_status(
        2, {"status": 3, "voltage_v": 3.7, "current_a": -0.002, "step_and_cycle_format": "[3] 2: B"}
    )
    found = await client.channel(2)
    assert (found.status, found.test, found.step, found.cycle) == (
        "Discharge",
        "fake_testname",
        2,
        3,
    )
    assert found.voltage == pytest.approx(3.7)
    assert found.current == pytest.approx(-0.002)
    await client.assign(2, "formation.sdx", capacity=0.004, barcode="cell-7")
    await client.start(2, "cell-7_formation")
    await client.set_variable(2, 16, 1.5)
    await client.stop(2)
    await client.close()


# Their client, our server.


@pytest.fixture
async def mits() -> AsyncIterator[SimulatorServer]:
    options = ArbinOptions(
        channels=4, username="lab", password=WORD, schedules=["formation.sdx"]
    )  # fmt: skip
    clock = ManualClock()
    async with run_simulator(ArbinSimulator(options, clock=clock)) as server:
        yield server


async def test_pyctiarbin_drives_our_simulator(
    mits: SimulatorServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    env = tmp_path / ".env"
    env.write_text(f"ARBIN_CTI_USERNAME=lab\nARBIN_CTI_PASSWORD={WORD}\n")
    port = int(mits.address().rpartition(":")[2])
    config = {
        "channel": 3, "test_name": "t1", "schedule_name": "formation.sdx",
        "ip_address": "127.0.0.1", "port": port,
    }  # fmt: skip

    def drive() -> list[Any]:
        channel = ChannelInterface(config, str(env))
        before = channel.read_channel_status()
        did = [channel.start_test(), channel.set_meta_variable(1, 2.0)]
        during = channel.read_channel_status()
        again = channel.start_test()
        did.append(channel.stop_test())
        after = channel.read_channel_status()
        whole = CyclerInterface({"ip_address": "127.0.0.1", "port": port}, str(env))
        for each in (channel, whole):  # it has no close
            each._CyclerInterface__sock.close()
        return [before, did, during, again, after, whole.get_num_channels()]

    with caplog.at_level(logging.CRITICAL, "pyctiarbin"):
        before, did, during, again, after, count = await asyncio.to_thread(drive)
    assert count == 4
    assert (before["status"], before["channel"]) == ("Idle", 2)
    assert did == [True, True, True]
    assert (during["status"], during["testname"], during["schedule"]) == (
        "Rest", "t1", "formation.sdx",
    )  # fmt: skip
    assert during["aux_temperature"] == [25.0]
    assert again is False, "a running channel takes no schedule"
    assert (after["status"], after["exit_condition"]) == ("Idle", "User stop")


# Our driver, our server.


@pytest.fixture
async def cycler(mits: SimulatorServer, tmp_path: Path) -> AsyncIterator[ArbinCycler]:
    made = ArbinCycler(
        byte_wire(mits.address()), username="lab", password=WORD,
        schedules={fingerprint(PROTOCOL): "formation.sdx"}, exports=tmp_path,
    )  # fmt: skip
    await made.open()
    yield made
    await made.close()


async def test_a_test_from_start_to_files(
    mits: SimulatorServer, cycler: ArbinCycler, tmp_path: Path
) -> None:
    clock = mits.simulator.clock
    assert isinstance(clock, ManualClock)
    assert [each.state for each in await cycler.channels()] == [ChannelState.IDLE] * 4
    await cycler.start(4, job())
    await clock.advance(900)
    now = await cycler.status(4)
    assert (now.channel, now.state, now.test) == (4, ChannelState.RUNNING, "cell-7_formation")
    assert (now.step, now.cycle, now.test_time) == (2, 1, 900)
    assert now.current == pytest.approx(0.002)
    assert now.temperature == pytest.approx(298.15)
    with pytest.raises(LabmeshError, match="channel 4 is running with test cell-7_formation"):
        await cycler.start(4, job("other"))
    await clock.advance(900)
    assert (await cycler.status(4)).state is ChannelState.FINISHED
    for name in ("10", "2"):
        (tmp_path / f"cell-7_formation_Channel_4_Wb_{name}.CSV").touch()
    (tmp_path / "cell-7_formation2_Channel_4.CSV").touch()
    files = await cycler.raw_files(4, "cell-7_formation")
    assert [file.stem[-2:] for file in files] == ["_2", "10"]
    with pytest.raises(LabmeshError, match="no file of test cell-9"):
        await cycler.raw_files(4, "cell-9")


async def test_the_simulator_exports_what_our_parser_reads(tmp_path: Path) -> None:
    options, clock = ArbinOptions(channels=2, exports=str(tmp_path)), ManualClock()
    async with run_simulator(ArbinSimulator(options, clock=clock)) as server:
        cycler = ArbinCycler(
            byte_wire(server.address()), username="", password="",
            schedules={fingerprint(PROTOCOL): "s.sdx"}, exports=tmp_path,
        )  # fmt: skip
        await cycler.open()
        await cycler.start(2, job())
        await clock.advance(1800)
        assert (await cycler.status(2)).state is ChannelState.FINISHED
        [file] = await cycler.raw_files(2, "cell-7_formation")
        await cycler.close()
    assert "simulated" in file.name
    read = read_cycler_file(file, timezone="UTC")
    assert {check.outcome for check in read.checks} <= {"passed", "not_checked"}
    assert read.cycles["discharge_capacity_vendor_ah"][0] == pytest.approx(0.002 * 600 / 3600)


async def test_stop_and_halt(mits: SimulatorServer, cycler: ArbinCycler) -> None:
    await cycler.start(1, job("a"))
    await cycler.start(2, job("b"))
    await cycler.stop(1)
    states = [each.state for each in await cycler.channels()]
    assert states[:2] == [ChannelState.STOPPED, ChannelState.RUNNING]
    await cycler.halt()
    assert (await cycler.status(2)).state is ChannelState.STOPPED


async def test_what_is_refused_says_why(mits: SimulatorServer, cycler: ArbinCycler) -> None:
    faults = mits.simulator.faults
    faults.order("busy_window")
    with pytest.raises(WireRefusedError, match=r"on channel 1: somebody uses the monitor window"):
        await cycler.start(1, job())
    faults.clear()
    other = PROTOCOL.model_copy(update={"method": PROTOCOL.method * 2})
    with pytest.raises(LabmeshError, match=r"make it in MITS Pro and name it: schedules: \{"):
        await cycler.start(1, Job("t", "c", other))
    with pytest.raises(LabmeshError, match="no channel 5; this cycler has 1 to 4"):
        await cycler.status(5)
    wrong = ArbinClient(byte_wire(mits.address()))
    with pytest.raises(WireRefusedError, match="MITS refuses the login of 'guest'"):
        await wrong.login("guest", "x")
    await wrong.close()


async def test_answers_that_cannot_be_trusted(mits: SimulatorServer, cycler: ArbinCycler) -> None:
    faults = mits.simulator.faults
    faults.order("other_channel:times=1")
    with pytest.raises(WireError, match="MITS answered for channel 2, asked was 1"):
        await cycler.status(2)
    faults.order("bad_sum:times=1")
    with pytest.raises(WireError, match="the sum of a message is wrong"):
        await cycler.status(2)
    faults.order("garbage:times=1")
    cycler._client._patience = 0.05
    with pytest.raises(WireError):
        await cycler.status(2)
    assert (await cycler.status(2)).state is ChannelState.IDLE
    await cycler.start(2, job())
    faults.order("unsafe")
    assert (await cycler.status(2)).state is ChannelState.TRIPPED

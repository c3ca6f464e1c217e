"""Neware's BTS 8 API: answers kept from a BTS, our client against our simulator, and its traps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from labmesh.clock import ManualClock
from labmesh.sim import SimulatorServer, run_simulator
from labmesh.wire import WireError, WireRefusedError, byte_wire
from labmesh.wire.testing import pair
from messages.errors import LabmeshError
from messages.protocol import CyclingProtocol
from nodes.cycler._driver import ChannelState, Job
from nodes.cycler.files import read_cycler_file
from nodes.cycler.wires import NewareChannel, NewareClient, NewareCycler, NewareSimulator
from nodes.cycler.wires._channel_model import CyclerOptions
from nodes.cycler.wires._neware_messages import END, parse

PROTOCOL = CyclingProtocol.model_validate({
    "sample": {"name": "cell-7", "capacity_mAh": 4.0},
    "record": {"time_s": 30},
    "safety": {"max_voltage_V": 4.3},
    "method": [
        {"step": "open_circuit_voltage", "until_time_s": 600},
        {"step": "constant_current", "rate_C": 0.5, "until_voltage_V": 4.2},
    ],
    "temperature": 298.15,
})  # fmt: skip


def job(test: str = "cell-7_1") -> Job:
    return Job(test, "cell-7", PROTOCOL)


def bts(body: str) -> bytes:
    """Return an answer in BTS 8's own layout."""
    head = '<?xml version="1.0" encoding="UTF-8"?>\r\n<bts version="1.0">\r\n'
    return f"{head}{body}\r\n</bts>".encode() + END


DEVICES = bts(
    '<cmd>getdevinfo_resp</cmd>\r\n<serverip count="1"><server ip="127.0.0.1" port="3306" />'
    '</serverip><middle count="2">'
    '<channel ip="127.0.0.1" devtype="27" devid="13" subdevid="5" Channelid="5">true</channel>'
    '<channel ip="127.0.0.1" devtype="27" devid="13" subdevid="1" Channelid="5">true</channel>'
    "</middle>"
)


def inquired(dev: str, more: str) -> bytes:
    return bts(
        f'<cmd>inquire_resp</cmd>\r\n<list count="1">\r\n<inquire dev="{dev}" cycle_id="44" {more} '
        'barcode="b" current="-0.0003" voltage="4.6947" capacity="0.001" energy="0.0047" '
        'totaltime="3189199.3" relativetime="12319" open_or_close="0" log_code="102000" />\r\n'
        "</list>"
    )


async def test_what_a_bts_says_is_understood() -> None:
    ours, theirs = pair()
    client = NewareClient(ours, patience=1)
    await theirs.write(bts("<cmd>connect_resp</cmd>\r\n  <result>ok</result>") + DEVICES)
    await client.connect()
    first, fifth = client.channels
    assert (str(first), str(fifth)) == ("13-1-5", "13-5-5")
    await theirs.write(inquired("27-13-5-5-0", 'step_id="4" step_type="dc" workstatus="working"'))
    [found] = await client.inquire([fifth])
    assert (found.work, found.step, found.cycle, found.step_type) == ("working", 4, 44, "dc")
    assert (found.voltage, found.current, found.total_time) == (4.6947, -0.0003, 3189199.3)
    assert found.log_code == 102000
    await theirs.write(inquired("27-13-5-5-0", 'step_type="--" workstatus="finish"'))
    [found] = await client.inquire([fifth])
    assert (found.work, found.step) == ("finish", None)
    _, asked = parse((theirs.input.discard()).split(END)[-2], "")
    assert asked[1][0].attrib == {
        "ip": "127.0.0.1", "devtype": "27", "devid": "13", "subdevid": "5", "chlid": "5",
        "aux": "0", "barcode": "1",
    }  # fmt: skip


async def test_an_answer_for_another_channel_is_refused() -> None:
    ours, theirs = pair()
    client = NewareClient(ours, patience=1)
    fifth = NewareChannel(27, 13, 5, 5)
    state = 'step_id="1" workstatus="working"'
    await theirs.write(inquired("27-13-1-5-0", state))  # some BTS name sub-device 1
    assert (await client.inquire([fifth]))[0].work == "working"
    for other in ("27-13-2-5-0", "27-13-5-6-0", "27-14-5-5-0", "26-13-5-5-0", ""):
        await theirs.write(inquired(other, state))
        with pytest.raises(WireError, match="asked was 13-5-5"):
            await client.inquire([fifth])


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b'<!DOCTYPE b [<!ENTITY a "aaa">]><bts><cmd>inquire_resp</cmd>&a;</bts>', "no BTS doc"),
        (b"HTTP/1.1 400 Bad Request", "no BTS document: .*is this the API's port of BTS 8"),
        (b"<html/>", "a <html> without <cmd> is no BTS document"),
        (b"<bts><cmd>inquire_resp</cmd></bts>", "answered for 0 channels, asked were 1"),
    ],
)
async def test_what_is_no_answer_is_refused(said: bytes, words: str) -> None:
    ours, theirs = pair()
    client = NewareClient(ours, patience=0.05)
    await theirs.write(said + END)
    with pytest.raises(WireError, match=words):
        await client.inquire([NewareChannel(27, 13, 5, 5)])


@pytest.fixture
async def server() -> AsyncIterator[SimulatorServer]:
    clock = ManualClock()
    async with run_simulator(NewareSimulator(CyclerOptions(channels=12), clock=clock)) as made:
        yield made


@pytest.fixture
async def cycler(server: SimulatorServer, tmp_path: Path) -> AsyncIterator[NewareCycler]:
    made = NewareCycler(
        byte_wire(server.address()), steps=tmp_path, steps_there="C:\\steps",
        results_there="C:\\results", exports=tmp_path,
    )  # fmt: skip
    await made.open()
    yield made
    await made.close()


async def test_a_test_from_start_to_files(
    server: SimulatorServer, cycler: NewareCycler, tmp_path: Path
) -> None:
    simulator = server.simulator
    assert isinstance(simulator, NewareSimulator)
    assert isinstance(simulator.clock, ManualClock)
    assert len(await cycler.channels()) == 12
    await cycler.start(10, job())
    assert simulator.channels[2, 2].schedule == "C:\\steps\\cell-7_1.xml"
    steps = (tmp_path / "cell-7_1.xml").read_text()
    assert "cell-7_1" in steps
    await simulator.clock.advance(900)
    now = await cycler.status(10)
    assert (now.channel, now.state, now.test) == (10, ChannelState.RUNNING, "cell-7_1")
    assert (now.step, now.test_time) == (2, 900)
    assert now.current == pytest.approx(0.002)
    with pytest.raises(WireRefusedError, match=r"21-2-2 is 'working'; BTS starts only from finish"):
        await cycler.start(10, job("other"))
    await simulator.clock.advance(900)
    assert (await cycler.status(10)).state is ChannelState.FINISHED
    assert await cycler.raw_files(10, "cell-7_1") == (tmp_path / "cell-7_1.xml",)


async def test_stop_and_halt(server: SimulatorServer, cycler: NewareCycler) -> None:
    await cycler.start(1, job("a"))
    await cycler.start(2, job("b"))
    await cycler.stop(1)
    await cycler.stop(3)  # nothing runs there
    states = [each.state for each in await cycler.channels()]
    assert states[:2] == [ChannelState.STOPPED, ChannelState.RUNNING]
    await cycler.halt()
    assert (await cycler.status(2)).state is ChannelState.STOPPED
    await cycler.start(2, job("c"))
    await cycler.stop(2)
    assert (await cycler.status(2)).state is ChannelState.STOPPED


async def test_all_records_are_downloaded(server: SimulatorServer, cycler: NewareCycler) -> None:
    clock = server.simulator.clock
    assert isinstance(clock, ManualClock)
    await cycler.start(1, job())
    await clock.advance(1800)
    client = cycler._client
    records = await client.download(client.channels[0])
    assert [int(record["seqid"]) for record in records] == list(range(1, 64))
    assert records[30]["steptype"] == "cc"
    assert await client.last_test(client.channels[0]) == (1, 63)
    await client.light(client.channels[3])
    await client.clear_flag(client.channels[3])
    assert server.simulator.lit == {(1, 4)}  # type: ignore[attr-defined]


async def test_records_become_a_file_that_is_read(server: SimulatorServer, tmp_path: Path) -> None:
    """Where no folder is shared, the API alone does."""
    clock = server.simulator.clock
    assert isinstance(clock, ManualClock)
    cycler = NewareCycler(
        byte_wire(server.address()), steps=tmp_path, steps_there="C:\\s", results_there="C:\\r",
        downloads=tmp_path / "downloads",
    )  # fmt: skip
    await cycler.open()
    await cycler.start(1, job())
    await clock.advance(1000)
    [part] = await cycler.raw_files(1, "cell-7_1")
    assert read_cycler_file(part).table.height == 36
    await clock.advance(800)
    [file] = await cycler.raw_files(1, "cell-7_1")
    read = read_cycler_file(file)
    assert {check.outcome for check in read.checks} <= {"passed", "not_checked"}
    assert read.table["test_time_second"][-1] == 1800
    assert read.cycles["charge_capacity_vendor_ah"][0] == pytest.approx(0.002 * 600 / 3600)
    await cycler.start(1, job("cell-8_1"))
    assert await cycler.raw_files(1, "cell-7_1") == (file,), "it was kept"
    with pytest.raises(LabmeshError, match="channel 1 has test cell-8_1 by now, asked is cell-6_1"):
        await cycler.raw_files(1, "cell-6_1")
    await cycler.close()


async def test_commands_answered_for_another_channel(
    server: SimulatorServer, cycler: NewareCycler
) -> None:
    faults = server.simulator.faults
    faults.order("subdevice")
    await cycler.start(10, job())  # it runs where it should: believed
    faults.clear()
    faults.order("other_channel")
    with pytest.raises(WireError, match="BTS answered for channel 21-2-3, asked was 21-2-2"):
        await cycler.stop(10)
    faults.clear()
    faults.order("refuse")
    with pytest.raises(WireRefusedError, match="start of channel 21-1-1: BTS says 'false'"):
        await cycler.start(1, job())
    faults.clear()
    faults.order("protect")
    assert (await cycler.status(10)).state is ChannelState.TRIPPED
    with pytest.raises(LabmeshError, match="no channel 13; there are 1 to 12"):
        await cycler.status(13)


async def test_a_start_of_the_wrong_sub_device_is_found_out() -> None:
    """BTS says that it has started channel 1-5, and 5-5 does not run."""
    ours, theirs = pair()
    client = NewareClient(ours, patience=1)
    where = 'ip="127.0.0.1" devtype="27" devid="13" subdevid="{}" chlid="5"'
    status = f'<status {where.format(5)} reservepause="1">finish</status>'
    started = f"<start {where.format(1)}>ok</start>"
    await theirs.write(
        bts(f'<cmd>getchlstatus_resp</cmd><list count="1">{status}</list>')
        + bts(f'<cmd>start_resp</cmd><list count="1">{started}</list>')
        + inquired("27-13-5-5-0", 'workstatus="finish"')
    )
    with pytest.raises(
        WireError, match=r"is done, asked was 13-5-5, and that is not; look at both"
    ):
        await client.start(NewareChannel(27, 13, 5, 5), "x.xml", barcode="b", backup="")

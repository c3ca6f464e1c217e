"""Each wire on a real port: bytes, registers and files go through, and errors say what to do."""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from labmesh.wire import (
    ByteWire,
    WireError,
    WireTimeoutError,
    byte_wire,
    folder_wire,
    modbus_wire,
    open_wire,
)
from labmesh.wire._serial import SerialWire
from labmesh.wire.testing import MemoryFolder, MemoryModbus, pair
from messages.errors import ConfigurationError, WireRefusedError


@dataclass
class Device:
    """The instrument's end of a line: what came, and a way to say something."""

    say: Callable[[bytes], object]
    hang_up: Callable[[], None]
    heard: bytearray = field(default_factory=bytearray)

    async def heard_by_now(self, count: int) -> bytes:
        async with asyncio.timeout(5):
            while len(self.heard) < count:
                await asyncio.sleep(0)
        return bytes(self.heard)


@asynccontextmanager
async def tcp() -> AsyncIterator[tuple[str, Device]]:
    writers: list[asyncio.StreamWriter] = []
    device = Device(lambda data: writers[-1].write(data), lambda: writers[-1].close())  # noqa: PLW0108

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(OSError):
            while data := await reader.read(4096):
                device.heard += data
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}", device
    server.close()


@asynccontextmanager
async def terminal() -> AsyncIterator[tuple[str, Device]]:
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    loop = asyncio.get_running_loop()

    def hang_up() -> None:
        loop.remove_reader(ours)
        os.close(theirs)
        os.close(ours)

    device = Device(lambda data: os.write(ours, data), hang_up)
    loop.add_reader(ours, lambda: device.heard.extend(os.read(ours, 65536)))
    # Settings of a Hamilton ML600: a pseudo-terminal cannot have them, and must not refuse.
    yield f"serial://{os.ttyname(theirs)}?baud=9600&bytes=7&parity=O", device
    with suppress(OSError):
        hang_up()


@pytest.fixture(params=["tcp", "terminal", "threaded"])
async def ends(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[ByteWire, Device]]:
    if request.param == "threaded":
        # As on Windows, where no event loop waits for a serial port.
        monkeypatch.setattr(SerialWire, "_can_wait", False)
    async with tcp() if request.param == "tcp" else terminal() as (address, device):
        wire = byte_wire(address)
        await wire.open()
        yield wire, device
        await wire.close()


async def test_bytes_go_both_ways_in_any_pieces(ends: tuple[ByteWire, Device]) -> None:
    wire, device = ends
    await wire.write(b"PO\r")
    assert await device.heard_by_now(3) == b"PO\r"
    device.say(b"PO\r\n>ab")
    assert await wire.read_until(b"\r", timeout=5) == b"PO\r"
    assert await wire.read_exactly(2, timeout=5) == b"\n>"
    device.say(b"c\r")
    assert await wire.read_until(b"\r", timeout=5) == b"abc\r"


async def test_silence_says_what_came_and_loses_nothing(ends: tuple[ByteWire, Device]) -> None:
    wire, device = ends
    await wire.write(b"?")
    await device.heard_by_now(1)
    device.say(b"12")
    assert await wire.read_exactly(1, timeout=5) == b"1"
    with pytest.raises(WireTimeoutError, match=r"no b'\\r' within 0.02 s, only b'2' came"):
        await wire.read_until(b"\r", timeout=0.02)
    device.say(b"3\r")
    assert await wire.read_until(b"\r", timeout=5) == b"23\r"


async def test_input_is_discarded_before_a_new_question(ends: tuple[ByteWire, Device]) -> None:
    wire, device = ends
    await wire.write(b"?")
    await device.heard_by_now(1)
    device.say(b"late\r.")
    await wire.read_until(b"\r", timeout=5)
    await wire.discard_input()
    device.say(b"new\r")
    assert await wire.read_until(b"\r", timeout=5) == b"new\r"


async def test_a_lost_line_says_so(ends: tuple[ByteWire, Device]) -> None:
    wire, device = ends
    await wire.write(b"?")
    await device.heard_by_now(1)
    device.hang_up()
    with pytest.raises(WireError, match=r"the instrument closed the connection|the port is lost"):
        await wire.read_until(b"\r", timeout=5)
    with pytest.raises(WireError, match="open it again"):
        await wire.write(b"?")
    await wire.close()
    with pytest.raises(WireError):
        await wire.read_exactly(1, timeout=1)


async def test_100_kb_pass_a_terminal_that_holds_4_kib() -> None:
    async with terminal() as (address, device):
        wire = byte_wire(address)
        await wire.open()
        data = bytes(range(256)) * 400
        await wire.write(data)
        assert await device.heard_by_now(len(data)) == data
        await wire.close()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("serial:///dev/ttyUSB93", "no port /dev/ttyUSB93; plug it in"),
        ("modbus+rtu:///dev/ttyUSB93", "no port /dev/ttyUSB93; plug it in"),
        ("tcp://127.0.0.1:1", "nothing listens there; switch the instrument on, start its sim"),
        ("modbus+tcp://127.0.0.1:1", "nothing answers there; switch the instrument on"),
        ("tcp://no.such.host.invalid:1", "no connection: .*; check the host name"),
        ("folder:///no/such/folder", "no folder /no/such/folder; mount the instrument's share"),
        ("replay:///no/such/file", "no record: No such file"),
    ],
)
async def test_what_cannot_be_opened_says_why_and_what_to_do(address: str, said: str) -> None:
    with pytest.raises(WireError, match=said):
        await open_wire(address)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("seria:///dev/ttyUSB0", "no wire is called 'seria'; write it as serial:///dev/ttyUSB0"),
        ("gpib://1", "no wire is called 'gpib'; one of serial, tcp, "),
        ("serial:///dev/ttyUSB0?boud=9600", "takes no option 'boud'; it takes baud, bytes, "),
        ("serial:///dev/ttyUSB0?parity=X", "no port speaks 8X1; bytes=5 to 8"),
        ("tcp://robot", "host or port is missing; write it as tcp://192"),
        ("modbus+tcp://plc?unit=256", "unit is 0 to 255"),
        ("modbus+tcp://plc?timeout=soon", "option timeout is 'soon', not a number"),
    ],
)
async def test_a_wrong_address_is_a_mistake_of_configuration(address: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        await open_wire(address)


def test_a_driver_gets_no_other_kind_of_wire() -> None:
    with pytest.raises(ConfigurationError, match="reached by serial: or tcp:"):
        byte_wire("folder:///data")
    with pytest.raises(ConfigurationError, match=r"reached by modbus\+tcp: or modbus\+rtu:"):
        modbus_wire("tcp://plc:502")
    with pytest.raises(ConfigurationError, match="reached by folder:"):
        folder_wire("tcp://plc:502")


async def test_a_port_belongs_to_one_program() -> None:
    async with terminal() as (address, _):
        first, second = byte_wire(address), byte_wire(address)
        await first.open()
        with pytest.raises(WireError, match=r"in use by another program; `lsof /dev/pts/"):
            await second.open()
        await first.close()
        await second.open()
        await second.close()


async def test_a_file_is_put_whole_and_taken_when_it_no_longer_grows(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    wire = folder_wire(f"folder://{tmp_path}?put=in&take=out&stable=0.25")
    await wire.open()
    await wire.put("job.lims", b"#V100")
    assert (tmp_path / "in" / "job.lims").read_bytes() == b"#V100"
    with pytest.raises(WireError, match=r"there is a file job\.lims already"):
        await wire.put("job.lims", b"#V200")
    with pytest.raises(ConfigurationError, match="is no name of a file"):
        await wire.put("../job.lims", b"")
    out = tmp_path / "out" / "job.csv"
    (tmp_path / "out" / ".job.csv.part").write_bytes(b"half")
    with pytest.raises(WireTimeoutError, match=r"no file \*\.csv within 0 s"):
        await wire.take("*.csv", timeout=0)
    out.write_bytes(b"Results::")
    taking = asyncio.create_task(wire.take("*.csv", timeout=5))
    await asyncio.sleep(0.15)  # it looks there more than once
    assert not taking.done()
    out.write_bytes(b"Results::Density")
    assert await taking == ("job.csv", b"Results::Density")
    assert (tmp_path / "out" / "done" / "job.csv").is_file()
    out.write_bytes(b"again")
    assert await wire.take("*.csv", timeout=5) == ("job.csv", b"again")
    assert (tmp_path / "out" / "done" / "job-2.csv").is_file()


async def test_wires_in_memory_behave_as_the_others() -> None:
    ours, theirs = pair()
    await ours.write(b"a\r")
    assert await theirs.read_until(b"\r", timeout=1) == b"a\r"
    await theirs.close()
    with pytest.raises(WireError, match="the other end closed"):
        await ours.read_exactly(1, timeout=1)
    unit = MemoryModbus()
    unit.holding_registers[0x10] = 7
    await unit.write_registers(0x10, [8])
    assert await unit.read_holding_registers(0x10) == [8]
    with pytest.raises(WireRefusedError) as refused:
        await unit.read_coils(1)
    assert refused.value.code == 2
    folder = MemoryFolder()
    folder.say("x.csv", b"1")
    assert await folder.take("*.csv", timeout=1) == ("x.csv", b"1")

"""A simulator on real ports: what drivers meet, and what faults do to them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labmesh.clock import ManualClock
from labmesh.sim import FaultOrder, Faults, SimulatorServer, run_simulator
from labmesh.wire import (
    ByteWire,
    WireError,
    WireRefusedError,
    WireTimeoutError,
    byte_wire,
    folder_wire,
    modbus_wire,
)
from messages.errors import ConfigurationError
from tests.labmesh.sim.toy import Toy, ToyOptions


@pytest.fixture
async def toy(tmp_path: Path) -> AsyncIterator[SimulatorServer]:
    ports: dict[str, str | int] = {"files": str(tmp_path / "files"), "aux": str(tmp_path / "aux")}
    async with run_simulator(Toy(), ports) as server:
        yield server


async def ask(wire: ByteWire, text: bytes = b"x\r", patience: float = 5) -> bytes:
    await wire.write(text)
    return await wire.read_until(b"\r", timeout=patience)


@pytest.mark.parametrize("port", ["control", "aux"])
async def test_bytes(toy: SimulatorServer, port: str) -> None:
    wire = byte_wire(toy.address(port))
    await wire.open()
    assert await ask(wire) == b"1 x\r"
    assert await ask(wire) == b"2 x\r"
    await wire.close()


@pytest.mark.parametrize("port", ["plc", "rail"])
async def test_registers(toy: SimulatorServer, port: str) -> None:
    wire = modbus_wire(toy.address(port))
    await wire.open()
    await wire.write_coil(0x11, True)
    assert await wire.read_coils(0x10, 3) == [False, True, False]
    assert await wire.read_discrete_inputs(0x4A) == [True]
    assert await wire.read_input_registers(0x9000) == [7]
    await wire.write_registers(101, [8, 9])
    assert await wire.read_holding_registers(100, 3) == [1, 8, 9]
    assert toy.simulator.written == [8, 9]  # type: ignore[attr-defined]
    for address, values, code in ((100, [2000], 3), (500, [1], 2)):
        with pytest.raises(WireRefusedError) as refused:
            await wire.write_registers(address, values)
        assert refused.value.code == code
    await wire.close()


async def test_a_unit_that_is_not_there(toy: SimulatorServer) -> None:
    """A gateway says so; on a serial line nobody says anything."""
    plc = modbus_wire(toy.address("plc") + "?unit=9")
    await plc.open()
    with pytest.raises(WireRefusedError, match="gateway target did not answer"):
        await plc.read_coils(0x10)
    await plc.close()
    rail = modbus_wire(toy.address("rail").replace("unit=3", "unit=9&timeout=0.03"))
    await rail.open()
    with pytest.raises(WireTimeoutError, match=r"no answer within 0.03 s; is the instrument"):
        await rail.read_coils(0x10)
    await rail.close()


async def test_files(toy: SimulatorServer) -> None:
    wire = folder_wire(toy.address("files") + "&stable=0")
    await wire.open()
    await wire.put("a.lims", b"12")
    assert await wire.take("*.csv", timeout=5) == ("a.lims.csv", b"1212")


async def test_no_answer_garbage_and_a_count_of_both(toy: SimulatorServer) -> None:
    faults = toy.simulator.faults
    wire = byte_wire(toy.address())
    await wire.open()
    faults.order("no_answer")
    with pytest.raises(WireTimeoutError, match="nothing came"):
        await ask(wire, patience=0.03)
    faults.clear("no_answer")
    faults.order("garbage:times=1")
    await wire.write(b"y\r")
    assert await wire.read_exactly(4, timeout=5) != b"2 y\r"
    assert await ask(wire) == b"3 x\r"
    assert faults.counts == {"no_answer": 1, "garbage": 1}
    assert faults.in_force == []
    await wire.close()


async def test_a_stalled_device_goes_on_where_it_stopped(toy: SimulatorServer) -> None:
    wire = byte_wire(toy.address("aux"))
    await wire.open()
    toy.simulator.faults.order("stall")
    with pytest.raises(WireTimeoutError, match=r"only b'1 x' came"):
        await ask(wire, b"xyz\r", patience=0.05)
    toy.simulator.faults.clear()
    assert await wire.read_until(b"\r", timeout=5) == b"1 xyz\r"
    await wire.close()


async def test_a_power_cut_breaks_lines_and_loses_the_devices_state(toy: SimulatorServer) -> None:
    tcp, serial, plc = (
        byte_wire(toy.address("control")),
        byte_wire(toy.address("aux")),
        modbus_wire(toy.address("plc")),
    )
    for wire in (tcp, serial, plc):
        await wire.open()
    await ask(tcp)
    await plc.write_registers(100, [77])
    toy.simulator.faults.order("power_cut")
    with pytest.raises(
        WireError, match="the instrument closed the connection|the connection broke"
    ):
        await tcp.read_exactly(1, timeout=5)
    with pytest.raises(WireError, match="nothing listens there"):
        await tcp.open()
    with pytest.raises(WireTimeoutError):  # the cable is still there
        await ask(serial, patience=0.03)
    toy.simulator.faults.clear("power_cut")
    async with asyncio.timeout(5):
        while not toy.powered:
            await asyncio.sleep(0)
    await tcp.open()
    assert await ask(tcp) == b"1 x\r"
    assert await ask(serial) == b"2 x\r"
    await plc.open()
    assert await plc.read_holding_registers(100) == [1]
    for wire in (tcp, serial, plc):
        await wire.close()


async def test_faults_come_and_go_by_the_devices_clock(toy: SimulatorServer) -> None:
    clock = ManualClock()
    faults = Faults(Toy.all_faults(), clock)
    faults.order("garbage:after=10,lasts=5")
    seen = []
    for _ in range(4):
        seen.append(faults.active("garbage"))
        await clock.advance(5)
    assert seen == [False, False, True, False]
    faults.order("stall:times=2")
    assert [faults.strike("stall") for _ in range(3)] == [True, True, False]
    faults.order("nak:after=1")
    faults.clear()
    await clock.advance(2)
    assert faults.in_force == []


async def test_a_device_plays_faults_of_its_own(toy: SimulatorServer) -> None:
    simulator = toy.simulator
    assert isinstance(simulator, Toy)
    wire = byte_wire(toy.address())
    await wire.open()
    simulator.faults.order("nak")
    simulator.faults.order("alarm")
    assert await ask(wire) == b"\x15\r"
    assert await ask(wire) == b"1 x\r"
    assert simulator.lamp == "red"
    simulator.faults.clear()
    assert simulator.lamp == "green"
    with pytest.raises(ConfigurationError, match="no fault is called 'nack'; did you mean nak?"):
        simulator.faults.order("nack")
    await wire.close()


@given(
    st.builds(
        FaultOrder,
        st.sampled_from(["nak", "stall"]),
        st.integers(0, 10**6).map(lambda n: n / 10),
        st.none() | st.integers(1, 10**6).map(lambda n: n / 10),
        st.none() | st.integers(1, 99),
    )
)
def test_a_fault_as_text_is_the_fault(order: FaultOrder) -> None:
    said = {"after": order.after, "lasts": order.lasts, "times": order.times}
    text = ",".join(f"{name}={value}" for name, value in said.items() if value is not None)
    assert FaultOrder.parse(f"{order.kind}:{text}") == order


@pytest.mark.parametrize("text", ["nak:now", "nak:after=x", "nak:after=-1", "nak:before=1"])
def test_what_is_no_fault_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="write it as kind, kind:after=5 or"):
        FaultOrder.parse(text)


async def test_the_device_keeps_the_meshs_time(tmp_path: Path) -> None:
    clock = ManualClock()
    toy = Toy(ToyOptions(delay=3600), clock=clock)
    async with run_simulator(toy, {"files": str(tmp_path)}) as server:
        wire = byte_wire(server.address())
        await wire.open()
        asking = asyncio.create_task(ask(wire))
        async with asyncio.timeout(5):
            while clock._sleepers.next is None:
                await asyncio.sleep(0)
        assert not asking.done()
        await clock.advance(3600)
        assert await asking == b"1 x\r"
        await wire.close()


async def test_a_mistake_of_the_simulator_is_told_and_it_lives_on(toy: SimulatorServer) -> None:
    wire = byte_wire(toy.address("aux"))
    await wire.open()
    await wire.write(b"crash\r")
    assert await ask(wire) == b"1 x\r"
    assert list(toy.simulator.troubles) == ["port aux: ZeroDivisionError: oh"]
    await wire.close()


async def test_a_port_in_use_names_itself_and_the_remedy(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen(1)
        port = holder.getsockname()[1]
        ports: dict[str, str | int] = {"control": port, "files": str(tmp_path)}
        with pytest.raises(WireError) as caught:
            async with run_simulator(Toy(), ports):
                pass
    assert f"port {port} of Toy (simulated) (control): something listens there" in str(caught.value)
    assert f"`ss -ltnp sport = :{port}` shows who" in str(caught.value)


async def test_a_link_is_stable_and_gone_at_the_end(tmp_path: Path) -> None:
    link = tmp_path / "pump"
    ports: dict[str, str | int] = {"aux": str(link), "files": str(tmp_path / "files")}
    link.symlink_to("/dev/pts/9999")  # of a simulator that was killed
    async with run_simulator(Toy(), ports) as server:
        assert server.address("aux").startswith(f"serial://{link}?baud=9600")
        assert link.resolve().is_char_device()
        with pytest.raises(WireError, match=f"another simulator serves {link}; end that one"):
            async with run_simulator(Toy(), ports):
                pass
        assert link.resolve().is_char_device()
    assert not link.is_symlink()
    link.write_text("mine")
    with pytest.raises(WireError, match="is something else than a link"):
        async with run_simulator(Toy(), ports):
            pass
    assert link.read_text() == "mine"


@pytest.mark.parametrize(
    ("ports", "said"),
    [
        ({}, "port 'files' of Toy .* is a folder: which.; ports: {files: PATH}"),
        ({"contrl": 1, "files": "x"}, "has no port 'contrl'; it has control, aux"),
        ({"control": "x", "files": "x"}, "is a TCP port, not 'x'; give a number"),
        ({"aux": 5, "files": "x"}, "is a serial port, not 5; give a path"),
    ],
)
def test_ports_that_do_not_fit_the_device(ports: dict[str, int | str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        SimulatorServer(Toy(), ports)


def test_options_that_do_not_fit_the_device() -> None:
    with pytest.raises(ConfigurationError, match=r"option dealy of Toy .* it takes delay"):
        Toy.make({"dealy": 1})

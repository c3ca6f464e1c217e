"""A simulator as a process of its own, and as a node of a mesh."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from labmesh.launch import LaunchError, load_plan
from labmesh.sim import SimulatorNode
from labmesh.wire import WireError, byte_wire
from messages.node import Diagnostic, Level
from tests.labmesh.sim.test_simulator import ask
from tests.ros2._life import Bench, bench, until  # noqa: F401 - a fixture
from tests.support import Processes

TOY = "tests.labmesh.sim.toy:Toy"
ROOT = Path(__file__).parents[3]


async def test_as_a_process(processes: Processes, tmp_path: Path) -> None:
    link = tmp_path / "toy"
    sim = await processes.start(
        Path(sys.executable).with_name("labmesh"), "sim", TOY, "--port", "0", "--port", "0",
        "--port", f"files={tmp_path / 'files'}", "--link", f"aux={link}", "--json",
        "--fault", "nak", "--rate", "1000", "--set", "delay=1",
        cwd=ROOT,
    )  # fmt: skip
    await sim.wait_line('"files"')
    said = [json.loads(line) for line in sim.stdout]
    addresses = {line["port"]: line["address"] for line in said}
    assert addresses["aux"] == f"serial://{link}?baud=9600&bytes=7&parity=O"
    wire = byte_wire(addresses["control"])
    await wire.open()
    assert await ask(wire) == b"\x15\r"
    assert await ask(wire) == b"1 x\r"
    sim.signal(signal.SIGUSR1)  # power goes
    with pytest.raises(WireError, match="closed the connection|connection broke"):
        await wire.read_exactly(1, timeout=5)
    sim.signal(signal.SIGUSR2)
    async with asyncio.timeout(5):
        while True:
            with suppress(WireError):
                await wire.open()
                break
    assert await ask(wire) == b"1 x\r"
    await wire.close()
    sim.signal(signal.SIGINT)
    assert await sim.wait() == 0
    assert sim.stderr == []
    assert not link.is_symlink()


async def test_standard_input_breaks_and_mends(tmp_path: Path, processes: Processes) -> None:
    words = "fault power_cut\\nclear\\nfautl x\\nfault alarm\\nstatus\\nquit\\n"
    program = Path(sys.executable).with_name("labmesh")
    done = await processes.run(
        "bash", "-c",
        f"cd {ROOT}; printf '{words}' | "
        f"{program} sim {TOY} --port 0 --port 0 --port files={tmp_path} --json",
    )  # fmt: skip
    assert done.code == 0, done.stderr
    assert "no word 'fautl x'; there are: fault KIND" in done.stderr
    *_, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert last["active"] == ["alarm"]
    assert last["counts"] == {"power_cut": 1}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["meca50"], "no command 'meca50'"),
        (["no.such:Thing"], "cannot import no.such:Thing: ModuleNotFoundError"),
        ([TOY, "--fault", "nack", "--port", "files=x"], "no fault is called 'nack'; did you mean"),
        ([TOY, "--set", "delay"], "--set delay: no value; write OPTION=VALUE"),
        ([TOY, "--set", "delay=-1"], "option delay of Toy (simulated): Input should be greater"),
        ([TOY, "--link", "x"], "a link is for the one serial port of a device"),
        ([TOY], "port 'files' of Toy (simulated) is a folder: which?"),
    ],
)
def test_mistakes_on_the_command_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from labmesh.cli import main

    assert main(["sim", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_the_help_names_ports_options_and_faults(capsys: pytest.CaptureFixture[str]) -> None:
    from labmesh.cli import main

    main(["sim", TOY, "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    for said in (
        "Run Toy (simulated).", "control tcp 10000: lines", "delay seconds until it answers (0.0)",
        "no_answer what the device sends is lost", "nak it refuses the next line",
    ):  # fmt: skip
        assert said in shown


async def test_as_a_node(bench: Bench, tmp_path: Path) -> None:  # noqa: F811
    parameters: dict[str, Any] = {
        "device": TOY, "ports": {"control": 0, "plc": 0, "files": str(tmp_path / "files")},
        "options": {"delay": 0}, "faults": ["nak"],
    }  # fmt: skip
    node = SimulatorNode(bench.options("toy", parameters=parameters))

    async def told() -> Diagnostic:
        return await bench.retained("toy", "node", "diag", "simulator", model=Diagnostic)

    async with bench.run(node):
        seen = await told()
        assert seen.level is Level.WARN
        assert "plays nak" in seen.message
        assert "sim.fault '{clear: true}'" in seen.remedy
        wire = byte_wire(str(seen.values["port control"]))
        await wire.open()
        assert await ask(wire) == b"\x15\r"
        answer = await bench.call(node.id, "sim.fault", {"kind": "power_cut"})
        assert answer["active"] == ["power_cut"]
        assert answer["counts"] == {"nak": 1, "power_cut": 1}
        with pytest.raises(WireError):
            await wire.read_exactly(1, timeout=5)
        await bench.call(node.id, "sim.fault", {"clear": True})
        await until(lambda: node.server.powered)
        await wire.open()
        assert await ask(wire) == b"1 x\r"
        await wire.close()
        await until(lambda: node.server.connections == 0)
    with pytest.raises(WireError, match="nothing listens"):
        await wire.open()


LAUNCH = """
labmesh_launch: 1
site: kit
launch:
  - mqtt_broker: embedded
  - node: {run: simulator, name: a, param: {device: "TOY", ports: {files: f, control: 7001}}}
  - node: {run: simulator, name: b, param: {device: "TOY", ports: {files: f, plc: 7001}}}
  - node: {run: simulator, name: c, param: {device: "TOI"}}
  - node: {run: simulator, name: e, param: {device: arbim}}
  - node: {run: simulator, name: d, param: {device: "TOY", ports: {files: f}, faults: [nack]}}
"""


def test_a_launch_file_is_checked_against_the_device(tmp_path: Path) -> None:
    file = tmp_path / "lab.launch.yaml"
    file.write_text(LAUNCH.replace("TOY", TOY).replace("TOI", "tests.labmesh.sim.toy:Toi"))
    with pytest.raises(LaunchError) as caught:
        load_plan(file)
    text = str(caught.value)
    assert "port 7001 of kit/b (ports.plc) is already that of kit/a (ports.control)" in text
    assert "cannot import tests.labmesh.sim.toy:Toi" in text
    assert "no simulator is called 'arbim'; did you mean arbin?" in text
    assert "no fault is called 'nack'; did you mean nak?" in text

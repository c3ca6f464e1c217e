"""docs/battery_lab.md: eight cells from stock solutions to formation, through all instruments."""

from __future__ import annotations

import json
import re
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import Processes

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "battery_lab.md").read_text(encoding="utf-8")
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]  # fmt: skip
PORTS = ("robot_port", "monitor_port", "rail_port", "glovebox_port", "chamber_port")
CELLS = 8


def free_ports() -> list[str]:
    """Return an argument for each port that the simulators take."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in PORTS]
    taken = [f"{name}:={each.getsockname()[1]}" for name, each in zip(PORTS, sockets, strict=True)]
    for each in sockets:
        each.close()
    return taken


def states(tree: dict[str, Any]) -> list[str]:
    """Return the labels of a sample's states."""
    return [each["label"] for each in tree["states"]]


@pytest.mark.slow  # the campaign to the end of life goes the same way with every test run
@pytest.mark.timeout(400)
async def test_eight_cells_from_their_stock_solutions_to_formation(
    processes: Processes, tmp_path: Path
) -> None:
    launch, doctor, ask, _, trace, plot = COMMANDS
    programs = Path(sys.executable).parent
    env = {"LABMESH_DATA_DIR": str(tmp_path / "lab")}

    async def run(command: str, *more: str) -> str:
        done = await processes.run(
            programs / "labmesh", *command.split()[1:], *more, env=env, timeout=60
        )
        assert done.code == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    # Devices at three times the page's rate: the cells stand open for longer, and are cells all
    # the same.
    words = launch.split()
    lab = await processes.start(
        programs / "labmesh", "launch", ROOT / words[2], words[3], "device_rate:=300",
        *free_ports(), f"folder:={tmp_path / 'devices'}", env=env, name="launch",
    )  # fmt: skip
    for node in ("asab", "autobass", "cycler"):
        await lab.wait_line(rf"\[launch\] {node} is active", timeout=120)
    assert "0 failed, 0 warnings" in await run(doctor)

    script = await processes.start(
        sys.executable, "-u", ROOT / ask.split()[1], *ask.split()[2:], env=env, name="cells"
    )
    await script.wait_line(rf"{CELLS} cells: {CELLS} of {CELLS} cells finished", timeout=200)
    assert await script.wait(120) == 0
    cells = [line.split(":")[0] for line in script.lines if "mA.h in cycle 3" in line]
    assert len(cells) == CELLS

    words = await run(trace.replace("CELL", cells[0]))
    assert "0 assembled" in words
    assert "capacity/cycling by kit/cycler" in words
    for cell in cells[-2:]:
        tree = json.loads(await run(trace.replace("CELL", cell), "--json"))
        assert tree["sample"]["kind"] == "coin_cell"
        assert states(tree) == ["assembled", "formed"]
        (electrolyte,) = tree["relatives"]
        assert states(electrolyte) == ["formulated"]
        stocks = electrolyte["relatives"]
        assert len(stocks) >= 2
        assert {each["sample"]["kind"] for each in stocks} == {"stock_solution"}
        assert all(states(each) == ["weighed"] for each in stocks)
    await run(plot.replace("CELL", cells[0]))
    assert (tmp_path / "cell.png").read_bytes().startswith(b"\x89PNG")
    lab.interrupt()
    assert await lab.wait(60) == 130
    await processes.assert_no_orphans()

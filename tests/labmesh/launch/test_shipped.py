"""The launch files we ship, run for real."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support import Processes

LAUNCH = Path(__file__).parents[3] / "launch"


async def test_a_campaign_ends_and_takes_the_lab_with_it(
    processes: Processes, tmp_path: Path
) -> None:
    file = LAUNCH / "conductivity_campaign.launch.yaml"
    running = await processes.labmesh("launch", file, "budget:=2", "campaign:=c1")
    assert await running.wait(timeout=100) == 0
    assert any("[optimiser] campaign 2/2" in line for line in running.lines)
    assert running.lines[-1] == "[launch] ended: optimiser has exited (exit code 0)"
    assert (tmp_path / ".labmesh" / "kit" / "broker" / "ledger.sqlite").exists()
    await processes.assert_no_orphans()


async def test_ctrl_c_ends_the_lab(processes: Processes, tmp_path: Path) -> None:
    running = await processes.labmesh("launch", LAUNCH / "lab.launch.yaml", "sim_rate:=600")
    await running.wait_line("asab is active", timeout=60)
    mesh = json.loads((tmp_path / ".labmesh" / "run" / "mesh.json").read_text())
    assert (mesh["site"], mesh["ledger"], mesh["clock"]) == ("kit", "kit/broker", "kit/clock")
    running.interrupt()
    assert await running.wait() == 130
    assert "Traceback" not in running.output
    assert "does not end" not in running.output
    await processes.assert_no_orphans()


@pytest.mark.slow
async def test_a_campaign_with_a_cheap_model_beside_the_robot(processes: Processes) -> None:
    file = LAUNCH / "multifidelity_campaign.launch.yaml"
    running = await processes.labmesh("launch", file, "budget:=4", "campaign:=c1")
    assert await running.wait(timeout=110) == 0
    assert re.search(r"by polynomial: conductivity 0\.\d+ ± 0\.\d+ S/m", running.output)
    assert running.lines[-1] == "[launch] ended: optimiser has exited (exit code 0)"
    await processes.assert_no_orphans()

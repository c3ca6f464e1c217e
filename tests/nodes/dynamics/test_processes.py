"""The node as a process of its own, killed in the middle of a run."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import psutil
import pytest

from labmesh import connect
from messages.formulation_algebra import formulation_from
from messages.simulation import SimulatedDensityInput
from tests.nodes.dynamics.conftest import TINY
from tests.support import MqttBroker, Processes, Running

LONGER = TINY | {"density": 3e-13}


@pytest.mark.slow
async def test_a_killed_node_goes_on_from_the_last_checkpoint(
    mqtt_broker: MqttBroker, processes: Processes, tmp_path: Path
) -> None:
    folder = tmp_path / "lab"

    async def run(program: str, *parameters: str) -> Running:
        flags = [part for parameter in parameters for part in ("--param", parameter)]
        return await processes.labmesh(
            "run", program, "--site", "kit", "--mqtt", mqtt_broker.url, "--data-dir", folder, *flags
        )  # fmt: skip

    async def node() -> Running:
        started = await run("dynamics", f"quick={json.dumps(LONGER)}", "threads=1", "platform=CPU")
        await started.wait_line("active serves=")
        return started

    broker = await run("broker")
    await broker.wait_line("ledger open")
    first = await node()
    wanted = SimulatedDensityInput(formulation=formulation_from(1.0, 0.5))
    async with connect(name="tester", site="kit", mqtt=mqtt_broker.url) as lab:
        goal = await lab.submit("density", "molecular_dynamics", wanted, wait=True)
        async with asyncio.timeout(60):
            while not list(folder.glob("kit/dynamics/runs/*/segment-00001.npz")):
                await asyncio.sleep(0.02)
        children = psutil.Process(first.pid).children(recursive=True)
        first.signal(signal.SIGKILL)
        await first.wait()
        _, alive = psutil.wait_procs(children, timeout=10)
        assert not alive, "what computes does not outlive the node"
        second = await node()
        line = await second.wait_line("goes on after segment")
        result = await goal.result(timeout=60)
    assert int(line.split("after segment ")[1].split()[0]) >= 2
    assert result.data["density"]["value"] > 0
    assert result.provenance is not None
    assert result.provenance.notes["run_reused"] is False
    assert len(list(folder.glob("kit/dynamics/runs/*"))) == 1

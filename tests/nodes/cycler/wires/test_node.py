"""The node with the drivers of real cyclers: simulators, a real MQTT broker, a real ledger."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labmesh import RequestFailedError
from messages.cycling import CapacityOutput
from messages.protocol import CyclingProtocol
from nodes.cycler.wires import fingerprint
from tests.nodes.cycler.test_lab import CAPACITY, SHORT, Lab, asked, lab, until  # noqa: F401
from tests.support.processes import Running

SIMULATED = {"arbin": "cti", "neware": "api"}


async def simulated(lab: Lab, device: str, **options: object) -> str:  # noqa: F811
    """Run a simulator as a node; return where it listens."""
    node = await lab.run(
        "simulator", "--clock=kit/clock", f"--name=sim-{device}", device=device,
        ports=json.dumps({SIMULATED[device]: 0}), options=json.dumps({"channels": 4, **options}),
    )  # fmt: skip
    line = await node.wait_line(r"\(simulated\) at tcp://")
    return line.rpartition(" at ")[2].strip()


async def cycler(lab: Lab, backend: str, **parameters: object) -> Running:  # noqa: F811
    node = await lab.run(
        "cycler", "--clock=kit/clock", f"--name={backend}", backend=backend, channels=4,
        **parameters,
    )  # fmt: skip
    await node.wait_line("active")
    return node


async def measured(lab: Lab, cell: str) -> None:  # noqa: F811
    """Ask for a cell's capacity; it is what the simulated cyclers' current and time make."""
    result = await lab.client.request(*CAPACITY, asked(cell), timeout=60)
    found = CapacityOutput.model_validate(result.data).discharge_capacity
    assert found.tolist() == pytest.approx([0.002 * 600 / 3600])


@pytest.mark.timeout(300)
async def test_requests_are_cycled_by_arbin_and_by_neware(lab: Lab, tmp_path: Path) -> None:  # noqa: F811
    exports, steps = tmp_path / "exports", tmp_path / "steps"
    steps.mkdir()
    protocol = CyclingProtocol.model_validate(SHORT)
    login = lab.folder / "kit" / "arbin" / "login.json"
    login.parent.mkdir(parents=True)
    login.write_text(json.dumps({"username": "lab", "password": "nobody's"}))
    login.chmod(0o600)

    address = await simulated(lab, "arbin", exports=str(exports))
    node = await cycler(
        lab, "arbin", address=address, raw_folder=exports,
        schedules=json.dumps({fingerprint(protocol): "short.sdx"}),
    )  # fmt: skip
    await until(lambda: lab.offered(2))
    await measured(lab, "a")
    rest = [{"step": "open_circuit_voltage", "until_time_s": 60.0}]
    other = SHORT | {"method": rest}
    with pytest.raises(RequestFailedError, match=r"MITS has no schedule for protocol [0-9a-f]{12}"):
        await lab.client.request(
            *CAPACITY, asked("b", protocol=other, cycling_protocol="rest"), timeout=60
        )
    node.interrupt()
    assert await node.wait() == 0

    address = await simulated(lab, "neware")
    await cycler(
        lab, "neware", address=address, step_folder=steps, step_folder_there="'C:/steps'",
        results_there="'C:/results'",
    )  # fmt: skip
    await until(lambda: lab.offered(2))
    await measured(lab, "c")
    [step_file] = steps.iterdir()
    assert "<" in step_file.read_text()

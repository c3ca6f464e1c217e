"""The AiiDA node as a process: requests through a ledger, a kill in between, its own folder."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from messages.chemistry import DMC, EC, LIPF6, Formulation
from messages.electrolyte import ConductivityInput
from messages.errors import RefusedError, RequestFailedError
from messages.formulation_algebra import formulation_from
from messages.reproducibility import REPRODUCIBILITY, Reproducibility
from nodes.aiida import composition_of, shipped_model
from tests.mesh.conftest import Lab, lab_of
from tests.support import MqttBroker, Processes

WHAT = ("conductivity", "polynomial_interpolation")

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "aiida.md"


@pytest.fixture
async def lab(
    mqtt_broker: MqttBroker,
    processes: Processes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Lab]:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("AIIDA_PATH", raising=False)
    async with lab_of(mqtt_broker, processes, tmp_path / "data") as made:
        yield made


async def shell(lab: Lab, line: str) -> str:
    """Run a line of the page where ``.labmesh`` is the lab's folder; return what it prints."""
    place = lab.folder.parent
    for name, target in (("docs", ROOT / "docs"), (".labmesh", lab.folder)):
        if not (place / name).is_symlink():
            (place / name).symlink_to(target)
    done = await lab.processes.run(
        "bash", "-euo", "pipefail", "-c", f'PATH="{Path(sys.executable).parent}:$PATH"; {line}',
        env={"LABMESH_MQTT": lab.place.mqtt, "LABMESH_SITE": "kit"},
    )  # fmt: skip
    assert done.code == 0, done.stderr
    return done.stdout


async def test_requests_before_and_after_a_kill(lab: Lab, tmp_path: Path) -> None:
    node = await lab.start("aiida", "aiida")
    await lab.until_offered(WHAT[1])
    mixture = formulation_from(0.9, 0.4)
    asked = ConductivityInput(formulation=mixture, temperature=303.15)
    by_request, by_verdi = re.findall(r"^\$ (.+)$", PAGE.read_text("utf-8"), re.MULTILINE)

    shown = await shell(lab, by_request)
    assert "0.98576" in shown, "the value of the page's example"
    first = await lab.client.request(*WHAT, asked, timeout=30)
    expected = shipped_model().predict(composition_of(mixture), 303.15)
    assert first.data is not None
    value = first.data["conductivity"]
    assert value["value"] == pytest.approx(expected.conductivity)
    assert value["uncertainty"] == pytest.approx(expected.uncertainty)
    assert first.rating is not None
    assert (first.rating.rating, first.rating.success) == (2, True)
    assert first.provenance is not None
    notes = first.provenance.notes
    assert notes["model"]["sha256"] == shipped_model().sha256
    assert notes["extrapolated"] == ["w_EC 0.4 is above 0.3"]
    made = Reproducibility.model_validate(notes[REPRODUCIBILITY])
    equation = notes["model"]["equation"]
    assert made.training_sha256 == shipped_model().about(equation)["data"]["sha256"]
    assert made.code.packages["aiida-core"]
    assert made.requester is not None
    graph = notes["aiida"]["graph"]
    assert len(graph["nodes"]) == 5
    assert first.data["run_info"]["internal_reference"] == notes["aiida"]["process"]
    archive = first.artifacts[0]
    assert archive.name == f"{notes['aiida']['process']}.aiida"
    content = await lab.client.artifact(archive.sha256, to=tmp_path / "graph.aiida")
    assert Path(content).read_bytes()[:2] == b"PK"

    node.kill()
    await node.wait()
    again = await lab.start("aiida", "aiida", wait=False)
    await again.wait_line("AiiDA profile opened")
    second = await lab.client.request(*WHAT, asked, timeout=30)
    assert second.provenance is not None
    later = second.provenance.notes["aiida"]
    assert later["profile"] == notes["aiida"]["profile"]
    assert later["process"] != notes["aiida"]["process"]

    with pytest.raises(RequestFailedError, match="says nothing here: w_EC 0.8 is above 0.55"):
        await lab.client.request(
            *WHAT, ConductivityInput(formulation=formulation_from(1.0, 0.8)), timeout=30
        )
    strange = Formulation.of({LIPF6: 1, EC: 4, DMC: 6})
    with pytest.raises(RefusedError):
        await lab.client.request(*WHAT, ConductivityInput(formulation=strange), timeout=30)

    listed = await shell(lab, by_verdi.replace("verdi", f"{sys.executable} -m aiida"))
    assert listed.count("polynomial_interpolation") == 3
    folder = lab.folder / "kit" / "aiida" / "aiida"
    assert (folder / ".aiida" / "config.json").exists()
    assert not (tmp_path / "home" / ".aiida").exists()

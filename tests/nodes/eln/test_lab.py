"""Entries come into a real ledger; the node writes what it is asked for."""

from __future__ import annotations

import asyncio
import json
import sys
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from labmesh import NodeOptions
from labmesh.client import LabClient, requester, visit
from labmesh.crate import CrateDescription
from labmesh.place import Place
from labmesh.record import mesh_record
from messages.eln import DEPLOYMENT, IMPORT, ElnDeploymentOutput, ElnEntry
from messages.errors import RequestFailedError
from messages.ledger import Result
from messages.node import State
from messages.query import ResultView
from nodes.eln import ElnNode
from nodes.eln._export import export
from nodes.eln._import import Imported, import_file
from nodes.eln._story import read_story
from tests.nodes.eln.conftest import Told
from tests.nodes.eln.files import SHARED, entry, file_node, graph, written
from tests.support import MqttBroker, Processes

LABMESH = Path(sys.executable).with_name("labmesh")


@dataclass
class Lab:
    client: LabClient
    node: ElnNode
    folder: Path
    mqtt: str
    processes: Processes

    async def imported(self, path: Path, **options: Any) -> list[Imported]:
        return await import_file(self.client, path, **options)

    async def results(self) -> list[ResultView]:
        quantity, method = IMPORT
        return [each async for each in self.client.results(quantity=quantity, method=method)]


@pytest.fixture
async def lab(
    mqtt_broker: MqttBroker, tmp_path: Path, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Lab]:
    monkeypatch.chdir(tmp_path)
    place = Place(mqtt=mqtt_broker.url, site="kit")
    broker = await processes.labmesh(
        "run", "broker", "--site=kit", f"--mqtt={place.mqtt}", f"--data-dir={tmp_path}"
    )
    await broker.wait_line("ledger open")
    node = ElnNode(NodeOptions(place=place, name="eln", data_dir=tmp_path))
    task = asyncio.create_task(node.run())
    async with visit(place, "tester") as visitor, requester(visitor) as client:
        async with asyncio.timeout(20):
            while node.state is not State.ACTIVE:
                await asyncio.sleep(0.01)
            while not (await client.query("query.offers"))["offers"]:
                await asyncio.sleep(0.05)
        yield Lab(client, node, tmp_path, place.mqtt, processes)
    node.finish()
    assert await task == 0


async def test_entries_come_in_once_and_the_node_writes_what_it_is_asked_for(
    lab: Lab, conductivity: Told
) -> None:
    await entries_of_others_come_in_once_and_go_out_again(lab, conductivity)
    await the_node_writes_a_campaign_into_its_folder(lab)
    await an_operator_imports_and_exports_over_the_mesh(lab)


async def entries_of_others_come_in_once_and_go_out_again(lab: Lab, conductivity: Told) -> None:
    examples = sorted(SHARED.glob("*.eln"))
    assert len(examples) == 3
    first = [each for path in examples for each in await lab.imported(path, campaign="seen")]
    assert [each.outcome for each in first] == ["told"] * 3
    again = [each for path in examples for each in await lab.imported(path)]
    assert [each.outcome for each in again] == ["known"] * 3
    found = {view.data["notebook"]: view for view in await lab.results()}
    assert set(found) == {"Kadi4Mat", "OpenSemanticLab", "BenchLineage"}
    kadi = found["Kadi4Mat"]
    said = ElnEntry.model_validate(kadi.data)
    assert said.authors == ("Manideep",)
    assert said.licence == kadi.provenance.source.licence == "CC-BY-4.0"  # type: ignore[union-attr]
    assert {each.name for each in said.variables} >= {"type", "start date of experiment"}
    assert {each.name for each in kadi.artifacts} == {
        "ro-crate-metadata.json", "records-example.json", "records-example.ttl", "example.csv",
        "example.txt",
    }  # fmt: skip
    csv = next(each for each in kadi.artifacts if each.name == "example.csv")
    there = await lab.client.artifact(csv.sha256, to=lab.folder / "example.csv")
    with zipfile.ZipFile(SHARED / "records-example.eln") as archive:
        assert there.read_bytes() == archive.read(
            "records-example/records-example/files/example.csv"
        )

    # What came in goes out as any result does, and is not taken for news when it comes back.
    record = mesh_record(lab.client, lab.folder / "kept")
    story = await read_story(record, "seen")
    await export(record, story, lab.folder / "back.eln", CrateDescription())
    assert {each.outcome for each in await lab.imported(lab.folder / "back.eln")} == {"own"}

    # Of another lab's ledger it is news, and says that it was simulated.
    other = lab.folder / "other.eln"
    await export(conductivity.record, conductivity.story, other, CrateDescription())
    assert {each.outcome for each in await lab.imported(other, dry_run=True)} == {"new"}
    assert len(await lab.results()) == 3

    # As eLabFTW writes them: tags in one text, fields in JSON, an author in parts.
    content = b"1,2\n"
    metadata = graph(
        entry(
            text="<p>weighed</p>", keywords="salt,  solvent", hasPart=[{"@id": "./one/a.csv"}],
            author={"@id": "#ada"}, identifier="20261122-abc", license={"@id": "https://x.example"},
            variableMeasured=[{"@id": "#m"}],
        ),
        {"@id": "#ada", "@type": "Person", "givenName": "Ada", "familyName": "Lovelace"},
        {"@id": "#m", "@type": "PropertyValue", "propertyID": "elabftw_metadata",
         "value": '{"extra_fields": {"mass": {"type": "number", "value": "1.5", "unit": "g"}}}'},
        file_node("./one/a.csv", content, encodingFormat="text/csv"),
    )  # fmt: skip
    path = written(lab.folder / "elab.eln", metadata, {"root/one/a.csv": content})
    (one,) = await lab.imported(path)
    view = await lab.client.result(one.result)
    said = ElnEntry.model_validate(view.data)
    assert said.keywords == ("salt", "solvent")
    assert said.authors == ("Ada Lovelace",)
    assert [(v.name, v.value, v.unit) for v in said.variables] == [("mass", "1.5", "g")]
    assert view.artifacts[1].media_type == "text/csv"
    assert not said.cut

    # Too long for a result: cut, said so, and whole in the artifacts; many files stay together.
    many = [file_node(f"./one/{n}.txt", b"%d" % n) for n in range(100)]
    long = graph(
        entry(name="Long", text="x" * 200_000, hasPart=[{"@id": each["@id"]} for each in many],
              variableMeasured=[{"@type": "PropertyValue", "name": f"v{n}", "value": "y" * 900}
                                for n in range(500)]), *many,
    )  # fmt: skip
    members = {f"root/one/{n}.txt": b"%d" % n for n in range(100)}
    (one,) = await lab.imported(written(lab.folder / "long.eln", long, members))
    view = await lab.client.result(one.result)
    assert view.data["cut"]
    assert [each.name for each in view.artifacts] == ["ro-crate-metadata.json", "long.eln"]


async def the_node_writes_a_campaign_into_its_folder(lab: Lab) -> None:
    quantity, method = IMPORT
    data = ElnEntry(name="A note", content="0" * 64)
    note = Result(
        quantity=quantity, method=method, outcome="resolved", campaign="notes",
        parameters={"file": "x.eln", "sha256": "0" * 64, "entry": "./x/"},
        data=data.model_dump(mode="json"),
        artifacts=(await lab.client.attach(b"1,2\n", name="a.csv"),),
    )  # fmt: skip
    await lab.client.post_result(note)
    dry = await lab.client.request(
        *DEPLOYMENT, {"campaign": "notes", "dry_run": True}, timeout=60
    )  # fmt: skip
    target = lab.node.data_dir / "notebooks" / "notes.eln"
    assert ElnDeploymentOutput.model_validate(dry.data).dry_run
    assert not target.exists()
    view = await lab.client.request(*DEPLOYMENT, {"campaign": "notes"}, timeout=60)
    said = ElnDeploymentOutput.model_validate(view.data)
    assert said.place == str(target)
    assert {each.kind: each.created for each in said.written} == {"sample": 0, "result": 1}
    with zipfile.ZipFile(target) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith("/a.csv")]
        assert archive.read(name) == b"1,2\n"
    with pytest.raises(RequestFailedError, match="campaign nothing has no results"):
        await lab.client.request(*DEPLOYMENT, {"campaign": "nothing"}, timeout=60)


async def an_operator_imports_and_exports_over_the_mesh(lab: Lab) -> None:
    content = b"3,4\n"
    metadata = graph(
        entry(name="Two", hasPart=[{"@id": "./one/b.csv"}]), file_node("./one/b.csv", content)
    )
    path = written(lab.folder / "two.eln", metadata, {"root/one/b.csv": content})
    where = (f"--mqtt={lab.mqtt}", "--site=kit", "--patience=30", "--json")
    told = await lab.processes.run(LABMESH, "eln", "import", path, "--campaign=two", *where)
    assert told.code == 0, told.stderr
    (said,) = json.loads(told.stdout)
    assert said["outcome"] == "told"
    target = lab.folder / "two-back.eln"
    back = await lab.processes.run(LABMESH, "eln", "export", "two", target, *where)
    assert back.code == 0, back.stderr
    assert json.loads(back.stdout)["results"] == 1
    with zipfile.ZipFile(target) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith("/b.csv")]
        assert archive.read(name) == content

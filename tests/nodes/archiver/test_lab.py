"""The archiver in a real lab: a folder of crates, an archive, a schedule, levels of access."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from labmesh import RequestFailedError
from labmesh.listing import retained
from messages.access import DECLARATION
from messages.node import Diagnostic
from nodes.archiver import _engine
from tests.nodes.archiver.archiver_lab import CAMPAIGN, Lab, lab_of
from tests.nodes.archiver.deposits import contents, published
from tests.support import MqttBroker, Processes
from tests.support.invenio import TOKEN, Fault, InvenioServer

SAID = """\
labmesh_crate: 1
title: Conductivities of four electrolytes
authors:
  - name: Lab, Ada
    orcid: 0000-0001-8869-3718
    affiliations: [KIT]
keywords: [lithium salt]
references: [https://doi.org/10.1000/182]
contact: {name: Ada Lab, email: ada@kit.example}
"""


@pytest.fixture
async def lab(mqtt_broker: MqttBroker, tmp_path: Path, processes: Processes) -> AsyncIterator[Lab]:
    async with lab_of(mqtt_broker, processes, tmp_path) as made:
        yield made


@pytest.fixture
def secret(tmp_path: Path) -> str:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o600)
    return str(file)


def declared(level: str, **said: Any) -> tuple[str, str, dict[str, str], dict[str, Any]]:
    subject = {"subject": "campaign", "name": CAMPAIGN}
    more = {"level": level, "contact": "ada@kit.example", "person": "Ada Lab", **said}
    return (*DECLARATION, subject, {**subject, **more})


async def test_without_an_archive_there_is_a_folder_of_crates(lab: Lab) -> None:
    async with lab.archiver() as node:
        one = await lab.deposit()
        crate = node.data_dir / "crates" / CAMPAIGN
        assert (one.kind, one.url, one.new) == ("folder", str(crate), True)
        assert (crate / "ro-crate-metadata.json").exists()
        before = {file: file.read_bytes() for file in crate.rglob("*") if file.is_file()}
        again = await lab.deposit()
        # The ledger has grown by a deposit, and that is nothing new.
        assert (again.new, again.version) == (False, one.version)
        assert {file: file.read_bytes() for file in crate.rglob("*") if file.is_file()} == before
        await lab.told(*declared("restricted"))
        third = await lab.deposit()
        assert third.new
        assert third.access == "restricted"
        with pytest.raises(RequestFailedError, match="a deposit belongs to no campaign"):
            await lab.deposit(campaign=CAMPAIGN)
        listed = json.loads(await lab.labmesh("archive", "list", "--json"))
        assert [each["version"] for each in listed] == [third.version]
        shown = await lab.labmesh("archive", "deposit", CAMPAIGN, "--wait")
        assert f"{third.version} (nothing new)" in shown
        assert str(crate) in shown
        assert len(await lab.deposits()) == 4

        # On a schedule it asks by itself, and only if there is something new.
        schedule = {"campaigns": [CAMPAIGN, "not-begun"], "schedule": "1 s"}
        await lab.visitor.caller.call(node.id, "param.set", {"values": schedule}, timeout=5)
        await lab.deposited(5)
        await asyncio.sleep(2.2)  # two more looks
        assert len(await lab.deposits()) == 5
        await lab.told(*declared("public"))
        await lab.deposited(6)
    assert [each.new for each in await lab.deposits()] == [
        *(True, False, True, False),
        *(False, True),
    ]


async def test_an_archive_gets_versions_and_the_ledger_their_names(
    lab: Lab, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_engine, "_TRIES", 2)
    said = lab.folder / f"{CAMPAIGN}.yaml"
    said.write_text(SAID)
    with InvenioServer() as server:
        server.doi_prefix = "10.5072"
        settings = {"kind": "invenio", "url": server.url, "token_file": secret, "publisher": "Demo"}
        async with lab.archiver(**settings, description=str(lab.folder)) as node:
            server.choose = lambda *_: Fault.ERROR
            with pytest.raises(RequestFailedError, match="the archive answers 500"):
                await lab.deposit(attempts=1)
            topic = node.topics.own("node", "diag", "archive")
            ((_, told),) = await retained(lab.visitor.mesh, topic, Diagnostic)
            assert "the archive answers 500" in told.message
            server.choose = lambda *_: None

            one = await lab.deposit()
            (record,) = published(server)
            assert one.record == record.id
            assert one.pid == f"10.5072/{record.id}"
            assert one.parent_pid == f"10.5072/{record.parent}"
            assert {each.name: each.size for each in one.files} == {
                key: len(content) for key, content in contents(record).items()
            }
            metadata = record.metadata
            assert metadata["title"] == "Conductivities of four electrolytes"
            assert metadata["creators"][0]["person_or_org"]["identifiers"] == [
                {"scheme": "orcid", "identifier": "0000-0001-8869-3718"}
            ]
            assert {"subject": "lithium salt"} in metadata["subjects"]
            (reference,) = metadata["related_identifiers"]
            assert (reference["scheme"], reference["identifier"]) == ("doi", "10.1000/182")
            assert "ada@kit.example" in metadata["description"]
            seen = len(server.log)
            again = await lab.deposit()
            assert (again.new, again.record) == (False, one.record)
            assert not server.uploads(seen)

            await lab.told(*declared("public", embargo={"until": "2999-01-01", "reason": "patent"}))
            seen = len(server.log)
            two = await lab.deposit()
            assert two.new
            assert two.parent == one.parent
            newest = published(server)[-1]
            assert newest.access["files"] == "restricted"
            assert newest.access["embargo"] == {
                "active": True, "until": "2999-01-01", "reason": "patent"
            }  # fmt: skip
            assert len(server.uploads(seen)) == sum(not each.linked for each in two.files)
            assert any(each.linked for each in two.files)

            await lab.told(*declared("confidential"))
            seen = len(server.log)
            with pytest.raises(RequestFailedError, match="confidential: nothing of it may leave"):
                await lab.deposit()
            assert len(server.log) == seen
    assert TOKEN not in "".join(each.output for each in lab.processes.all)
    names = contents(newest)
    assert "ro-crate-metadata.json" in names
    assert json.loads(names["ro-crate-metadata.json"])


def test_zips_of_data_are_the_same_whenever_they_are_made(tmp_path: Path) -> None:
    from nodes.archiver._pack import upload_set

    crate = tmp_path / "crate"
    files = {"README.md": "a", "data/r-1/x.csv": "1,2\n" * 99, "data/r-2/y.json": "{}"}
    for name, words in files.items():
        (crate / name).parent.mkdir(parents=True, exist_ok=True)
        (crate / name).write_text(words)
    results = [{"id": "r-1", "offset": 7}, {"id": "r-2", "offset": 1000}]
    (crate / "results.json").write_text(json.dumps(results))
    hashed = [(name, name) for name in files]
    one = upload_set(crate, hashed, tmp_path / "one")
    assert [each.name for each in one] == ["README.md", "data-000000.zip", "data-000001.zip"]
    two = upload_set(crate, hashed, tmp_path / "two")
    assert [each.read_bytes() for each in one] == [each.read_bytes() for each in two]
    with zipfile.ZipFile(one[1]) as pack:
        assert pack.namelist() == ["data/r-1/x.csv"]
    stamp = one[1].stat().st_mtime_ns
    upload_set(crate, hashed, tmp_path / "one")
    assert one[1].stat().st_mtime_ns == stamp
    upload_set(crate, [("README.md", "")], tmp_path / "one")
    assert not list((tmp_path / "one").iterdir())

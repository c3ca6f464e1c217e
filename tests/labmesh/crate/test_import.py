"""A crate becomes the ledger it was made from, or is refused with the reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labmesh.crate import CrateDescription, crate_record, write_crate, write_ledger, zip_crate
from labmesh.record import file_record
from messages.errors import LabmeshError
from nodes.broker import transfer
from tests.labmesh.cli._lab import Command
from tests.labmesh.crate._ledger import MemoryLedger
from tests.labmesh.crate.conftest import Made

SAID = CrateDescription()


@pytest.fixture
def labmesh(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


async def test_both_forms_of_a_crate_become_the_same_ledger(eol: Made, tmp_path: Path) -> None:
    zip_crate(eol.folder, tmp_path / "eol.eln")
    for source, target in ((eol.folder, "one.sqlite"), (tmp_path / "eol.eln", "two.sqlite")):
        write_ledger(source, tmp_path / "ledger.gz")
        transfer.import_ledger(tmp_path / "ledger.gz", str(tmp_path / target), tell=lambda *_: None)
        head = await file_record(str(tmp_path / target)).head()
        assert head == await file_record(str(eol.lab.ledger)).head() == eol.summary.head


async def test_a_crate_is_written_from_a_crate(eol: Made, tmp_path: Path) -> None:
    record = crate_record(eol.folder)
    done = await write_crate(record, eol.lab.campaign, tmp_path / "again", eol.said)
    assert done.files == eol.summary.files


async def test_withheld_bodies_are_counted_and_why(ledger: MemoryLedger, tmp_path: Path) -> None:
    ledger.request("base")
    ledger.request("base")
    ledger.declare("result", ledger.result("acid"), "confidential")
    ledger.request("acid")
    await write_crate(ledger, "acid", tmp_path / "crate", SAID)
    with pytest.raises(LabmeshError) as caught:
        write_ledger(tmp_path / "crate", tmp_path / "ledger.gz")
    assert caught.value.what == (
        "4 of 13 entries are not whole in this crate: 2 that are confidential, 2 of other campaigns"
    )
    assert not (tmp_path / "ledger.gz").exists()


@pytest.mark.usefixtures("short_segments")
async def test_segments_left_out_are_counted(ledger: MemoryLedger, tmp_path: Path) -> None:
    ledger.fill(10)
    ledger.fill(20, "base")
    ledger.request("acid")
    await write_crate(ledger, "acid", tmp_path / "crate", SAID)
    with pytest.raises(LabmeshError, match="10 of 21 entries .* 10 in segments of 10 that hold"):
        write_ledger(tmp_path / "crate", tmp_path / "ledger.gz")


@pytest.mark.usefixtures("short_segments")
async def test_bodies_that_were_added_later_are_put_back(
    ledger: MemoryLedger, tmp_path: Path
) -> None:
    ledger.result("base", makes="vial-2")
    ledger.request(None)
    ledger.result("acid", makes="vial-4", parents=["vial-2"])
    await write_crate(ledger, "acid", tmp_path / "crate", SAID)
    assert (tmp_path / "crate" / "ledger-added.msgpack.gz").is_file()
    assert write_ledger(tmp_path / "crate", tmp_path / "ledger.gz") == await ledger.head()
    done = transfer.import_ledger(
        tmp_path / "ledger.gz", str(tmp_path / "copy.sqlite"), tell=lambda *_: None
    )
    assert (done.entries - 1, done.head) == await ledger.head()


def test_the_command_line_writes_checks_and_imports(
    small: Path, tmp_path: Path, labmesh: Command
) -> None:
    write_ledger(small, tmp_path / "ledger.gz")
    lab = str(tmp_path / "lab.sqlite")
    transfer.import_ledger(tmp_path / "ledger.gz", lab, tell=lambda *_: None)
    said, folder = tmp_path / "crate.yaml", tmp_path / "acid"
    said.write_text("title: From the command line\n")
    for target in (folder, tmp_path / "acid.eln"):
        written = labmesh(
            "crate", "write", "acid", str(target), "-d", str(said), "--ledger-file", lab, "--json"
        )
        answer = json.loads(written.out)
        assert answer["title"] == "From the command line"
        assert len(answer["missing"]) == 2  # this ledger has no artifacts beside it
        assert labmesh.text("crate", "check", str(target), "--no-shapes").endswith("all sound\n")
        copy = str(target.with_suffix(".sqlite"))
        assert answer["head"]["hash"] in labmesh.text("ledger", "import", str(target), copy)
        Path(copy).unlink()

    file = folder / "results.json"
    file.write_bytes(file.read_bytes().replace(b"resolved", b"resolveD", 1))
    found = labmesh("crate", "check", str(folder), "--json")
    assert (written.code, found.code) == (0, 1)
    assert json.loads(found.out)["findings"] == [
        {"check": "hashes", "path": "results.json", "what": "its content is not what was written"}
    ]
    refused = labmesh("ledger", "import", str(folder), str(tmp_path / "x.sqlite"))
    assert refused.code == 1
    assert "results.json: its content is not what was written" in refused.err
    assert not (tmp_path / "x.sqlite").exists()

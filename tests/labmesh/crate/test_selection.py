"""What of a ledger goes into a crate: one's own, what it rests on, and nobody else's."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from labmesh.crate import CrateDescription, CrateSummary, check_crate, write_crate
from labmesh.crate._segments import ADDED, read_segment
from messages.errors import ConfigurationError, LabmeshError
from tests.labmesh.crate._ledger import MemoryLedger

SAID = CrateDescription()


async def write(ledger: MemoryLedger, folder: Path, campaign: str = "acid") -> CrateSummary:
    return await write_crate(ledger, campaign, folder, SAID)


def table(folder: Path, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return found


def read(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


def bytes_of(folder: Path) -> dict[str, bytes]:
    files = (each for each in folder.rglob("*") if each.is_file())
    return {each.relative_to(folder).as_posix(): read(each) for each in files}


async def test_other_campaigns_keep_their_bodies_and_the_chain_holds(
    ledger: MemoryLedger, tmp_path: Path
) -> None:
    secret = ledger.result("base", data={"words": "nobody's business"})
    ledger.request("acid")
    done = await write(ledger, tmp_path / "crate")
    assert done.withheld == {"other_campaign": 1}
    assert secret not in json.dumps(table(tmp_path / "crate", "results"))
    assert not any(b"nobody's business" in each for each in bytes_of(tmp_path / "crate").values())
    segment = read_segment(tmp_path / "crate" / "ledger-000000.msgpack.gz")
    assert [each.offset for each in segment.entries if each.body is None] == [8]
    assert check_crate(tmp_path / "crate", shapes=False) == ()


async def test_what_a_sample_was_made_from_comes_along_whatever_campaign_made_it(
    ledger: MemoryLedger, tmp_path: Path
) -> None:
    ledger.result("base", makes="vial-2", parents=["stock-1"])
    ledger.result("base", makes="vial-3")
    ledger.result("acid", makes="vial-4", parents=["vial-2"])
    done = await write(ledger, tmp_path / "crate")
    samples = {each["id"] for each in table(tmp_path / "crate", "samples")}
    assert samples == {"stock-1", "vial-1", "vial-2", "vial-4"}
    assert done.withheld == {"other_campaign": 2}  # vial-3: result and state
    assert check_crate(tmp_path / "crate", shapes=False) == ()


@pytest.mark.usefixtures("short_segments")
async def test_a_sealed_segment_stays_when_a_body_in_it_comes_to_matter(
    ledger: MemoryLedger, tmp_path: Path
) -> None:
    ledger.result("base", makes="vial-2", parents=["stock-1"])
    ledger.fill(10)
    ledger.request("acid")
    await write(ledger, tmp_path / "crate")
    sealed = (tmp_path / "crate" / "ledger-000000.msgpack.gz").read_bytes()
    assert "vial-2" not in json.dumps(table(tmp_path / "crate", "samples"))

    ledger.result("acid", makes="vial-4", parents=["vial-2"])
    done = await write(ledger, tmp_path / "crate")
    assert (tmp_path / "crate" / "ledger-000000.msgpack.gz").read_bytes() == sealed
    assert len(read_segment(tmp_path / "crate" / ADDED).entries) == 2
    assert "vial-2" in {each["id"] for each in table(tmp_path / "crate", "samples")}
    assert not done.withheld
    changed = {each.path for each in done.files if each.changed}
    assert "ledger-000000.msgpack.gz" not in changed
    assert {ADDED, "ledger-000001.msgpack.gz"} <= changed
    assert check_crate(tmp_path / "crate", shapes=False) == ()


@pytest.mark.usefixtures("short_segments")
async def test_segments_that_hold_nothing_of_the_campaign_are_left_out(
    ledger: MemoryLedger, tmp_path: Path
) -> None:
    ledger.fill(20, "base")
    ledger.request("acid")
    done = await write(ledger, tmp_path / "crate")
    assert [each.path for each in done.files if each.path.startswith("ledger")] == [
        "ledger-000000.msgpack.gz", "ledger-000002.msgpack.gz",
    ]  # fmt: skip
    assert check_crate(tmp_path / "crate", shapes=False) == ()


async def test_confidential_bodies_and_files_stay(ledger: MemoryLedger, tmp_path: Path) -> None:
    file = ledger.artifact_of(b"the recipe", "recipe.txt", "text/plain")
    result = ledger.result("acid", makes="vial-9", data={"words": "secret"}, artifacts=[file])
    ledger.declare("result", result, "confidential")
    done = await write(ledger, tmp_path / "crate")
    assert done.withheld["confidential"] >= 2  # the result, and what it made
    for name, content in bytes_of(tmp_path / "crate").items():
        assert b"the recipe" not in content, name
    assert result not in json.dumps(table(tmp_path / "crate", "results"))
    assert check_crate(tmp_path / "crate", shapes=False) == ()


async def test_a_request_stays_with_its_confidential_result(
    ledger: MemoryLedger, tmp_path: Path
) -> None:
    asked = ledger.request("acid")
    result = ledger.result("acid", asked)
    ledger.status(asked, "running", "resolved", result, message="yield 99 %")
    ledger.declare("result", result, "confidential")
    await write(ledger, tmp_path / "crate")
    assert asked not in {each["id"] for each in table(tmp_path / "crate", "requests")}
    for name, content in bytes_of(tmp_path / "crate").items():
        assert b"yield 99" not in content, name


async def test_one_restricted_result_restricts_the_crates_files(
    ledger: MemoryLedger, tmp_path: Path
) -> None:
    ledger.declare("result", ledger.result("acid"), "restricted", contact="Bob Example")
    done = await write(ledger, tmp_path / "crate")
    assert (done.access, done.contact) == ("restricted", "Bob Example")


async def test_a_confidential_campaign_has_no_crate(ledger: MemoryLedger, tmp_path: Path) -> None:
    ledger.declare("campaign", "acid", "confidential")
    with pytest.raises(LabmeshError, match="nothing of it may leave the site"):
        await write(ledger, tmp_path / "crate")
    assert not (tmp_path / "crate").exists()


async def test_what_is_declared_is_said(ledger: MemoryLedger, tmp_path: Path) -> None:
    embargo = {"until": "2027-02-01", "reason": "under review"}
    ledger.declare("campaign", "acid", "restricted", embargo=embargo, owner="Example University")
    done = await write(ledger, tmp_path / "crate")
    assert (done.access, done.contact, done.embargo_until) == (
        "restricted", "Ann Example", "2027-02-01",
    )  # fmt: skip
    graph = json.loads((tmp_path / "crate" / "ro-crate-metadata.json").read_text())["@graph"]
    root = next(each for each in graph if each["@id"] == "./")
    assert root["conditionsOfAccess"].startswith("metadata public, files on request; ask Ann")
    assert root["copyrightHolder"] == {"@id": "#owner-example-university"}


async def test_what_carries_a_campaign_elsewhere_is_none_of_it(
    ledger: MemoryLedger, tmp_path: Path
) -> None:
    await write(ledger, tmp_path / "crate")
    before = bytes_of(tmp_path / "crate")
    asked = ledger.request("acid", quantity="archive", method="deposit")
    ledger.status(asked, "pending", "running")
    made = ledger.result("acid", asked, quantity="archive", method="deposit")
    ledger.status(asked, "running", "resolved", made)
    ledger.capability("eln", "deployment")
    ledger.declare("campaign", "base", "restricted")
    done = await write(ledger, tmp_path / "crate")
    assert bytes_of(tmp_path / "crate") == before
    assert not any(each.changed for each in done.files)

    ledger.request("acid")
    done = await write(ledger, tmp_path / "crate")
    assert "archive" not in {each["quantity"] for each in table(tmp_path / "crate", "results")}
    assert not done.withheld
    assert check_crate(tmp_path / "crate", shapes=False) == ()


async def test_an_unknown_campaign_is_refused_by_name(ledger: MemoryLedger, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no campaign 'alkali'; it knows acid"):
        await write(ledger, tmp_path / "crate", "alkali")


async def test_amended_results_say_so(ledger: MemoryLedger, tmp_path: Path) -> None:
    from messages.ledger import EntryKind

    result = ledger.result("acid")
    ledger.add(
        EntryKind.RESULT_STATUS, "ResultAmendment@1",
        {"result": result, "status": "amended", "reason": "a typo"},
    )  # fmt: skip
    await write(ledger, tmp_path / "crate")
    item = next(each for each in table(tmp_path / "crate", "results") if each["id"] == result)
    assert item["status"] == "amended"
    assert check_crate(tmp_path / "crate", shapes=False) == ()

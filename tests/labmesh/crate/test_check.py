"""Whatever is changed in a crate is found, and its file named."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from labmesh.crate import CrateDescription, Finding, check_crate, write_crate, zip_crate
from messages.errors import ConfigurationError
from tests.labmesh.crate._ledger import MemoryLedger

HASHES = "hashes.sha256"
METADATA = "ro-crate-metadata.json"


@pytest.fixture
def crate(small: Path, tmp_path: Path) -> Path:
    """A crate to be spoilt."""
    return shutil.copytree(small, tmp_path / "crate")


def check(path: Path) -> tuple[Finding, ...]:
    return check_crate(path, shapes=False)


def names(found: tuple[Finding, ...]) -> set[str]:
    return {each.path for each in found}


def settle(crate: Path) -> None:
    """Write hashes and sizes anew, as whoever can write every file would."""
    document = json.loads((crate / METADATA).read_text("utf-8"))
    for each in document["@graph"]:
        file = crate / each["@id"]
        if each["@type"] == "File" and each["@id"] != HASHES and file.is_file():
            each["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
            each["contentSize"] = str(file.stat().st_size)
    (crate / METADATA).write_text(json.dumps(document, indent=1), "utf-8")
    files = sorted(
        each.relative_to(crate).as_posix() for each in crate.rglob("*") if each.is_file()
    )
    lines = (
        f"{hashlib.sha256((crate / name).read_bytes()).hexdigest()}  {name}\n"
        for name in files if name != HASHES
    )  # fmt: skip
    (crate / HASHES).write_text("".join(lines), "utf-8")


def test_an_untouched_crate_is_sound_also_when_hashes_were_written_anew(crate: Path) -> None:
    assert check_crate(crate) == ()
    settle(crate)
    assert check(crate) == ()


def test_a_changed_byte_is_found_wherever_it_is_and_its_file_named(crate: Path) -> None:
    chance = random.Random(7)
    files = sorted(each for each in crate.rglob("*") if each.is_file())
    assert len(files) >= 14
    for file in files:
        content = file.read_bytes()
        for _ in range(6 if file.name == HASHES else 2):
            place = chance.randrange(len(content))
            spoilt = bytearray(content)
            spoilt[place] ^= 1 << chance.randrange(8)
            file.write_bytes(spoilt)
            found = check(crate)
            name = file.relative_to(crate).as_posix()
            # Only the list itself knows the hash of the metadata.
            told = names(found) | ({HASHES} if METADATA in names(found) else set())
            assert name in told, (name, place, found)
            if name != HASHES:
                assert names(found) <= {name, METADATA, HASHES}, found
        file.write_bytes(content)


def test_a_changed_bit_of_an_eln_file_is_found(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.eln"
    zip_crate(small, path)
    assert check(path) == ()
    content = path.read_bytes()
    chance = random.Random(3)
    for _ in range(40):
        place = chance.randrange(len(content))
        spoilt = bytearray(content)
        spoilt[place] ^= 1 << chance.randrange(8)
        path.write_bytes(spoilt)
        assert check(path), (place, bytes(content[place - 20 : place + 20]))
    path.write_bytes(content + b"more")
    assert check(path)
    path.write_bytes(content[: len(content) // 2])
    assert check(path)


def test_what_is_missing_or_added_is_found(crate: Path) -> None:
    (crate / "samples.json").unlink()
    (crate / "note.txt").write_text("mine")
    found = {(each.path, each.check) for each in check(crate)}
    assert {("samples.json", "files"), ("note.txt", "files")} <= found
    assert {("samples.json", "described"), ("note.txt", "described")} <= found
    (crate / "note.txt").unlink()
    shutil.copy(crate / "requests.json", crate / "samples.json")
    assert names(check(crate)) == {"samples.json"}


def spoil_results(crate: Path) -> str:
    items = json.loads((crate / "results.json").read_text("utf-8"))
    items[0]["data"]["value"] = 99.0
    (crate / "results.json").write_text(json.dumps(items), "utf-8")
    return "results.json"


def spoil_database(crate: Path) -> str:
    with closing(sqlite3.connect(crate / "campaign.sqlite")) as tables, tables:
        tables.execute("UPDATE result_values SET number = 99 WHERE unit = 'S/m'")
    return "campaign.sqlite"


def spoil_file(crate: Path) -> str:
    (file,) = crate.rglob("*.parquet")
    file.write_bytes(file.read_bytes() + b" ")
    return file.relative_to(crate).as_posix()


def spoil_segment(crate: Path) -> str:
    file = crate / "ledger-000000.msgpack.gz"
    content = gzip.decompress(file.read_bytes())
    assert b"fine" in content
    file.write_bytes(gzip.compress(content.replace(b"fine", b"evil", 1)))
    return file.name


def drop_entries(crate: Path) -> str:
    items = json.loads((crate / "requests.json").read_text("utf-8"))
    (crate / "requests.json").write_text(json.dumps(items[1:]), "utf-8")
    return "requests.json"


@pytest.mark.parametrize(
    "spoil", [spoil_results, spoil_database, spoil_file, spoil_segment, drop_entries]
)
def test_who_writes_all_hashes_anew_is_found_by_the_ledgers_own(
    crate: Path, spoil: Callable[[Path], str]
) -> None:
    name = spoil(crate)
    settle(crate)
    found = check(crate)
    assert names(found) == {name}
    assert {each.check for each in found} <= {"content", "chain"}


def test_tables_of_another_version_say_so_where_they_differ(crate: Path) -> None:
    text = (crate / METADATA).read_text("utf-8")
    (crate / METADATA).write_text(
        re.sub(r"software Labmesh [^\"]+", "software Labmesh 9.9.9", text)
    )
    spoil_results(crate)
    settle(crate)
    (found,) = check(crate)
    assert "not what the ledger says (written by Labmesh 9.9.9, compared by" in found.what


async def test_a_segment_of_another_crate_is_found(
    crate: Path, ledger: MemoryLedger, tmp_path: Path
) -> None:
    ledger.result("acid", data={"value": 0.7})
    await write_crate(ledger, "acid", tmp_path / "other", CrateDescription())
    name = "ledger-000000.msgpack.gz"
    shutil.copy(tmp_path / "other" / name, crate / name)
    settle(crate)
    (found,) = [each for each in check(crate) if each.check == "chain"]
    assert str(found) == f"{name}: it ends with entry 8; the metadata says another"


def test_metadata_that_cannot_be_read_is_said(crate: Path) -> None:
    (crate / METADATA).write_text("{}")
    assert Finding(METADATA, "it cannot be read: '@graph'", "described") in check(crate)


def test_shapes_are_asked(crate: Path) -> None:
    document = json.loads((crate / "metadata.jsonld").read_text("utf-8"))
    changed = 0
    for node in document["@graph"]:
        if node.get("hasNumberValue") is not None or "hasMeasurementUnit" in node:
            node.pop("hasMeasurementUnit", None)
            changed += 1
    assert changed
    (crate / "metadata.jsonld").write_text(json.dumps(document), "utf-8")
    settle(crate)
    assert {each.check for each in check_crate(crate)} == {"shapes"}


def test_what_is_no_crate_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "gone"):
        with pytest.raises(ConfigurationError):
            check_crate(path)
    (tmp_path / "a.eln").write_bytes(b"not a zip")
    (found,) = {str(each).partition(":")[0] for each in check_crate(tmp_path / "a.eln")}
    assert found == "a.eln"

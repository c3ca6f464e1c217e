"""A ledger is the same to its reader in a file and behind its broker node."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from labmesh.client import requester, visit
from labmesh.place import Place
from labmesh.record import JournalEntry, Record, file_record, mesh_record
from messages.errors import BodyError, CallRefusedError, CallTimeoutError, ConfigurationError
from messages.ids import NodeId
from messages.ledger import EntryKind, Result
from tests.support import MqttBroker, Processes
from tests.support.recorded_lab import CONDUCTIVITY, EOL, recorded_lab

ROOT = Path(__file__).parents[3]


async def read(record: Record, *arguments: int, **filters: object) -> list[JournalEntry]:
    return [entry async for entry in record.entries(*arguments, **filters)]  # type: ignore[arg-type]


async def test_every_entry_of_a_file_in_order_with_hashes_that_fit(tmp_path: Path) -> None:
    record = file_record(str(recorded_lab(CONDUCTIVITY, tmp_path).ledger))
    offset, hash_ = await record.head()
    entries = await read(record)
    assert [entry.offset for entry in entries] == list(range(offset + 1))
    assert entries[-1].hash == hash_
    assert all(entry.sound() for entry in entries)
    assert all(b.prev_hash == a.hash for a, b in pairwise(entries))


async def test_a_stretch_and_some_kinds(tmp_path: Path) -> None:
    record = file_record(str(recorded_lab(CONDUCTIVITY, tmp_path).ledger))
    whole = await read(record)
    assert await read(record, 3, 7) == whole[3:8]
    assert await read(record, 0, 0) == whole[:1]
    assert await read(record, len(whole)) == []
    kinds = {EntryKind.RESULT, EntryKind.SAMPLE}
    assert await read(record, kinds=kinds) == [e for e in whole if e.kind in kinds]


async def test_artifacts_of_a_file_are_checked(tmp_path: Path) -> None:
    lab = recorded_lab(EOL, tmp_path)
    record = file_record(str(lab.ledger))
    results = [e.body for e in await read(record, kinds=[EntryKind.RESULT])]
    named = [ref for body in results for ref in Result.model_validate(body).artifacts]
    assert named
    file = await record.artifact(named[0].sha256)
    assert file is not None
    assert file.stat().st_size == named[0].size
    assert await record.artifact("0" * 64) is None
    file.chmod(0o644)
    with file.open("ab") as opened:
        opened.write(b"x")
    assert await record.artifact(named[0].sha256) is None
    elsewhere = file_record(str(lab.ledger), tmp_path / "nowhere")
    assert await elsewhere.artifact(named[1].sha256) is None


def test_what_is_no_ledger_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent\.sqlite"):
        file_record(str(tmp_path / "absent.sqlite"))


async def test_what_was_tampered_with_is_not_sound(tmp_path: Path) -> None:
    record = file_record(str(recorded_lab(CONDUCTIVITY, tmp_path).ledger))
    entry = (await read(record, 1, 1))[0]
    assert not replace(entry, body={**(entry.body or {}), "x": 1}).sound()
    assert not replace(entry, stamp=entry.stamp + 1).sound()
    assert replace(entry, body=None).sound()


async def test_a_withheld_body_leaves_its_hash(tmp_path: Path) -> None:
    record = file_record(str(recorded_lab(CONDUCTIVITY, tmp_path).ledger))
    entry = (await read(record, 1, 1))[0]
    item = {name: getattr(entry, name) for name in JournalEntry.__dataclass_fields__}
    assert JournalEntry.read({**item, "body": None}) == replace(entry, body=None)
    del item["body_hash"]
    assert JournalEntry.read(item) == entry
    with pytest.raises(BodyError, match="no field 'body_hash'"):
        JournalEntry.read({**item, "body": None})
    with pytest.raises(BodyError, match="entry 1: .*nonsense"):
        JournalEntry.read({**item, "kind": "nonsense"})


async def test_the_mesh_says_what_the_file_says(
    tmp_path: Path, mqtt_broker: MqttBroker, processes: Processes
) -> None:
    folder = tmp_path / "data" / "kit" / "broker"
    folder.mkdir(parents=True)
    lab = recorded_lab(EOL, folder)
    here = file_record(str(lab.ledger))
    whole = await read(here)
    await processes.start(
        sys.executable, "-m", "labmesh.node", "broker", "--site", "kit", "--name", "broker",
        "--mqtt", mqtt_broker.url, "--data-dir", str(tmp_path / "data"),
        name="broker", env={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    place = Place(mqtt=mqtt_broker.url, site="kit", ledger=NodeId("kit", "broker"))
    async with visit(place, "reader") as visitor, requester(visitor) as client:
        there = mesh_record(client, tmp_path / "fetched")
        async with asyncio.timeout(20):
            while True:
                try:
                    await client.query("ledger.head", timeout=0.3)
                    break
                except (CallTimeoutError, CallRefusedError):
                    await asyncio.sleep(0.05)
        assert (await there.head())[0] >= whole[-1].offset
        assert await read(there, 0, whole[-1].offset) == whole
        results = [e.body for e in whole if e.kind is EntryKind.RESULT]
        refs = [ref for body in results for ref in Result.model_validate(body).artifacts]
        file = await there.artifact(refs[0].sha256)
        assert file is not None
        mine = await here.artifact(refs[0].sha256)
        assert mine is not None
        assert file.read_bytes() == mine.read_bytes()
        mine.unlink()
        assert await there.artifact(refs[0].sha256) == file, "what is there is not fetched again"
        assert await there.artifact("0" * 64) is None

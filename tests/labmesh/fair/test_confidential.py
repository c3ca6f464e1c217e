"""A lab in which one result is confidential: the crate is written, and the check believes it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from labmesh.fair import Verdict
from labmesh.fair._case import key_of
from labmesh.fair._check import judge, show
from labmesh.record import FileRecord, JournalEntry, file_record
from messages.chain import canonical, hash_body, hash_entry
from messages.ledger import EntryKind
from tests.support.recorded_lab import EOL, recorded_lab


class Declared:
    """A ledger to which a declaration was added at its end, soundly chained."""

    def __init__(self, record: FileRecord, last: JournalEntry) -> None:
        self._record = record
        self._last = last

    async def head(self) -> tuple[int, bytes]:
        return self._last.offset, self._last.hash

    async def entries(
        self, start: int = 0, until: int | None = None, kinds: Collection[EntryKind] = ()
    ) -> AsyncIterator[JournalEntry]:
        end = self._last.offset if until is None else until
        async for entry in self._record.entries(start, min(end, self._last.offset - 1), kinds):
            yield entry
        if start <= self._last.offset <= end and (not kinds or EntryKind.RESULT in kinds):
            yield self._last

    async def artifact(self, sha256: str) -> Path | None:
        return await self._record.artifact(sha256)


def following(before: JournalEntry, template: JournalEntry, body: dict[str, Any]) -> JournalEntry:
    """Return a result that follows an entry."""
    made = replace(
        template, offset=before.offset + 1, uuid=uuid4(), body=body,
        body_hash=hash_body(canonical(body)), prev_hash=before.hash,
    )  # fmt: skip
    found = hash_entry(
        offset=made.offset, uuid=str(made.uuid), kind=made.kind.value, stamp=made.stamp,
        load_time=made.load_time, author=made.author, type=made.type, schema=made.schema_hash,
        body_hash=made.body_hash, prev_hash=made.prev_hash,
    )  # fmt: skip
    return replace(made, hash=found)


async def test_nothing_confidential_is_in_the_crate(tmp_path: Path) -> None:
    lab = recorded_lab(EOL, tmp_path)
    record = file_record(str(lab.ledger))
    entries = [entry async for entry in record.entries()]
    results = [entry for entry in entries if entry.kind is EntryKind.RESULT]
    secret = next(entry for entry in results if key_of(entry) == ("capacity", "cycling"))
    assert secret.body is not None
    data = {
        "subject": "result", "name": str(secret.uuid), "level": "confidential", "embargo": None,
        "contact": "", "owner": "", "person": "Ada", "reason": "a patent",
    }  # fmt: skip
    body = {
        **secret.body, "quantity": "access", "method": "declaration", "request": None,
        "token": None, "campaign": None, "parameters": {"subject": "result", "name": data["name"]},
        "data": data, "samples": [], "artifacts": [], "rating": None,
    }  # fmt: skip
    declared = Declared(record, following(entries[-1], results[-1], body))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    exhibit = await show(declared, lab.campaign, [10, 20], scratch, None)
    assert exhibit.summary is not None, exhibit.broken
    assert exhibit.summary.withheld.get("confidential", 0) > 0
    (found,) = judge(exhibit, [20])
    assert found.verdict is Verdict.HOLDS, found.why
    # What rests on it is as confidential: the prediction from these cycles, and the workflow.
    assert found.evidence["confidential"] >= 3
    assert found.evidence["declarations"] == 1
    assert found.remains == ""

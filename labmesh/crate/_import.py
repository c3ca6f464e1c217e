"""The ledger in a crate."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgpack

from labmesh.crate._check import check_ledger
from labmesh.crate._record import CrateRecord
from labmesh.crate._segments import COLUMNS, FORMAT, Read, row
from labmesh.crate._types import SEGMENT, Tell, silent
from labmesh.crate._zip import opened_crate
from labmesh.record import JournalEntry
from messages.errors import LabmeshError

_WORDS: Final = {
    "other_campaign": "of other campaigns",
    "confidential": "that are confidential",
}
_SHOWN: Final = 5


def write_ledger(crate: Path, target: Path, *, tell: Tell = silent) -> tuple[int, bytes]:
    """Write the ledger whose segments a crate holds in the portable form, and return its head.

    Args:
        crate: A folder or an ``.eln`` file.
        target: The file to make, which ``labmesh ledger import`` reads; gzip'ed.
        tell: Told of the progress.

    Raises:
        LabmeshError: The crate is damaged, or does not hold the whole ledger from offset 0 on: says
            how many bodies are withheld, and why.
    """
    with opened_crate(crate) as folder:
        _refuse_damaged(crate, folder, tell)
        record = CrateRecord(folder)
        _refuse_parts(crate, record)
        last = _last(record)
        count = last.offset + 1
        with target.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
            packed.write(_pack(_about(last)))
            for entry in _entries(record):
                packed.write(row(entry, withheld=False))
            packed.write(_pack({"end": count, "head": last.hash}))
        return last.offset, last.hash


def _about(last: JournalEntry) -> dict[str, Any]:
    return {
        "format": FORMAT, "entries": last.offset + 1, "head": last.hash,
        "forwarded": last.offset, "exported": last.load_time, "columns": list(COLUMNS),
    }  # fmt: skip


def _refuse_damaged(crate: Path, folder: Path, tell: Tell) -> None:
    found = check_ledger(folder, tell)
    if not found:
        return
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    raise LabmeshError(
        f"the crate is damaged: {'; '.join(map(str, found[:_SHOWN]))}{more}",
        where=str(crate), remedy="take another copy of it",
    )  # fmt: skip


def _refuse_parts(crate: Path, record: CrateRecord) -> None:
    """Refuse a crate that does not hold every entry whole."""
    withheld, absent, expected = Counter[str](), 0, 0
    for segment in record.segments():
        absent += segment.first - expected
        expected = segment.first + len(segment.entries)
        withheld += _withheld(segment, record)
    if not absent and not withheld:
        return
    reasons = [f"{count} {_WORDS.get(why, why)}" for why, count in sorted(withheld.items())]
    if absent:
        reasons.append(f"{absent} in segments of {SEGMENT} that hold nothing of the campaign")
    missing = sum(withheld.values()) + absent
    raise LabmeshError(
        f"{missing} of {expected} entries are not whole in this crate: {', '.join(reasons)}",
        where=str(crate),
        remedy="a ledger needs every entry: `labmesh ledger export` at its site; what is here is "
        "read with labmesh.crate.crate_record, or as README.md says",
    )


def _withheld(segment: Read, record: CrateRecord) -> Counter[str]:
    """Count bodies that are nowhere in the crate, by reason."""
    found = Counter(segment.withheld)
    added = sum(e.body is None and record.whole(e).body is not None for e in segment.entries)
    found["other_campaign"] -= added
    return +found


def _last(record: CrateRecord) -> JournalEntry:
    *_, last = record.segments()
    return last.entries[-1]


def _entries(record: CrateRecord) -> Iterator[JournalEntry]:
    for segment in record.segments():
        yield from map(record.whole, segment.entries)


def _pack(value: Any) -> bytes:
    return bytes(msgpack.packb(value, use_bin_type=True))

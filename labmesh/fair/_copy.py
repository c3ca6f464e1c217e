"""A ledger written out in its portable form and read in again: recovery, tried."""

from __future__ import annotations

import gzip
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

import msgpack

from labmesh.record import JournalEntry, Record
from messages.chain import canonical
from messages.errors import ConfigurationError, LabmeshError

GROUP: Final = "labmesh.ledger_transfer"
"""Entry point group of what reads exported ledgers: ``import_ledger(source, to, tell=...)``."""

_COLUMNS: Final = (
    "offset", "uuid", "kind", "stamp", "load_time", "author", "type", "schema", "body", "body_hash",
    "prev_hash", "hash",
)  # fmt: skip
_FORMAT: Final = "labmesh.ledger.1"


async def write_portable(record: Record, target: Path) -> tuple[int, bytes]:
    """Write a ledger as docs/ledger.md describes it; return the offset and hash of its last entry.

    Raises:
        LabmeshError: A body was withheld from this record.
    """
    offset, head = await record.head()
    pack = msgpack.Packer(use_bin_type=True).pack
    about = {
        "format": _FORMAT, "entries": offset + 1, "head": head, "forwarded": offset,
        "exported": 0, "columns": list(_COLUMNS),
    }  # fmt: skip
    with gzip.open(target, "wb", compresslevel=1) as file:
        file.write(pack(about))
        async for entry in record.entries(0, offset):
            file.write(pack(_row(entry)))
        file.write(pack({"end": offset + 1, "head": head}))
    return offset, head


def restore(source: Path, target: Path) -> tuple[int, bytes]:
    """Read an exported ledger into a new SQLite file; return the offset and hash of its last entry.

    Raises:
        LabmeshError: It is not whole, or nothing that reads ledgers is installed.
    """
    points = {point.name: point for point in entry_points(group=GROUP)}
    point = points.get("default") or next(iter(points.values()), None)
    if point is None:
        raise ConfigurationError(
            "nothing that reads ledgers is installed", remedy="install labmesh with its nodes"
        )
    transfer: Any = point.load()
    done = transfer.import_ledger(source, str(target), tell=lambda _done, _total: None)
    return done.entries - 1, done.head


def _row(entry: JournalEntry) -> list[Any]:
    if entry.body is None:
        raise LabmeshError(
            f"the body of entry {entry.offset} is withheld from this copy of the ledger",
            remedy="ask the ledger itself",
        )
    return [
        entry.offset, str(entry.uuid), entry.kind.value, entry.stamp, entry.load_time, entry.author,
        entry.type, entry.schema_hash, canonical(entry.body), entry.body_hash, entry.prev_hash,
        entry.hash,
    ]  # fmt: skip

"""That the tables and files say what the ledger's entries say."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from labmesh.crate._database import Database, described
from labmesh.crate._record import CrateRecord
from labmesh.crate._selection import Selection
from labmesh.crate._tables import Tables
from labmesh.crate._types import (
    CAPABILITIES,
    DATABASE,
    REQUESTS,
    RESULTS,
    SAMPLES,
    Finding,
    Tell,
)
from labmesh.record import JournalEntry
from messages.errors import LabmeshError
from messages.ledger import EntryKind
from messages.model import JsonObject

_BY_OTHERS: Final = ("log", "results", "status")
"""What of a request or result entries say whose body may be withheld."""


def check_content(folder: Path, campaign: str, tell: Tell) -> Iterator[Finding]:
    """Yield where tables differ from what the entries make of them.

    The chain has to be sound.

    Args:
        folder: The crate's folder.
        campaign: Its campaign.
        tell: Told of the progress, in entries.
    """
    record = CrateRecord(folder)
    try:
        entries = [record.whole(each) for part in record.segments() for each in part.entries]
    except LabmeshError:
        return  # the chain's check says it
    with TemporaryDirectory(prefix="labmesh-crate-") as scratch:
        made = Path(scratch)
        whole = _make(made, folder, campaign, entries, tell)
        for name in (REQUESTS, RESULTS, CAPABILITIES, SAMPLES):
            yield from _compare(folder / name, made / name, whole=whole)
        if whole:
            yield from _compare_tables(folder / DATABASE, made / DATABASE)
    yield from _artifacts(folder)


def _make(made: Path, folder: Path, campaign: str, entries: list[JournalEntry], tell: Tell) -> bool:
    """Make the tables once more; return whether every body is there."""
    from labmesh.access import AccessBook  # noqa: PLC0415

    chosen = Selection(campaign, AccessBook())
    for entry in entries:
        chosen.take(entry)
    outcomes, until = chosen.outcomes, entries[-1].offset if entries else -1
    artifacts = {each["id"]: each["artifacts"] for each in _items(folder / RESULTS) or []}
    tables = Tables(made, outcomes, until)
    database = Database(made / DATABASE, outcomes, until)
    for count, entry in enumerate(entries):
        if count % 100 == 0:
            tell(count, len(entries))
        if entry.body is None:
            continue
        database.header(entry, None)
        if chosen.aside(entry.offset):
            continue
        known = _fitting(entry, artifacts.get(str(entry.uuid), []))
        tables.take(entry, known)
        database.take(entry, known)
    tables.close()
    database.close()
    return all(entry.body is not None for entry in entries)


def _fitting(entry: JournalEntry, said: list[JsonObject]) -> list[JsonObject]:
    """Return a result's artifacts as its entry has them, with the paths that the table says."""
    if entry.kind is not EntryKind.RESULT:
        return []
    refs = (entry.body or {}).get("artifacts", ())
    return [
        {**(item if isinstance(item, dict) else {}),
         **{name: ref[name] for name in ("name", "sha256", "media_type", "size")}}
        for ref, item in zip(refs, (*said, *[{}] * len(refs)), strict=False)
    ]  # fmt: skip


def _compare(there: Path, made: Path, *, whole: bool) -> Iterator[Finding]:
    found, wanted = _items(there), _items(made)
    if found is None or wanted is None:
        yield Finding(there.name, "it cannot be read as a list", "content")
        return
    if len(found) != len(wanted):
        yield Finding(there.name, f"it has {len(found)} items, the ledger {len(wanted)}", "content")
    for one, other in zip(found, wanted, strict=False):
        if _stated(one, whole=whole) != _stated(other, whole=whole):
            name = other.get("id") or f"entry {other.get('offset')}"
            yield Finding(there.name, f"{name} is not what the ledger says", "content")


def _stated(item: Any, *, whole: bool) -> Any:
    if whole or not isinstance(item, dict):
        return item
    return {key: value for key, value in item.items() if key not in _BY_OTHERS}


def _compare_tables(there: Path, made: Path) -> Iterator[Finding]:
    try:
        with (
            closing(sqlite3.connect(f"{there.absolute().as_uri()}?mode=ro", uri=True)) as one,
            closing(sqlite3.connect(made)) as other,
        ):
            for table in described():
                if table == "about":
                    continue
                query = f'SELECT * FROM "{table}"'  # noqa: S608 our own names
                if one.execute(query).fetchall() != other.execute(query).fetchall():
                    yield Finding(there.name, f"{table} is not what the ledger says", "content")
    except sqlite3.Error as error:
        yield Finding(there.name, f"it cannot be read: {error}", "content")


def _artifacts(folder: Path) -> Iterator[Finding]:
    from labmesh.crate._folder import digest  # noqa: PLC0415

    for result in _items(folder / RESULTS) or []:
        for item in result.get("artifacts", ()):
            path = item.get("path")
            if path is None and not item.get("missing"):
                yield Finding(RESULTS, f"{item['name']} of {result['id']} is nowhere", "content")
            elif path is not None and not (folder / path).is_file():
                yield Finding(path, "a result names it and it is not there", "content")
            elif path is not None and digest(folder / path) != item["sha256"]:
                yield Finding(path, f"it is not the file of the result {result['id']}", "content")


def _items(path: Path) -> list[Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, list) else None

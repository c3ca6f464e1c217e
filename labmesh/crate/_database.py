"""``campaign.sqlite``: flat tables for pandas and SQL, described inside the file itself."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from labmesh.crate._outcomes import Outcomes
from labmesh.crate._plain import plain, when
from labmesh.crate._tables import line, request_item, result_item
from labmesh.crate._values import leaves
from labmesh.record import JournalEntry
from messages.ledger import EntryKind
from messages.model import JsonObject

_FILE: Final = Path(__file__).parent / "data" / "database.csv"

_PAGE: Final = 4096


@cache
def described() -> Mapping[str, tuple[str, dict[str, tuple[str, str]]]]:
    """Return what each table is, and type and meaning of its columns."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = {}
    for table, lines in groupby(rows, key=lambda row: row["table"]):
        about, *columns = lines
        words = {row["column"]: (row["type"], row["meaning"]) for row in columns}
        found[table] = (about["meaning"], words)
    return found


class Database:
    """Writes the file; the same entries in the same order give the same bytes.

    Args:
        path: The file, which is not there yet.
        outcomes: What became of requests and results.
        until: The last offset that the crate covers.
    """

    def __init__(self, path: Path, outcomes: Outcomes, until: int) -> None:
        self._outcomes = outcomes
        self._until = until
        self._schemas: dict[tuple[str, str], tuple[JsonObject, JsonObject]] = {}
        self._samples: dict[str, list[Any]] = {}
        self._file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in (f"page_size={_PAGE}", "journal_mode=OFF", "synchronous=OFF"):
            self._file.execute(f"PRAGMA {pragma}")
        self._file.execute("BEGIN")
        for table, (_, columns) in described().items():
            names = ", ".join(f'"{name}" {type_}' for name, (type_, _) in columns.items())
            self._file.execute(f'CREATE TABLE "{table}" ({names})')
        self._insert("described", _words())

    def about(self, facts: Mapping[str, str]) -> None:
        """Write what the crate is."""
        self._insert("about", sorted(facts.items()))

    def header(self, entry: JournalEntry, reason: str | None) -> None:
        """Take the next entry, whether its body goes along or not."""
        self._insert(
            "entries",
            [
                (
                    entry.offset, str(entry.uuid), entry.kind.value, when(entry.stamp),
                    when(entry.load_time), entry.author, entry.type, reason,
                    entry.body_hash.hex(), entry.hash.hex(),
                )
            ],
        )  # fmt: skip

    def take(self, entry: JournalEntry, artifacts: list[JsonObject]) -> None:
        """Take the next entry whose body goes along."""
        match entry.kind:
            case EntryKind.REQUEST:
                self._request(entry)
            case EntryKind.RESULT:
                self._result(entry, artifacts)
            case EntryKind.CAPABILITY:
                self._capability(entry)
            case EntryKind.SAMPLE:
                self._state(entry)
            case _:
                pass

    def release(self) -> None:
        """Let go of the file, whole or not."""
        self._file.close()

    def close(self) -> None:
        """Write what is left."""
        self._insert("samples", self._samples.values())
        self._file.execute("COMMIT")
        self._file.execute("VACUUM")
        self._file.close()

    def _request(self, entry: JournalEntry) -> None:
        item = request_item(entry, self._outcomes, self._until)
        start = item["from_state"] or {}
        row = {**item, "sample": start.get("sample"), "state": start.get("state")}
        self._insert("requests", [_row("requests", row)])

    def _result(self, entry: JournalEntry, artifacts: list[JsonObject]) -> None:
        item = result_item(entry, self._outcomes, self._until, artifacts)
        provenance = item["provenance"]
        row = {
            **item,
            "simulated": int(item["simulated"]),
            "instrument": provenance.get("instrument"),
            "software": provenance.get("software"),
            "rating": (item["rating"] or {}).get("rating"),
            "failure": (item["failure"] or {}).get("message"),
        }
        self._insert("results", [_row("results", row)])
        self._insert("result_values", self._values(entry))
        self._insert(
            "artifacts",
            [_row("artifacts", {**each, "result": str(entry.uuid)}) for each in artifacts],
        )

    def _values(self, entry: JournalEntry) -> Iterator[tuple[Any, ...]]:
        body = entry.body or {}
        schemas = self._schemas.get((str(body["quantity"]), str(body["method"])), ({}, {}))
        for part, schema in zip(("parameters", "data"), schemas, strict=True):
            for leaf in leaves(body.get(part, {}), schema):
                yield (
                    str(entry.uuid), part, leaf.path, leaf.kind, leaf.number, leaf.text,
                    leaf.unit or None, leaf.uncertainty, leaf.term or None,
                )  # fmt: skip

    def _capability(self, entry: JournalEntry) -> None:
        body = entry.body or {}
        name = str(body["quantity"]), str(body["method"])
        self._schemas[name] = body["parameters_schema"], body["result_schema"]
        row = {**plain(body), "author": entry.author, "offset": entry.offset}
        self._insert("capabilities", [_row("capabilities", row)])

    def _state(self, entry: JournalEntry) -> None:
        body = plain(entry.body or {})
        at, name = when(body.get("at")), body["sample"]
        if name not in self._samples:
            self._samples[name] = [name, body["kind"], at, 0, ""]
            parents = body.get("parents") or []
            self._insert("sample_parents", [(name, parent) for parent in parents])
        self._samples[name][3:] = [body["state"], body["label"]]
        row = {**body, "at": at, "offset": entry.offset}
        self._insert("sample_states", [_row("sample_states", row)])

    def _insert(self, table: str, rows: Iterable[Iterable[Any]]) -> None:
        marks = ", ".join("?" * len(described()[table][1]))
        self._file.executemany(f'INSERT INTO "{table}" VALUES ({marks})', map(tuple, rows))  # noqa: S608 our own names


def _row(table: str, item: JsonObject) -> tuple[Any, ...]:
    values = (item.get(name) for name in described()[table][1])
    return tuple(line(value) if isinstance(value, dict | list) else value for value in values)


def _words() -> Iterator[tuple[str, str, str]]:
    for table, (about, columns) in described().items():
        yield table, "", about
        for name, (_, meaning) in columns.items():
            yield table, name, meaning

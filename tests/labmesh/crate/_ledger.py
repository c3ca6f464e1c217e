"""A ledger in memory, for what is made of entries whatever they say."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import AsyncIterator, Collection, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from labmesh.record import JournalEntry
from messages.chain import GENESIS, canonical, hash_body, hash_entry
from messages.ledger import ArtifactRef, EntryKind
from messages.model import JsonObject

START: Final = 1_795_000_000_000_000_000
"""2026-11-18, ns."""

BDF: Final = "https://w3id.org/battery-data-alliance/ontology/battery-data-format"

SCHEMA: Final[JsonObject] = {
    "type": "object",
    "properties": {
        "value": {"type": "number", "unit": "S/m", "term": "IonicConductivity"},
        "words": {"type": "string"},
    },
}


class MemoryLedger:
    """Entries that are chained as a ledger's are; a `labmesh.record.Record`."""

    def __init__(self, folder: Path | None = None) -> None:
        self.journal: list[JournalEntry] = []
        self._folder = folder

    def add(self, kind: EntryKind, type_: str, body: JsonObject, author: str = "kit/asab") -> str:
        """Append an entry; return its uuid."""
        offset = len(self.journal)
        uuid = str(UUID(bytes=hashlib.sha256(b"%d" % offset).digest()[:16], version=4))
        stamp = START + offset * 1_000_000_000
        body_hash = hash_body(canonical(body))
        previous = self.journal[-1].hash if self.journal else GENESIS
        own = hash_entry(
            offset=offset, uuid=uuid, kind=kind.value, stamp=stamp, load_time=stamp,
            author=author, type=type_, schema="0" * 64, body_hash=body_hash, prev_hash=previous,
        )  # fmt: skip
        self.journal.append(
            JournalEntry(
                offset,
                UUID(uuid),
                kind,
                stamp,
                stamp,
                author,
                type_,
                "0" * 64,
                body,
                body_hash,
                previous,
                own,
            )
        )
        return uuid

    def capability(self, quantity: str = "conductivity", method: str = "probe") -> None:
        self.add(
            EntryKind.CAPABILITY, "Capability@1",
            {"quantity": quantity, "method": method, "version": 1, "description": "",
             "parameters_schema": SCHEMA, "result_schema": SCHEMA, "active": True},
        )  # fmt: skip

    def request(self, campaign: str | None, **more: Any) -> str:
        body = {
            "quantity": "conductivity", "method": "probe", "parameters": {"value": 1.0},
            "campaign": campaign, "priority": 5, "expires": None, "attempts": 3, "wait": False,
            "from_state": None, "parent": None, **more,
        }  # fmt: skip
        return self.add(EntryKind.REQUEST, "Request@2", body, "kit/optimiser")

    def status(
        self, request: str, before: str, after: str, result: str | None = None, message: str = ""
    ) -> None:
        body = {
            "request": request, "before": before, "after": after, "message": message,
            "by": "kit/broker", "worker": "kit/asab", "token": 1, "attempt": 1, "result": result,
            "reservation": None, "cause": "",
        }  # fmt: skip
        self.add(EntryKind.STATUS, "StatusChange@2", body, "kit/broker")

    def result(
        self, campaign: str | None, request: str | None = None, *,
        makes: str = "", parents: Sequence[str] = (), **more: Any,
    ) -> str:  # fmt: skip
        """Append a result, and the birth of a sample."""
        steps = [
            {"sample": makes, "kind": "electrolyte", "state": 0, "expects_state": None,
             "label": "formulated", "parents": list(parents), "location": "", "properties": {}}
        ] if makes else []  # fmt: skip
        body = {
            "request": request, "token": 1 if request else None, "quantity": "conductivity",
            "method": "probe", "parameters": {"value": 1.0}, "outcome": "resolved",
            "data": {"value": 0.5, "words": "fine"}, "failure": None, "rating": None,
            "provenance": {
                "software": "labmesh 0.1.0", "host": "vm", "instrument": "probe 7",
                "calibration": "", "simulated": True, "parameters": {"rate": 2}, "begun": START,
                "ended": START + 5, "source": None, "notes": {},
            },
            "campaign": campaign, "samples": steps, "artifacts": [], **more,
        }  # fmt: skip
        uuid = self.add(EntryKind.RESULT, "Result@1", body)
        if makes:
            self.add(
                EntryKind.SAMPLE, "SampleState@1",
                {"sample": makes, "kind": "electrolyte", "state": 0, "label": "formulated",
                 "parents": list(parents), "location": "", "properties": {}, "result": uuid,
                 "request": request, "at": START},
            )  # fmt: skip
        return uuid

    def declare(self, subject: str, name: str, level: str, **more: Any) -> str:
        data = {
            "subject": subject, "name": name, "level": level, "embargo": None,
            "contact": "Ann Example", "owner": "", "person": "Ann Example", "reason": "", **more,
        }  # fmt: skip
        return self.result(
            None, quantity="access", method="declaration",
            parameters={"subject": subject, "name": name}, data=data,
        )  # fmt: skip

    def fill(self, until: int, campaign: str | None = None) -> None:
        """Append requests until the ledger has so many entries."""
        while len(self.journal) < until:
            self.request(campaign)

    def artifact_of(self, content: bytes, name: str, media_type: str) -> JsonObject:
        """Keep a file; return what a result says of it."""
        assert self._folder is not None
        found = hashlib.sha256(content).hexdigest()
        (self._folder / found).write_bytes(content)
        return ArtifactRef(
            sha256=found, name=name, media_type=media_type, size=len(content)
        ).model_dump()

    async def head(self) -> tuple[int, bytes]:
        return len(self.journal) - 1, self.journal[-1].hash if self.journal else GENESIS

    async def entries(
        self, start: int = 0, until: int | None = None, kinds: Collection[EntryKind] = ()
    ) -> AsyncIterator[JournalEntry]:
        end = len(self.journal) if until is None else until + 1
        for entry in self.journal[start:end]:
            if not kinds or entry.kind in kinds:
                yield entry

    async def artifact(self, sha256: str) -> Path | None:
        path = self._folder / sha256 if self._folder else None
        return path if path and path.is_file() else None


def table(ledger: MemoryLedger) -> list[JsonObject]:
    """Keep a cycler's table of three rows and its metadata; return what a result says of them."""
    import polars as pl

    frame = pl.DataFrame(
        {
            "test_time_second": [0.0, 1.5, 1e9 / 3],
            "voltage_volt": [3.2, None, 4.25],
            "cycle_count": [1, 1, 2],
            "step_id": ["1", "rest, long", 'a "quoted" one'],
        }
    )
    content = io.BytesIO()
    frame.write_parquet(content)
    described = {
        "@context": "http://www.w3.org/ns/csvw",
        "url": "table.parquet",
        "dc:conformsTo": f"{BDF}/1.3.0",
        "tableSchema": {
            "columns": [
                {"name": name, "datatype": "double", "propertyUrl": f"{BDF}#{name}"}
                for name in frame.columns
            ]
        },
    }
    parquet = "application/vnd.apache.parquet"
    return [
        ledger.artifact_of(content.getvalue(), "table.parquet", parquet),
        ledger.artifact_of(
            json.dumps(described).encode(), "table.parquet-metadata.json", "application/csvm+json"
        ),
    ]


def small_lab(folder: Path | None = None, campaign: str = "acid") -> MemoryLedger:
    """Return a ledger of one campaign: a stock bottle, an electrolyte made of it, measured."""
    ledger = MemoryLedger(folder)
    ledger.capability()
    ledger.result(None, makes="stock-1")
    asked = ledger.request(campaign)
    ledger.status(asked, "pending", "running")
    made = ledger.result(campaign, asked, makes="vial-1", parents=["stock-1"])
    ledger.status(asked, "running", "resolved", made)
    return ledger


def add_table(ledger: MemoryLedger) -> None:
    """Append a result with a table to the campaign."""
    ledger.capability("trace", "logger")
    ledger.result("acid", quantity="trace", method="logger", artifacts=table(ledger))

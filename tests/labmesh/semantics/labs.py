"""The recorded labs, as this folder's tests read them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from labmesh.record import JournalEntry, file_record
from tests.support.recorded_lab import recorded_lab


def read_lab(name: str) -> list[JournalEntry]:
    """Return every entry of a recorded lab."""

    async def read() -> list[JournalEntry]:
        with TemporaryDirectory() as folder:
            record = file_record(str(recorded_lab(name, Path(folder)).ledger))
            return [entry async for entry in record.entries()]

    return asyncio.run(read())


def one_of_each(entries: list[JournalEntry]) -> Iterator[JournalEntry]:
    """Yield the first entry of every kind, and of results and requests of every capability."""
    seen = set()
    for entry in entries:
        body: dict[str, Any] = entry.body or {}
        key = (entry.kind, body.get("quantity"), body.get("method"), body.get("kind"))
        if key not in seen:
            seen.add(key)
            yield entry

"""What a virtual cycler remembers: its channels, and the cells that were ever in them.

SQLite with ``synchronous=FULL``: what `save` has returned from survives a power cut. The raw files
are synced before, so a checkpoint never speaks of records that are not on the disk.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from messages.errors import ConfigurationError

_TABLES = """
CREATE TABLE IF NOT EXISTS channel (number INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS cell (sample TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS test (
  name TEXT PRIMARY KEY, channel INTEGER NOT NULL, stem TEXT NOT NULL, parts INTEGER NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class KnownTest:
    """A test that ran: where its raw files are."""

    name: str
    channel: int
    stem: str
    parts: int


class Store:
    """The file of one virtual cycler. All calls block; one thread at a time."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._base = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=FULL")
            self._base.executescript(_TABLES)
        except sqlite3.Error as error:
            raise ConfigurationError(
                f"the virtual cycler's file cannot be used: {error}",
                where=str(file),
                remedy="make room, or move the file away (its cells are forgotten then)",
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def channels(self) -> dict[int, dict[str, Any]]:
        """Return what was saved of each channel."""
        found = self._base.execute("SELECT number, body FROM channel")
        return {number: json.loads(body) for number, body in found}

    def cell(self, sample: str) -> dict[str, float] | None:
        """Return a cell's state, None for one that was never here."""
        found = self._base.execute("SELECT body FROM cell WHERE sample = ?", (sample,)).fetchone()
        return None if found is None else json.loads(found[0])

    def test(self, name: str) -> KnownTest | None:
        """Return where a test's files are."""
        row = self._base.execute(
            "SELECT name, channel, stem, parts FROM test WHERE name = ?", (name,)
        ).fetchone()
        return None if row is None else KnownTest(*row)

    def save(
        self,
        channels: Mapping[int, Mapping[str, Any]],
        cells: Mapping[str, Mapping[str, float]],
        tests: Iterable[KnownTest] = (),
    ) -> None:
        """Save all of it, or nothing."""
        base = self._base
        base.execute("BEGIN IMMEDIATE")
        try:
            base.executemany(
                "INSERT OR REPLACE INTO channel VALUES (?, ?)",
                [(number, json.dumps(body)) for number, body in channels.items()],
            )
            base.executemany(
                "INSERT OR REPLACE INTO cell VALUES (?, ?)",
                [(sample, json.dumps(body)) for sample, body in cells.items()],
            )
            base.executemany(
                "INSERT OR REPLACE INTO test VALUES (?, ?, ?, ?)",
                [(each.name, each.channel, each.stem, each.parts) for each in tests],
            )
            base.execute("COMMIT")
        except BaseException:
            base.execute("ROLLBACK")
            raise

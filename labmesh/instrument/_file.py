"""The instrument's file: what it did, consumes and was calibrated with, through a loss of power."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from labmesh.durable_file import open_durable
from messages.errors import StoreError

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS step (
    id INTEGER PRIMARY KEY, request TEXT NOT NULL, key TEXT NOT NULL, kind TEXT NOT NULL,
    once INTEGER NOT NULL, dry_run INTEGER NOT NULL, intent TEXT NOT NULL, state TEXT NOT NULL,
    result TEXT NOT NULL, words TEXT NOT NULL, begun INTEGER NOT NULL, ended INTEGER,
    resolved_by TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS step_of ON step (request, key);
CREATE INDEX IF NOT EXISTS step_open ON step (state) WHERE state = 'begun';
CREATE TABLE IF NOT EXISTS calibration (
    id TEXT PRIMARY KEY, device TEXT NOT NULL, quantity TEXT NOT NULL, who TEXT NOT NULL,
    made INTEGER NOT NULL, method TEXT NOT NULL, result TEXT NOT NULL, expires INTEGER,
    recorded INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS calibration_of ON calibration (device, quantity, recorded);
CREATE TABLE IF NOT EXISTS supply (
    name TEXT PRIMARY KEY, kind TEXT NOT NULL, unit TEXT NOT NULL, capacity REAL NOT NULL,
    level REAL NOT NULL, lot TEXT NOT NULL, low REAL NOT NULL, sample TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS movement (
    id INTEGER PRIMARY KEY, supply TEXT NOT NULL, amount REAL NOT NULL, level REAL NOT NULL,
    lot TEXT NOT NULL, request TEXT NOT NULL, step INTEGER, by TEXT NOT NULL, at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS movement_of ON movement (step);
CREATE TABLE IF NOT EXISTS stop (
    id TEXT PRIMARY KEY, sender TEXT NOT NULL, person TEXT NOT NULL, reason TEXT NOT NULL,
    at INTEGER NOT NULL, in_hand TEXT NOT NULL, reset_by TEXT NOT NULL,
    reset_reason TEXT NOT NULL, reset_at INTEGER);
"""


class InstrumentFile:
    """One SQLite file (WAL, synchronous=FULL); any thread may use it, one at a time.

    A transaction returns when the disk has it: some milliseconds, tens on a spinning disk.

    Args:
        path: The file.

    Raises:
        ConfigurationError: It cannot be opened, or is no database.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._db = open_durable(
            path, _SCHEMA, name="the instrument's file",
            loses="moved away loses what was in hand: look at the instrument first",
        )  # fmt: skip

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write all of it or nothing; on the disk when the block has ended.

        Raises:
            StoreError: The file cannot be written.
        """
        with self._lock, self._told():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk may have rolled it back already
                    self._db.execute("ROLLBACK")
                raise

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """Return what a query finds.

        Raises:
            StoreError: The file cannot be read.
        """
        with self._lock, self._told():
            return self._db.execute(query, values).fetchall()

    def close(self) -> None:
        """Close the file. Idempotent."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(
                f"the instrument's file does not work: {error}",
                where=str(self.path),
                remedy="check that the disk is not full and the file not damaged",
            ) from error

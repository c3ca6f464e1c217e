"""What every tube holds or held last, written down before anything moves."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from messages.errors import ConfigurationError

CLEAN: Final = "clean"
"""Rinsed and blown out; also a tube that was never used."""

_SCHEMA: Final = "CREATE TABLE IF NOT EXISTS tube (name TEXT PRIMARY KEY, holds TEXT NOT NULL)"


class TubeBook:
    """One SQLite file. Calls block for a commit, and may come from any thread.

    Args:
        path: The file; made where there is none, and then every tube is clean.

    Raises:
        ConfigurationError: The file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute(_SCHEMA)
        except sqlite3.Error as error:
            raise ConfigurationError(
                f"the record of the tubes cannot be opened: {error}",
                where=str(path),
                remedy="clean every tube by hand, then move the file away",
            ) from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def holds(self) -> dict[str, str]:
        """Return what the tubes hold that are not clean."""
        with self._lock:
            return dict(self._db.execute("SELECT name, holds FROM tube ORDER BY name"))

    def note(self, tubes: Iterable[str], holds: str) -> None:
        """Say what some tubes hold from now on: a fluid, a request's mixture, or `CLEAN`."""
        names = list(tubes)
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany("DELETE FROM tube WHERE name = ?", [(n,) for n in names])
                if holds != CLEAN:
                    self._db.executemany(
                        "INSERT INTO tube VALUES (?, ?)", [(n, holds) for n in names]
                    )
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

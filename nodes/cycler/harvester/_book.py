"""What the harvester knows of files, in a file that survives restarts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from messages.errors import ConfigurationError


class FileState(StrEnum):
    """How far a file is."""

    UNSTABLE = "unstable"
    """It is new, or was still changing at the last look."""
    STABLE = "stable"
    """It has come to rest and will be read, or was read and the ledger has not taken it yet."""
    IMPORTED = "imported"
    """A result in the ledger holds its content."""
    UNREADABLE = "unreadable"
    """It was not read; the reason says why. It is tried again when it changes."""


@dataclass(frozen=True, slots=True)
class Known:
    """A file.

    Attributes:
        path: Where.
        group: Path of the first part of its test; its own where it is whole.
        size: Bytes at the last look.
        modified: Its time of change, ns.
        since: Wall time (s) since which size and time are the same.
        state: How far it is.
        content: sha256 of its test's content, all parts; empty before it was read.
        result: uuid of the result that holds it, or empty.
        words: Why it is not imported, or what else is to be said.
    """

    path: str
    group: str
    size: int
    modified: int
    since: float
    state: FileState = FileState.UNSTABLE
    content: str = ""
    result: str = ""
    words: str = ""


_NAMES: Final = tuple(field.name for field in fields(Known))

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS file (
  path TEXT PRIMARY KEY, "group" TEXT NOT NULL, size INTEGER NOT NULL, modified INTEGER NOT NULL,
  since REAL NOT NULL, state TEXT NOT NULL, content TEXT NOT NULL, result TEXT NOT NULL,
  words TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS content (sha256 TEXT PRIMARY KEY, result TEXT NOT NULL);
"""


class Book:
    """The harvester's file. All calls block."""

    def __init__(self, file: Path) -> None:
        try:
            self._base = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=FULL")
            self._base.executescript(_TABLES)
        except sqlite3.Error as error:
            raise ConfigurationError(
                f"the harvester's file cannot be used: {error}", where=str(file)
            ) from error

    def close(self) -> None:
        """Close it."""
        self._base.close()

    def files(self) -> dict[str, Known]:
        """Return all files by path."""
        names = ", ".join(f'"{name}"' for name in _NAMES)
        rows = self._base.execute(f"SELECT {names} FROM file ORDER BY path")  # noqa: S608
        return {row[0]: replace(Known(*row), state=FileState(row[5])) for row in rows}

    def note(self, files: Iterable[Known]) -> None:
        """Write what is known of some files, all or nothing."""
        marks = ", ".join("?" * len(_NAMES))
        with self._base:
            self._base.execute("BEGIN IMMEDIATE")
            self._base.executemany(
                f"INSERT OR REPLACE INTO file VALUES ({marks})",  # noqa: S608
                [tuple(str(v) if isinstance(v, FileState) else v for v in astuple(each))
                 for each in files],
            )  # fmt: skip

    def forget(self, paths: Iterable[str]) -> None:
        """Forget files that are gone; what they held stays known."""
        with self._base:
            self._base.execute("BEGIN IMMEDIATE")
            self._base.executemany("DELETE FROM file WHERE path = ?", [(each,) for each in paths])

    def result_of(self, content: str) -> str:
        """Return the result that holds a content, or empty."""
        row = self._base.execute(
            "SELECT result FROM content WHERE sha256 = ?", (content,)
        ).fetchone()
        return "" if row is None else str(row[0])

    def held(self, content: str, result: str) -> None:
        """Note which result holds a content."""
        self._base.execute("INSERT OR REPLACE INTO content VALUES (?, ?)", (content, result))

"""What the archiver must not forget between two requests to an archive."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from labmesh.durable_file import open_durable
from messages.errors import StoreError

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS deposit (key TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS run (
  campaign TEXT PRIMARY KEY, at INTEGER NOT NULL, seen TEXT NOT NULL);
"""


class Known(BaseModel):
    """The version that was published last.

    Attributes:
        record: The archive's name for it.
        version: Its calendar version.
        date: Its publication date.
        metadata: sha256 of its metadata without date and version; empty: not known.
        before: Digests of the files of the version before it, by name: md5 at an archive, sha256
            in a folder.
        files: Those of its own, in a folder.
        by: For whom it was made: a request's uuid.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    record: str
    version: str
    date: str
    metadata: str = ""
    before: dict[str, str] = {}
    files: dict[str, str] = {}
    by: str = ""


class InHand(BaseModel):
    """A draft that is being made; written down before the archive is asked for it.

    Attributes:
        kind: A new record, a new version, or other metadata of the version there is.
        draft: The archive's name for it; empty until its answer has come.
        base: The published version it follows, or is about; empty for a new record.
        version: The calendar version it shall have.
        date: The publication date it shall have.
        metadata: sha256 of the metadata that was sent last, without date and version.
        before: md5 of the base's files, by name.
        submitted: sha256 of files and metadata handed to reviewers; empty: none were.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["new", "version", "edit"]
    draft: str = ""
    base: str = ""
    version: str
    date: str
    metadata: str
    before: dict[str, str] = {}
    submitted: str = ""


class State(BaseModel):
    """Where a campaign stands at an archive."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    known: Known | None = None
    hand: InHand | None = None


class DepositStore:
    """One SQLite file (WAL, synchronous=FULL): what it says survives ``kill -9`` and loss of power.

    All calls block, some milliseconds.

    Raises:
        ConfigurationError: It cannot be opened, or is no database.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._base = open_durable(
            file, _TABLE, name="the archiver's list of deposits",
            loses="may be moved away: records are found again in the ledger and at the archive",
        )  # fmt: skip

    def close(self) -> None:
        """Close it. Idempotent."""
        self._base.close()

    def read(self, key: str) -> State | None:
        """Return what is known under a key; None where nothing ever was.

        Raises:
            StoreError: It cannot be read.
        """
        row = self._execute("SELECT body FROM deposit WHERE key = ?", key)
        if row is None:
            return None
        try:
            return State.model_validate_json(row[0])
        except ValidationError as error:
            raise StoreError(f"a deposit's state is not readable: {error}", where=key) from error

    def write(self, key: str, state: State) -> None:
        """Replace what is known under a key.

        Raises:
            StoreError: It cannot be written.
        """
        self._execute("REPLACE INTO deposit VALUES (?, ?)", key, state.model_dump_json())

    def last_run(self, campaign: str) -> tuple[int, str] | None:
        """Return when a campaign was last looked at by schedule, and what was seen.

        Returns:
            Nanoseconds by the mesh's clock, and a digest of what there was to deposit.
        """
        row = self._execute("SELECT at, seen FROM run WHERE campaign = ?", campaign)
        return None if row is None else (int(row[0]), str(row[1]))

    def ran(self, campaign: str, at: int, seen: str) -> None:
        """Note that a campaign was looked at by schedule."""
        self._execute("REPLACE INTO run VALUES (?, ?, ?)", campaign, at, seen)

    def _execute(self, statement: str, *values: str | int) -> tuple[Any, ...] | None:
        try:
            row: tuple[Any, ...] | None = self._base.execute(statement, values).fetchone()
        except sqlite3.Error as error:
            raise StoreError(
                f"the archiver's list of deposits: {error}", where=str(self.file)
            ) from error
        return row

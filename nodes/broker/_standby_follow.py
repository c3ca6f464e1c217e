"""Reading the journal as it grows, and who may write it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from messages.chain import GENESIS
from nodes.broker._verify import fault
from nodes.broker.store import _tables as t
from nodes.broker.store import database_error, latest_version, lock_holder, open_reader
from nodes.broker.store._migrate import schema_version

_STEP: Final = 1000
"""Entries read in one look."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look at the database has shown.

    Attributes:
        free: Whether the ledger has no writer.
        holder: Its writer, in words.
        entries: Entries read and found sound, or written before the first look.
        trouble: What is wrong, or empty.
        remedy: What an operator can do about it.
    """

    free: bool = False
    holder: str = ""
    entries: int = 0
    trouble: str = ""
    remedy: str = ""


class JournalFollower:
    """Checks every new entry of a journal in PostgreSQL. Use from one thread at a time.

    Args:
        url: SQLAlchemy database URL.

    Raises:
        ConfigurationError: The URL is malformed, or its driver is not installed.
    """

    def __init__(self, url: str) -> None:
        self._engine = open_reader(url)
        self._where = self._engine.url.render_as_string(hide_password=True)
        self._connection: Connection | None = None
        self._next: int | None = None
        self._hash = GENESIS
        self._fault = ""

    def look(self) -> Sight:
        """Read on, and see whether the ledger has a writer."""
        try:
            return self._look()
        except DBAPIError as error:
            self.close()
            words = database_error(error, self._where)
            return Sight(entries=self._next or 0, trouble=words.what, remedy=words.remedy)

    def close(self) -> None:
        """Let the database go; the next look opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(DBAPIError):
                connection.close()
        self._engine.dispose()

    def _look(self) -> Sight:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._engine.connect()
        try:
            holder = lock_holder(connection)
            found = schema_version(connection)
            if found == latest_version() and not self._fault:
                self._read(connection)
        finally:
            connection.rollback()
        entries = self._next or 0
        if found > latest_version():
            newer = f"the ledger has schema version {found}, newer than Labmesh here"
            return Sight(False, holder or "", entries, newer, "update Labmesh")
        # A broken chain is shown, and no reason to leave the lab without its ledger.
        remedy = "see `labmesh ledger verify`, and who can write the database" * bool(self._fault)
        return Sight(holder is None, holder or "", entries, self._fault, remedy)

    def _read(self, connection: Connection) -> None:
        journal = t.JOURNAL
        if self._next is None:
            last = connection.execute(
                select(journal.c.offset, journal.c.hash).order_by(journal.c.offset.desc()).limit(1)
            ).first()
            self._next, self._hash = (last[0] + 1, last[1]) if last else (0, GENESIS)
        rows = connection.execute(
            select(journal).where(journal.c.offset >= self._next).order_by(journal.c.offset)
            .limit(_STEP)
        )  # fmt: skip
        for row in rows:
            reason = fault(row, self._next, self._hash)
            if reason:
                self._fault = f"entry {self._next} is not sound: {reason}"
                return
            self._next, self._hash = self._next + 1, row.hash

"""A statement on a SQLite ledger: opened read-only, with an authorizer that lets only reads by.

The reader's snapshot keeps SQLite from recycling the write-ahead log: while a long statement runs
the broker node writes on, and its ``-wal`` file grows; it is recycled afterwards.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection

from messages.errors import LabmeshError
from nodes.broker._sql_words import stopped, writes, wrong

_READS: Final = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE, sqlite3.SQLITE_FUNCTION}
)
_NAMES: Final = {
    getattr(sqlite3, name): word
    for name, word in (
        ("SQLITE_ATTACH", "ATTACH"),
        ("SQLITE_DETACH", "DETACH"),
        ("SQLITE_PRAGMA", "PRAGMA"),
        ("SQLITE_TRANSACTION", "a transaction of one's own"),
        ("SQLITE_SAVEPOINT", "SAVEPOINT"),
        ("SQLITE_INSERT", "INSERT"),
        ("SQLITE_UPDATE", "UPDATE"),
        ("SQLITE_DELETE", "DELETE"),
    )
}
_FORBIDDEN: Final = frozenset({"load_extension", "fts3_tokenizer"})
"""Functions that act beyond the statement."""

_LONGEST: Final = 64 * 2**20
"""Bytes of one value: `zeroblob` and `printf` can ask for any memory."""

_THE_STATEMENTS: Final = frozenset(
    # A statement that does not parse gets SCHEMA where it is the first one of its connection.
    {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH}
)
"""Result codes that blame the statement, not the file."""

_STEP: Final = 20_000
"""Virtual machine instructions between looks at the clock: some milliseconds."""


class SqliteStatement:
    """One statement on one connection."""

    def __init__(self, connection: Connection, seconds: float | None) -> None:
        found = connection.connection.driver_connection
        assert isinstance(found, sqlite3.Connection)  # noqa: S101 - the engine is SQLite's
        self._connection = found
        self._seconds = seconds
        self._denied = ""
        self._interrupted = False
        self._late = False

    def run(self, sql: str, most: int | None) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Return columns and at most ``most`` rows.

        Raises:
            ConfigurationError: It does not parse, names what is not there, or would not only read.
            LabmeshError: It took too long, was interrupted, or the file cannot be read.
        """
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
        self._connection.set_authorizer(self._may)
        self._connection.set_progress_handler(self._clock(), _STEP)
        try:
            cursor = self._connection.execute(sql)
            if cursor.description is None:
                raise writes("a statement that is no question")
            columns = tuple(each[0] for each in cursor.description)
            return columns, cursor.fetchall() if most is None else cursor.fetchmany(most)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise self._said(error, sql) from None

    def interrupt(self) -> None:
        """End `run`, from another thread."""
        # The flag covers the moment before the statement begins, which interrupt() would miss.
        self._interrupted = True
        self._connection.interrupt()

    def _clock(self) -> Callable[[], int]:
        end_at = None if self._seconds is None else time.monotonic() + self._seconds

        def look() -> int:
            self._late = end_at is not None and time.monotonic() > end_at
            return int(self._late or self._interrupted)

        return look

    def _may(
        self, action: int, one: str | None, two: str | None, _base: str | None, _by: str | None
    ) -> int:
        if action == sqlite3.SQLITE_FUNCTION and two in _FORBIDDEN:
            self._denied = f"{two}()"
            return sqlite3.SQLITE_DENY
        if action in _READS:
            return sqlite3.SQLITE_OK
        self._denied = self._denied or _NAMES.get(action, "a change")
        return sqlite3.SQLITE_DENY

    def _said(self, error: Exception, sql: str) -> LabmeshError:
        text = str(error)
        if self._denied:
            return writes(self._denied)
        if "one statement" in text:
            return writes("a second statement")
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code == sqlite3.SQLITE_INTERRUPT:
            return stopped(self._seconds if self._late else None)
        if code == sqlite3.SQLITE_READONLY:
            return writes("a change")
        if code in _THE_STATEMENTS:
            return wrong(text, sql, self._position(text, sql))
        return LabmeshError(
            f"the ledger cannot be read: {text}", remedy="check it: labmesh ledger verify"
        )

    def _position(self, text: str, sql: str) -> int | None:
        """Return where a complaint points to; the module does not say."""
        if "incomplete input" in text:
            return len(sql)
        if found := re.fullmatch(r'near "(.*)": syntax error', text, re.DOTALL):
            token = found[1]
            places = [each.start() for each in re.finditer(re.escape(token), sql)]
            # Cut off behind the token at fault, the statement gives the same complaint.
            return next((at for at in places if self._fails(sql[: at + len(token)], text)), None)
        if found := re.fullmatch(r"no such (?:column|table|function): (?:\w+\.)?(.+)", text):
            places = [each.start() for each in re.finditer(rf"\b{re.escape(found[1])}\b", sql)]
            return places[0] if len(places) == 1 else None
        return None

    def _fails(self, sql: str, text: str) -> bool:
        try:
            self._connection.execute(f"EXPLAIN {sql}")
        except (sqlite3.Error, sqlite3.Warning) as error:
            return str(error) == text
        return False

"""A statement on a PostgreSQL ledger: a cursor in a read-only transaction.

``DECLARE ... CURSOR FOR`` takes a SELECT and nothing else: no COPY, no DO, no change inside WITH.
It is sent by the extended protocol, which takes one statement and no more. A read-only
transaction forbids changes of tables, but not functions that act on the server or its files; those
PostgreSQL marks as volatile, and a statement in which the name of one occurs is refused. That is a
second lock: the first is a role that may only SELECT.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from messages.errors import LabmeshError
from nodes.broker._sql_words import stopped, writes, wrong

if TYPE_CHECKING:
    import psycopg

_DECLARE: Final = "DECLARE labmesh_query NO SCROLL CURSOR FOR "
_PAGE: Final = 1000
_HARMLESS: Final = frozenset(
    {"random", "random_normal", "gen_random_uuid", "clock_timestamp", "timeofday"}
)
"""Volatile functions that only return something."""

_SYNTAX: Final = "42"
"""Class of SQLSTATEs: syntax error or access rule violation."""

_READ_ONLY: Final = "25006"
_CANCELED: Final = "57014"


class PostgresStatement:
    """One statement on one connection."""

    def __init__(self, connection: Connection, seconds: float | None) -> None:
        self._sql = connection
        self._connection: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
        self._seconds = seconds
        self._interrupted = False

    def run(self, sql: str, most: int | None) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Return columns and at most ``most`` rows.

        Raises:
            ConfigurationError: It does not parse, names what is not there, or would not only read.
            LabmeshError: It took too long, was interrupted, or the server does not answer.
        """
        import psycopg  # noqa: PLC0415 - an extra

        try:
            self._prepare(sql)
            self._connection.execute((_DECLARE + sql).encode(), prepare=True)
            rows: list[tuple[Any, ...]] = []
            columns: tuple[str, ...] = ()
            while most is None or len(rows) < most:
                page = _PAGE if most is None else min(_PAGE, most - len(rows))
                cursor = self._connection.execute(f"FETCH {page} FROM labmesh_query".encode())
                columns = tuple(each.name for each in cursor.description or ())
                found = cursor.fetchall()
                rows += found
                if self._interrupted:
                    raise stopped(None)
                if len(found) < page:
                    break
        except psycopg.Error as error:
            raise self._said(error, sql) from None
        except DBAPIError as error:
            raise LabmeshError(f"the ledger cannot be read: {error.orig}") from None
        return columns, rows

    def interrupt(self) -> None:
        """End `run`, from another thread."""
        self._interrupted = True
        self._connection.cancel_safe()

    def _prepare(self, sql: str) -> None:
        # The first query takes the snapshot: from now on the transaction cannot be made read-write.
        mode = self._sql.exec_driver_sql("SELECT current_setting('transaction_read_only')").scalar()
        if mode != "on":
            raise writes("a transaction that is not read-only")
        acting = self._sql.exec_driver_sql(
            "SELECT DISTINCT proname FROM pg_catalog.pg_proc WHERE provolatile = 'v'"
        ).scalars()
        # In literals, too: who does not parse SQL cannot be deceived about where a literal ends.
        words = {word.lower() for word in re.findall(r"\w+", sql)}
        for name in sorted({str(each).lower() for each in acting} - _HARMLESS):
            if name in words:
                raise writes(f"{name}()")
        if re.search(r"U&\s*\"", sql, re.IGNORECASE):
            raise writes("a name in Unicode escapes")
        limit = 0 if self._seconds is None else max(1, round(self._seconds * 1000))
        self._sql.exec_driver_sql(f"SET LOCAL statement_timeout = {limit}")

    def _said(self, error: psycopg.Error, sql: str) -> LabmeshError:
        diagnosis = error.diag
        state = diagnosis.sqlstate or ""
        text = diagnosis.message_primary or " ".join(str(error).split())
        if state == _CANCELED:
            return stopped(None if self._interrupted else self._seconds)
        if state == _READ_ONLY or "multiple commands" in text or "data-modifying" in text:
            return writes(text)
        if state.startswith((_SYNTAX, "22", "0A")):
            at = diagnosis.statement_position
            position = None if at is None else max(0, int(at) - 1 - len(_DECLARE))
            return wrong(text, sql, position, diagnosis.message_hint or "")
        return LabmeshError(f"the ledger cannot be read: {text}")

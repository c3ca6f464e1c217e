"""One statement of SQL asked of a ledger, in a way in which nothing can be written."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Engine

from messages.envelope import unpack
from messages.errors import DecodeError
from nodes.broker._sql_postgresql import PostgresStatement
from nodes.broker._sql_sqlite import SqliteStatement

_BODY: Final = "body"


@dataclass(frozen=True, slots=True)
class SqlAnswer:
    """What a statement found.

    Attributes:
        columns: Names, as the statement gives them.
        rows: Values: text, numbers, bytes, None; of a column ``body`` the message itself.
        cut: There were more rows than the limit.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    cut: bool


class _Statement(Protocol):
    def run(self, sql: str, most: int | None) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Return columns and at most ``most`` rows."""
        ...

    def interrupt(self) -> None:
        """End `run`, from another thread."""
        ...


class SqlDesk:
    """Runs statements, each on a connection and in a read transaction of its own.

    Args:
        engine: From `open_reader`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._running: set[_Statement] = set()
        self._lock = threading.Lock()

    def ask(
        self, sql: str, *, limit: int | None, seconds: float | None, decode: bool
    ) -> SqlAnswer:  # fmt: skip
        """Run one statement; see `LedgerReader.sql`."""
        sql = sql.strip()
        with self._engine.connect() as connection:
            statement = self._statement(connection, seconds)
            with self._lock:
                self._running.add(statement)
            try:
                columns, rows = statement.run(sql, None if limit is None else limit + 1)
            finally:
                with self._lock:
                    self._running.discard(statement)
                connection.invalidate()
        cut = limit is not None and len(rows) > limit
        rows = rows[:limit] if cut else rows
        return SqlAnswer(columns, _decoded(columns, rows) if decode else rows, cut)

    def interrupt(self) -> None:
        """End the statements under way; their `ask` raises LabmeshError."""
        with self._lock:
            for statement in self._running:
                statement.interrupt()

    @staticmethod
    def _statement(connection: Connection, seconds: float | None) -> _Statement:
        make: Callable[[Connection, float | None], _Statement] = (
            SqliteStatement if connection.dialect.name == "sqlite" else PostgresStatement
        )
        return make(connection, seconds)


def _decoded(columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return the rows with every msgpack ``body`` as the data it is."""
    bodies = {index for index, name in enumerate(columns) if name == _BODY}
    if not bodies:
        return rows
    return [
        tuple(_body(value) if index in bodies else value for index, value in enumerate(row))
        for row in rows
    ]


def _body(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return unpack(value)
    except DecodeError:
        return value

"""The relational tables held against what the journal says they should be."""

from __future__ import annotations

import tempfile
from contextlib import closing
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, CursorResult, Table, Text

from messages.envelope import unpack
from nodes.broker._row import Row
from nodes.broker._verify import Tell, every_entry, whatever_text
from nodes.broker.store import _tables as t
from nodes.broker.store import sqlite_url
from nodes.broker.store._database import open_writer
from nodes.broker.store._migrate import migrate
from nodes.broker.store._projector import Projector
from nodes.broker.store._rows import Statements

_CHUNK: Final = 500
"""Entries projected together."""


def first_difference(connection: Connection, tell: Tell = lambda _done, _total: None) -> str:
    """Project the journal into a scratch database and compare every table with it.

    Args:
        connection: To a ledger whose chain is sound; only read, in one transaction.
        tell: Told how many entries have been projected; what it raises ends the work.

    Returns:
        The first table that differs and where, or "" when all are as they should be.
    """
    with tempfile.TemporaryDirectory(prefix="labmesh-verify-") as folder:
        engine = open_writer(sqlite_url(Path(folder) / "scratch.sqlite"))
        try:
            with engine.connect() as scratch:
                migrate(scratch, "the scratch database")
                _project(connection, scratch, tell)
                with whatever_text(connection):
                    for table in t.PROJECTIONS:
                        if words := _difference(table, connection, scratch):
                            return words
        finally:
            engine.dispose()
    return ""


def _project(connection: Connection, scratch: Connection, tell: Tell) -> None:
    projector = Projector(scratch, Statements("sqlite"))
    last = connection.exec_driver_sql('SELECT MAX("offset") FROM journal').scalar()
    total, count = (0 if last is None else int(last) + 1), 0
    with closing(every_entry(connection)) as entries:
        while rows := entries.fetchmany(_CHUNK):
            projector.project(scratch, [Row(tuple(row), unpack(row[8])) for row in rows])
            count += len(rows)
            tell(count, total)


def _difference(table: Table, connection: Connection, scratch: Connection) -> str:
    """Return in words where a table is not what it should be."""
    with closing(_rows(connection, table)) as these, closing(_rows(scratch, table)) as those:
        for found, expected in zip_longest(map(tuple, these), map(tuple, those)):
            if found != expected:
                return _words(table, found, expected)
    return ""


def _words(table: Table, found: tuple[Any, ...] | None, expected: tuple[Any, ...] | None) -> str:
    """Return how the first two rows differ that are not the same; None stands for the end."""
    columns = [column.name for column in table.columns]
    keys = [column.name for column in table.primary_key.columns]
    here = dict(zip(columns, found, strict=True)) if found is not None else {}
    there = dict(zip(columns, expected, strict=True)) if expected is not None else {}
    if here and there and all(here[key] == there[key] for key in keys):
        name = next(name for name in columns if here[name] != there[name])
        return f"table {table.name}, row {_name(there, keys)}: {name} is {here[name]!r:.100}"
    if here and (not there or _order(here, keys) < _order(there, keys)):
        return f"table {table.name}: row {_name(here, keys)} should not be there"
    return f"table {table.name}: row {_name(there, keys)} is missing"


def _rows(connection: Connection, table: Table) -> CursorResult[*tuple[Any, ...]]:
    """Return every row by primary key, not all at once."""
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    # By bytes in either database, whatever language PostgreSQL sorts by.
    c_order = ' COLLATE "C"' if connection.dialect.name == "postgresql" else ""
    keys = ", ".join(
        f'"{column.name}"' + (c_order if isinstance(column.type, Text) else "")
        for column in table.primary_key.columns
    )
    return connection.exec_driver_sql(
        f"SELECT {names} FROM {table.name} ORDER BY {keys}",  # noqa: S608 our own names
        execution_options={"stream_results": True},
    )


def _name(row: dict[str, Any], keys: list[str]) -> str:
    return "/".join(str(row[key]) for key in keys)


def _order(row: dict[str, Any], keys: list[str]) -> tuple[tuple[str, Any], ...]:
    return tuple((type(row[key]).__name__, row[key]) for key in keys)

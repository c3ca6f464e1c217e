"""Row changes of one transaction, gathered so that each table gets few, large statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, Table, Text, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from nodes.broker.store._tables import JOURNAL, PROJECTIONS

_Key = tuple[Any, ...]


class Statements:
    """SQL compiled once, with plain positional parameters (no per-row work in SQLAlchemy)."""

    def __init__(self, dialect: str) -> None:
        self._dialect: Dialect = (
            sqlite.dialect(paramstyle="qmark")
            if dialect == "sqlite"
            else postgresql.dialect(paramstyle="format")  # type: ignore[no-untyped-call]
        )
        self._inserts: dict[str, str] = {}
        self._known: dict[int, str] = {}
        self._updates: dict[tuple[str, tuple[str, ...]], str] = {}

    def insert(self, table: Table) -> str:
        """Return an INSERT of every column, in the table's order."""
        found = self._inserts.get(table.name)
        if found is None:
            values: dict[str, Any] = {
                column.name: bindparam(f"v_{column.name}") for column in table.columns
            }
            found = str(insert(table).values(values).compile(dialect=self._dialect))
            self._inserts[table.name] = found
        return found

    def known(self, count: int) -> str:
        """Return a SELECT of the entries that have one of ``count`` uuids."""
        found = self._known.get(count)
        if found is None:
            j = JOURNAL.c
            statement = select(j.uuid, j.kind, j.offset, j.author, j.body_hash, j.body).where(
                j.uuid.in_([bindparam(f"v_{index}", type_=Text()) for index in range(count)])
            )
            found = str(statement.compile(dialect=self._dialect))
            self._known[count] = found
        return found

    def update(self, table: Table, columns: tuple[str, ...]) -> str:
        """Return an UPDATE of ``columns`` by primary key."""
        found = self._updates.get((table.name, columns))
        if found is None:
            statement = update(table).values({name: bindparam(f"v_{name}") for name in columns})
            for key in table.primary_key.columns:
                statement = statement.where(key == bindparam(f"k_{key.name}"))
            found = str(statement.compile(dialect=self._dialect))
            self._updates[table.name, columns] = found
        return found


class RowBuffer:
    """Inserts and updates by primary key; an update of a row inserted here is merged into it."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self._inserts: dict[str, dict[_Key, tuple[Any, ...]]] = defaultdict(dict)
        self._updates: dict[str, dict[_Key, dict[str, Any]]] = defaultdict(dict)

    def insert(self, table: Table, *values: Any) -> None:
        """Insert a row; ``values`` in the order of the table's columns."""
        index = _SINGLE_KEYS.get(table.name)
        key = _key_of(table, values) if index is None else (values[index],)
        self._inserts[table.name][key] = values

    def update(self, table: Table, key: _Key, **values: Any) -> None:
        """Change columns of the row with that primary key."""
        fresh = self._inserts[table.name].get(key)
        if fresh is None:
            self._updates[table.name].setdefault(key, {}).update(values)
            return
        indexes, changed = _INDEX[table.name], list(fresh)
        for name, value in values.items():
            changed[indexes[name]] = value
        self._inserts[table.name][key] = tuple(changed)

    def flush(self, connection: Connection) -> None:
        """Execute everything, tables that others refer to first."""
        for table in PROJECTIONS:
            inserts = self._inserts.pop(table.name, None)
            if inserts:
                _many(connection, self._statements.insert(table), inserts.values())
            updates = self._updates.pop(table.name, None)
            if updates:
                self._update(connection, table, updates)

    def _update(
        self, connection: Connection, table: Table, updates: dict[_Key, dict[str, Any]]
    ) -> None:
        shapes: dict[tuple[str, ...], list[tuple[Any, ...]]] = defaultdict(list)
        order = _INDEX[table.name]
        for key, values in updates.items():
            # SET in the order of the table's columns, as SQLAlchemy compiles it.
            names = tuple(sorted(values, key=order.__getitem__))
            shapes[names].append((*(values[name] for name in names), *key))
        for names, rows in shapes.items():
            _many(connection, self._statements.update(table, names), rows)


def _many(connection: Connection, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    connection.exec_driver_sql(statement, list(rows))


def insert_rows(
    connection: Connection, statements: Statements, table: Table, rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert complete rows."""
    if rows:
        _many(connection, statements.insert(table), rows)


_INDEX: dict[str, dict[str, int]] = {
    table.name: {column.name: index for index, column in enumerate(table.columns)}
    for table in PROJECTIONS
}
_KEYS: dict[str, tuple[int, ...]] = {
    table.name: tuple(_INDEX[table.name][column.name] for column in table.primary_key.columns)
    for table in PROJECTIONS
}

_SINGLE_KEYS: dict[str, int] = {
    name: indexes[0] for name, indexes in _KEYS.items() if len(indexes) == 1
}


def _key_of(table: Table, values: Sequence[Any]) -> _Key:
    return tuple(values[index] for index in _KEYS[table.name])

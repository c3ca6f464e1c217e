"""Numbered migrations, never changed again: a SQL file for both databases, more for one of them."""

from __future__ import annotations

import time
from importlib.resources import files
from typing import Final

from sqlalchemy import Connection, inspect, text

from messages.errors import ConfigurationError

_FOLDER: Final = files("nodes.broker.store") / "migrations"

_TYPES: Final = {
    # In SQLite only the very word INTEGER makes a key the rowid itself.
    "sqlite": {"bytes": "BLOB", "bigint_key": "INTEGER"},
    "postgresql": {"bytes": "BYTEA", "bigint_key": "BIGINT"},
}


def latest_version() -> int:
    """Return the number of the newest migration."""
    return len(_steps())


def schema_version(connection: Connection) -> int:
    """Return the database's schema version; 0 when it holds no ledger."""
    if not inspect(connection).has_table("schema_version"):
        return 0
    found = connection.execute(text("SELECT MAX(version) FROM schema_version")).scalar()
    return int(found or 0)


def check_version(connection: Connection, where: str) -> None:
    """Refuse a database that this version cannot read.

    Raises:
        ConfigurationError: There is no ledger in it, or one of another schema.
    """
    found, ours = schema_version(connection), latest_version()
    if found == 0:
        raise ConfigurationError(
            "there is no ledger in this database",
            where=where,
            remedy="name the file a broker node wrote: {data_dir}/{site}/{broker}/ledger.sqlite",
        )
    refuse_newer(found, where)
    if found < ours:
        raise ConfigurationError(
            f"the ledger has schema version {found}, this version of Labmesh reads {ours}",
            where=where,
            remedy="start the broker node on it once; it brings the schema up to date",
        )


def migrate(connection: Connection, where: str) -> None:
    """Bring the schema up to date, every step in the caller's transaction.

    Raises:
        ConfigurationError: The database was written by a newer version.
    """
    found = schema_version(connection)
    refuse_newer(found, where)
    if found == 0:
        connection.execute(
            text("CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied BIGINT)")
        )
    for number, step in enumerate(_steps()[found:], start=found + 1):
        for name in (f"{step}.sql", f"{step}.{connection.dialect.name}.sql"):
            for statement in _statements(name, connection.dialect.name):
                connection.exec_driver_sql(statement)
        connection.execute(
            text("INSERT INTO schema_version VALUES (:version, :applied)"),
            {"version": number, "applied": time.time_ns()},
        )


def refuse_newer(found: int, where: str) -> None:
    """Refuse schema version ``found`` if it is of a later version of Labmesh.

    Raises:
        ConfigurationError: It is.
    """
    ours = latest_version()
    if found > ours:
        raise ConfigurationError(
            f"the ledger has schema version {found}, newer than this version of Labmesh ({ours})",
            where=where,
            remedy="update Labmesh",
        )


def _steps() -> list[str]:
    names = sorted(entry.name for entry in _FOLDER.iterdir() if entry.name.endswith(".sql"))
    return [name.removesuffix(".sql") for name in names if name.count(".") == 1]


def _statements(name: str, dialect: str) -> list[str]:
    """Statements stand apart by an empty line; triggers and functions hold semicolons."""
    file = _FOLDER / name
    content = file.read_text(encoding="utf-8") if file.is_file() else ""
    for word, type_name in _TYPES[dialect].items():
        content = content.replace(f"{{{word}}}", type_name)
    parts = [
        "\n".join(line for line in part.splitlines() if not line.startswith("--")).strip()
        for part in content.split("\n\n")
    ]
    return [part for part in parts if part]

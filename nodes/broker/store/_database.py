"""Opening the database: SQLite (WAL, synchronous=FULL) or PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from messages.errors import ConfigurationError

BUSY_MS: Final = 5000
"""Milliseconds to wait for another process's lock before an error."""


def open_writer(url: str) -> Engine:
    """Return an engine whose transactions take the write lock at once.

    Raises:
        ConfigurationError: The URL is malformed, or names a database nobody here can speak to.
    """
    engine = _engine(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _set_up(connection: Any, _record: object) -> None:
            # None: SQLAlchemy's begin event, not the driver, opens transactions (DDL included).
            connection.isolation_level = None
            for pragma in (
                f"busy_timeout={BUSY_MS}",
                "journal_mode=WAL",
                "synchronous=FULL",
                "foreign_keys=ON",
                "recursive_triggers=ON",
            ):
                connection.execute(f"PRAGMA {pragma}")

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def open_reader(url: str) -> Engine:
    """Return an engine that cannot write.

    Raises:
        ConfigurationError: As `open_writer`, or the file is not there.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        engine = _engine(url)
        return engine.execution_options(postgresql_readonly=True)
    path = Path(parsed.database or "")
    if not path.is_file():
        raise ConfigurationError(
            "there is no such file",
            where=str(path),
            remedy="name the file a broker node wrote: {data_dir}/{site}/{broker}/ledger.sqlite",
        )
    mode = "mode=ro"
    if not os.access(path.absolute().parent, os.W_OK) and not Path(f"{path}-wal").exists():
        # On a read-only medium nobody writes, and SQLite could not make its lock files.
        mode += "&immutable=1"
    engine = _engine(f"sqlite:///file:{quote(str(path.absolute()))}?{mode}&uri=true")

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def damaged(error: DBAPIError) -> bool:
    """Tell whether a complaint means that the file is damaged: trying again cannot help."""
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def database_error(error: DBAPIError, where: str) -> ConfigurationError:
    """Return a database's complaint as an error that says what to do."""
    if damaged(error):
        return ConfigurationError(
            f"the ledger is damaged: {error.orig}",
            where=where,
            remedy="set the file aside together with its -wal, put back the last good copy of "
            "both and check it with `labmesh ledger verify`; `sqlite3 FILE .recover` saves what "
            "can still be read",
        )
    return ConfigurationError(
        f"cannot open the ledger: {error.orig}",
        where=where,
        remedy="check that the path exists and is writable, that the disk has room and that the "
        "file is a ledger",
    )


def sqlite_url(path: str | Path) -> str:
    """Return the URL of a SQLite file."""
    return f"sqlite:///{Path(path).absolute()}"


def _engine(url: str) -> Engine:
    try:
        return create_engine(url, poolclass=NullPool, connect_args=_arguments(url))
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise ConfigurationError(
            f"no database by this URL: {error}",
            where="database_url",
            remedy="use sqlite:////absolute/path.sqlite, or postgresql+psycopg://user@host/name "
            "with psycopg installed",
        ) from error


def _arguments(url: str) -> dict[str, Any]:
    return {"check_same_thread": False} if url.startswith("sqlite") else {}

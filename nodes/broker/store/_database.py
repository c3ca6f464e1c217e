"""Opening the database: SQLite (WAL, synchronous=FULL) or PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool

from messages.errors import ConfigurationError
from nodes.broker.store._postgres import DRIVER, connect_arguments, is_damaged, set_up_writer

BUSY_MS: Final = 5000
"""Milliseconds to wait for another process's lock before an error."""


def open_writer(url: str) -> Engine:
    """Return an engine whose transactions take the write lock at once.

    Raises:
        ConfigurationError: The URL is malformed, or names a database nobody here can speak to.
    """
    engine = _engine(parse_url(url))
    if engine.dialect.name == "postgresql":
        set_up_writer(engine)
    else:

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
    """Return an engine that cannot write; a transaction sees the ledger as it was at its start.

    Raises:
        ConfigurationError: As `open_writer`, or the file is not there.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "postgresql":
        return _engine(parsed).execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
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
    engine = _engine(make_url(f"sqlite:///file:{quote(str(path.absolute()))}?{mode}&uri=true"))

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
    """Tell whether a complaint means that the database is damaged: trying again cannot help."""
    if is_damaged(error.orig):
        return True
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def database_error(error: DBAPIError, where: str) -> ConfigurationError:
    """Return a database's complaint as an error that says what to do."""
    words = complaint(error)
    if where.startswith("postgresql"):
        return ConfigurationError(
            f"the ledger is damaged: {words}"
            if damaged(error)
            else f"cannot open the ledger: {words}",
            where=where,
            remedy="stop the broker node, restore the last good backup into a new database and "
            "compare with what `labmesh ledger export` can still read"
            if damaged(error)
            else "check that the PostgreSQL server runs, that the database exists and that its "
            "user may use it",
        )
    if damaged(error):
        return ConfigurationError(
            f"the ledger is damaged: {words}",
            where=where,
            remedy="set the file aside together with its -wal, put back the last good copy of "
            "both and check it with `labmesh ledger verify`; `sqlite3 FILE .recover` saves what "
            "can still be read",
        )
    return ConfigurationError(
        f"cannot open the ledger: {words}",
        where=where,
        remedy="check that the path exists and is writable, that the disk has room and that the "
        "file is a ledger",
    )


def sqlite_url(path: str | Path) -> str:
    """Return the URL of a SQLite file."""
    return f"sqlite:///{Path(path).absolute()}"


def parse_url(url: str) -> URL:
    """Return a database URL of ours.

    Raises:
        ConfigurationError: It is malformed, or of a database that no ledger is kept in.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise _no_database(str(error)) from error
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername=DRIVER)
    if parsed.get_backend_name() == "sqlite":
        return parsed
    raise _no_database(f"a ledger is not kept in {parsed.get_backend_name()}")


def complaint(error: DBAPIError) -> str:
    """Return what the database says, on one line."""
    return " ".join(str(error.orig).split())


def _engine(url: URL) -> Engine:
    arguments: dict[str, Any] = (
        {"check_same_thread": False}
        if url.get_backend_name() == "sqlite"
        else connect_arguments(url.query)
    )
    try:
        # What a statement was given is data: an error's words may go to a log that leaves the site.
        return create_engine(url, poolclass=NullPool, connect_args=arguments, hide_parameters=True)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"the package that speaks to PostgreSQL is not installed: {error}",
            where=url.render_as_string(hide_password=True),
            remedy="install it: pip install 'labmesh[postgresql]'",
        ) from error


def _no_database(words: str) -> ConfigurationError:
    return ConfigurationError(
        f"no database by this URL: {words}",
        where="database_url",
        remedy="use sqlite:////absolute/path.sqlite, or postgresql+psycopg://user@host/name",
    )

"""Where ledgers come from and go to: files and databases, as a person names them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect, select
from sqlalchemy.exc import DBAPIError

from messages.errors import ConfigurationError
from nodes.broker._arguments import NoFilter
from nodes.broker._queries import head as read_head
from nodes.broker._transfer_stream import Summary
from nodes.broker.store import _tables as t
from nodes.broker.store import database_error, open_reader, sqlite_url
from nodes.broker.store._database import parse_url
from nodes.broker.store._migrate import refuse_newer, schema_version


@contextmanager
def reading(source: str) -> Iterator[Connection]:
    """Open a ledger of this or an earlier schema; one transaction, so one moment.

    Raises:
        ConfigurationError: There is none, or one of a later schema.
    """
    url = source if "://" in source else sqlite_url(source)
    engine = open_reader(url)
    where = engine.url.render_as_string(hide_password=True)
    try:
        with engine.connect() as connection:
            version = schema_version(connection)
            if version == 0:
                raise ConfigurationError(
                    "there is no ledger in this database", where=where, remedy="name a ledger"
                )
            refuse_newer(version, where)
            yield connection
            connection.rollback()
    except DBAPIError as error:
        raise database_error(error, where) from error
    finally:
        engine.dispose()


def summarise(connection: Connection) -> Summary:
    """Return what a ledger is at the moment of the connection's transaction."""
    head = read_head(connection, NoFilter())
    forwarded = connection.execute(select(t.FORWARDED.c.offset)).scalar_one()
    return Summary(head["offset"] + 1, head["hash"], int(forwarded))


def refuse_all_but(url: str, *, entries: bool) -> None:
    """Refuse a database that holds anything but a ledger; without ``entries`` an empty one.

    Raises:
        ConfigurationError: It does, or it cannot be opened.
    """
    engine = open_reader(url)
    where = engine.url.render_as_string(hide_password=True)
    try:
        with engine.connect() as connection:
            is_ledger = schema_version(connection) > 0
            empty = not inspect(connection).get_table_names()
            if empty or (is_ledger and (entries or summarise(connection).entries == 0)):
                return
    except DBAPIError as error:
        raise database_error(error, where) from error
    finally:
        engine.dispose()
    raise ConfigurationError(
        "there is a ledger already" if is_ledger else "something else is in this database",
        where=where,
        remedy="name a file that is not there, or an empty database (createdb NAME)",
    )


def file_of(to: str) -> Path | None:
    """Return the path that a place names, None for a database of a server."""
    if "://" not in to:
        return Path(to)
    url = parse_url(to)
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None

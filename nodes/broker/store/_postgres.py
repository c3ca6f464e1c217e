"""What PostgreSQL needs beyond SQL: settings of its connections, and which complaints pass."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Engine, ExceptionContext, event
from sqlalchemy.exc import InterfaceError, OperationalError

from messages.errors import ConfigurationError

DRIVER: Final = "postgresql+psycopg"

CONNECT: Final[dict[str, Any]] = {
    # Text stays text whatever the server's encoding is, so that a wrong one can be named.
    "client_encoding": "utf8",
    # A server that vanished without a word (a cable, a suspended machine) is noticed within
    # seconds; without these the system waits a quarter of an hour for it. Names and units are
    # libpq's: seconds, but for tcp_user_timeout in milliseconds.
    "connect_timeout": 10,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""Defaults of every connection; the URL's own query part goes before them."""

_DAMAGED: Final = frozenset({"XX001", "XX002"})
"""SQLSTATE data_corrupted and index_corrupted (PostgreSQL's manual, appendix A)."""

_NO_PERMISSION: Final = "42501"
_INVALID_TRANSACTION: Final = "25"
"""Class of read_only_sql_transaction: a server that has become a standby, for instance."""


def connect_arguments(query: Any) -> dict[str, Any]:
    """Return `CONNECT` without what the URL says itself."""
    return {name: value for name, value in CONNECT.items() if name not in query}


def set_up_writer(engine: Engine) -> None:
    """Make every connection keep the ledger's word, and name lasting complaints as such."""

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: object) -> None:
        found = connection.execute(
            "SELECT current_setting('fsync'), current_setting('synchronous_commit'), "
            "current_setting('server_encoding')"
        ).fetchone()
        fsync, synchronous_commit, encoding = found
        if fsync != "on":
            raise ConfigurationError(
                "the PostgreSQL server runs with fsync off: what it confirms may be lost",
                where=connection.info.dbname,
                remedy="set fsync = on in postgresql.conf and restart the server",
            )
        if encoding != "UTF8":
            raise ConfigurationError(
                f"the database has the encoding {encoding}, which cannot hold every text",
                where=connection.info.dbname,
                remedy="make it with: createdb --encoding UTF8 --template template0 NAME",
            )
        if synchronous_commit == "off":
            connection.execute("SET synchronous_commit = on")
        connection.commit()

    @event.listens_for(engine, "handle_error", retval=True)
    def _name(context: ExceptionContext) -> BaseException | None:
        if not _will_pass(context):
            return None
        error = context.original_exception
        return OperationalError(
            context.statement, None, error, connection_invalidated=context.is_disconnect
        )


def is_damaged(error: object) -> bool:
    """Tell whether a driver's exception means that the database is damaged."""
    return getattr(error, "sqlstate", None) in _DAMAGED


def _will_pass(context: ExceptionContext) -> bool:
    """Whether what was asked is not at fault: it can succeed once somebody has seen to the server.

    The driver counts these as faults of the program.
    """
    state = getattr(context.original_exception, "sqlstate", None) or ""
    return (
        context.is_disconnect
        or isinstance(context.sqlalchemy_exception, InterfaceError)
        or state == _NO_PERMISSION
        or state.startswith(_INVALID_TRANSACTION)
    )

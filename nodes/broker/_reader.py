"""Reading a ledger: the same services whether a mesh runs or only the file is left."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from messages.envelope import validate
from messages.errors import BodyError, CallRefusedError
from messages.model import JsonObject
from nodes.broker import _arguments as a
from nodes.broker import _queries as q
from nodes.broker._verify import Verdict, verify
from nodes.broker.store import (
    SqlStore,
    check_version,
    database_error,
    open_reader,
    sqlite_url,
)

_SERVICES: Final[dict[str, tuple[type[BaseModel], Callable[[Connection, Any], JsonObject]]]] = {
    "ledger.head": (a.NoFilter, q.head),
    "ledger.stats": (a.NoFilter, q.stats),
    "journal.read": (a.JournalArguments, q.journal),
    "query.requests": (a.RequestsArguments, q.requests),
    "query.request": (a.OneArguments, q.request),
    "query.results": (a.ResultsArguments, q.results),
    "query.result": (a.OneArguments, q.result),
    "query.capabilities": (a.CatalogueArguments, q.capabilities),
    "query.offers": (a.CatalogueArguments, q.offers),
    "query.sample": (a.SampleArguments, q.sample),
}


class LedgerReader:
    """A view of a ledger, read-only but for `rebuild`; threads may share it.

    Args:
        url: SQLAlchemy database URL.

    Raises:
        ConfigurationError: There is no ledger, or one of another schema version.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._engine = open_reader(url)
        where = self._engine.url.render_as_string(hide_password=True)
        try:
            self._connection = self._engine.connect()
            check_version(self._connection, where)
            self._connection.rollback()
        except DBAPIError as error:
            self._engine.dispose()
            raise database_error(error, where) from error
        except BaseException:
            self.close()
            raise

    @property
    def services(self) -> tuple[str, ...]:
        """The names `query` knows."""
        return tuple(_SERVICES)

    def query(self, service: str, arguments: JsonObject | None = None) -> JsonObject:
        """Answer a service as the broker node does.

        Raises:
            CallRefusedError: Unknown service, arguments that do not fit, or nothing found; or the
                database cannot be read.
        """
        found = _SERVICES.get(service)
        if found is None:
            raise CallRefusedError(
                f"there is no service {service!r}",
                remedy=f"there are {', '.join(_SERVICES)}",
                code="unknown_service",
            )
        model, answer = found
        try:
            parsed = validate(model, arguments or {}, where=service)
        except BodyError as error:
            raise CallRefusedError(error.what, code="bad_arguments") from None
        with self._lock:
            try:
                return answer(self._connection, parsed)
            except DBAPIError as error:
                words = database_error(error, self._url)
                raise CallRefusedError(words.what, remedy=words.remedy, code="database") from error
            finally:
                self._connection.rollback()

    def verify(self) -> Verdict:
        """Walk the chain from the first entry to the last."""
        with self._lock:
            try:
                return verify(self._connection)
            finally:
                self._connection.rollback()

    def rebuild(self) -> int:
        """Write every projection anew from the journal alone; return the number of entries.

        The one thing here that writes. The broker node must not run meanwhile.

        Raises:
            ConfigurationError: The ledger cannot be written.
        """
        store = SqlStore(self._url)
        try:
            return store.rebuild()
        finally:
            store.close()

    def close(self) -> None:
        """Let the database go. Idempotent."""
        if hasattr(self, "_connection"):
            self._connection.close()
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_ledger(path: str | os.PathLike[str]) -> LedgerReader:
    """Open a ledger for reading, while its broker node runs or after.

    Args:
        path: The SQLite file, the broker node's folder with it, or a database URL.

    Raises:
        ConfigurationError: There is no ledger, or one of another schema version.
    """
    text = os.fspath(path)
    if "://" in text:
        return LedgerReader(text)
    file = Path(text)
    return LedgerReader(sqlite_url(file / "ledger.sqlite" if file.is_dir() else file))

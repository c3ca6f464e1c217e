"""Reading a ledger: the same services whether a mesh runs or only the file is left."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from pydantic import BaseModel
from sqlalchemy import Connection, make_url
from sqlalchemy.exc import DBAPIError

from labmesh.artifacts import ArtifactFolder
from messages.envelope import validate
from messages.errors import BodyError, CallRefusedError, ConfigurationError
from messages.model import JsonObject
from nodes.broker import _arguments as a
from nodes.broker import _queries as q
from nodes.broker._access_queries import access
from nodes.broker._artifact_queries import Claim, Holdings
from nodes.broker._compare import first_difference
from nodes.broker._sight import EVERYTHING, Sight
from nodes.broker._sql import SqlAnswer, SqlDesk
from nodes.broker._sql_catalogue import TableWords, list_tables
from nodes.broker._verify import Tell, Verdict, verify
from nodes.broker.store import (
    SqlStore,
    check_version,
    database_error,
    open_reader,
    sqlite_url,
)

if TYPE_CHECKING:
    import pandas as pd

_T = TypeVar("_T")
_Services = dict[str, tuple[type[BaseModel], Callable[[Connection, Any, Sight], JsonObject]]]

_SERVICES: Final[_Services] = {
    "ledger.head": (a.NoFilter, q.head),
    "ledger.stats": (a.NoFilter, q.stats),
    "journal.read": (a.JournalArguments, q.journal),
    "query.requests": (a.RequestsArguments, q.requests),
    "query.request": (a.OneArguments, q.request),
    "query.results": (a.ResultsArguments, q.results),
    "query.result": (a.OneArguments, q.result),
    "query.capabilities": (a.CatalogueArguments, q.capabilities),
    "query.offers": (a.CatalogueArguments, q.offers),
    "query.samples": (a.SamplesArguments, q.samples),
    "query.sample": (a.SampleArguments, q.sample),
}

FOLDER: Final = "artifacts"
"""Folder of the artifacts, beside the ledger's file."""


class LedgerReader:
    """A view of a ledger, read-only but for `rebuild`; threads may share it.

    Args:
        url: SQLAlchemy database URL.
        artifacts: Folder of its artifacts; by default beside the SQLite file.

    Raises:
        ConfigurationError: There is no ledger, or one of another schema version.
    """

    def __init__(self, url: str, artifacts: Path | None = None) -> None:
        self._url = url
        folder = artifacts or artifacts_of(url)
        self.holdings = Holdings(ArtifactFolder(folder or Path(FOLDER)), known=folder is not None)
        self._services: _Services = {
            **_SERVICES,
            "query.access": (a.AccessArguments, access),
            "query.artifacts": (a.ArtifactsArguments, self.holdings.answer),
        }
        self._lock = threading.Lock()
        self._engine = open_reader(url)
        self._desk = SqlDesk(self._engine)
        where = self._engine.url.render_as_string(hide_password=True)
        try:
            self._connection = self._engine.connect()
            check_version(self._connection, where)
            self._connection.rollback()
        except DBAPIError as error:
            self._engine.dispose()
            raise database_error(error, where) from error
        except UnicodeDecodeError as error:
            self.close()
            raise _garbled(error, where) from error
        except BaseException:
            self.close()
            raise

    @property
    def services(self) -> tuple[str, ...]:
        """The names `query` knows."""
        return tuple(self._services)

    def query(
        self, service: str, arguments: JsonObject | None = None, sight: Sight = EVERYTHING
    ) -> JsonObject:
        """Answer a service as the broker node does, by default one of its own site.

        Raises:
            CallRefusedError: Unknown service, arguments that do not fit, or nothing found; or the
                database cannot be read.
        """
        found = self._services.get(service)
        if found is None:
            raise CallRefusedError(
                f"there is no service {service!r}",
                remedy=f"there are {', '.join(self._services)}",
                code="unknown_service",
            )
        model, answer = found
        try:
            parsed = validate(model, arguments or {}, where=service)
        except BodyError as error:
            raise CallRefusedError(error.what, code="bad_arguments") from None
        with self._lock:
            try:
                return answer(self._connection, parsed, sight)
            except DBAPIError as error:
                words = database_error(error, self._url)
                raise CallRefusedError(words.what, remedy=words.remedy, code="database") from error
            finally:
                self._connection.rollback()

    def sql(
        self,
        statement: str,
        *,
        limit: int | None = None,
        seconds: float | None = None,
        decode: bool = True,
    ) -> SqlAnswer:
        """Answer one SELECT on the ledger's tables; nothing can be written through it.

        It runs on a connection of its own and sees the ledger as it was when it began. The broker
        node is not held up. Callable from any thread.

        Args:
            statement: In the SQL of the ledger's database.
            limit: Rows at most; None for all.
            seconds: Wall seconds it may take; None for ever.
            decode: Give columns named ``body`` as the data they are, not as msgpack.

        Raises:
            ConfigurationError: It does not parse, names what is not there, or does more than read.
            LabmeshError: It took too long, was interrupted, or the database cannot be read.
        """
        try:
            return self._desk.ask(statement, limit=limit, seconds=seconds, decode=decode)
        except DBAPIError as error:
            raise database_error(error, self._url) from error

    def interrupt(self) -> None:
        """End the statements that `sql` runs in other threads: it raises LabmeshError there."""
        self._desk.interrupt()

    def frame(self, statement: str) -> pd.DataFrame:
        """Return the answer to `sql` as a pandas data frame.

        Raises:
            LabmeshError: As `sql`.
        """
        import pandas as pd  # noqa: PLC0415 - takes a while

        answer = self.sql(statement)
        return pd.DataFrame.from_records(answer.rows, columns=list(answer.columns))

    def tables(self) -> list[TableWords]:
        """Return the tables that `sql` may ask, with their columns and what one row is."""
        with self._lock:
            try:
                return list_tables(self._connection)
            finally:
                self._connection.rollback()

    def claims(self, after: int, limit: int) -> list[Claim]:
        """Return the artifacts that results later than the offset ``after`` name.

        Raises:
            ConfigurationError: The database cannot be read.
        """
        with self._lock:
            try:
                return self.holdings.claims(self._connection, after, limit)
            except DBAPIError as error:
                raise database_error(error, self._url) from error
            finally:
                self._connection.rollback()

    def verify(self, tell: Tell = lambda _done, _total: None) -> Verdict:
        """Walk the chain from the first entry to the last.

        Args:
            tell: Told of the progress; what it raises ends the walk.

        Raises:
            ConfigurationError: The database does not answer.
        """
        return self._walk(lambda: verify(self._connection, tell))

    def first_difference(self, tell: Tell = lambda _done, _total: None) -> str:
        """Compare the tables with what the journal says they should be; verify that first.

        Args:
            tell: Told of the progress; what it raises ends the work.

        Returns:
            The first table that differs and where, or "".

        Raises:
            ConfigurationError: The database does not answer.
        """
        return self._walk(lambda: first_difference(self._connection, tell))

    def _walk(self, work: Callable[[], _T]) -> _T:
        with self._lock:
            try:
                return work()
            except DBAPIError as error:
                raise database_error(error, self._url) from error
            except UnicodeDecodeError as error:
                raise _garbled(error, self._url) from error
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


def _garbled(error: UnicodeDecodeError, where: str) -> ConfigurationError:
    """Return what becomes of a complaint in which SQLite quotes a damaged schema."""
    return ConfigurationError(
        f"the ledger is damaged: its own description is no text ({error.reason})",
        where=where,
        remedy="put back the last good copy and check it with `labmesh ledger verify`",
    )


def artifacts_of(url: str) -> Path | None:
    """Return the folder of a ledger's artifacts: beside its file, None where it is no file."""
    parsed = make_url(url)
    is_file = parsed.get_backend_name() == "sqlite" and parsed.database
    return Path(str(parsed.database)).parent / FOLDER if is_file else None


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

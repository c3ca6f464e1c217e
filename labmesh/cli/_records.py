"""The ledger's reading services: from the broker node, or from its file when nobody answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import click

from labmesh.cli._ledger_online import check_ledger_online
from labmesh.cli._session import Session
from labmesh.client import Visitor
from labmesh.record import open_ledger_file
from messages.errors import (
    CallRefusedError,
    CallTimeoutError,
    ConfigurationError,
    LabmeshError,
    NotConnectedError,
)
from messages.ids import NodeId
from messages.model import JsonObject

_PAGE: Final = 50
_FILE: Final = "ledger.sqlite"


class Verdict(Protocol):
    """What a walk along the chain of hashes found."""

    @property
    def sound(self) -> bool:
        """Whether every entry is what was written."""
        ...

    @property
    def entries(self) -> int:
        """Entries that are sound, from the first on."""
        ...

    @property
    def head(self) -> bytes:
        """The hash of the last sound entry."""
        ...

    @property
    def bad(self) -> int | None:
        """Offset of the first entry that is not sound."""
        ...

    @property
    def reason(self) -> str:
        """What is wrong with it."""
        ...


class SqlAnswer(Protocol):
    """What a statement found."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names, as the statement gives them."""
        ...

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """Text, numbers, bytes, None, or the data of a message."""
        ...

    @property
    def cut(self) -> bool:
        """Whether there were more rows than asked for."""
        ...


class TableWords(Protocol):
    """A table, in words."""

    @property
    def name(self) -> str:
        """As in SQL."""
        ...

    @property
    def about(self) -> str:
        """What one row is."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """Their names."""
        ...


class LedgerFile(Protocol):
    """A ledger opened from its file."""

    def sql(
        self, statement: str, *, limit: int | None, seconds: float | None, decode: bool
    ) -> SqlAnswer:
        """Answer one SELECT; refuse whatever else."""
        ...

    def interrupt(self) -> None:
        """End what `sql` does in another thread."""
        ...

    def tables(self) -> Sequence[TableWords]:
        """Return the tables there are."""
        ...

    def query(self, service: str, arguments: JsonObject) -> JsonObject:
        """Answer as the broker node's service of that name would."""
        ...

    def verify(self, tell: Callable[[int, int], None]) -> Verdict:
        """Walk the chain of hashes; ``tell`` hears of the progress."""
        ...

    def first_difference(self, tell: Callable[[int, int], None]) -> str:
        """Compare the tables with the journal; return where they differ first, or ""."""
        ...

    def rebuild(self) -> int:
        """Write the tables anew from the journal; return how many entries it has."""
        ...

    def close(self) -> None:
        """Let the file go."""
        ...


class Records(Protocol):
    """Whoever answers the ledger's reading services."""

    async def query(self, service: str, arguments: JsonObject) -> JsonObject:
        """Answer a reading service.

        Raises:
            CallError: No answer in time, or a refusal.
        """
        ...


@dataclass(frozen=True, slots=True)
class MeshRecords:
    """The broker node answers."""

    visitor: Visitor
    ledger: NodeId
    patience: float

    async def query(self, service: str, arguments: JsonObject) -> JsonObject:
        """Call the service."""
        return await self.visitor.caller.call(
            self.ledger, service, arguments, timeout=self.patience
        )


@dataclass(frozen=True, slots=True)
class FileRecords:
    """Its file answers."""

    file: LedgerFile

    async def query(self, service: str, arguments: JsonObject) -> JsonObject:
        """Read the file."""
        return self.file.query(service, arguments)


@asynccontextmanager
async def records(session: Session) -> AsyncIterator[Records]:
    """Open the ledger for reading: the mesh's, else the file that the mesh left.

    Reading a file instead is said on stderr. ``--ledger-file`` reads that file without asking.

    Raises:
        LabmeshError: Neither can be read; says why the mesh could not.
    """
    if session.ledger_file is not None:
        with closing(open_file(session.ledger_file)) as file:
            yield FileRecords(file)
        return
    try:
        place = session.place()
        visit = session.visit()
        visitor = await visit.__aenter__()
    except (ConfigurationError, NotConnectedError) as error:
        reason: LabmeshError = error
    else:
        try:
            answering = MeshRecords(visitor, place.need_ledger(), session.patience)
            silence = await _silence(answering)
            if silence is None:
                yield answering
                return
            reason = silence
        finally:
            await visit.__aexit__(None, None, None)
    path = find_ledger_file(session, because=reason)
    session.out.remark(f"{reason.what}; reading the file {path}")
    with closing(open_file(path)) as file:
        yield FileRecords(file)


async def collect(
    source: Records,
    service: str,
    key: str,
    filters: Mapping[str, Any],
    limit: int | None,
    keep: Callable[[Any], bool] | None = None,
) -> list[Any]:
    """Return the items of all pages of a query, at most ``limit``; skips None filters.

    With ``keep`` only those for which it is true, however many pages must be read for them.
    """
    given = {name: value for name, value in filters.items() if value is not None}
    items: list[Any] = []
    more: JsonObject = {}
    while limit is None or len(items) < limit:
        if limit is not None:
            more["limit"] = _PAGE if keep else min(_PAGE, limit - len(items))
        page = await source.query(service, {**given, **more})
        items += page[key] if keep is None else filter(keep, page[key])
        if page.get("next") is None:
            break
        more["after"] = page["next"]
    return items[:limit]


def find_ledger_file(session: Session, *, because: LabmeshError | None = None) -> Path:
    """Return the ledger's file below the data folder.

    Args:
        session: Names the data folder, and perhaps the broker node or its site.
        because: Why the mesh was not asked; the error if there is no file either.

    Raises:
        ConfigurationError: There are several.
        LabmeshError: There is none.
    """
    if session.ledger_file is not None:
        return session.ledger_file
    whose = NodeId.parse(session.ledger) if session.ledger else None
    site, node = (whose.site, whose.node) if whose else (session.site or "*", "*")
    found = sorted(session.folder.glob(f"{site}/{node}/{_FILE}"))
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigurationError(
            f"there are {len(found)} ledgers below {session.folder}: "
            + ", ".join(str(each.relative_to(session.folder)) for each in found),
            remedy="choose one with --ledger SITE/NODE or --ledger-file FILE",
        )
    if because is not None:
        extra = f"there is no ledger file below {session.folder} either (--ledger-file names one)"
        because.remedy = f"{because.remedy}; {extra}" if because.remedy else extra
        raise because
    raise ConfigurationError(
        f"no ledger file below {session.folder}",
        remedy="name it with --ledger-file, or its folder with --data-dir",
    )


database_option = click.option(
    "--database-url",
    metavar="URL",
    help="The ledger is in this database (postgresql+psycopg://user@host/name).",
)


def ledger_place(session: Session, database_url: str | None) -> str:
    """Return where a ledger is that is read without its node: a database URL, or a path.

    Raises:
        ConfigurationError: Both were named, the URL is none, or there is no ledger or several.
    """
    if database_url is None:
        return str(find_ledger_file(session))
    if session.ledger_file is not None:
        raise ConfigurationError(
            "--database-url and --ledger-file exclude each other", remedy="leave one out"
        )
    if "://" not in database_url:
        raise ConfigurationError(
            f"{database_url!r} is no database URL",
            remedy="write it as postgresql+psycopg://user@host/name, or name a --ledger-file",
        )
    return database_url


def open_place(place: str) -> LedgerFile:
    """Open what `ledger_place` named.

    Raises:
        ConfigurationError: As `open_file`.
    """
    if "://" not in place:
        return open_file(Path(place))
    file: LedgerFile = open_ledger_file(place)
    return file


def open_file(path: Path) -> LedgerFile:
    """Open a ledger file with what is installed to read it.

    Raises:
        ConfigurationError: It is not there, is no ledger, or nothing installed reads ledgers.
    """
    if not path.is_file():
        raise ConfigurationError("no such ledger file", where=str(path), remedy="check the path")
    file: LedgerFile = open_ledger_file(str(path))
    return file


async def _silence(source: MeshRecords) -> LabmeshError | None:
    """Return why the broker node does not answer, None when it does."""
    try:
        await check_ledger_online(source.visitor, patience=source.patience)
        await source.query("ledger.head", {})
    except CallTimeoutError as error:
        return error
    except CallRefusedError as error:
        if error.code == "not_active":
            return error
        raise
    return None

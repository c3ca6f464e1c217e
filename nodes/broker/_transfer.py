"""A ledger from one place to another: backup, restore, export, import; bodies bit for bit."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from messages.errors import ConfigurationError, LabmeshError
from nodes.broker._confidential import confidential_subjects, refuse_confidential
from nodes.broker._row import Row
from nodes.broker._transfer_file import new_file
from nodes.broker._transfer_place import file_of, reading, refuse_all_but, summarise
from nodes.broker._transfer_stream import (
    DamagedError,
    StreamReader,
    StreamWriter,
    Summary,
    open_stream,
    sound,
)
from nodes.broker._verify import Tell, every_entry, verify
from nodes.broker.store import SqlStore, sqlite_url

_PAGES: Final = 2048
"""Pages of a SQLite file (4 KiB each) between two words about the progress."""

_STEP: Final = 512
"""Entries of one transaction of an import, and between two words about the progress."""


@dataclass(frozen=True, slots=True)
class Transferred:
    """What was carried over.

    Attributes:
        where: Where it is now.
        entries: How many it has there.
        head: The hash of the last one.
        found: How many of them were there already.
        confidential: Of how many campaigns, samples and results it holds what must not leave the
            site.
    """

    where: str
    entries: int
    head: bytes
    found: int = 0
    confidential: int = 0


def backup(source: str, target: Path, *, force: bool, tell: Tell) -> Transferred:
    """Write a ledger as it is at this moment into a SQLite file, while its node goes on writing.

    Args:
        source: A SQLite file or a database URL.
        target: The file to make; there whole and proven, or not at all.
        force: Whether it may replace a file of that name.
        tell: Told of the progress.

    Raises:
        ConfigurationError: There is no ledger, or the target cannot be made.
        DamagedError: The ledger is damaged; no backup was made.
    """
    with reading(source) as connection, new_file(target, force=force) as temporary:
        summary = summarise(connection)
        if connection.dialect.name == "sqlite":
            _copy_pages(connection, temporary, tell)
        else:
            with closing(SqlStore(sqlite_url(temporary))) as store:
                _copy_entries(connection, store, summary, source, tell)
        confidential = len(confidential_subjects(connection))
        return replace(_proven(temporary, summary, target, tell), confidential=confidential)


def restore(source: Path, to: str, *, tell: Tell) -> Transferred:
    """Write a backup to where nothing is: a new SQLite file, or an empty database.

    Args:
        source: The backup.
        to: The path of a file to be made, or a database URL.
        tell: Told of the progress.

    Raises:
        ConfigurationError: There is something already, or the source is no ledger.
        DamagedError: The backup is damaged; nothing was restored.
    """
    file = file_of(to)
    if file is not None:
        return backup(str(source), file, force=False, tell=tell)
    refuse_all_but(to, entries=False)
    with reading(str(source)) as connection, closing(SqlStore(to)) as store:
        summary = summarise(connection)
        _copy_entries(connection, store, summary, str(source), tell)
        return Transferred(store.where, summary.entries, summary.head)


def export(
    source: str, target: Path, *, force: bool, tell: Tell, confidential: bool = False
) -> Transferred:
    """Write a ledger as it is at this moment into a file of the portable form.

    Args:
        source: A SQLite file or a database URL.
        target: The file to make, gzip'ed if its name ends in ``.gz``.
        force: Whether it may replace a file of that name.
        tell: Told of the progress.
        confidential: Whether what is confidential is written, too.

    Raises:
        ConfigurationError: There is no ledger, the target cannot be made, or something in it is
            confidential and was not asked for.
        DamagedError: The ledger is damaged; nothing was exported.
    """
    zipped = target.suffix == ".gz"
    with reading(source) as connection, new_file(target, force=force) as temporary:
        if not confidential:
            refuse_confidential(connection, source)
        summary = summarise(connection)
        with open_stream(temporary, "wb", zipped=zipped) as file:
            writer = StreamWriter(file, summary, time.time_ns())
            for row in _entries(connection, source):
                writer.entry(row)
                if row.offset % _STEP == 0:
                    tell(row.offset, summary.entries)
            writer.end()
    return Transferred(str(target), summary.entries, summary.head)


def import_ledger(source: Path, to: str, *, tell: Tell) -> Transferred:
    """Write an exported ledger to a new or empty place, or go on with an import that ended early.

    Args:
        source: A file that `export` wrote.
        to: A SQLite file or a database URL; what is there must be a beginning of the same ledger.
        tell: Told of the progress.

    Raises:
        ConfigurationError: The source is no export, or another ledger is there.
        DamagedError: The file is damaged from some offset on; those before it are in the target.
    """
    try:
        with open_stream(source, "rb", zipped=source.suffix == ".gz") as file:
            stream = StreamReader(file, str(source))
            return _import(stream, to, tell)
    except FileNotFoundError as error:
        raise ConfigurationError(
            "there is no such file", where=str(source), remedy="check the path"
        ) from error


def _import(stream: StreamReader, to: str, tell: Tell) -> Transferred:
    path = file_of(to)
    url = to if path is None else sqlite_url(path)
    if path is None or path.exists():
        refuse_all_but(url, entries=True)
    summary = stream.summary
    with closing(SqlStore(url)) as store:
        there = store.head()
        store.end_reading()
        rows = stream.rows()
        try:
            _pass_over(rows, there.offset, there.hash, store.where)
            for step in _steps(rows):
                _write(store, step)
                tell(step[-1].offset + 1, summary.entries)
        except DamagedError as error:
            kept = store.head().offset + 1
            error.remedy = (
                f"{error.remedy} and repeat the import: it goes on after the {kept} entries that "
                f"{store.where} holds now"
            )
            raise
        store.commit([], summary.forwarded)
        return Transferred(store.where, summary.entries, summary.head, there.offset + 1)


def _pass_over(rows: Iterator[Row], last: int, expected: bytes, where: str) -> None:
    """Read up to offset ``last``, which has to have the hash ``expected``."""
    if last < 0:
        return
    found = next((row.hash for row in rows if row.offset == last), None)
    if found != expected:
        raise ConfigurationError(
            f"another ledger is there: its entry {last} is not that of the file",
            where=where,
            remedy="import into a new file or an empty database",
        )


def _steps(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Yield the sound entries in steps; those before a damage come before its error."""
    step: list[Row] = []
    try:
        for row in rows:
            step.append(row)
            if len(step) == _STEP:
                yield step
                step = []
    except DamagedError:
        if step:
            yield step
        raise
    if step:
        yield step


def _write(store: SqlStore, step: list[Row]) -> None:
    try:
        store.commit(step)
    except (LookupError, TypeError, ValueError, DBAPIError) as error:
        raise LabmeshError(
            f"entries {step[0].offset} to {step[-1].offset} cannot be written: {error}",
            where=store.where,
            remedy="check the database; the entries before them are there, repeat the import",
        ) from error


def _entries(connection: Connection, where: str) -> Iterator[Row]:
    with closing(every_entry(connection)) as rows:
        yield from sound(rows, where, "restore the last good backup")


def _copy_pages(connection: Connection, target: Path, tell: Tell) -> None:
    """SQLite's online backup within the reader's own transaction: no writer can disturb it.

    Nor does it hinder one: in WAL mode readers and the writer do not wait for one another.
    """
    source: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
    with closing(sqlite3.connect(target, isolation_level=None)) as copy:
        source.backup(copy, pages=_PAGES, progress=lambda _, left, total: tell(total - left, total))
        # One file that needs nothing beside it, on a medium that cannot be written as well.
        copy.execute("PRAGMA journal_mode=DELETE")


def _copy_entries(
    connection: Connection, store: SqlStore, summary: Summary, source: str, tell: Tell
) -> None:
    """Write every entry in one transaction."""
    rows = _entries(connection, source)
    try:
        while step := list(islice(rows, _STEP)):
            store.add(step)
            tell(step[-1].offset + 1, summary.entries)
        store.commit([], summary.forwarded)
    except BaseException:
        store.rollback()
        raise


def _proven(file: Path, summary: Summary, target: Path, tell: Tell) -> Transferred:
    with reading(str(file)) as connection:
        verdict = verify(connection, tell)
    if not verdict.sound or (verdict.entries, verdict.head) != (summary.entries, summary.head):
        reason = verdict.reason or "the copy ends here"
        offset = verdict.entries if verdict.bad is None else verdict.bad
        raise DamagedError(
            offset, reason, where=str(target), remedy="no copy was made: verify the ledger itself"
        )
    return Transferred(str(target), summary.entries, summary.head)

"""Walking the chain."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, CursorResult
from sqlalchemy.exc import DBAPIError

from messages.chain import GENESIS, hash_body, hash_entry
from nodes.broker.store import _tables as t
from nodes.broker.store import damaged

Tell = Callable[[int, int], None]
"""Takes how many entries have been dealt with, and of how many."""

_STEP: Final = 1000
"""Entries between two words about the progress."""

_NAMES: Final = ", ".join(f'"{column.name}"' for column in t.JOURNAL.columns)

_EVERY_ENTRY: Final = f'SELECT {_NAMES} FROM journal ORDER BY "offset"'  # noqa: S608 our own names
"""Without bounds: an offset that is no number, or below zero, comes up as well."""

_LAST_OF_EACH: Final = " UNION ALL ".join(
    f'SELECT MAX("offset") AS known FROM {table.name}'  # noqa: S608 our own names
    for table in t.PROJECTIONS
    if "offset" in table.columns
)
_LAST_KNOWN: Final = f"SELECT MAX(known) FROM ({_LAST_OF_EACH}) AS each_table"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a walk along the chain found.

    Attributes:
        entries: Entries that are sound, from the first on.
        head: The hash of the last sound entry. Compare it with one noted elsewhere: whoever can
            write the file can also compute a new chain, or cut its end off and the tables to it.
        bad: Offset of the first entry that is not sound, or None.
        reason: What is wrong with it; of a sound journal, with what stands beside it.
    """

    entries: int
    head: bytes
    bad: int | None = None
    reason: str = ""

    @property
    def sound(self) -> bool:
        """Whether every entry is what was written."""
        return self.bad is None


def verify(connection: Connection, tell: Tell = lambda _done, _total: None) -> Verdict:
    """Check every entry's body hash, hash and place in the chain, and that its end is there.

    Args:
        connection: To the ledger; only read.
        tell: Told of the progress now and then; what it raises ends the walk.

    Raises:
        DBAPIError: The database does not answer; one that is `damaged` is a verdict instead.
    """
    count, previous = 0, GENESIS
    # Asked first: what is written during the walk is no concern of it.
    total, doubt = _total(connection)
    try:
        with whatever_text(connection), closing(every_entry(connection)) as rows:
            for row in rows:
                reason = fault(row, count, previous)
                if reason:
                    return Verdict(count, previous, count, reason)
                count, previous = count + 1, row[11]
                if count % _STEP == 0:
                    tell(count, max(total, count))
    except DBAPIError as error:
        if not damaged(error):
            raise
        return Verdict(count, previous, count, f"the database cannot read it: {error.orig}")
    if count < total:
        reason = f"it is missing, and so is all after it; the tables know entries up to {total - 1}"
        return Verdict(count, previous, count, reason)
    tell(count, count)
    return Verdict(count, previous, reason=doubt)


def _total(connection: Connection) -> tuple[int, str]:
    """Return how many entries the tables know of, and why they may not know."""
    try:
        last = connection.exec_driver_sql(_LAST_KNOWN).scalar()
    except DBAPIError as error:
        if not damaged(error):
            raise
        return 0, f"the tables beside the journal cannot be read: {error.orig}"
    return (last + 1 if isinstance(last, int) else 0), ""


def every_entry(connection: Connection) -> CursorResult[*tuple[Any, ...]]:
    """Return every row of the journal as the driver gives it, in order, not all at once."""
    return connection.exec_driver_sql(_EVERY_ENTRY, execution_options={"stream_results": True})


def fault(row: Sequence[Any], expected: int, previous: bytes) -> str:
    """Return what is wrong with an entry, "" if it is what was written at that place."""
    offset, uuid, kind, stamp, load_time, author, type_, schema, body, body_hash, prev, own = row
    if offset != expected:
        if isinstance(offset, int) and offset > expected:
            return f"entry {expected} is missing, the next one is {offset}"
        return f"an entry numbered {offset!r} stands in its place"
    if prev != previous:
        return "it does not follow the entry before it"
    try:
        if hash_body(body) != body_hash:
            return "its body is not the one whose hash was recorded"
        computed = hash_entry(
            offset=offset, uuid=uuid, kind=kind, stamp=stamp, load_time=load_time, author=author,
            type=type_, schema=schema, body_hash=body_hash, prev_hash=prev,
        )  # fmt: skip
    except (TypeError, ValueError, OverflowError) as error:
        return f"a column holds what never belonged there: {error}"
    return "" if computed == own else "its hash is not that of its content"


@contextmanager
def whatever_text(connection: Connection) -> Iterator[None]:
    """Let SQLite's text be read even where it is no UTF-8, so that its entry can be named."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name != "sqlite":
        yield
        return
    before = driver.text_factory
    # What is no UTF-8 comes as lone surrogates, which nothing here would hash.
    driver.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = before

"""Walking the chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from nodes.broker._chain import GENESIS, hash_body, hash_entry
from nodes.broker.store import _tables as t

_STEP: Final = 1000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a walk along the chain found.

    Attributes:
        entries: Entries that are sound, from the first on.
        head: The hash of the last sound entry. Compare it with one noted elsewhere: whoever can
            write the file can also compute a new chain, or cut its end off.
        bad: Offset of the first entry that is not sound, or None.
        reason: What is wrong with it.
    """

    entries: int
    head: bytes
    bad: int | None = None
    reason: str = ""

    @property
    def sound(self) -> bool:
        """Whether every entry is what was written."""
        return self.bad is None


def verify(connection: Connection) -> Verdict:
    """Check every entry's body hash, hash and place in the chain."""
    expected, previous = 0, GENESIS
    while True:
        rows = connection.execute(
            select(t.JOURNAL)
            .where(t.JOURNAL.c.offset >= expected)
            .order_by(t.JOURNAL.c.offset)
            .limit(_STEP)
        ).all()
        for row in rows:
            reason = _fault(tuple(row), expected, previous)
            if reason:
                return Verdict(expected, previous, expected, reason)
            expected, previous = expected + 1, row.hash
        if len(rows) < _STEP:
            return Verdict(expected, previous)


def _fault(row: tuple[Any, ...], expected: int, previous: bytes) -> str:
    offset, uuid, kind, stamp, load_time, author, type_, schema, body, body_hash, prev, own = row
    if offset != expected:
        return f"entry {expected} is missing, the next one is {offset}"
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

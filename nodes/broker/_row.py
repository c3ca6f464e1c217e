"""A row of the journal: an entry with its body both as plain values and as the bytes hashed."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from uuid import UUID

from messages.chain import canonical, hash_body, hash_entry
from messages.ledger import Entry, EntryKind, Head
from messages.model import JsonObject


class Tip(NamedTuple):
    """The end of the chain while it grows: what `Head` says, without a message around it."""

    offset: int
    hash: bytes


class Row(NamedTuple):
    """A journal entry; ``columns`` are those of the table, in its order."""

    columns: tuple[Any, ...]
    body: JsonObject

    @property
    def offset(self) -> int:
        """The entry's number."""
        return int(self.columns[0])

    @property
    def uuid(self) -> str:
        """Identity; of an entry that is a message, or was caused by one, that message's."""
        return str(self.columns[1])

    @property
    def kind(self) -> str:
        """An `EntryKind`."""
        return str(self.columns[2])

    @property
    def stamp(self) -> int:
        """By the author's clock."""
        return int(self.columns[3])

    @property
    def load_time(self) -> int:
        """Wall time of the ledger's transaction."""
        return int(self.columns[4])

    @property
    def author(self) -> str:
        """``site/node``."""
        return str(self.columns[5])

    @property
    def body_hash(self) -> bytes:
        """sha256 of the canonical body."""
        return bytes(self.columns[9])

    @property
    def hash(self) -> bytes:
        """The chain's hash up to this entry."""
        return bytes(self.columns[11])

    def entry(self) -> Entry:
        """Return what is published and read."""
        offset, uuid, kind, stamp, load_time, author, type_, schema, *_ = self.columns
        # Written by the ledger itself from checked values: nothing to validate again.
        return Entry.model_construct(
            offset=offset,
            uuid=UUID(uuid),
            kind=EntryKind(kind),
            stamp=stamp,
            load_time=load_time,
            author=author,
            type=type_,
            schema_hash=schema,
            body=self.body,
            prev_hash=self.columns[10],
            hash=self.columns[11],
        )


def make_row(
    head: Head | Tip,
    *,
    uuid: str,
    kind: str,
    stamp: int,
    load_time: int,
    author: str,
    type: str,  # noqa: A002
    schema: str,
    body: JsonObject,
    packed: bytes | None = None,
) -> Row:
    """Return the row that follows ``head``; ``packed`` is the canonical body if already at hand."""
    packed = canonical(body) if packed is None else packed
    body_hash = hash_body(packed)
    offset = head.offset + 1
    entry_hash = hash_entry(
        offset=offset,
        uuid=uuid,
        kind=kind,
        stamp=stamp,
        load_time=load_time,
        author=author,
        type=type,
        schema=schema,
        body_hash=body_hash,
        prev_hash=head.hash,
    )
    columns = (
        offset, uuid, kind, stamp, load_time, author, type, schema, packed, body_hash, head.hash,
        entry_hash,
    )  # fmt: skip
    return Row(columns, body)


MAX_BODY: Final = 60 * 1024
"""Largest canonical body in bytes: an entry, or the view of one, must fit a 64 KiB page."""

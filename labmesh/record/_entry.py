"""One entry of a ledger's journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from uuid import UUID

from messages.access import withheld_hash
from messages.chain import canonical, hash_body, hash_entry
from messages.errors import BodyError
from messages.ledger import EntryKind
from messages.model import JsonObject


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One entry, as the journal has it.

    Attributes:
        offset: 0, 1, 2 ... without gaps.
        uuid: Of the message the ledger took, or of the ledger's own entry.
        kind: What it is.
        stamp: ns UTC by the author's clock, simulated where the mesh simulates.
        load_time: ns UTC, wall time of the ledger's transaction.
        author: ``site/node``.
        type: Of the body, ``Request@2``.
        schema_hash: Of the body's schema at the author.
        body: As ``journal.read`` gives it: plain values, bytes where an array is; None where it is
            withheld.
        body_hash: sha256 of the canonical body, 32 bytes.
        prev_hash: Hash of the entry before.
        hash: Of this entry.
    """

    offset: int
    uuid: UUID
    kind: EntryKind
    stamp: int
    load_time: int
    author: str
    type: str
    schema_hash: str
    body: JsonObject | None
    body_hash: bytes
    prev_hash: bytes
    hash: bytes

    @classmethod
    def read(cls, item: JsonObject) -> Self:
        """Return an entry from what ``journal.read`` answers; a withheld one has a body_hash.

        Raises:
            BodyError: A field is missing, or is not what it must be.
        """
        try:
            body = item["body"] if item["body"] is None else dict(item["body"])
            if body is not None and (withheld := withheld_hash(body)) is not None:
                item, body = {**item, "body_hash": withheld}, None  # as a journal topic has it
            told = item["body_hash"] if body is None else hash_body(canonical(body))
            return cls(
                offset=int(item["offset"]),
                uuid=UUID(str(item["uuid"])),
                kind=EntryKind(item["kind"]),
                stamp=int(item["stamp"]),
                load_time=int(item["load_time"]),
                author=str(item["author"]),
                type=str(item["type"]),
                schema_hash=str(item["schema_hash"]),
                body=body,
                body_hash=bytes(told),
                prev_hash=bytes(item["prev_hash"]),
                hash=bytes(item["hash"]),
            )
        except KeyError as error:
            raise BodyError(
                f"no field {error.args[0]!r}", where=_where(item), remedy=_REMEDY
            ) from None
        except (TypeError, ValueError) as error:
            raise BodyError(str(error), where=_where(item), remedy=_REMEDY) from None

    def sound(self) -> bool:
        """Tell whether the hashes fit: the body's to the body where there is one, the entry's."""
        if self.body is not None and hash_body(canonical(self.body)) != self.body_hash:
            return False
        return self.hash == hash_entry(
            offset=self.offset,
            uuid=str(self.uuid),
            kind=self.kind.value,
            stamp=self.stamp,
            load_time=self.load_time,
            author=self.author,
            type=self.type,
            schema=self.schema_hash,
            body_hash=self.body_hash,
            prev_hash=self.prev_hash,
        )


_REMEDY = "the ledger is of another version, or damaged: see `labmesh ledger verify`"


def _where(item: JsonObject) -> str:
    return f"entry {item.get('offset', '?')}"

"""What the ledger says most, receipts and entries, put on the wire with little ado.

The bytes mean exactly what `messages.envelope.encode` would write. They are put together from parts
because every value in them was checked when it came in, and an entry's body is packed already.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final

import msgpack

from labmesh.mesh import Mesh
from labmesh.transport import Outbound
from messages.access import withheld
from messages.envelope import encode
from messages.ids import NodeId, new_id_text
from messages.ledger import Entry, Receipt
from messages.model import Message
from messages.schema import schema_hash
from nodes.broker._row import Row

_BODY: Final = b"\xa4body"
_MAP_OF_9: Final = b"\x89"
_MAP_OF_11: Final = b"\x8b"
"""msgpack: a text of four bytes, and the heads of an envelope's and of an entry's map."""

_U64: Final = struct.Struct("!Q")

_TOPICS: Final = 8192
"""Topics remembered; there are some for each node."""


class Wire:
    """Encodes for one seat in the mesh; from the event loop only."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._to = lru_cache(maxsize=_TOPICS)(self._make_topic)
        self._constant = lru_cache(maxsize=4)(self._make_constant)

    def receipt(self, author: str, receipt: Receipt, trace: str = "") -> Outbound:
        """Return a receipt to the author of a message."""
        return self._receipt(
            author, str(receipt.message), receipt.accepted, receipt.offset, receipt.reason, trace
        )

    def accepted(self, row: Row, trace: str = "") -> Outbound:
        """Return the receipt of an entry to its author."""
        return self._receipt(row.author, row.uuid, True, row.offset, "", trace)

    def entry(self, row: Row, party: str, trace: str = "", *, withhold: bool = False) -> Outbound:
        """Return an entry as the journal publishes it; ``party`` is the node concerned."""
        offset, uuid, kind, stamp, load_time, author, type_, schema, packed, *_ = row.columns
        if withhold:
            packed = msgpack.packb(withheld(row.body_hash))
        before = msgpack.packb(
            {
                "offset": offset,
                "uuid": uuid,
                "kind": kind,
                "stamp": stamp,
                "load_time": load_time,
                "author": author,
                "type": type_,
                "schema_hash": schema,
            }
        )
        behind = msgpack.packb({"prev_hash": row.columns[10], "hash": row.columns[11]})
        payload = b"".join(
            (self._head(Entry, trace), _BODY, _MAP_OF_11, before[1:], _BODY, packed, behind[1:])
        )
        return Outbound(self._to("journal", party, kind), payload, False, _type(Entry))

    def message(
        self, topic: str, message: Message, *, retain: bool = False, trace: str = ""
    ) -> Outbound:
        """Return any other message.

        Raises:
            BodyError: It does not travel.
        """
        header = self._mesh.header(type(message), trace=trace)
        return Outbound(topic, encode(header, message), retain, _type(type(message)))

    def _receipt(
        self,
        author: str,
        message: str,
        accepted: bool,
        offset: int | None,
        reason: str,
        trace: str,
    ) -> Outbound:
        body = {"message": message, "accepted": accepted, "offset": offset, "reason": reason}
        payload = self._head(Receipt, trace) + _BODY + msgpack.packb(body)
        return Outbound(self._to("receipt", author), payload, False, _type(Receipt))

    def to(self, kind: str, node: str) -> str:
        """Return ``~/kind/@``."""
        return self._to(kind, node)

    def _make_topic(self, kind: str, node: str, journal: str = "") -> str:
        to = NodeId.parse(node)
        topics = self._mesh.topics
        return topics.journal(journal, to) if journal else topics.to(kind, to)

    def _head(self, model: type[Message], trace: str) -> bytes:
        mesh = self._mesh
        return b"".join(
            (
                self._constant(model, mesh.epoch),
                b"\xa2id\xd9\x24",
                new_id_text().encode(),
                b"\xa5stamp\xcf",
                _U64.pack(mesh.clock.now()),
                b"\xa3seq\xcf",
                _U64.pack(mesh.next_seq()),
                b"\xa5trace",
                msgpack.packb(trace) if trace else b"\xa0",
            )
        )

    def _make_constant(self, model: type[Message], epoch: int) -> bytes:
        """Return the part of an envelope that is always the same, its map's head in front."""
        same = {
            "type": model.TYPE,
            "schema": schema_hash(model),
            "from": self._mesh.name,
            "epoch": epoch,
        }
        packed: bytes = msgpack.packb(same)
        return _MAP_OF_9 + packed[1:]


@lru_cache(maxsize=256)
def _type(model: type[Message]) -> dict[str, str]:
    """Return the one property that mirrors the envelope."""
    return {"type": model.TYPE}

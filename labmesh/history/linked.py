"""A history as linked data: the PROV chain from the bottles on."""

from __future__ import annotations

from uuid import UUID

from labmesh.history._types import History
from labmesh.record import Record
from labmesh.semantics import Describer
from messages.ledger import EntryKind
from messages.model import JsonObject


async def history_document(record: Record, history: History) -> JsonObject:
    """Return what the entries of a history say as one JSON-LD document.

    Args:
        record: That the history was read from.
        history: Of a sample.
    """
    describer, offsets, results = Describer(), frozenset(history.offsets), history.results
    last = max(offsets, default=-1)
    contexts: dict[str, object] = {}
    graph: list[object] = []
    async for entry in record.entries(0, last):
        document = describer.document(entry)  # schemas, too, are learnt from it
        asked = entry.kind is EntryKind.REQUEST and _is_of(history, entry.uuid)
        if entry.offset in offsets or entry.uuid in results or asked:
            contexts |= document["@context"]
            graph += document["@graph"]
    return {"@context": dict(sorted(contexts.items())), "@graph": graph}


def _is_of(history: History, request: UUID) -> bool:
    return any(e.request == request for life in history.lives.values() for e in life.events)

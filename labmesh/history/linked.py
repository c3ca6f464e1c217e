"""A history as linked data: the PROV chain from the bottles on."""

from __future__ import annotations

from labmesh.access import AccessBook
from labmesh.history._types import History
from labmesh.record import JournalEntry, Record
from labmesh.semantics import Describer
from messages.ledger import EntryKind
from messages.model import JsonObject

_SCHEMAS = (EntryKind.CAPABILITY, EntryKind.OFFER)


async def history_document(
    record: Record, history: History, *, confidential: bool = False
) -> tuple[JsonObject, int]:
    """Return what the entries of a history say as one JSON-LD document, and how many were left out.

    Args:
        record: That the history was read from.
        history: Of a sample.
        confidential: Whether what was declared confidential is told, too.
    """
    offsets = frozenset(history.offsets)
    requests = {str(each.request) for life in history.lives.values() for each in life.events}
    results = {str(each) for each in history.results}
    describer, book, wanted = Describer(), AccessBook(), list[JournalEntry]()
    async for entry in record.entries():
        book.take(entry)  # to the end: what is declared last counts
        if entry.kind in _SCHEMAS:
            describer.document(entry)
        elif (
            entry.offset in offsets
            or (entry.kind is EntryKind.RESULT and str(entry.uuid) in results)
            or (entry.kind is EntryKind.REQUEST and str(entry.uuid) in requests)
        ):
            wanted.append(entry)
    told = [entry for entry in wanted if confidential or book.may_leave(entry)]
    contexts: JsonObject = {}
    graph: list[JsonObject] = []
    for entry in told:
        document = describer.document(entry)
        contexts |= document["@context"]
        graph += document["@graph"]
    return {"@context": dict(sorted(contexts.items())), "@graph": graph}, len(wanted) - len(told)

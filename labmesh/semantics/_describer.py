"""From an entry of the ledger to what it says in linked data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labmesh.record import JournalEntry
from labmesh.semantics import iris
from labmesh.semantics._header import put_header
from labmesh.semantics._nodes import Nodes
from labmesh.semantics._offers import put_capability, put_offer
from labmesh.semantics._own import add_upstream_types
from labmesh.semantics._render import as_document, as_graph, as_nquads
from labmesh.semantics._requests import put_amendment, put_request, put_status
from labmesh.semantics._result import put_result
from labmesh.semantics._samples import put_sample_entry
from labmesh.semantics._schemas import Schemas
from labmesh.semantics._words import words
from messages.errors import BodyError
from messages.ledger import EntryKind
from messages.model import JsonObject

if TYPE_CHECKING:
    from rdflib import Graph


class Describer:
    """Describes entries of a ledger as linked data.

    It needs no network and no state but this: the schemas of capabilities, which it takes from the
    entries that it is given. Give it a ledger's entries in their order, or at least those of the
    kinds ``capability`` and ``offer`` before the others. The same entries give the same bytes.
    """

    def __init__(self) -> None:
        self._schemas = Schemas()

    def document(self, entry: JournalEntry) -> JsonObject:
        """Return what an entry says as a JSON-LD 1.1 document of its own.

        ``@context`` holds the terms that are used, ``@graph`` the nodes, flat; nothing is fetched
        to read it. Of a withheld entry only the header is told.

        Raises:
            BodyError: The body is not what its kind promises.
        """
        return as_document(self.nodes(entry), words())

    def graph(self, entry: JournalEntry) -> Graph:
        """Return the triples of `document`: no blank nodes, so that telling twice adds nothing.

        Raises:
            BodyError: As `document`.
        """
        return as_graph(self.nodes(entry), words())

    def nquads(self, entry: JournalEntry, *, named: bool = True) -> str:
        """Return the triples of `document` as sorted lines of N-Quads, much faster than a graph.

        Args:
            entry: Which.
            named: Put them into a graph named by the entry's IRI, rather than the default graph.

        Raises:
            BodyError: As `document`.
        """
        name = iris.entry(entry.hash) if named else ""
        return as_nquads(self.nodes(entry), words(), name)

    def learn(self, entry: JournalEntry) -> None:
        """Take an entry's schemas, if it has some, without describing it."""
        if entry.body is None:
            return
        if entry.kind is EntryKind.CAPABILITY:
            self._schemas.take_capability(entry.body)
        elif entry.kind is EntryKind.OFFER:
            self._schemas.take_offer(entry.body)

    def nodes(self, entry: JournalEntry) -> Nodes:
        """Return what an entry says, node by node."""
        nodes = Nodes()
        try:
            self.learn(entry)
            put_header(nodes, entry, self._about(nodes, entry))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise BodyError(
                f"an entry of kind {entry.kind.value} that cannot be described: {error!r}",
                where=f"entry {entry.offset}",
                remedy="its body is not of its type: see `labmesh ledger show`",
            ) from error
        add_upstream_types(nodes)
        return nodes

    def _about(self, nodes: Nodes, entry: JournalEntry) -> str | None:
        body = entry.body
        if body is None:
            return None
        match entry.kind:
            case EntryKind.REQUEST:
                return put_request(nodes, entry, body, self._schemas)
            case EntryKind.RESULT:
                return put_result(nodes, entry, body, self._schemas)
            case EntryKind.STATUS:
                return put_status(nodes, entry, body)
            case EntryKind.RESULT_STATUS:
                return put_amendment(nodes, entry, body)
            case EntryKind.CAPABILITY:
                return put_capability(nodes, entry, body, self._schemas)
            case EntryKind.OFFER:
                return put_offer(nodes, entry, body)
            case EntryKind.SAMPLE:
                return put_sample_entry(nodes, body)

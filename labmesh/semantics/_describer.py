"""From an entry of the ledger to what it says in linked data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labmesh.record import JournalEntry
from messages.model import JsonObject

if TYPE_CHECKING:
    from rdflib import Graph


class Describer:
    """Describes entries of a ledger as linked data.

    It needs no network and no state but this: the schemas of capabilities, which it takes from the
    entries that it is given. Give it a ledger's entries in their order, or at least those of the
    kinds ``capability`` and ``offer`` before the others. The same entries give the same bytes.
    """

    def document(self, entry: JournalEntry) -> JsonObject:
        """Return what an entry says as a JSON-LD 1.1 document of its own.

        ``@context`` holds the terms that are used, ``@graph`` the nodes, flat; nothing is fetched
        to read it. Of a withheld entry only the header is told.
        """
        raise NotImplementedError

    def graph(self, entry: JournalEntry) -> Graph:
        """Return the triples of `document`: no blank nodes, so that telling twice adds nothing."""
        raise NotImplementedError

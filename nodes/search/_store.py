"""The triple store: what of the ledger has been described, and how far."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from pyoxigraph import (
    BlankNode,
    DefaultGraph,
    Literal,
    NamedNode,
    Quad,
    QueryBoolean,
    QuerySolutions,
    QueryTriples,
    RdfFormat,
    Store,
    parse,
)

from messages.errors import StoreError

CONFIDENTIAL: Final = NamedNode("urn:labmesh:search:confidential")
"""Graph of what never leaves the site; everything else is in the default graph."""

BOOK: Final = NamedNode("urn:labmesh:search:book")
"""Graph of the store's own notes; no query sees it."""

_PLACE: Final = NamedNode("urn:labmesh:search:place")
_WITHHELD: Final = NamedNode("urn:labmesh:search:withheld")

FORMAT: Final = 1
"""Of what is written; a store of another one is made anew."""

Document = tuple[int, str, bool]
"""An entry's offset, what it says as N-Triples, and whether that may leave the site."""

Answer = QuerySolutions | QueryTriples | QueryBoolean


@dataclass(frozen=True, slots=True)
class Place:
    """How far the ledger is in a store.

    Attributes:
        offset: Of the last entry described; -1: none.
        hash: Its chain hash, hexadecimal.
        edition: Of the vocabulary and of `FORMAT` under which it was described.
    """

    offset: int = -1
    hash: str = ""
    edition: str = ""


class TripleStore:
    """An Oxigraph store of described entries. From one thread for writing, any for reading.

    Args:
        folder: Where it is on the disk; None: in memory.

    Raises:
        StoreError: The folder cannot be used, or is in use.
    """

    def __init__(self, folder: Path | None) -> None:
        try:
            self.store = Store() if folder is None else Store(str(folder))
        except (OSError, ValueError, RuntimeError) as error:
            raise StoreError(
                f"the triple store cannot be opened: {error}", where=str(folder),
                remedy="see that no other process has it open; delete the folder to have it made "
                "anew from the ledger",
            ) from None  # fmt: skip
        self.has_confidential = self._any(CONFIDENTIAL)

    def place(self) -> Place:
        """Return how far the ledger is in here."""
        notes = self.store.quads_for_pattern(_PLACE, _PLACE, None, BOOK)
        return max((_read(note) for note in notes), key=lambda each: each.offset, default=Place())

    def found(self, ontology: str, edition: str) -> None:
        """Begin an empty store with the ontology, as Turtle."""
        quads = [
            Quad(each.subject, each.predicate, each.object, DefaultGraph())
            for each in parse(input=ontology, format=RdfFormat.TURTLE)
        ]
        self.store.extend([*quads, _note(Place(edition=edition))])

    def withheld(self) -> list[int]:
        """Return the offsets of the entries that are in here and may not leave the site."""
        notes = self.store.quads_for_pattern(_PLACE, _WITHHELD, None, BOOK)
        return sorted(int(each.object.value) for each in notes if isinstance(each.object, Literal))

    def take(self, documents: Iterable[Document], place: Place) -> int:
        """Add entries and note how far that is, all or nothing; return the triples given.

        Args:
            documents: Of entries.
            place: Of the last of these entries.
        """
        quads: list[Quad] = []
        for offset, text, may_leave in documents:
            if not may_leave:
                quads.append(Quad(_PLACE, _WITHHELD, Literal(str(offset)), BOOK))
            graph = DefaultGraph() if may_leave else CONFIDENTIAL
            for each in parse(input=text, format=RdfFormat.N_TRIPLES):
                triple = (each.subject, each.predicate, each.object)
                # A triple that is public anyway would be found twice where both graphs are asked.
                if may_leave or Quad(*triple, DefaultGraph()) not in self.store:
                    quads.append(Quad(*triple, graph))
        before = list(self.store.quads_for_pattern(_PLACE, _PLACE, None, BOOK))
        self.store.extend([*quads, _note(place)])
        for note in before:
            if note != _note(place):
                self.store.remove(note)
        self.has_confidential = self.has_confidential or self._any(CONFIDENTIAL)
        return len(quads)

    def ask(self, query: str, *, inside: bool) -> Answer:
        """Evaluate a SPARQL query on what somebody may see.

        Args:
            query: Already known to be harmless: see `nodes.search._sparql.check`.
            inside: Whether the asker may see what never leaves the site.

        Raises:
            SyntaxError: It is no SPARQL query.
        """
        graphs: list[NamedNode | BlankNode | DefaultGraph] = [DefaultGraph()]
        if inside and self.has_confidential:
            graphs.append(CONFIDENTIAL)
        return self.store.query(query, default_graph=graphs, named_graphs=[])

    def size(self) -> int:
        """Return the number of triples, notes included."""
        return len(self.store)

    def _any(self, graph: NamedNode) -> bool:
        return next(iter(self.store.quads_for_pattern(None, None, None, graph)), None) is not None


def throw_away(folder: Path) -> None:
    """Delete a store that is not open; after a crash half-way there is none, or the whole one."""
    if not folder.exists():
        return
    aside = folder.with_name(f"{folder.name}.{uuid4().hex[:8]}.old")
    folder.rename(aside)
    for each in folder.parent.glob(f"{folder.name}.*.old"):
        shutil.rmtree(each, ignore_errors=True)


def _note(place: Place) -> Quad:
    words = f"{place.offset} {place.hash} {place.edition}"
    return Quad(_PLACE, _PLACE, Literal(words), BOOK)


def _read(note: Quad) -> Place:
    if not isinstance(note.object, Literal):
        return Place()
    offset, chain, edition = note.object.value.split(" ")
    return Place(int(offset), chain, edition)

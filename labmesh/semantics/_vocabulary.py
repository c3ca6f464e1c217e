"""The vocabulary: labels, IRIs, units and the tree of classes. Read once, from files of ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from labmesh.semantics._entry import ONE, Entry, read_table
from labmesh.semantics._find import Concept, Index, Names
from labmesh.semantics._lab_terms import lab_entries, lab_files
from labmesh.semantics._tree import FILES, Tree, closure
from messages.errors import UnknownTermError

if TYPE_CHECKING:
    from rdflib import Graph


class Vocabulary:
    """All terms that descriptions are made of. Stateless; one for a process, see `vocabulary`."""

    def __init__(self, entries: Iterable[Entry], tree: Tree) -> None:
        """Hold ``entries``, which stand in ``tree``."""
        self._tree = tree
        self._entries: Mapping[str, Entry] = {entry.label: entry for entry in entries}
        self._by_iri = {entry.iri: entry for entry in self._entries.values()}
        self._by_symbol = {s: e for e in self._entries.values() for s in e.symbols}
        self._substances = {e.inchikey: e.label for e in self._entries.values() if e.inchikey}

    def __contains__(self, label: object) -> bool:
        """Whether ``label`` is a term."""
        return label in self._entries

    def entries(self) -> tuple[Entry, ...]:
        """All terms."""
        return tuple(self._entries.values())

    def entry(self, label: str) -> Entry:
        """Return the term called ``label``.

        Raises:
            UnknownTermError: There is none; the nearest labels are named.
        """
        found = self._entries.get(label)
        if found is None:
            near = ", ".join(concept.label for concept in self.find(label)[:3])
            raise UnknownTermError(
                f"{label!r} is no term of the vocabulary" + (f" (nearest: {near})" if near else ""),
                where="term",
                remedy="take a label that `labmesh.semantics.vocabulary().find(words)` finds, "
                "or add a sub-class: docs/semantics.md",
            )
        return found

    def iri(self, label: str) -> str:
        """Return the IRI of the term called ``label``; errors as `entry`."""
        return self.entry(label).iri

    def label(self, iri: str) -> str:
        """Return the label of ``iri``; the part after the last ``#``, ``/`` or ``:`` if unknown."""
        found = self._by_iri.get(iri)
        if found is not None:
            return found.label
        return self._tree.labels.get(iri) or iri.replace("#", "/").replace(":", "/").split("/")[-1]

    def unit(self, symbol: str) -> str:
        """Return the IRI of the unit that schemas write as ``symbol``; errors as `unit_entry`."""
        return self.unit_entry(symbol).iri

    def unit_entry(self, symbol: str) -> Entry:
        """Return the unit that schemas write as ``symbol``.

        Raises:
            UnknownTermError: There is none.
        """
        found = self._by_symbol.get(symbol)
        if found is None:
            raise UnknownTermError(
                f"unit {symbol!r} is not known to the vocabulary",
                where="unit",
                remedy="write it in SI units as others are, or add it: docs/semantics.md",
            )
        return found

    def chemical(self, inchikey: str = "", name: str = "") -> str | None:
        """Return the label of a substance by its InChIKey, else by its name or formula.

        None where upstream has no such substance.
        """
        found = self._substances.get(inchikey)
        if found is None and name:
            same = [c.label for c in self.find(name) if c.exact]
            return next((x for x in same if self.entry(x).ontology == "chems"), None) or next(
                (x for x in same if self.is_a(x, "ChemicalSubstance")), None
            )
        return found

    def subclasses(self, iri: str) -> frozenset[str]:
        """Return ``iri`` and the IRIs of everything below it, ours and upstream's."""
        return closure(iri, self._tree.below)

    def superclasses(self, iri: str) -> frozenset[str]:
        """Return ``iri`` and the IRIs of everything above it."""
        return closure(iri, self._tree.above)

    def parents(self, iri: str) -> tuple[str, ...]:
        """Return the IRIs right above ``iri``."""
        return tuple(self._tree.above.get(iri, ()))

    def definition(self, iri: str) -> str:
        """Return what ``iri`` stands for in words, upstream's or ours; empty where nobody says."""
        return self._tree.definitions.get(iri, "")

    def is_a(self, label: str, above: str) -> bool:
        """Whether the class ``label`` is the class ``above`` or below it; errors as `entry`."""
        return self.iri(above) in self.superclasses(self.iri(label))

    def agree(self, label: str, symbol: str) -> bool:
        """Whether the quantity ``label`` may have the unit ``symbol``: they have one dimension.

        A quantity of which nobody has said the dimension agrees with a number alone. Errors as
        `entry` and `unit_entry`.
        """
        return (self.entry(label).dimension or ONE) == self.unit_entry(symbol).dimension

    def find(self, words: str) -> tuple[Concept, ...]:
        """Return the terms that ``words`` may mean, the likeliest first.

        Labels, other names, abbreviations, formulas and InChIKeys are compared, whatever their
        case, spaces and plurals. Nothing alike: nothing found.
        """
        return self._index.find(words)

    @cached_property
    def keywords(self) -> frozenset[str]:
        """Labels that may be keywords of a publication: classes of EMMO, its domains and ours."""
        return frozenset(
            entry.label
            for entry in self._entries.values()
            if entry.kind == "class" and ":" not in entry.label
        )

    @cached_property
    def _index(self) -> Index:
        return Index(
            Names(
                entry.label,
                tuple(filter(None, (*self._tree.names.get(entry.iri, ()), entry.inchikey))),
                _weight(entry),
            )
            for entry in self.entries()
        )


def _weight(entry: Entry) -> float:
    """A quantity is asked for more often than what yields it, and that than a property or unit."""
    if entry.kind != "class":
        return 0.9
    return 1.0 if entry.dimension else 0.99


def read_vocabulary(more: Sequence[Path] = ()) -> Vocabulary:
    """Return the vocabulary with the terms of a lab's Turtle files; errors as `lab_entries`."""
    base, tree = read_table(), Tree(more)
    known = {entry.label: entry for entry in base}
    return Vocabulary((*base, *lab_entries(more, known, tree)), tree)


@cache
def vocabulary() -> Vocabulary:
    """Return the vocabulary: ours, and what the packages installed here add (`lab_files`)."""
    return read_vocabulary(lab_files())


@cache
def ontology() -> Graph:
    """Return the classes and properties above our terms, and our own sub-classes. Read only."""
    from rdflib import Graph  # noqa: PLC0415 - heavy; only who works with RDF needs it

    graph = Graph()
    for path in (*FILES, *lab_files()):
        graph.parse(path, format="turtle")
    return graph

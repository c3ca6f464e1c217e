"""The vocabulary: labels, IRIs, units and the tree of classes. Read once, from files of ours."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from labmesh.semantics._find import Concept, Index
from messages.errors import UnknownTermError

if TYPE_CHECKING:
    from rdflib import Graph

DATA: Final = Path(__file__).parent / "data"
SUBCLASS: Final = "http://www.w3.org/2000/01/rdf-schema#subClassOf"
ALTERNATIVE: Final = "http://www.w3.org/2004/02/skos/core#altLabel"
FORMULA: Final = "https://w3id.org/emmo#EMMO_b8c10b72_7cc1_4e82_b4ab_728faf504919"
"""EMMO's hasMolecularFormula."""

ONE: Final = "T0 L0 M0 I0 Θ0 N0 J0"
"""The dimension of a number."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A term.

    Attributes:
        label: As schemas and documents write it: ``IonicConductivity``, ``schema:name``.
        iri: Its full name.
        kind: ``class``, ``object property``, ``unit`` ...
        ontology: Prefix of the ontology it is from; ``labmesh`` for our own.
        symbols: Of a unit, how schemas write it.
        dimension: Of a quantity or a unit, exponents of the base units of the SI, as EMMO writes
            them; empty where nobody has said it.
        factor: Of a unit, how many coherent SI units it is; None where nobody has said it.
        qudt: IRI of the same unit in QUDT, or empty.
        note: For people.
    """

    label: str
    iri: str
    kind: str
    ontology: str
    symbols: tuple[str, ...]
    dimension: str
    factor: float | None
    qudt: str
    note: str


class Vocabulary:
    """All terms that descriptions are made of. Stateless; one for a process, see `vocabulary`."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        """Hold ``entries``."""
        self._entries: Mapping[str, Entry] = {entry.label: entry for entry in entries}
        self._by_iri = {entry.iri: entry for entry in self._entries.values()}
        self._by_symbol = {s: e for e in self._entries.values() for s in e.symbols}

    def __contains__(self, label: str) -> bool:
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
        return self._labels.get(iri) or iri.rstrip("/").rpartition("#")[2].rpartition("/")[2]

    def unit(self, symbol: str) -> str:
        """Return the IRI of the unit that schemas write as ``symbol``.

        Raises:
            UnknownTermError: There is none.
        """
        return self.unit_entry(symbol).iri

    def unit_entry(self, symbol: str) -> Entry:
        """Return the unit that schemas write as ``symbol``; errors as `unit`."""
        found = self._by_symbol.get(symbol)
        if found is None:
            raise UnknownTermError(
                f"unit {symbol!r} is not known to the vocabulary",
                where="unit",
                remedy="write it in SI units as others are, or add it: docs/semantics.md",
            )
        return found

    def subclasses(self, iri: str) -> frozenset[str]:
        """Return ``iri`` and the IRIs of everything below it, ours and upstream's."""
        return frozenset(_closure(iri, self._below))

    def superclasses(self, iri: str) -> frozenset[str]:
        """Return ``iri`` and the IRIs of everything above it."""
        return frozenset(_closure(iri, self._above))

    def is_a(self, label: str, above: str) -> bool:
        """Whether the class ``label`` is the class ``above`` or below it; errors as `entry`."""
        return self.iri(above) in self.superclasses(self.iri(label))

    def agree(self, label: str, symbol: str) -> bool:
        """Whether the quantity ``label`` may have the unit ``symbol``: they have one dimension.

        A quantity of which nobody has said the dimension agrees with nothing but a number.
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
    def _tree(self) -> tuple[tuple[str, str, str], ...]:
        import pyoxigraph as ox  # noqa: PLC0415 - heavy; only the tree of classes needs it

        found = []
        for name in ("tbox.ttl", "labmesh.ttl"):
            for triple in ox.parse(path=str(DATA / name), format=ox.RdfFormat.TURTLE):
                subject, value = triple.subject, triple.object
                if isinstance(subject, ox.NamedNode) and not isinstance(value, ox.Triple):
                    found.append((subject.value, triple.predicate.value, value.value))
        return tuple(found)

    @cached_property
    def _above(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for subject, predicate, value in self._tree:
            if predicate == SUBCLASS:
                found.setdefault(subject, []).append(value)
        return found

    @cached_property
    def _below(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for subject, above in self._above.items():
            for value in above:
                found.setdefault(value, []).append(subject)
        return found

    @cached_property
    def _labels(self) -> dict[str, str]:
        return {s: v for s, p, v in self._tree if p.endswith("core#prefLabel")}

    @cached_property
    def _index(self) -> Index:
        names: dict[str, set[str]] = {}
        for subject, predicate, value in self._tree:
            if predicate in (ALTERNATIVE, FORMULA) and subject in self._by_iri:
                names.setdefault(self._by_iri[subject].label, set()).add(value)
        return Index({e.label: (e.kind, names.get(e.label, set())) for e in self.entries()})


def _closure(start: str, step: Mapping[str, list[str]]) -> set[str]:
    seen, open_ = {start}, [start]
    while open_:
        for other in step.get(open_.pop(), ()):
            if other not in seen:
                seen.add(other)
                open_.append(other)
    return seen


@cache
def vocabulary() -> Vocabulary:
    """Return the vocabulary."""
    with (DATA / "terms.csv").open(newline="", encoding="utf-8") as file:
        return Vocabulary(
            Entry(
                label=row["label"],
                iri=row["iri"],
                kind=row["kind"],
                ontology=row["ontology"],
                symbols=tuple(row["symbols"].split()),
                dimension=row["dimension"],
                factor=float(row["factor"]) if row["factor"] else None,
                qudt=row["qudt"],
                note=row["note"],
            )
            for row in csv.DictReader(file)
        )


@cache
def ontology() -> Graph:
    """Return the classes and properties above our terms, and our own sub-classes. Read only."""
    from rdflib import Graph  # noqa: PLC0415 - heavy; only who works with RDF needs it

    graph = Graph()
    for name in ("tbox.ttl", "labmesh.ttl"):
        graph.parse(DATA / name, format="turtle")
    return graph

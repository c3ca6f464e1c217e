"""The tree of classes: what is below and above a term, and what else it is called."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Final

from labmesh.semantics._entry import DATA

if TYPE_CHECKING:
    from rdflib import Graph

FILES: Final = ("tbox.ttl", "labmesh.ttl")

_SUBCLASS: Final = "http://www.w3.org/2000/01/rdf-schema#subClassOf"
_PREFERRED: Final = "http://www.w3.org/2004/02/skos/core#prefLabel"
_OTHER_NAMES: Final = frozenset(
    {
        "http://www.w3.org/2004/02/skos/core#altLabel",
        "https://w3id.org/emmo#EMMO_b8c10b72_7cc1_4e82_b4ab_728faf504919",  # molecular formula
        "https://w3id.org/emmo#EMMO_f652e7d2_0b33_4d10_8d0f_2f70089982ba",  # IUPAC name
    }
)


class Tree:
    """Super- and sub-classes, read from the files with pyoxigraph, much faster than rdflib.

    Attributes:
        above: IRIs right above each IRI.
        below: IRIs right below each.
        labels: Preferred label of each.
        names: Other names of each: abbreviations, formulas.
    """

    def __init__(self) -> None:
        """Read the files."""
        import pyoxigraph as ox  # noqa: PLC0415 - heavy; labels and units do without

        self.above: dict[str, list[str]] = defaultdict(list)
        self.below: dict[str, list[str]] = defaultdict(list)
        self.labels: dict[str, str] = {}
        self.names: dict[str, list[str]] = defaultdict(list)
        for name in FILES:
            for triple in ox.parse(path=str(DATA / name), format=ox.RdfFormat.TURTLE):
                subject, value = triple.subject, triple.object
                if isinstance(subject, ox.NamedNode) and not isinstance(value, ox.Triple):
                    self._take(subject.value, triple.predicate.value, value.value)

    def _take(self, subject: str, predicate: str, value: str) -> None:
        if predicate == _SUBCLASS:
            self.above[subject].append(value)
            self.below[value].append(subject)
        elif predicate == _PREFERRED:
            self.labels[subject] = value
        elif predicate in _OTHER_NAMES:
            self.names[subject].append(value)


def closure(start: str, step: Mapping[str, list[str]]) -> frozenset[str]:
    """Return ``start`` and everything that is reached from it by steps."""
    seen, open_ = {start}, [start]
    while open_:
        for other in step.get(open_.pop(), ()):
            if other not in seen:
                seen.add(other)
                open_.append(other)
    return frozenset(seen)


@cache
def ontology() -> Graph:
    """Return the classes and properties above our terms, and our own sub-classes. Read only."""
    from rdflib import Graph  # noqa: PLC0415 - heavy; only who works with RDF needs it

    graph = Graph()
    for name in FILES:
        graph.parse(DATA / name, format="turtle")
    return graph

"""The tree of classes: what is below and above a term, and what else it is called."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from labmesh.semantics._entry import DATA
from messages.errors import ConfigurationError

FILES: Final = (DATA / "tbox.ttl", DATA / "labmesh.ttl")
"""Upstream's classes as far as we use them, and our own."""

SUBCLASS: Final = "http://www.w3.org/2000/01/rdf-schema#subClassOf"
_PREFERRED: Final = "http://www.w3.org/2004/02/skos/core#prefLabel"
_DEFINITIONS: Final = frozenset(
    {
        "http://www.w3.org/2004/02/skos/core#definition",
        "https://w3id.org/emmo#EMMO_967080e5_2f42_4eb2_a3a9_c58143e835f9",  # elucidation
    }
)
_OTHER_NAMES: Final = frozenset(
    {
        "http://www.w3.org/2004/02/skos/core#altLabel",
        "https://w3id.org/emmo#EMMO_b8c10b72_7cc1_4e82_b4ab_728faf504919",  # molecular formula
        "https://w3id.org/emmo#EMMO_f652e7d2_0b33_4d10_8d0f_2f70089982ba",  # IUPAC name
    }
)


class Tree:
    """Super- and sub-classes. Read when first asked for, with pyoxigraph: rdflib is much slower.

    Args:
        more: Turtle files of a lab's own, beside `FILES`.
    """

    def __init__(self, more: Sequence[Path] = ()) -> None:
        self.files = (*FILES, *more)

    @cached_property
    def above(self) -> dict[str, list[str]]:
        """IRIs right above each IRI."""
        return self._gathered({SUBCLASS})

    @cached_property
    def below(self) -> dict[str, list[str]]:
        """IRIs right below each IRI."""
        found: dict[str, list[str]] = defaultdict(list)
        for iri, above in self.above.items():
            for other in above:
                found[other].append(iri)
        return found

    @cached_property
    def names(self) -> dict[str, list[str]]:
        """Other names of each IRI: abbreviations, formulas."""
        return self._gathered(_OTHER_NAMES)

    @cached_property
    def labels(self) -> dict[str, str]:
        """Preferred label of each IRI."""
        return {iri: found[-1] for iri, found in self._gathered({_PREFERRED}).items()}

    @cached_property
    def definitions(self) -> dict[str, str]:
        """What each IRI is, in words."""
        return {iri: found[-1] for iri, found in self._gathered(_DEFINITIONS).items()}

    def triples(self, path: Path) -> Iterator[tuple[str, str, str]]:
        """Yield what a file says of IRIs.

        Raises:
            ConfigurationError: It is no Turtle.
        """
        import pyoxigraph as ox  # noqa: PLC0415 - heavy; labels and units do without

        try:
            for triple in ox.parse(path=str(path), format=ox.RdfFormat.TURTLE):
                subject, value = triple.subject, triple.object
                if isinstance(subject, ox.NamedNode) and not isinstance(value, ox.Triple):
                    yield subject.value, triple.predicate.value, value.value
        except SyntaxError as error:
            raise ConfigurationError(f"no Turtle: {error}", where=str(path)) from error

    @cached_property
    def _all(self) -> tuple[tuple[str, str, str], ...]:
        return tuple(triple for path in self.files for triple in self.triples(path))

    def _gathered(self, predicates: frozenset[str] | set[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for subject, predicate, value in self._all:
            if predicate in predicates:
                found[subject].append(value)
        return found


def closure(start: str, step: Mapping[str, list[str]]) -> frozenset[str]:
    """Return ``start`` and everything that is reached from it by steps."""
    seen, open_ = {start}, [start]
    while open_:
        for other in step.get(open_.pop(), ()):
            if other not in seen:
                seen.add(other)
                open_.append(other)
    return frozenset(seen)

"""The words of the ontology: what people call its classes."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pyoxigraph import Literal, NamedNode, QuerySolutions

from nodes.search._store import TripleStore

QUANTITY: Final = "quantity"
SUBSTANCE: Final = "substance"
METHOD: Final = "method"
OBJECT: Final = "object"

_ROOTS: Final = (
    (QUANTITY, "Quantity"),
    (SUBSTANCE, "ChemicalSubstance"),
    (METHOD, "CharacterisationTechnique"),
    (METHOD, "Process"),
    (METHOD, "Procedure"),
    (METHOD, "Determination"),
    (OBJECT, "Object"),
    (OBJECT, "PhysicalObject"),
    (OBJECT, "ManufacturedProduct"),
    (OBJECT, "Component"),
)
"""EMMO classes (prefLabel) below which a class is of a kind; the first one counts."""

_ALSO: Final = {
    "endoflife": "CycleLife",
    "lifetime": "CycleLife",
    "life": "CycleLife",
    "lithiumhexafluorophosphate": "LithiumHexafluorophosphate",
    "impedance": "ElectrochemicalImpedanceSpectroscopy",
    "impedancespectroscopy": "ElectrochemicalImpedanceSpectroscopy",
    "electrolytesolution": "ElectrolyteSolution",
    "soh": "StateOfHealth",
    "soc": "StateOfCharge",
}
"""What is said in laboratories, and no label upstream."""

_LONGEST: Final = 6
"""Words of the longest name looked for."""

_SHORT: Final = 6
"""Letters of an abbreviation at most."""

_LABELS: Final = """
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX owl: <http://www.w3.org/2002/07/owl#>
SELECT ?class ?label ?alternative WHERE {
  ?class a owl:Class ; skos:prefLabel ?label . OPTIONAL { ?class skos:altLabel ?alternative }
}"""
_ABOVE: Final = """
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
SELECT ?class ?above WHERE { ?class rdfs:subClassOf ?above . FILTER(isIRI(?above)) }"""


@dataclass(frozen=True, slots=True)
class Concept:
    """A class of the ontology."""

    iri: str
    label: str
    kind: str

    @property
    def words(self) -> str:
        """Its label as people write it."""
        return spoken(self.label)


class Lexicon:
    """Finds classes by what people call them.

    Args:
        labels: (class, label, preferred or not).
        above: (class, super-class).
    """

    def __init__(
        self, labels: Iterable[tuple[str, str, bool]], above: Iterable[tuple[str, str]]
    ) -> None:
        known = list(labels)
        self._above: dict[str, set[str]] = defaultdict(set)
        self._below: dict[str, set[str]] = defaultdict(set)
        for lower, upper in above:
            self._above[lower].add(upper)
            self._below[upper].add(lower)
        self.label = {iri: label for iri, label, preferred in known if preferred}
        named = {label: iri for iri, label in self.label.items()}
        roots = [(kind, named[label]) for kind, label in _ROOTS if label in named]
        self._short = {
            iri: label for iri, label, preferred in known if not preferred and len(label) <= _SHORT
        }
        self.concepts: dict[str, Concept] = {}
        for iri, label in self.label.items():
            over = self.above(iri)
            kind = next((kind for kind, root in roots if root in over), "")
            self.concepts[iri] = Concept(iri, label, kind)
        self._names: dict[str, list[Concept]] = defaultdict(list)
        for iri, label, _ in sorted(known, key=lambda each: not each[2]):
            if iri in self.concepts:
                self._names[_key(label)].append(self.concepts[iri])
        for key, label in _ALSO.items():
            if label in named:
                self._names[key].append(self.concepts[named[label]])

    def short(self, iri: str) -> str:
        """Return the shortest that a class is called, ``EC`` say; its label where it is no word."""
        return self._short.get(iri) or self.label.get(iri, iri)

    @classmethod
    def of(cls, store: TripleStore) -> Lexicon:
        """Return the words of the ontology that a store holds."""
        labels: set[tuple[str, str, bool]] = set()
        for iri, label, alternative in _rows(store, _LABELS):
            labels.add((iri, label, True))
            if alternative:
                labels.add((iri, alternative, False))
        above = ((lower, upper) for lower, upper in _rows(store, _ABOVE))
        return cls(sorted(labels), above)

    def above(self, iri: str) -> set[str]:
        """Return a class and all its super-classes."""
        return _reach(iri, self._above)

    def heights(self, classes: Iterable[str]) -> dict[str, int]:
        """Return all super-classes of some classes, and how many steps up each is."""
        found = dict.fromkeys(classes, 0)
        edge, step = list(found), 0
        while edge:
            step += 1
            up = [each for here in edge for each in self._above.get(here, ())]
            edge = [each for each in dict.fromkeys(up) if found.setdefault(each, step) == step]
        return found

    def below(self, iri: str) -> set[str]:
        """Return a class and all its sub-classes."""
        return _reach(iri, self._below)

    def find(self, words: str, *kinds: str) -> Concept | None:
        """Return what is called so, of the first of ``kinds`` in which anything is."""
        found = [each for key in _keys(words) for each in self._names.get(key, ())]
        for kind in kinds or ("",):
            for each in found:
                if not kinds or each.kind == kind:
                    return each
        return None

    def longest(self, words: Sequence[str], *kinds: str) -> tuple[Concept, int] | None:
        """Return what the first words of a text name, and how many words that is."""
        for count in range(min(len(words), _LONGEST), 0, -1):
            if found := self.find(" ".join(words[:count]), *kinds):
                return found, count
        return None

    def near(self, words: str, *kinds: str) -> list[str]:
        """Return names that are written nearly so, as people write them."""
        names = {
            key: each
            for key, concepts in self._names.items()
            for each in concepts
            if not kinds or each.kind in kinds
        }
        close = difflib.get_close_matches(_key(words), names, n=3, cutoff=0.7)
        return list(dict.fromkeys(names[key].words for key in close))


def spoken(label: str) -> str:
    """Return ``IonicConductivity`` as ``ionic conductivity``; ``LiPF6`` stays."""
    parts = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^A-Za-z\d\s]+", label)
    return " ".join(part if part.isupper() else part.lower() for part in parts)


def _key(words: str) -> str:
    return re.sub(r"[^a-z0-9]", "", words.lower())


def _keys(words: str) -> list[str]:
    """Return the keys under which a name may be known: as it is, and its singular."""
    key = _key(words)
    keys = [key]
    if key.endswith("ies"):
        keys.append(f"{key[:-3]}y")
    if key.endswith("s"):
        keys.append(key[:-1])
    return [each for each in keys if each]


def _reach(start: str, edges: dict[str, set[str]]) -> set[str]:
    seen, todo = {start}, [start]
    while todo:
        for each in edges.get(todo.pop(), ()):
            if each not in seen:
                seen.add(each)
                todo.append(each)
    return seen


def _rows(store: TripleStore, query: str) -> Iterable[tuple[str, ...]]:
    found = store.ask(query, inside=False)
    if not isinstance(found, QuerySolutions):
        raise TypeError("the query is a SELECT")
    for row in found:
        yield tuple(cell.value if isinstance(cell, NamedNode | Literal) else "" for cell in row)

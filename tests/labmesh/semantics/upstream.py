"""The upstream ontologies: what the vocabulary's files are made from and checked against."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import pyoxigraph as ox

FOLDER: Final = Path(__file__).parents[4] / "shared" / "data" / "ontology" / "upstream"

EMMO: Final = "https://w3id.org/emmo#"
RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS: Final = "http://www.w3.org/2000/01/rdf-schema#"
OWL: Final = "http://www.w3.org/2002/07/owl#"
SKOS: Final = "http://www.w3.org/2004/02/skos/core#"
QUDT: Final = "http://qudt.org/schema/qudt/"
UNIT: Final = "http://qudt.org/vocab/unit/"

ELUCIDATION: Final = EMMO + "EMMO_967080e5_2f42_4eb2_a3a9_c58143e835f9"
FORMULA: Final = EMMO + "EMMO_b8c10b72_7cc1_4e82_b4ab_728faf504919"
IUPAC_NAME: Final = EMMO + "EMMO_f652e7d2_0b33_4d10_8d0f_2f70089982ba"
INCHI: Final = (
    "https://w3id.org/emmo/domain/chemical-substance#substance_33ab8162_934b_4e36_bb43_5528d867d6d6"
)
DIMENSION: Final = EMMO + "EMMO_19d925d0_2cf1_40e5_a391_1a99d68409c9"
FACTOR: Final = EMMO + "EMMO_8189b42e_0995_423a_a26c_51168b27c3cf"
HAS_UNIT: Final = EMMO + "EMMO_bed1d005_b04e_4a90_94cf_02bc678a8569"
QUDT_MATCH: Final = EMMO + "EMMO_1f1b164d_ec6a_4faa_8d5e_88bda62316cc"

KINDS: Final = {
    OWL + "Class": "class",
    OWL + "ObjectProperty": "object property",
    OWL + "DatatypeProperty": "datatype property",
    OWL + "AnnotationProperty": "annotation property",
    OWL + "NamedIndividual": "individual",
}
_UNREADABLE: Final = ("disciplines/units/units.ttl",)
"""Does not parse, and only imports the others (PROVENANCE.md)."""


@dataclass(slots=True)
class Subject:
    """What the files say of one IRI.

    Attributes:
        kind: ``class``, ``object property`` ...; empty where only its use is seen.
        files: In which a preferred label stands, relative to `FOLDER`.
        restrictions: (property, value) of the OWL restrictions it is a sub-class of.
    """

    kind: str = ""
    labels: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    other_labels: set[str] = field(default_factory=set)
    parents: set[str] = field(default_factory=set)
    restrictions: set[tuple[str, str]] = field(default_factory=set)
    annotations: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    deprecated: bool = False


@cache
def subjects() -> dict[str, Subject]:
    """Return every subject of the upstream files by its IRI."""
    found: dict[str, Subject] = defaultdict(Subject)
    for path in sorted(FOLDER.rglob("*.ttl")):
        if not str(path).endswith(_UNREADABLE) and "battinfo" not in str(path):
            _read(path, found)
    return dict(found)


def ancestors(iri: str) -> Iterator[str]:
    """Yield ``iri`` and everything it is a sub-class or sub-property of."""
    seen, open_ = {iri}, [iri]
    while open_:
        here = open_.pop()
        yield here
        for parent in sorted(subjects().get(here, Subject()).parents - seen):
            seen.add(parent)
            open_.append(parent)


def dimension(iri: str) -> str:
    """Return the dimension of a quantity or a unit, ``T+3 L-3 M-1 I+2 Θ0 N0 J0``, or nothing."""
    line = list(ancestors(iri))
    for here in line:
        for of, value in sorted(subjects().get(here, Subject()).restrictions):
            if of == DIMENSION:
                return value
    for here in line:
        for of, value in sorted(subjects().get(here, Subject()).restrictions):
            if of == HAS_UNIT and value != iri and (known := dimension(value)):
                return known
    return ""


def factor(iri: str) -> str:
    """Return how many coherent SI units the unit ``iri`` is, or nothing."""
    for of, value in sorted(subjects().get(iri, Subject()).restrictions):
        if of == FACTOR:
            return value
    return ""


def _read(path: Path, found: dict[str, Subject]) -> None:
    blank: dict[str, dict[str, str]] = defaultdict(dict)
    hung: list[tuple[str, str]] = []
    name = str(path.relative_to(FOLDER))
    for triple in ox.parse(path=str(path), format=ox.RdfFormat.TURTLE):
        predicate = triple.predicate.value
        value = triple.object.value
        if isinstance(triple.subject, ox.BlankNode):
            blank[triple.subject.value][predicate] = value
            continue
        subject = found[triple.subject.value]
        if predicate == RDF + "type":
            subject.kind = subject.kind or KINDS.get(value, "")
        elif predicate in (RDFS + "subClassOf", RDFS + "subPropertyOf"):
            if isinstance(triple.object, ox.BlankNode):
                hung.append((triple.subject.value, value))
            else:
                subject.parents.add(value)
        elif predicate == SKOS + "prefLabel":
            subject.labels.add(value)
            subject.files.add(name)
        elif predicate == SKOS + "altLabel":
            subject.other_labels.add(value)
        elif predicate == OWL + "deprecated":
            subject.deprecated |= value == "true"
        else:
            subject.annotations[predicate].add(value)
    for iri, node in hung:
        restriction = blank[node]
        value = restriction.get(OWL + "hasValue") or restriction.get(OWL + "someValuesFrom", "")
        if value:
            found[iri].restrictions.add((restriction.get(OWL + "onProperty", ""), value))

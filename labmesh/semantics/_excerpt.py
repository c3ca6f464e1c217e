"""The part of the vocabulary that a document uses, to go along with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from labmesh.semantics._vocabulary import Vocabulary, vocabulary

_HEAD: Final = """\
# What the terms mean: preferred label, definition, super-classes. From EMMO and its domains,
# CHAMEO (CC BY 4.0) and Labmesh's own (urn:labmesh:term:). Load it with the linked data, so that
# a query finds sub-classes too.

@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
"""
_PROPERTIES: Final = {
    "object property": "owl:ObjectProperty",
    "datatype property": "owl:DatatypeProperty",
}
_ELSEWHERE: Final = frozenset({"prov", "schema", "dcterms", "dcat", "bdf", "osmo"})
"""Vocabularies whose IRIs lead to their words."""


def excerpt(labels: Iterable[str]) -> str:
    """Return what the classes called ``labels`` mean, and all above them, as Turtle.

    The relations and units of EMMO's family and of our own come along. Labels that are no terms
    are left out; the same labels give the same text.
    """
    known = vocabulary()
    own = [entry for entry in known.entries() if entry.ontology not in _ELSEWHERE]
    wanted = set(labels)
    classes = {up for e in own if e.label in wanted for up in known.superclasses(e.iri)}
    units = {entry.iri for entry in own if entry.kind == "unit"}
    relations = {entry.iri: entry for entry in own if entry.kind in _PROPERTIES}
    lines = [_described(iri, "owl:Class", known, known.parents(iri)) for iri in sorted(classes)]
    lines += [_described(iri, "owl:Class", known, ()) for iri in sorted(units - classes)]
    lines += [
        _described(iri, _PROPERTIES[entry.kind], known, ())
        for iri, entry in sorted(relations.items())
    ]
    return "\n".join([_HEAD, *lines])


def _described(iri: str, kind: str, known: Vocabulary, above: Iterable[str]) -> str:
    return " ;\n    ".join(_statements(iri, kind, known, above)) + " .\n"


def _statements(iri: str, kind: str, known: Vocabulary, above: Iterable[str]) -> Iterator[str]:
    yield f"<{iri}> a {kind}"
    yield f"skos:prefLabel {_text(known.label(iri))}"
    for each in sorted(above):
        yield f"rdfs:subClassOf <{each}>"
    if words := known.definition(iri):
        yield f"skos:definition {_text(words)}"


def _text(words: str) -> str:
    escaped = words.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r") + '"@en'

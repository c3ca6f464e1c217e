"""Nodes as a JSON-LD document, as an rdflib graph, and as lines of N-Quads: the same triples."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from labmesh.semantics._nodes import Label, Nodes, Ref, Typed, Value
from labmesh.semantics._words import ID, VOCAB, Words
from messages.model import JsonObject

if TYPE_CHECKING:
    from rdflib import Graph

TYPE: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
_XSD: Final = "http://www.w3.org/2001/XMLSchema#"
_DOUBLE: Final = _XSD + "double"

Triple = tuple[str, str, str, str | None]
"""Subject, property, object, and the object's datatype: None where it is an IRI, "" of a text."""


def as_document(nodes: Nodes, words: Words) -> JsonObject:
    """Return a JSON-LD document with a context of its own."""
    graph, used = as_nodes(nodes, words)
    return {"@context": words.context(used), "@graph": graph}


def as_nodes(nodes: Nodes, words: Words) -> tuple[list[JsonObject], set[str]]:
    """Return the nodes of a JSON-LD document, and the words that its context must have."""
    used: set[str] = set()
    graph: list[JsonObject] = []
    for iri, types, values in nodes:
        told: JsonObject = {"@id": iri}
        if types:
            kinds = [words.short(each) for each in types]
            told["@type"] = kinds if len(kinds) > 1 else kinds[0]
            used.update(types)
        for key, items in values.items():
            used.add(key)
            used.update(item.word for item in items if isinstance(item, Label))
            used.update(item.datatype for item in items if isinstance(item, Typed))
            shown: list[Any] = [_shown(item, words.coercion(key), words) for item in items]
            told[words.short(key)] = shown if len(shown) > 1 else shown[0]
        graph.append(told)
    return graph, used


def triples(nodes: Nodes, words: Words) -> Iterator[Triple]:
    """Yield what a reader of the document finds in it."""
    for iri, types, values in nodes:
        for each in types:
            yield iri, TYPE, words.expand(each), None
        for key, items in values.items():
            relation, coercion = words.expand(key), words.coercion(key)
            for item in items:
                yield iri, relation, *_object(item, coercion, words)


def as_graph(nodes: Nodes, words: Words) -> Graph:
    """Return the triples as an rdflib graph, in memory."""
    from rdflib import Graph, Literal, URIRef  # noqa: PLC0415 - heavy; only who wants a graph

    graph = Graph()
    for subject, relation, value, datatype in triples(nodes, words):
        found = (
            URIRef(value)
            if datatype is None
            else Literal(value, datatype=URIRef(datatype) if datatype else None)
        )
        graph.add((URIRef(subject), URIRef(relation), found))
    return graph


def as_nquads(nodes: Nodes, words: Words, name: str) -> str:
    """Return the triples as lines of N-Quads in the graph ``name`` (empty: N-Triples), sorted."""
    end = f" <{name}> ." if name else " ."
    lines = []
    for subject, relation, value, datatype in triples(nodes, words):
        if datatype is None:
            found = f"<{value}>"
        else:
            kind = f"^^<{datatype}>" if datatype else ""
            found = f'"{value.translate(ESCAPES)}"{kind}'
        lines.append(f"<{subject}> <{relation}> {found}{end}\n")
    return "".join(sorted(set(lines)))


ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"})


def _shown(value: Value, coercion: str, words: Words) -> Any:
    if isinstance(value, Ref):
        return value.iri if coercion in (ID, VOCAB) else {"@id": value.iri}
    if isinstance(value, Label):
        if coercion == VOCAB:
            return words.short(value.word)
        found = words.expand(value.word)
        return found if coercion == ID else {"@id": found}
    if isinstance(value, Typed):
        return {"@value": value.text, "@type": value.datatype}
    if isinstance(value, float) and not math.isfinite(value):
        text = _lexical(value)
        return text if coercion else {"@value": text, "@type": _DOUBLE}
    return value


def _object(value: Value, coercion: str, words: Words) -> tuple[str, str | None]:
    if isinstance(value, Ref):
        return value.iri, None
    if isinstance(value, Label):
        return words.expand(value.word), None
    if isinstance(value, Typed):
        return value.text, words.expand(value.datatype)
    datatype = coercion if coercion and not coercion.startswith("@") else ""
    if isinstance(value, str):
        return (value, datatype) if not coercion.startswith("@") else (words.expand(value), None)
    if isinstance(value, bool):
        return ("true" if value else "false"), datatype or _XSD + "boolean"
    if isinstance(value, int):
        return str(value), datatype or _XSD + "integer"
    return _lexical(value), datatype or _DOUBLE


def _lexical(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "INF" if value > 0 else "-INF"

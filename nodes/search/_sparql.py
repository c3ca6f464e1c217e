"""SPARQL from strangers: what is taken, and answers in the forms that were agreed on."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from pyoxigraph import (
    BlankNode,
    Literal,
    NamedNode,
    QueryBoolean,
    QueryResultsFormat,
    QuerySolution,
    QuerySolutions,
    QueryTriples,
    RdfFormat,
    Triple,
    parse_query_results,
    serialize,
)

from messages.errors import LabmeshError
from nodes.search._store import TripleStore

_XSD_STRING: Final = "http://www.w3.org/2001/XMLSchema#string"

_ESCAPE: Final = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")
"""SPARQL 1.1 section 19.2: replaced before anything else is read."""

_TOKEN: Final = re.compile(
    r'''"""(?:[^"\\]|\\.|"(?!""))*"""|\'\'\'(?:[^'\\]|\\.|'(?!''))*\'\'\''''
    r"""|"(?:[^"\\\n\r]|\\.)*"|'(?:[^'\\\n\r]|\\.)*\'"""
    r"""|<[^<>"{}|^`\\\x00-\x20]*>"""
    r"""|\#[^\n\r]*"""
    r"""|[?$]\w+"""
    r"""|@[A-Za-z]+(?:-[A-Za-z0-9]+)*"""
    r"""|(?P<prefix>[\w.-]*):(?:(?:[\w:%]|\\.)(?:[\w.:%-]|\\.)*)?"""
    r"""|(?P<word>[A-Za-z_]\w*)"""
    r"""|\\.|.""",
    re.DOTALL,
)
"""Strings, IRIs, comments, variables, language tags, prefixed names, words; else one character."""

_UPDATES: Final = frozenset(
    {"INSERT", "DELETE", "LOAD", "CLEAR", "DROP", "CREATE", "ADD", "MOVE", "COPY"}
)
_ELSEWHERE: Final = {
    "SERVICE": "SERVICE would ask another server, and this one asks nobody",
    "FROM": "there is one graph here, which every query is about",
    "GRAPH": "there is one graph here, which every query is about",
}
_FORMS: Final = frozenset({"SELECT", "ASK", "CONSTRUCT", "DESCRIBE"})


def check(query: str) -> str:
    """Return a query that only reads what is here, its escapes undone.

    Raises:
        LabmeshError: It would write, or ask or read elsewhere, or is none; says which word.
    """
    plain = _ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), query)
    tokens = list(_TOKEN.finditer(plain))
    words = [found["word"].upper() for found in tokens if found["word"]]
    prefixes = [found["prefix"].upper() for found in tokens if found["prefix"]]
    # Parsers differ in what they take for one word: `1e5SERVICE<...>`, `SERVICE:x{...}`.
    if any("SERVICE" in word for word in [*words, *prefixes]):
        words.insert(0, "SERVICE")
    for word in words:
        if word in _ELSEWHERE:
            raise LabmeshError(
                f"{word} is not answered: {_ELSEWHERE[word]}", where="query",
                remedy=f"leave {word} out",
            )  # fmt: skip
    first = next((word for word in words if word in _FORMS | _UPDATES), "")
    if first in _UPDATES:
        raise LabmeshError(
            f"{first} would change the store, which is made from the ledger alone", where="query",
            remedy="ask with SELECT, ASK, CONSTRUCT or DESCRIBE",
        )  # fmt: skip
    if not first:
        raise LabmeshError(
            "this is no SPARQL query", where="query",
            remedy="begin it with SELECT, ASK, CONSTRUCT or DESCRIBE",
        )  # fmt: skip
    return plain


@dataclass(slots=True)
class Part:
    """A part of the answer to a query.

    Attributes:
        kind: bindings, boolean or graph.
        variables: Of bindings, in the query's order.
        bindings: Rows as SPARQL 1.1 JSON results write them.
        boolean: Of ASK.
        triples: Of CONSTRUCT and DESCRIBE.
        more: Whether rows or triples follow.
    """

    kind: str
    variables: list[str] = field(default_factory=list)
    bindings: list[dict[str, Any]] = field(default_factory=list)
    boolean: bool = False
    triples: list[Triple] = field(default_factory=list)
    more: bool = False


def evaluate(
    store: TripleStore, query: str, *, inside: bool, skip: int, rows: int, size: int
) -> Part:
    """Answer a query.

    Args:
        store: Is asked.
        query: As `check` returned it.
        inside: See `TripleStore.ask`.
        skip: Rows or triples to leave out at the beginning.
        rows: Most rows or triples.
        size: Bytes after which no further row is added; about, as JSON or N-Triples.

    Raises:
        LabmeshError: It cannot be parsed; says where.
    """
    try:
        found = store.ask(query, inside=inside)
    except SyntaxError as error:
        raise LabmeshError(
            f"the query cannot be read: {error}", where="query",
            remedy="see https://www.w3.org/TR/sparql11-query/",
        ) from None  # fmt: skip
    if isinstance(found, QueryBoolean):
        return Part("boolean", boolean=bool(found))
    if isinstance(found, QueryTriples):
        part = Part("graph")
        part.triples, part.more = _fit(found, skip, rows, size, lambda each: len(str(each)))
        return part
    return _bindings(found, skip, rows, size)


def _bindings(found: QuerySolutions, skip: int, rows: int, size: int) -> Part:
    names = [variable.value for variable in found.variables]

    def row(solution: QuerySolution) -> dict[str, Any]:
        cells = ((name, solution[name]) for name in names)
        return {name: _term(cell) for name, cell in cells if cell is not None}

    solutions: Iterator[dict[str, Any]] = (row(each) for each in found)
    part = Part("bindings", variables=names)
    part.bindings, part.more = _fit(solutions, skip, rows, size, lambda each: len(json.dumps(each)))
    return part


def _fit(items: Any, skip: int, rows: int, size: int, measure: Any) -> tuple[list[Any], bool]:
    kept: list[Any] = []
    used = 0
    for item in islice(items, skip, None):
        used += measure(item)
        if kept and (len(kept) == rows or used > size):
            return kept, True
        kept.append(item)
    return kept, False


def _term(term: Any) -> dict[str, Any]:
    """Return a term as SPARQL 1.1 Query Results JSON has it."""
    if isinstance(term, NamedNode):
        return {"type": "uri", "value": term.value}
    if isinstance(term, BlankNode):
        return {"type": "bnode", "value": term.value}
    if isinstance(term, Literal):
        made = {"type": "literal", "value": term.value}
        if term.language:
            made["xml:lang"] = term.language
        elif term.datatype.value != _XSD_STRING:
            made["datatype"] = term.datatype.value
        return made
    return {"type": "literal", "value": str(term)}  # a quoted triple of SPARQL 1.2


TABLES: Final = {
    "json": "application/sparql-results+json",
    "csv": "text/csv",
    "xml": "application/sparql-results+xml",
    "tsv": "text/tab-separated-values",
}
"""Media types of answers to SELECT and ASK (CSV and TSV: SELECT alone)."""

GRAPHS: Final = {
    "turtle": "text/turtle",
    "ntriples": "application/n-triples",
    "jsonld": "application/ld+json",
    "rdfxml": "application/rdf+xml",
}
"""Media types of answers to CONSTRUCT and DESCRIBE."""

_RDF: Final = {
    "turtle": RdfFormat.TURTLE,
    "ntriples": RdfFormat.N_TRIPLES,
    "jsonld": RdfFormat.JSON_LD,
    "rdfxml": RdfFormat.RDF_XML,
}
_PREFIXES: Final = {
    "emmo": "https://w3id.org/emmo#",
    "echem": "https://w3id.org/emmo/domain/electrochemistry#",
    "chems": "https://w3id.org/emmo/domain/chemical-substance#",
    "battery": "https://w3id.org/emmo/domain/battery#",
    "chameo": "https://w3id.org/emmo/domain/characterisation-methodology/chameo#",
    "prov": "http://www.w3.org/ns/prov#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "schema": "https://schema.org/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def document(part: Part) -> dict[str, Any]:
    """Return bindings or a truth value as a SPARQL 1.1 JSON results document."""
    if part.kind == "boolean":
        return {"head": {}, "boolean": part.boolean}
    return {"head": {"vars": part.variables}, "results": {"bindings": part.bindings}}


def written(part: Part, form: str) -> str:
    """Return an answer in one of `TABLES` or `GRAPHS`.

    Raises:
        LabmeshError: An answer of its kind is not written in that form.
    """
    fitting = GRAPHS if part.kind == "graph" else TABLES
    if form not in fitting or (part.kind == "boolean" and form in {"csv", "tsv"}):
        raise LabmeshError(
            f"an answer of this kind is not written as {form}", where="format",
            remedy=f"ask for {', '.join(fitting)}",
        )  # fmt: skip
    if part.kind == "graph":
        return (serialize(part.triples, format=_RDF[form], prefixes=_PREFIXES) or b"").decode()
    if form == "json":
        return json.dumps(document(part), ensure_ascii=False)
    if form == "csv":
        return _csv(part)
    results = parse_query_results(json.dumps(document(part)), format=QueryResultsFormat.JSON)
    kind = QueryResultsFormat.XML if form == "xml" else QueryResultsFormat.TSV
    return (results.serialize(format=kind) or b"").decode()


def _csv(part: Part) -> str:
    """SPARQL 1.1 Query Results CSV: plain values, CRLF."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(part.variables)
    for row in part.bindings:
        writer.writerow([_cell(row.get(name)) for name in part.variables])
    return out.getvalue()


def _cell(term: dict[str, Any] | None) -> str:
    if term is None:
        return ""
    return f"_:{term['value']}" if term["type"] == "bnode" else str(term["value"])

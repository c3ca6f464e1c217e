"""SPARQL from strangers: what is refused, and the forms of answers."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from socket import create_server

import pytest
import rdflib

from messages.errors import LabmeshError
from nodes.search._desk import Desk
from nodes.search._sparql import check
from nodes.search._web import _chosen

QUERY = (Path(__file__).parent / "query_conductivity_lipf6.rq").read_text(encoding="utf-8")
BIG = 2**20


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[tuple[str, list[int]]]:
    """A server that nobody must ask, and how often it was."""
    calls: list[int] = []
    with create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        over = threading.Event()

        def listen() -> None:
            while not over.is_set():
                try:
                    server.accept()[0].close()
                    calls.append(1)
                except TimeoutError:
                    continue

        thread = threading.Thread(target=listen)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/x", calls
        over.set()
        thread.join()


EVASIONS = (
    "SELECT * {{ SERVICE <{0}> {{ ?s ?p ?o }} }}",
    "SELECT * {{ service silent <{0}> {{ ?s ?p ?o }} }}",
    "SELECT * {{ \\u0053ERVICE <{0}> {{ ?s ?p ?o }} }}",
    "SELECT * {{ {{ ?s ?p 1e5SERVICE<{0}>{{ ?s ?p ?o }} }} }}",
    "SELECT * {{ ?s ?p true SERVICE<{0}>{{ ?s ?p ?o }} }}",
    "PREFIX : <{0}> SELECT * {{ SERVICE:{{ ?s ?p ?o }} }}",
    "PREFIX : <{0}> SELECT * {{ SERVICE:x{{ ?s ?p ?o }} }}",
    "PREFIX e: <urn:e> SELECT * {{ OPTIONAL {{ ?s ?p e:.SERVICE<{0}>{{ ?s ?p ?o }} }} }}",
    "PREFIX e: <urn:e> SELECT * {{ ?s ?p e:a\\#, 1 . SERVICE <{0}> {{ ?s ?p ?o }} }}",
    "PREFIX e: <urn:e> SELECT * {{ ?s ?p e:a\\' . SERVICE <{0}> {{ ?s ?p ?o }} #'\n }}",
    "SELECT * {{ ?s ?p ?o FILTER(?s<?o#>\n) SERVICE <{0}> {{ ?s ?p ?o }} }}",
    "SELECT * {{ BIND(EXISTS {{ SERVICE SILENT <{0}> {{ ?s ?p ?o }} }} AS ?x) }}",
    "SELECT * {{ {{ SELECT * {{ SERVICESILENT<{0}>{{ ?s ?p ?o }} }} }} }}",
    'SELECT * {{ ?s ?p """a" # """ . SERVICE <{0}> {{ ?s ?p ?o }} #"""\n }}',
)


@pytest.mark.parametrize("query", EVASIONS)
def test_nobody_else_is_ever_asked(query: str, elsewhere: tuple[str, list[int]], lab: Desk) -> None:
    url, calls = elsewhere
    with pytest.raises(LabmeshError):
        lab.sparql(query.format(url), inside=False, rows=10, size=BIG)
    assert not calls


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("INSERT DATA { <urn:a> <urn:b> <urn:c> }", "INSERT would change the store"),
        ("DELETE WHERE { ?s ?p ?o }", "DELETE would change the store"),
        ("PREFIX a: <urn:a> CLEAR ALL", "CLEAR would change the store"),
        ("LOAD <http://example.org/x>", "LOAD would change the store"),
        ("SELECT * FROM <urn:x> { ?s ?p ?o }", "FROM is not answered"),
        ("SELECT * { GRAPH ?g { ?s ?p ?o } }", "GRAPH is not answered"),
        ("hello", "this is no SPARQL query"),
        ("SELECT * { ?s ?p", "the query cannot be read"),
    ],
)
def test_what_is_refused_says_why(query: str, words: str, lab: Desk) -> None:
    with pytest.raises(LabmeshError) as caught:
        lab.sparql(query, inside=True, rows=10, size=BIG)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "query",
    [
        'SELECT * { ?s ?p "SERVICE, FROM and DELETE" }',
        "SELECT ?service { ?service <urn:from> ?graph }",
        "SELECT * { ?s <http://example.org/SERVICE> ?o } # SERVICE",
        "PREFIX ex: <urn:x> ASK { ?s ex:service ?o }",
        "SELECT * { ?s ?p ?o FILTER(?s < ?o && ?o > 1) }",
    ],
)
def test_words_that_only_look_like_it_are_taken(query: str) -> None:
    assert check(query) == query


def test_the_reference_query_finds_what_was_measured(lab: Desk) -> None:
    made = lab.sparql(QUERY, inside=False, rows=1000, size=BIG)
    rows = json.loads(made["text"])["results"]["bindings"]
    count = lab.sparql(
        "PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#> SELECT (COUNT(*) AS ?n) { ?a "
        "rdfs:label ?l FILTER(STRSTARTS(?l, 'conductivity by')) }",
        inside=False, rows=1, size=BIG,
    )  # fmt: skip
    results = json.loads(count["text"])["results"]["bindings"][0]["n"]["value"]
    assert len(rows) == int(results) > 4
    assert all(200 < float(row["temperature"]["value"]) < 400 for row in rows)


def test_sub_classes_are_found(lab: Desk) -> None:
    """Trap 7: who asks for electric conductivity asks for ionic conductivity, too."""
    exact = lab.find({"quantity": "ionic conductivity", "limit": 500}, inside=False,
                     provenance=False)  # fmt: skip
    wide = lab.find({"quantity": "electric conductivity", "limit": 500}, inside=False,
                    provenance=False)  # fmt: skip
    assert exact["found"] == wide["found"] != []


def test_every_form_says_the_same(lab: Desk) -> None:
    query = QUERY + " LIMIT 7"
    forms = {
        form: lab.sparql(query, inside=False, table=form, rows=100, size=BIG)["text"]
        for form in ("json", "csv", "tsv", "xml")
    }
    values = [row["value"]["value"] for row in json.loads(forms["json"])["results"]["bindings"]]
    assert [row["value"] for row in csv.DictReader(io.StringIO(forms["csv"]))] == values
    assert len(forms["tsv"].splitlines()) == 1 + len(values) == 8
    assert forms["xml"].count("<result>") == 7


def test_graphs_are_turtle_and_ask_is_true_or_false(lab: Desk) -> None:
    made = lab.sparql(
        "CONSTRUCT { ?q a ?c } WHERE { ?q a ?c . ?q a <https://w3id.org/emmo#EMMO_affe07e4_e9bc_"
        "4852_86c6_69e26182a17f> } LIMIT 30",
        inside=False, rows=100, size=BIG,
    )  # fmt: skip
    assert made["media_type"] == "text/turtle"
    assert len(rdflib.Graph().parse(data=made["text"], format="turtle")) == made["rows"] == 30
    asked = lab.sparql("ASK { ?s ?p ?o }", inside=False, rows=1, size=BIG)
    assert json.loads(asked["text"]) == {"head": {}, "boolean": True}
    with pytest.raises(LabmeshError, match="not written as csv"):
        lab.sparql("ASK { ?s ?p ?o }", inside=False, table="csv", rows=1, size=BIG)


def test_pages_make_up_the_whole(lab: Desk) -> None:
    query = QUERY
    whole = lab.sparql(query, inside=False, rows=1000, size=BIG)
    assert not whole["more"]
    pages, skip = [], 0
    while True:
        page = lab.sparql(query, inside=False, skip=skip, rows=40, size=20_000)
        assert len(page["text"]) < 40_000
        pages += json.loads(page["text"])["results"]["bindings"]
        skip += page["rows"]
        if not page["more"]:
            break
    assert skip > 40
    assert pages == json.loads(whole["text"])["results"]["bindings"]


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("*/*", "json"),
        ("text/csv", "csv"),
        ("application/json", "json"),
        ("text/csv;q=0.5, application/sparql-results+xml", "xml"),
        ("text/*, */*;q=0.1", "csv"),
        ("image/png", None),
        ("application/sparql-results+json;q=0", None),
    ],
)
def test_the_client_says_what_it_likes(accept: str, form: str | None) -> None:
    known = {
        "json": "application/sparql-results+json",
        "csv": "text/csv",
        "xml": "application/sparql-results+xml",
    }
    assert _chosen(accept, known) == form

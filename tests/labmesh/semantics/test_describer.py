"""Entries of the recorded labs as linked data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import rdflib

from labmesh.record import JournalEntry
from labmesh.semantics import Describer, iris
from messages.capabilities import CAPABILITIES
from messages.errors import BodyError
from messages.ledger import EntryKind
from messages.meaning import KEYWORDS
from messages.schema import hash_schema
from tests.labmesh.semantics.labs import one_of_each, read_lab
from tests.support.recorded_lab import CONDUCTIVITY, EOL

LABS = (CONDUCTIVITY, EOL)


@pytest.fixture(scope="module")
def labs() -> dict[str, list[JournalEntry]]:
    return {name: read_lab(name) for name in LABS}


def taught(entries: list[JournalEntry]) -> Describer:
    describer = Describer()
    for entry in entries:
        describer.learn(entry)
    return describer


@pytest.fixture(scope="module")
def samples(labs: dict[str, list[JournalEntry]]) -> list[tuple[Describer, JournalEntry]]:
    def each() -> Iterator[tuple[Describer, JournalEntry]]:
        for entries in labs.values():
            describer = taught(entries)
            yield from ((describer, entry) for entry in one_of_each(entries))

    return list(each())


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")  # rdflib's own reader
def test_a_reader_of_json_ld_finds_the_same_triples(
    samples: list[tuple[Describer, JournalEntry]],
) -> None:
    for describer, entry in samples:
        graph = describer.graph(entry)
        read = rdflib.Graph().parse(data=json.dumps(describer.document(entry)), format="json-ld")
        assert set(read) == set(graph), f"entry {entry.offset}"
        plain = describer.nquads(entry, named=False)
        assert set(rdflib.Graph().parse(data=plain, format="nt")) == set(graph)
        name = f" <{iris.entry(entry.hash)}> ."
        named = describer.nquads(entry).splitlines()
        assert [line.replace(name, " .") for line in named] == plain.splitlines()


def test_there_are_no_blank_nodes_and_no_relative_iris(
    samples: list[tuple[Describer, JournalEntry]],
) -> None:
    for describer, entry in samples:
        for triple in describer.graph(entry):
            for term in triple:
                assert not isinstance(term, rdflib.BNode)
                if isinstance(term, rdflib.URIRef):
                    assert term.partition(":")[0] in ("urn", "http", "https", "ni"), term


def test_the_same_entries_give_the_same_bytes(labs: dict[str, list[JournalEntry]]) -> None:
    entries = labs[EOL]
    one, other = Describer(), taught(entries[:30])
    for entry in entries:
        assert json.dumps(one.document(entry)) == json.dumps(other.document(entry)), entry.offset
        assert one.nquads(entry) == other.nquads(entry)


def test_a_withheld_entry_tells_its_header_alone(labs: dict[str, list[JournalEntry]]) -> None:
    entry = next(e for e in labs[EOL] if e.kind is EntryKind.RESULT)
    told = Describer().nquads(replace(entry, body=None))
    assert "withheld" in told
    assert str(entry.uuid) in told
    assert iris.record(entry.uuid) not in told
    assert str((entry.body or {})["quantity"]) not in told


def test_a_body_that_is_not_of_its_kind_is_an_error_with_words(
    labs: dict[str, list[JournalEntry]],
) -> None:
    entry = next(e for e in labs[EOL] if e.kind is EntryKind.RESULT)
    with pytest.raises(BodyError, match=f"entry {entry.offset}: .*kind result.*cannot be descr"):
        Describer().document(replace(entry, body={"quantity": "x"}))


def _bare(schema: Any) -> Any:
    """A schema as labs had it before terms."""
    if isinstance(schema, list):
        return [_bare(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    bare = {key: value for key, value in schema.items() if key not in KEYWORDS}
    return {
        key: {name: _bare(each) for name, each in value.items()}
        if key in ("properties", "$defs")
        else _bare(value)
        for key, value in bare.items()
    }


@pytest.mark.parametrize("name", LABS)
def test_an_older_ledger_without_terms_is_described_by_ours(
    name: str, labs: dict[str, list[JournalEntry]]
) -> None:
    now, old = Describer(), Describer()
    for entry in labs[name]:
        body = entry.body or {}
        if entry.kind is EntryKind.CAPABILITY:
            schemas = ("parameters_schema", "result_schema")
            bare = {**body, **{key: _bare(body[key]) for key in schemas}}
            assert hash_schema(bare["result_schema"]) == hash_schema(body["result_schema"])
            now.learn(entry)
            old.learn(replace(entry, body=bare))
        elif (body.get("quantity"), body.get("method")) in CAPABILITIES:
            assert old.nquads(entry) == now.nquads(entry), (entry.offset, body["quantity"])

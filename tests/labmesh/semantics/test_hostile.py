"""Whatever a stranger writes into schemas and data, a description is valid linked data."""

from __future__ import annotations

import json
from typing import Any

import pyoxigraph as ox
import pytest
import rdflib
from hypothesis import given, settings
from hypothesis import strategies as st

from labmesh.semantics import Describer, vocabulary
from messages.ledger import EntryKind
from messages.model import JsonObject
from tests.labmesh.semantics.test_strangers import capability, entry, result

NAMES = st.sampled_from(["a", "b c", "<d>", "é", "components", "value", "unit", "sha256", "x/y#z"])
LABELS = st.sampled_from(
    ["IonicConductivity", "NoSuchTerm", "schema:name", "prov:used", "no:where", "a b", "",
     "enclosing", "administrative", "by_capability", "Sample", "ElectrolyteSolution", "DataFile",
     "hasOutput", "ChemicalSubstance", "simulated", "https://example.org/x", "<>"]
)  # fmt: skip
WORDS = LABELS | st.sampled_from(["@id", "hasMeasurementSample", "hasTestObject", "S/m", "K"])
SCALARS = (
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | WORDS
    | st.text(max_size=8) | st.binary(max_size=4) | st.just("10.1000/182") | st.just("ab" * 32)
)  # fmt: skip
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
KEYWORDS = st.fixed_dictionaries(
    {},
    optional={
        "term": LABELS | st.just(7), "relation": WORDS | st.none(), "unit": WORDS | st.just(1),
        "values": st.dictionaries(NAMES, LABELS, max_size=2) | st.just("x"),
        "format": st.just("uuid"), "$ref": st.just("#/$defs/a") | st.just("elsewhere"),
    },
)  # fmt: skip


def _with(keywords: JsonObject, rest: JsonObject) -> JsonObject:
    return {**keywords, **rest}


SCHEMAS = st.recursive(
    KEYWORDS | st.booleans(),
    lambda inner: st.builds(
        _with,
        KEYWORDS,
        st.fixed_dictionaries(
            {},
            optional={
                "properties": st.dictionaries(NAMES, inner, max_size=4), "items": inner,
                "additionalProperties": inner, "anyOf": st.lists(inner, max_size=2),
                "$defs": st.dictionaries(NAMES, inner, max_size=2),
            },
        ),
    ),
    max_leaves=10,
)  # fmt: skip


@settings(max_examples=60)
@given(schema=SCHEMAS, data=st.dictionaries(NAMES, DATA, max_size=4))
def test_any_schema_and_any_data_give_valid_linked_data(schema: Any, data: JsonObject) -> None:
    root = schema if isinstance(schema, dict) else {}
    describer = Describer()
    told = capability()
    describer.learn(entry(EntryKind.CAPABILITY, {**(told.body or {}), "result_schema": root}))
    found = describer.nquads(result(data=data))
    assert list(ox.parse(found.encode(), format=ox.RdfFormat.N_QUADS))
    json.dumps(describer.document(result(data=data)))


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")  # rdflib's own reader
def test_a_term_that_is_not_known_here_is_told_as_one() -> None:
    schema = {
        "term": "AbbeRefractometry",
        "properties": {"n": {"term": "RefractiveIndexOfMars", "type": "number", "unit": "1"}},
    }
    assert "RefractiveIndexOfMars" not in vocabulary()
    describer = Describer()
    told = capability()
    describer.learn(entry(EntryKind.CAPABILITY, {**(told.body or {}), "result_schema": schema}))
    document = describer.document(result(data={"n": 1.4}))
    read = rdflib.Graph().parse(data=json.dumps(document), format="json-ld")
    assert set(read) == set(describer.graph(result(data={"n": 1.4})))
    kinds = {str(kind) for kind in read.objects(None, rdflib.RDF.type)}
    assert "urn:labmesh:unknown-term:RefractiveIndexOfMars" in kinds

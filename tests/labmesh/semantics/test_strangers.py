"""A lab's own capability, described by the terms in the schemas that its ledger holds."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import numpy as np
import rdflib
from rdflib import RDF, URIRef

from labmesh.record import JournalEntry
from labmesh.semantics import Describer, check, iris
from labmesh.semantics._words import words
from messages.array import Array
from messages.chain import canonical, hash_body
from messages.chemistry import EC, LIPF6, Formulation, RunInfo
from messages.ledger import EntryKind, SampleId
from messages.meaning import Term
from messages.model import JsonObject, Model, Real, Unit
from messages.quantity import InUnit, Quantity, Temperature
from messages.schema import json_schema

RESULT = UUID(int=7)


class Shaken(Model, term="CharacterisationMeasurementProcess"):
    run_info: RunInfo
    toughness: Annotated[Quantity, InUnit("Pa.s"), Term("DynamicViscosity")]
    temperature: Annotated[Temperature, Term("ThermodynamicTemperature", "hasMeasurementParameter")]
    series: Annotated[Array, Unit("Pa.s"), Term("DynamicViscosity")]
    moods: Annotated[dict[str, Annotated[Real, Unit("1")]], Term("ModelParameter")]
    where: Annotated[str, Term("schema:name")]
    reference: Annotated[str, Term("prov:wasDerivedFrom")] = ""
    secret: Real = 0.0


class Shake(Model, term="CharacterisationMeasurementProcess"):
    sample: Annotated[SampleId, Term("Sample", "schema:object")] | None = None
    frequency: Annotated[Real, Unit("Hz"), Term("Frequency")]
    odd: Annotated[Real, Unit("furlong"), Term("Length")] = 1.0


def entry(kind: EntryKind, body: JsonObject, offset: int = 0) -> JournalEntry:
    return JournalEntry(
        offset=offset, uuid=RESULT, kind=kind, stamp=1_700_000_000_000_000_000,
        load_time=1_700_000_000_000_000_001, author="home/shaker", type=f"{kind.value}@1",
        schema_hash="", body=body, body_hash=hash_body(canonical(body)), prev_hash=bytes(32),
        hash=bytes([offset]) * 32,
    )  # fmt: skip


def capability() -> JournalEntry:
    return entry(
        EntryKind.CAPABILITY,
        {
            "quantity": "toughness", "method": "shaking", "version": 3, "description": "",
            "parameters_schema": json_schema(Shake), "result_schema": json_schema(Shaken),
            "active": True,
        },
    )  # fmt: skip


def result(**changes: Any) -> JournalEntry:
    data = Shaken(
        run_info=RunInfo(
            formulation=Formulation.of({LIPF6: 0.1, EC: 0.9}), internal_reference="shake 1"
        ),
        toughness=Quantity.of(0.004, "Pa.s", 0.0001),
        temperature=Quantity.of(298.15, "K"),
        series=np.array([0.004, 0.0041]),
        moods={"good": 1.5, "bad": 2.0},
        where='the "old" lab\nbelow',
        reference="10.1000/182",
    ).model_dump()
    body: JsonObject = {
        "request": None, "token": None, "quantity": "toughness", "method": "shaking",
        "parameters": {"frequency": 50.0, "sample": "vial:1", "odd": 2.0},
        "outcome": "resolved", "data": data, "failure": None, "rating": None,
        "provenance": {
            "software": "shaker 2.1", "host": "pc", "instrument": "Shaker 9, SN 12",
            "calibration": "", "simulated": False, "parameters": {"speed": 3}, "begun": 10**18,
            "ended": 10**18 + 5, "source": None, "notes": {},
        },
        "campaign": None, "samples": [], "artifacts": [], **changes,
    }  # fmt: skip
    return entry(EntryKind.RESULT, body, 1)


def described(told: JournalEntry) -> rdflib.Graph:
    describer = Describer()
    describer.learn(capability())
    return describer.graph(told)


def w(word: str) -> URIRef:
    return URIRef(words().expand(word))


def test_it_is_described_as_ours_are() -> None:
    graph = described(result())
    activity = URIRef(iris.record(RESULT))
    assert (activity, RDF.type, w("CharacterisationMeasurementProcess")) in graph
    outputs = set(graph.objects(activity, w("hasOutput")))
    single = next(o for o in outputs if str(o).endswith("#data/toughness"))
    assert (single, RDF.type, w("MeasuredProperty")) in graph
    assert graph.value(single, w("hasMeasurementUnit")) == w("PascalSecond")
    number = graph.value(single, w("hasNumericalPart"))
    assert graph.value(number, w("hasNumberValue")) == rdflib.Literal(0.004)
    sample = graph.value(activity, w("hasMeasurementSample"))
    assert graph.value(sample, w("hasSolute")) is not None
    parameters = set(graph.objects(activity, w("hasMeasurementParameter")))
    classes = {c for p in parameters for c in graph.objects(p, RDF.type)}
    assert {w("ThermodynamicTemperature"), w("Frequency")} <= classes
    assert (activity, w("prov:wasDerivedFrom"), URIRef("https://doi.org/10.1000/182")) in graph
    assert (activity, w("schema:name"), rdflib.Literal('the "old" lab\nbelow')) in graph


def test_an_array_is_told_not_spelt_out() -> None:
    graph = described(result())
    array = next(graph.subjects(w("schema:numberOfItems"), rdflib.Literal(2)))
    assert (array, RDF.type, w("DynamicViscosity")) in graph
    assert str(graph.value(array, w("schema:identifier"))) == "/data/series"
    assert not list(graph.objects(array, w("hasNumericalPart")))


def test_what_has_no_term_stays_in_the_record() -> None:
    assert "secret" not in told_text(result())


def told_text(told: JournalEntry) -> str:
    describer = Describer()
    describer.learn(capability())
    return describer.nquads(told)


def test_a_map_has_a_number_for_every_key() -> None:
    graph = described(result())
    labels = {str(o) for s in graph.subjects(RDF.type, w("ModelParameter"))
              for o in graph.objects(s, w("rdfs:label"))}  # fmt: skip
    assert labels == {"good", "bad"}


def test_it_passes_the_shapes_but_for_the_unit_that_nobody_knows() -> None:
    wrong = [v for v in check(described(result())) if v.severity == "violation"]
    assert {v.node.rpartition("/")[2] for v in wrong} == {"odd"}, wrong
    assert any("IRI of a unit" in v.message for v in wrong)


def test_a_failed_result_is_no_measurement_and_says_why() -> None:
    failure = {"message": "it broke", "where": "", "remedy": "", "retryable": False}
    graph = described(result(outcome="failed", failure=failure, data={}))
    activity = URIRef(iris.record(RESULT))
    assert (activity, w("schema:error"), rdflib.Literal("it broke")) in graph
    assert (activity, RDF.type, w("CharacterisationMeasurementProcess")) not in graph
    wrong = sorted({v.node for v in check(graph) if v.severity == "violation"})
    assert wrong == [iris.part(iris.record(RESULT), "parameters", "odd")]


def test_names_that_no_iri_may_hold_are_encoded() -> None:
    assert iris.sample("vial:1/a b") == "urn:labmesh:sample:vial%3A1%2Fa%20b"
    assert "vial%3A1" in told_text(result())


def test_a_capability_that_nobody_declared_is_told_by_its_envelope() -> None:
    graph = Describer().graph(result())
    assert (URIRef(iris.record(RESULT)), RDF.type, w("prov:Activity")) in graph
    assert not list(graph.objects(None, w("hasOutput")))


def test_what_it_takes_to_make_it_again_is_told() -> None:
    note = {
        "model": "m@1", "initial_parameters": {"tau": 10.0}, "seeds": [3, 4],
        "training_sha256": "ab" * 32, "training_data": "cells", "metadata_sha256": "cd" * 32,
        "code": {
            "package": "labmesh", "version": "0.1", "commit": "e7", "packages": {"numpy": "2"},
        },
        "hardware": {"cpu": "x86", "cores": 2, "memory": 5, "gpus": [], "system": "Linux"},
    }  # fmt: skip
    body = result().body or {}
    notes = {"reproducibility": note, "rests_on_simulated": True}
    graph = described(result(provenance={**body["provenance"], "notes": notes}))
    activity = URIRef(iris.record(RESULT))
    recipe = graph.value(activity, w("labmesh:reproducibility"))
    assert "x86, Linux, 2 cores" in str(graph.value(recipe, w("schema:processorRequirements")))
    seeds = {
        s for s in graph.objects(recipe, w("hasInput")) if (s, RDF.type, w("RandomSeed")) in graph
    }
    assert len(seeds) == 2
    assert (None, w("schema:sha256"), rdflib.Literal("ab" * 32)) in graph
    assert (None, w("labmesh:restsOnSimulated"), rdflib.Literal(True)) in graph
    versions = {str(v) for v in graph.objects(None, w("schema:softwareVersion"))}
    assert versions == {"2.1", "0.1", "2"}
    assert all("unit" in v.message for v in check(graph) if v.severity == "violation")


def test_a_sample_s_composition_is_said_by_the_result_that_made_it_alone() -> None:
    data = (result().body or {})["data"]
    vial = {"name": "", "sample": "vial:1", "preparation_date": None, "batch": "", "location": None}
    data = {**data, "run_info": {**data["run_info"], "formulation_info": vial}}
    step = {
        "sample": "vial:1", "kind": "electrolyte", "state": 0, "expects_state": None,
        "label": "formulated", "parents": ["stock"], "location": "", "properties": {},
    }  # fmt: skip
    activity, sample = URIRef(iris.record(RESULT)), URIRef(iris.sample("vial:1"))
    made = described(result(data=data, samples=[step]))
    assert made.value(activity, w("hasMeasurementSample")) == sample
    assert made.value(sample, w("hasSolute")) is not None
    found = described(result(data=data))
    seen = found.value(activity, w("hasMeasurementSample"))
    assert found.value(seen, w("prov:specializationOf")) == sample
    assert found.value(seen, w("hasSolute")) is not None
    assert found.value(sample, w("hasSolute")) is None
    assert (activity, w("prov:used"), seen) in found


def test_an_instrument_s_run_that_is_simulated_measures_nothing() -> None:
    body = result().body or {}
    graph = described(result(provenance={**body["provenance"], "simulated": True}))
    activity = URIRef(iris.record(RESULT))
    kinds = set(graph.objects(activity, RDF.type))
    assert {w("Simulation"), w("CharacterisationMeasurementProcess")} <= kinds
    assert (None, RDF.type, w("ModelledProperty")) in graph
    assert (None, RDF.type, w("MeasuredProperty")) not in graph
    assert (activity, w("labmesh:simulated"), rdflib.Literal(True)) in graph

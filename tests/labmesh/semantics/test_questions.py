"""The reference questions, asked of the recorded labs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest
import rdflib
from rdflib import RDFS

from labmesh.record import JournalEntry
from labmesh.semantics import DATA, Describer, iris, ontology, vocabulary
from labmesh.semantics._words import words
from messages.ledger import EntryKind
from tests.labmesh.semantics.labs import read_lab
from tests.support.recorded_lab import CONDUCTIVITY, EOL

w = words().expand
SHARED = Path(__file__).parents[4] / "shared" / "data" / "ontology"


@pytest.fixture(scope="module")
def lab() -> list[JournalEntry]:
    return read_lab(CONDUCTIVITY)


def store_of(entries: Iterable[JournalEntry]) -> ox.Store:
    store, describer = ox.Store(), Describer()
    for entry in entries:
        told = describer.nquads(entry, named=False)
        store.load(told.encode(), format=ox.RdfFormat.N_QUADS)
    for name in ("tbox.ttl", "labmesh.ttl"):
        store.load(path=str(DATA / name), format=ox.RdfFormat.TURTLE)
    return store


@pytest.fixture(scope="module")
def store(lab: list[JournalEntry]) -> ox.Store:
    return store_of(lab)


def ask(store: ox.Store, name: str) -> list[Any]:
    assert SHARED.is_dir(), f"{SHARED} is missing: the shared folder stands beside the checkout"
    found: Any = store.query((SHARED / name).read_text(encoding="utf-8"))
    return list(found)


def measured(lab: list[JournalEntry]) -> dict[str, tuple[float, float, float]]:
    """Conductivity, uncertainty and temperature by the IRI of each result that has them."""
    found = {}
    for entry in lab:
        body = entry.body or {}
        if entry.kind is EntryKind.RESULT and body["quantity"] == "conductivity":
            value, at = body["data"]["conductivity"], body["data"]["temperature"]
            found[iris.record(entry.uuid)] = (value["value"], value["uncertainty"], at["value"])
    return found


def test_every_conductivity_of_an_lipf6_electrolyte_is_found_once(
    store: ox.Store, lab: list[JournalEntry]
) -> None:
    rows = ask(store, "query_conductivity_lipf6.rq")
    found = {
        row["activity"].value: (
            float(row["value"].value),
            float(row["uncertainty"].value),
            float(row["temperature"].value),
        )
        for row in rows
    }
    assert found == measured(lab)
    assert len(rows) == len(found) > 4
    assert {row["unit"].value for row in rows} == {w("SiemensPerMetre")}
    assert {row["temperatureUnit"].value for row in rows} == {w("Kelvin")}


def test_the_same_without_paths(store: ox.Store, lab: list[JournalEntry]) -> None:
    rows = ask(store, "query_conductivity_lipf6_flat.rq")
    assert {row["activity"].value for row in rows} == measured(lab).keys()
    assert len(rows) == len(measured(lab))


@pytest.mark.parametrize("store", ["default", "Oxigraph"])
def test_rdflib_answers_of_a_single_result(store: str, lab: list[JournalEntry]) -> None:
    describer, graph = Describer(), rdflib.Graph(store=store)
    for entry in lab:
        describer.learn(entry)
    asked = [e for e in lab if iris.record(e.uuid) in measured(lab) and (e.body or {})["request"]]
    for triple in (*describer.graph(asked[0]), *ontology().triples((None, RDFS.subClassOf, None))):
        graph.add(triple)
    question = (SHARED / "query_conductivity_lipf6.rq").read_text(encoding="utf-8")
    rows: Any = list(graph.query(question))
    (row,) = rows
    told = measured(lab)[iris.record(asked[0].uuid)]
    assert (float(row["value"]), float(row["uncertainty"]), float(row["temperature"])) == told


def test_a_campaign_s_own_are_told_from_those_it_imported(store: ox.Store) -> None:
    rows: Any = store.query(
        f"""SELECT ?a ?q WHERE {{
            ?a <{w("dcterms:isPartOf")}> <{iris.campaign(CONDUCTIVITY)}> ; <{w("hasOutput")}> ?q .
            ?q a <{w("IonicConductivity")}> , <{w("ModelledProperty")}> .
            ?q <{w("hasNumericalPart")}> ?n }}"""
    )
    assert len(list(rows)) == 4


def test_nothing_simulated_is_a_measured_property(store: ox.Store) -> None:
    asked: Any = store.query(
        f"""ASK {{ ?a <{w("labmesh:simulated")}> true ;
            <{w("hasOutput")}> ?q . ?q a <{w("MeasuredProperty")}> }}"""
    )
    assert not bool(asked)


def test_every_electrolyte_leads_to_the_bottles_it_was_mixed_from(store: ox.Store) -> None:
    rows: Any = store.query(
        f"""SELECT ?a (COUNT(DISTINCT ?bottle) AS ?n) WHERE {{
            ?a <{w("hasMeasurementSample")}> ?s .
            ?s <{w("prov:wasDerivedFrom")}>+ ?bottle .
            ?bottle a <{w("StockSolution")}> ;
                (<{w("hasSolute")}>|<{w("hasSolvent")}>) / <{w("hasConstituent")}>* ?c .
            ?c a ?k . }} GROUP BY ?a"""
    )
    counts = [int(row["n"].value) for row in rows]
    assert len(counts) == 4
    assert min(counts) >= 2


def test_a_cell_knows_its_parts_its_electrolyte_and_its_life() -> None:
    store = store_of(read_lab(EOL))
    rows: Any = store.query(
        f"""SELECT DISTINCT ?cell ?value ?spread WHERE {{
            ?cell a <{w("CoinCell")}> ; <{w("schema:identifier")}> ?name ;
                <{w("hasCase")}> [ a <{w("R2032")}> ] ;
                <{w("hasPositiveElectrode")}> ?p ; <{w("hasNegativeElectrode")}> ?n ;
                <{w("hasElectrolyte")}>/<{w("hasSolute")}> ?salt ;
                <{w("hasModelledProperty")}> ?life .
            ?salt a <{w("LithiumHexafluorophosphate")}> .
            ?life a <{w("CycleLife")}> ; <{w("hasNumericalPart")}>/<{w("hasNumberValue")}> ?value ;
                <{w("hasMetrologicalUncertainty")}> ?u .
            ?u <{w("hasNumericalPart")}>/<{w("hasNumberValue")}> ?spread .
            ?state <{w("prov:specializationOf")}> ?cell ; <{w("prov:wasRevisionOf")}>+ ?first .
            ?first <{w("prov:specializationOf")}> ?cell ; <{w("schema:position")}> 0 .
            ?test a <{w("BatteryTest")}> ; <{w("hasTestObject")}> ?cell }}"""
    )
    assert len({row["cell"].value for row in rows}) == 2
    assert "CR2032" not in {vocabulary().label(t) for t in _types(store)}


def _types(store: ox.Store) -> set[str]:
    rows: Any = store.query("SELECT DISTINCT ?t WHERE { ?x a ?t }")
    return {row["t"].value for row in rows}

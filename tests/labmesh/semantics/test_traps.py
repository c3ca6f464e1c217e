"""Mistakes that others' files make or invite (docs/decisions/0030-semantics.md lists them)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from rdflib import XSD, Graph, Literal, URIRef

from labmesh.semantics import DATA, check, context, vocabulary

# rdflib's own reader of JSON-LD.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")

EMMO = "https://w3id.org/emmo#"
ONE = EMMO + "EMMO_5ebd5e01_0ed3_49a2_a30d_cd05cbe72978"
HAS_UNIT = URIRef(EMMO + "EMMO_bed1d005_b04e_4a90_94cf_02bc678a8569")
ROOT = Path(__file__).parents[3]


def expanded(node: dict[str, Any]) -> Graph:
    document = {**context(), "@id": "urn:x", **node}
    return Graph().parse(data=json.dumps(document), format="json-ld")


@pytest.mark.parametrize(
    ("written", "iri"),
    [("Kelvin", EMMO + "Kelvin"), ("UnitOne", ONE), ("emmo:Volt", EMMO + "Volt")],
)
def test_a_unit_is_written_by_its_label(written: str, iri: str) -> None:
    found = list(expanded({"hasMeasurementUnit": written}).objects(URIRef("urn:x"), HAS_UNIT))
    assert found == [URIRef(iri)]


def test_the_number_one_is_no_name_of_emmos_namespace() -> None:
    assert vocabulary().unit("1") == ONE
    assert EMMO + "UnitOne" not in {e.iri for e in vocabulary().entries()}


def test_a_mole_fraction_is_a_quantity_and_no_unit() -> None:
    label = vocabulary().find("mole fraction")[0].label
    assert (label, vocabulary().entry(label).kind) == ("AmountFraction", "class")
    assert "MoleFraction" not in context()["@context"]


def test_our_cells_are_coin_cells_and_no_lithium_primary_cells() -> None:
    assert "CR2032" not in vocabulary()
    assert {"CoinCell", "R2032", "hasCase"} <= context()["@context"].keys()


def test_a_temperature_is_a_thermodynamic_one() -> None:
    assert "Temperature" not in context()["@context"]
    assert not vocabulary().agree("ThermodynamicTemperature", "Pa")
    assert vocabulary().find("temperature")[0].label == "ThermodynamicTemperature"


def test_of_two_iris_with_one_label_the_one_that_lives_is_taken() -> None:
    known = vocabulary()
    assert known.iri("hasTestObject").startswith("https://w3id.org/emmo/domain/battery#")
    assert known.iri("StateOfCharge").startswith("https://w3id.org/emmo/domain/electrochemistry#")


def test_a_narrower_conductivity_is_an_ionic_one() -> None:
    known = vocabulary()
    below = known.subclasses(known.iri("IonicConductivity"))
    assert known.iri("ElectrolyticConductivity") in below
    assert len(below) == 2


@pytest.mark.parametrize(
    ("ours", "above"),
    [
        ("MolecularDynamicsSimulation", "PhysicsBasedSimulation"),
        ("Densimetry", "CharacterisationMeasurementProcess"),
        ("SampleTransport", "Procedure"),
        ("DataDrivenPrediction", "Estimation"),
        ("RollingBallViscometry", "Viscometry"),
    ],
)
def test_what_upstream_lacks_is_a_sub_class_of_ours(ours: str, above: str) -> None:
    assert vocabulary().iri(ours).startswith("urn:labmesh:term:")
    assert vocabulary().is_a(ours, above)


def test_qudt_is_http_and_schema_org_is_https() -> None:
    entries = vocabulary().entries()
    assert {e.qudt[:26] for e in entries if e.qudt} == {"http://qudt.org/vocab/unit"}
    assert all(e.iri.startswith("https://") for e in entries if e.label.startswith("schema:"))
    assert context()["@context"]["schema"] == "https://schema.org/"


def test_a_class_that_does_not_exist_is_in_none_of_our_files() -> None:
    for path in DATA.rglob("*.*"):
        assert "battery#coincell" not in path.read_text(), path


def test_a_link_is_an_iri_and_a_number_is_a_double() -> None:
    graph = expanded({"prov:used": "urn:y", "hasNumberValue": 1, "hasOutput": "urn:z"})
    values = {value for _, _, value in graph}
    assert {URIRef("urn:y"), URIRef("urn:z")} < values
    assert [v.datatype for v in values if isinstance(v, Literal)] == [XSD.double]


def test_every_term_of_the_table_is_known_to_the_context() -> None:
    known = context()["@context"]
    for entry in vocabulary().entries():
        prefix, colon, name = entry.label.partition(":")
        if colon:
            assert known[prefix] + name == entry.iri
        else:
            said = known[entry.label]
            assert (said if isinstance(said, str) else said["@id"]) == entry.iri


def test_every_unit_that_a_schema_of_ours_may_have_is_known() -> None:
    written = {
        symbol
        for folder in ("messages", "nodes", "labmesh")
        for path in (ROOT / folder).rglob("*.py")
        for symbol in re.findall(r'(?<!`)(?:In)?Unit\("([^"]+)"', path.read_text())
    } - {"..."}
    assert len(written) > 20
    known = {symbol for entry in vocabulary().entries() for symbol in entry.symbols}
    assert not written - known, "add them to tests/labmesh/semantics/chosen.csv: docs/semantics.md"


@pytest.mark.parametrize(
    ("quantity", "unit", "words"),
    [
        ("Capacity", "AmpereHour", ""),
        ("Capacity", "Volt", "a unit of ElectricCharge"),
        ("UpperVoltageLimit", "Ampere", "a unit of Voltage"),
        ("DynamicViscosity", "GramPerCubicCentiMetre", "unit of a dynamic viscosity"),
        ("ThermodynamicTemperature", "DegreeCelsius", "thermodynamic temperature is in kelvin"),
        ("AmountFraction", "MolePerLitre", "a unit of RatioQuantity"),
        ("AreicCapacity", "AmpereHourPerSquareMetre", ""),
    ],
)
def test_a_shape_holds_a_quantity_to_its_units(quantity: str, unit: str, words: str) -> None:
    graph = expanded(
        {
            "@type": [quantity, "MeasuredProperty"],
            "hasMeasurementUnit": unit,
            "hasNumericalPart": {"@id": "urn:n", "@type": "RealData", "hasNumberValue": 1.0},
        }
    )
    found = [violation.message for violation in check(graph)]
    assert bool(found) == bool(words), found
    assert not words or any(words in message for message in found), found

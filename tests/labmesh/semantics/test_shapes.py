"""Shapes: every entry of the recorded labs passes, and what is wrong fails."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import rdflib
from rdflib import DCTERMS, PROV, RDF, XSD, Literal, URIRef

from labmesh.record import JournalEntry
from labmesh.semantics import DATA, Describer, check, iris
from labmesh.semantics._words import words
from messages.ledger import EntryKind
from tests.labmesh.semantics.labs import read_lab
from tests.support.recorded_lab import CONDUCTIVITY, EOL

SHARED = Path(__file__).parents[4] / "shared" / "data" / "ontology"
SCHEMA = rdflib.Namespace("https://schema.org/")
NUMBER, VALUE, UNIT = (
    URIRef(words().expand(w)) for w in ("hasNumericalPart", "hasNumberValue", "hasMeasurementUnit")
)


@cache
def campaign(name: str, most: int = 5) -> rdflib.Graph:
    """Every entry of a lab in one graph, but of literature data no more than some."""
    graph, describer, left = rdflib.Graph(), Describer(), most
    for entry in read_lab(name):
        left -= "literature" in _key(entry) and entry.kind is EntryKind.RESULT
        if left >= 0 or "literature" not in _key(entry):
            for triple in describer.graph(entry):
                graph.add(triple)
    return graph


@cache
def result(name: str, quantity: str) -> tuple[rdflib.Graph, URIRef]:
    """The first result of a quantity that was asked for, and its IRI."""
    describer = Describer()
    for entry in read_lab(name):
        describer.learn(entry)
        body = entry.body or {}
        if entry.kind is EntryKind.RESULT and body["quantity"] == quantity and body["request"]:
            return describer.graph(entry), URIRef(iris.record(entry.uuid))
    raise AssertionError(quantity)


def term(word: str) -> URIRef:
    return URIRef(words().expand(word))


@pytest.mark.parametrize("name", [CONDUCTIVITY, EOL])
def test_a_whole_campaign_passes_our_shapes_and_battinfo_s(name: str) -> None:
    wrong = [v for v in check(campaign(name)) if v.severity == "violation"]
    assert not wrong, wrong[:3]


@pytest.mark.slow
def test_all_that_was_imported_passes_too() -> None:
    wrong = [v for v in check(campaign(CONDUCTIVITY, 1000)) if v.severity == "violation"]
    assert not wrong, wrong[:3]


@pytest.mark.parametrize("name", [CONDUCTIVITY, EOL])
def test_the_shapes_find_something_to_check(name: str) -> None:
    graph = campaign(name)
    targets = {
        CONDUCTIVITY: ("CharacterisationMeasurementProcess", "IonicConductivity", "Simulation"),
        EOL: ("BatteryTest", "dcat:Dataset", "dcat:Distribution", "csvw:Table", "SampleState"),
    }
    for label in targets[name]:
        assert (None, RDF.type, term(label)) in graph, label


def test_each_entry_passes_by_itself() -> None:
    describer = Describer()
    checked = set()
    for entry in read_lab(EOL):
        key = _key(entry)
        graph = describer.graph(entry)
        if key not in checked and entry.kind is EntryKind.RESULT:
            checked.add(key)
            assert not [v for v in check(graph) if v.severity == "violation"], key
    assert len(checked) > 8


def _key(entry: JournalEntry) -> tuple[object, ...]:
    body = entry.body or {}
    return (entry.kind, body.get("quantity"), body.get("method"))


@dataclass(frozen=True)
class Wrong:
    """A mistake in a good description.

    Attributes:
        says: What a shape says of it.
        make: Makes the mistake in a graph, given the result's IRI.
    """

    says: str
    make: Callable[[rdflib.Graph, URIRef], None]
    lab: str = CONDUCTIVITY
    quantity: str = "conductivity"


def without(word: str) -> Callable[[rdflib.Graph, URIRef], None]:
    def make(graph: rdflib.Graph, iri: URIRef) -> None:
        assert (iri, term(word), None) in graph
        graph.remove((iri, term(word), None))

    return make


def without_everywhere(word: str) -> Callable[[rdflib.Graph, URIRef], None]:
    def make(graph: rdflib.Graph, iri: URIRef) -> None:
        assert (None, term(word), None) in graph
        graph.remove((None, term(word), None))

    return make


def number(label: str, value: object) -> Callable[[rdflib.Graph, URIRef], None]:
    def make(graph: rdflib.Graph, iri: URIRef) -> None:
        parts = (graph.value(each, NUMBER) for each in graph.subjects(RDF.type, term(label)))
        part = next(each for each in parts if each is not None)
        graph.set((part, VALUE, Literal(value)))

    return make


def unit(label: str, iri: str) -> Callable[[rdflib.Graph, URIRef], None]:
    def make(graph: rdflib.Graph, _: URIRef) -> None:
        found = graph.subjects(RDF.type, term(label))
        quantity = next(each for each in found if (each, NUMBER, None) in graph)
        graph.set((quantity, UNIT, URIRef(iri)))

    return make


def measured(graph: rdflib.Graph, iri: URIRef) -> None:
    output = next(graph.objects(iri, term("hasOutput")))
    graph.add((output, RDF.type, term("MeasuredProperty")))


def ends_first(graph: rdflib.Graph, iri: URIRef) -> None:
    graph.set((iri, PROV.endedAtTime, Literal("2001-01-01T00:00:00+00:00", datatype=XSD.dateTime)))


def closed_format(graph: rdflib.Graph, iri: URIRef) -> None:
    file = next(graph.subjects(RDF.type, term("dcat:Distribution")))
    graph.set((file, SCHEMA.encodingFormat, Literal("application/x-vendor")))
    graph.set((file, SCHEMA.softwareRequirements, Literal("a program")))


def no_owner(graph: rdflib.Graph, iri: URIRef) -> None:
    graph.remove((None, DCTERMS.rightsHolder, None))


def no_plan(graph: rdflib.Graph, iri: URIRef) -> None:
    for plan in graph.objects(None, PROV.hadPlan):
        graph.remove((plan, SCHEMA.sha256, None))


def no_version(graph: rdflib.Graph, iri: URIRef) -> None:
    graph.remove((None, SCHEMA.softwareVersion, None))


WRONG = {
    "no begin": Wrong("begins once", without("prov:startedAtTime")),
    "no end": Wrong("ends once", without("prov:endedAtTime")),
    "the end before the beginning": Wrong("before it ends", ends_first),
    "no site": Wrong("at which site", without("prov:atLocation")),
    "no agent": Wrong("who did it", without("prov:wasAssociatedWith")),
    "no protocol": Wrong("known by their hash", no_plan),
    "no instrument": Wrong(
        "names its instrument", without("hasCharacterisationMeasurementInstrument")
    ),
    "no method": Wrong("names its method", without("dcterms:conformsTo")),
    "no software version": Wrong("with its version", no_version),
    "no word on simulation": Wrong("whether it is simulated", without("labmesh:simulated")),
    "no computer": Wrong("on which computer", without("labmesh:host")),
    "no sample": Wrong("Less than 1", without("hasMeasurementSample")),
    "no output": Wrong("Less than 1", without("hasOutput")),
    "a simulation that measures": Wrong("no measured property", measured),
    "no owner": Wrong("who holds the rights", no_owner),
    "a unit that is none": Wrong(
        "the IRI of a unit", unit("IonicConductivity", "emmo:SiemensPerMetre")
    ),
    "a unit of something else": Wrong(
        "unit of a conductivity", unit("IonicConductivity", words().expand("Kelvin"))
    ),
    "a temperature in degrees": Wrong(
        "in kelvin", unit("ThermodynamicTemperature", words().expand("DegreeCelsius"))
    ),
    "a number that is text": Wrong("xsd:double", number("IonicConductivity", "0.9")),
    "a negative conductivity": Wrong(">= ", number("IonicConductivity", -0.9)),
    "a conductivity in other units": Wrong("200 S/m", number("IonicConductivity", 946.4)),
    "a temperature below zero": Wrong("0 and 3000 K", number("ThermodynamicTemperature", -25.0)),
    "a fraction in percent": Wrong("between 0 and 1", number("AmountFraction", 48.7)),
    "a negative uncertainty": Wrong("at least 0", number("MetrologicalUncertainty", -0.1)),
    "a closed format": Wrong("open format", closed_format, EOL, "capacity"),
    "a file without hash": Wrong("sha256", without_everywhere("schema:sha256"), EOL, "capacity"),
    "a test of nothing": Wrong("prov:used", without("prov:used"), EOL, "capacity"),
    "a test without its object": Wrong("test object", without("hasTestObject"), EOL, "capacity"),
    "a dataset without files": Wrong(
        "dcat:distribution", without_everywhere("dcat:distribution"), EOL, "capacity"
    ),
    "a file that cannot be had": Wrong(
        "downloadURL", without_everywhere("dcat:downloadURL"), EOL, "capacity"
    ),
    "columns without a meaning": Wrong(
        "columns have a meaning", without_everywhere("csvw:propertyUrl"), EOL, "capacity"
    ),
    "a state of no sample": Wrong(
        "of one sample", without_everywhere("prov:specializationOf"), EOL, "capacity"
    ),
}


APART = [
    {"a number that is text", "a unit that is none", "no output", "a closed format"},
    {"a conductivity in other units", "a state of no sample"},
    {"a negative conductivity", "no end", "a dataset without files", "a test of nothing"},
]
"""Mistakes that hide others are not made together with them; all the rest is, to save time."""

BATCHES = [
    *(names & WRONG.keys() for names in APART),
    WRONG.keys() - {name for names in APART for name in names},
]


@pytest.mark.parametrize("names", BATCHES, ids=["text", "units", "negative", "the rest"])
@pytest.mark.parametrize("lab", [CONDUCTIVITY, EOL])
def test_what_is_wrong_fails(names: set[str], lab: str) -> None:
    mistakes = {name: WRONG[name] for name in sorted(names) if WRONG[name].lab == lab}
    good, iri = result(lab, next(iter(mistakes.values())).quantity)
    bad = rdflib.Graph()
    for triple in good:
        bad.add(triple)
    for mistake in mistakes.values():
        mistake.make(bad, iri)
    found = [v.message for v in check(bad) if v.severity == "violation"]
    missed = [n for n, m in mistakes.items() if not any(m.says in words for words in found)]
    assert not missed, found


def test_a_model_s_result_that_nobody_can_make_again_fails() -> None:
    good, iri = result(EOL, "degradation_eol")
    bad = rdflib.Graph()
    for triple in good:
        bad.add(triple)
    without("labmesh:reproducibility")(bad, iri)
    found = [v.message for v in check(bad) if v.severity == "violation"]
    assert found == ["says what it takes to make it again [17]"]


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")  # rdflib's own reader
def test_the_example_of_the_shapes_passes(tmp_path: Path) -> None:
    """One made by hand, by the same pattern; it lacks what only a ledger knows."""
    assert SHARED.is_dir(), f"{SHARED} is missing: the shared folder stands beside the checkout"
    shutil.copy(SHARED / "example_conductivity.jsonld", tmp_path)
    shutil.copy(DATA / "context.jsonld", tmp_path)
    made = rdflib.Graph().parse(tmp_path / "example_conductivity.jsonld", format="json-ld")
    found = {v.shape for v in check(made) if v.severity == "violation"}
    fair = {"urn:labmesh:shapes:Examination", "urn:labmesh:shapes:Data"}
    assert found <= {*fair, "https://w3id.org/battinfo/shapes/publication#MemberDatasetShape"}

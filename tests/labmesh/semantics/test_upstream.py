"""Every row of the vocabulary against the ontologies it is taken from."""

from __future__ import annotations

import re

import pytest

from labmesh.semantics import DATA, Entry, ontology, vocabulary
from messages import chemistry
from messages.chemistry import Chemical
from tests.labmesh.semantics import make_terms, upstream
from tests.labmesh.semantics.inchikey import inchikey
from tests.labmesh.semantics.make_terms import PREFIXES, UnknownLabelError
from tests.labmesh.semantics.upstream import subjects

UPSTREAM = ("emmo", "echem", "battery", "chems", "chameo", "manufacturing", "bdf")


def entries(*ontologies: str) -> list[Entry]:
    return [e for e in vocabulary().entries() if e.ontology in ontologies]


def test_the_files_are_as_they_are_made() -> None:
    made = make_terms.files()
    stale = [name for name, text in made.items() if (DATA / name).read_text() != text]
    assert not stale, f"run `python -m tests.labmesh.semantics.make_terms`: {stale} differ"


def test_every_row_is_upstreams_by_label_and_not_deprecated() -> None:
    rows = entries(*UPSTREAM)
    assert len(rows) > 350
    for entry in rows:
        subject = subjects()[entry.iri]
        assert entry.iri.startswith(PREFIXES[entry.ontology]), entry
        assert not subject.deprecated, entry
        if entry.ontology != "bdf":
            assert entry.label in subject.labels, entry


def test_units_are_units_there_and_have_the_dimension_and_the_factor_stated_there() -> None:
    for entry in entries(*UPSTREAM):
        if entry.kind == "unit":
            assert entry.dimension == upstream.dimension(entry.iri), entry
            stated = upstream.factor(entry.iri)
            if stated and entry.label != "ReciprocalHour":
                assert entry.factor == float(stated), entry
        elif stated := upstream.dimension(entry.iri):
            assert entry.dimension == stated, entry


def test_the_hour_that_emmo_reckons_wrong_is_reckoned_right() -> None:
    hour = vocabulary().entry("ReciprocalHour")
    assert float(upstream.factor(hour.iri)) == 360.0
    assert hour.factor == pytest.approx(1 / 3600)


def test_our_own_terms_have_label_definition_and_a_class_above_that_is_known() -> None:
    ours = make_terms.own_terms()
    known = set(subjects()) | set(ours)
    rows = [e for e in entries("labmesh") if e.kind != "datatype property"]
    assert len(rows) > 90
    for entry in rows:
        said = ours[entry.iri]
        assert said.labels == {entry.label}
        assert said.annotations[upstream.SKOS + "definition"], entry
        assert said.parents, entry
        assert said.parents <= known, entry
        assert not [p for p in said.parents if p in subjects() and subjects()[p].deprecated], entry


def test_our_own_terms_are_none_of_upstreams() -> None:
    alive = {
        label
        for iri, s in subjects().items()
        if iri.startswith(tuple(PREFIXES[o] for o in UPSTREAM)) and not s.deprecated
        for label in s.labels
    }
    assert not [e.label for e in entries("labmesh") if e.label in alive]


def test_every_label_names_one_term_and_every_symbol_one_unit() -> None:
    rows = vocabulary().entries()
    for values in ([e.label for e in rows], [s for e in rows for s in e.symbols]):
        assert len(values) == len(set(values))
    keys = [e.inchikey for e in rows if e.inchikey]
    assert len(keys) == len(set(keys))


def test_what_upstream_has_not_is_refused() -> None:
    for prefix, label, words in (
        ("echem", "ElectrochemicalTestingProcedure", "is deprecated"),
        ("emmo", "MolecularDynamics", "stands for 0 terms"),
        ("prov", "usedd", "has no"),
        ("schema", "nonsense", "has no"),
    ):
        row = {"ontology": prefix, "label": label, "symbols": "", "dimension": "", "factor": "",
               "note": ""}  # fmt: skip
        with pytest.raises(UnknownLabelError, match=words):
            make_terms.row(row)


def test_the_tree_holds_everything_above_every_term() -> None:
    graph = ontology()
    subjects_there = {str(s) for s in graph.subjects()}
    for entry in entries(*UPSTREAM, "labmesh"):
        assert vocabulary().superclasses(entry.iri) <= subjects_there, entry


CHEMICALS = [c for c in vars(chemistry).values() if isinstance(c, Chemical)]


@pytest.mark.parametrize("chemical", CHEMICALS, ids=lambda c: c.name)
def test_our_chemicals_are_upstreams(chemical: Chemical) -> None:
    label = vocabulary().chemical(chemical.inchikey, chemical.name)
    assert label is not None
    if chemical.inchikey:
        assert label == vocabulary().chemical(chemical.inchikey)
        assert re.sub(r"\W", "", chemical.name) == label.lower()


def test_an_inchikey_is_as_published() -> None:
    # Ethanol, lithium perchlorate (a proton less), L-alanine (with a stereo layer): PubChem.
    assert inchikey("InChI=1S/C2H6O/c1-2-3/h3H,2H2,1H3") == "LFQSCWFLJHTTHZ-UHFFFAOYSA-N"
    perchlorate = "InChI=1S/ClHO4.Li/c2-1(3,4)5;/h(H,2,3,4,5);/q;+1/p-1"
    assert inchikey(perchlorate) == "MHCFAGZWMAWTNR-UHFFFAOYSA-M"
    alanine = "InChI=1S/C3H7NO2/c1-2(4)3(5)6/h2H,4H2,1H3,(H,5,6)/t2-/m0/s1"
    assert inchikey(alanine) == "QNAYBMKLOCPYGJ-REOHCLBHSA-N"
    with pytest.raises(ValueError, match="no standard InChI"):
        inchikey("InChI=1/C2H6O/c1-2-3/h3H,2H2,1H3")

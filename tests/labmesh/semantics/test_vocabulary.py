from __future__ import annotations

import re

import pytest

from labmesh.semantics import vocabulary
from messages.errors import UnknownTermError


@pytest.mark.parametrize(
    ("words", "label"),
    [
        ("ionic conductivity", "IonicConductivity"),
        ("LiPF6", "LithiumHexafluorophosphate"),
        ("lithium hexafluorophosphate", "LithiumHexafluorophosphate"),
        ("coin cells", "CoinCell"),
        ("capacity", "Capacity"),
        ("mole fraction", "AmountFraction"),
        ("temperature", "ThermodynamicTemperature"),
        ("viscosity", "DynamicViscosity"),
        ("EC", "EthyleneCarbonate"),
        ("AXPLOJNSKRXQPA-UHFFFAOYSA-N", "LithiumHexafluorophosphate"),
        ("1,3-dioxolan-2-one", "EthyleneCarbonate"),
        ("molecular dynamics", "MolecularDynamicsSimulation"),
        ("density", "Density"),
        ("end of life", "EndOfLifePrediction"),
        ("C rate", "CRate"),
        ("cell assembly", "CoinCellAssembly"),
        ("conductivity ionic", "IonicConductivity"),
    ],
)
def test_plain_words_find_their_term(words: str, label: str) -> None:
    assert vocabulary().find(words)[0].label == label


def test_words_like_no_name_find_nothing() -> None:
    assert vocabulary().find("zyx qwv") == ()
    assert vocabulary().find("") == ()


def test_sub_classes_are_ours_and_upstreams() -> None:
    known = vocabulary()
    below = {known.label(iri) for iri in known.subclasses(known.iri("IonicConductivity"))}
    assert below == {"IonicConductivity", "ElectrolyticConductivity"}
    assert known.is_a("MolecularDynamicsSimulation", "Simulation")
    assert not known.is_a("Simulation", "MolecularDynamicsSimulation")


def test_a_unit_agrees_with_a_quantity_of_its_dimension_alone() -> None:
    known = vocabulary()
    assert known.agree("Density", "kg/m3")
    assert known.agree("Density", "g/cm3")
    assert not known.agree("DynamicViscosity", "g/cm3")
    assert known.agree("AmountFraction", "1")


def test_an_unknown_term_names_the_nearest() -> None:
    with pytest.raises(UnknownTermError, match="nearest: IonicConductivity"):
        vocabulary().iri("IonicConductivitys")
    with pytest.raises(UnknownTermError, match="unit 'furlong' is not known"):
        vocabulary().unit("furlong")


def test_chemicals_have_a_class_by_key_name_or_formula() -> None:
    known = vocabulary()
    assert known.chemical("AXPLOJNSKRXQPA-UHFFFAOYSA-N") == "LithiumHexafluorophosphate"
    assert known.chemical(name="LiPF6") == "LithiumHexafluorophosphate"
    assert known.chemical("", "LiNi0.6Mn0.2Co0.2O2") == "LithiumNickelManganeseCobaltOxide622"
    assert known.chemical(name="water") == "Water"
    assert known.chemical("AAAAAAAAAAAAAA-UHFFFAOYSA-N", "unobtainium") is None
    assert known.chemical(name="temperature") is None
    assert known.chemical() is None


def test_words_and_labels_are_taken_apart_and_put_together() -> None:
    known = vocabulary()
    assert known.label(known.iri("IonicConductivity")) == "IonicConductivity"
    assert known.label("urn:labmesh:term:Unheard") == "Unheard"
    assert known.label("https://example.org/a#b") == "b"
    assert [c.exact for c in known.find("ionic conductivity")[:2]] == [True, False]
    assert {"IonicConductivity", "CoinCell"} <= known.keywords
    assert not {"schema:name", "hasOutput", "Kelvin"} & known.keywords


def test_every_label_is_found_by_itself_and_by_its_words() -> None:
    known = vocabulary()
    for entry in known.entries()[::10]:
        if ":" not in entry.label:
            words = re.sub(r"(?<=[a-z])(?=[A-Z0-9])", " ", entry.label).lower()
            assert known.find(entry.label)[0].label == entry.label
            assert known.find(words)[0].label == entry.label

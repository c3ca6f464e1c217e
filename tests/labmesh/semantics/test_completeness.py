"""Nothing goes into a ledger that a stranger could not understand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import pytest

from labmesh.node import capabilities_of, find_node, node_programs
from labmesh.semantics import gaps, vocabulary
from messages import catalogue
from messages.array import Array
from messages.campaign import CampaignPlan, CampaignProposal, PlanInput, ProposalInput
from messages.capabilities import CAPABILITIES
from messages.cycling_data import CyclingDataInput, CyclingDataOutput
from messages.ledger import (
    Capability,
    OfferChange,
    Request,
    Result,
    ResultAmendment,
    SampleState,
    StatusChange,
)
from messages.meaning import Term
from messages.model import Model, Real, Text, Unit
from messages.quantity import Density, InUnit, Quantity
from messages.schema import json_schema

catalogue.load()

NODES = Path(__file__).parents[3] / "nodes"

ENTRIES = (
    Request, Result, StatusChange, ResultAmendment, Capability, OfferChange, SampleState,
)  # fmt: skip
"""The bodies of the ledger's entries, by `messages.ledger.EntryKind`."""

TOLD_BY_NODES = (
    CyclingDataInput, CyclingDataOutput, PlanInput, CampaignPlan, ProposalInput, CampaignProposal,
)  # fmt: skip
"""Ends of capabilities that are not in the common vocabulary."""


@pytest.mark.parametrize("key", CAPABILITIES, ids="/".join)
def test_every_capability_says_what_it_takes_and_gives(key: tuple[str, str]) -> None:
    found = [gap for schema in CAPABILITIES[key].schemas for gap in gaps(schema)]
    assert not found, "\n".join(["", *map(str, found), "see docs/semantics.md"])


@pytest.mark.parametrize("model", [*ENTRIES, *TOLD_BY_NODES], ids=lambda m: m.__name__)
def test_every_entry_says_what_it_is(model: type[Model]) -> None:
    found = gaps(json_schema(model))
    assert not found, "\n".join(["", *map(str, found), "see docs/semantics.md"])


def test_every_process_that_a_node_names_is_one() -> None:
    named = {
        (path.name, label)
        for path in NODES.rglob("*.py")
        for label in re.findall(r'process="(\w+)"', path.read_text())
    }
    assert named, "no node names the process of a capability any more"
    assert not [(file, label) for file, label in named if not vocabulary().is_a(label, "Process")]


@pytest.mark.parametrize("key", CAPABILITIES, ids="/".join)
def test_every_capability_is_a_process(key: tuple[str, str]) -> None:
    for schema in CAPABILITIES[key].schemas:
        assert vocabulary().is_a(schema["term"], "Process"), schema["term"]


@pytest.mark.slow
def test_every_node_that_is_installed_offers_what_is_understood() -> None:
    found = [
        f"{name}: {gap}"
        for name in sorted(node_programs())
        for bound in capabilities_of(object.__new__(find_node(name))).values()
        for offer in [bound.offer({})]
        for gap in (*gaps(offer.parameters_schema), *gaps(offer.result_schema))
    ]
    assert not found, "\n".join(["", *found, "see docs/semantics.md"])


class Inner(Model):
    height: Annotated[Real, Unit("m"), Term("Length")]


class Broken(Model, term="Densimetry"):
    bare: Annotated[Real, Unit("kg/m3")]
    temperature_of_water: Text
    wrong_unit: Annotated[Real, Unit("Pa.s"), Term("Density")]
    wrong_quantity: Annotated[Quantity, InUnit("g/cm3"), Term("DynamicViscosity")]
    no_unit: Annotated[Real, Term("Density")]
    furlongs: Annotated[Real, Unit("furlong"), Term("Length")]
    unknown: Annotated[Real, Unit("kg/m3"), Term("Densitty")]
    astray: Annotated[Real, Unit("kg/m3"), Term("Density", "hasNothing")]
    no_relation: Annotated[Real, Unit("kg/m3"), Term("Density", "Volume")]
    no_quantity: Annotated[Real, Unit("1"), Term("CoinCell")]
    curves: tuple[Array, ...] = ()
    inner: Inner | None = None
    choice: Annotated[Text, Term("schema:name", values=(("a", "Nonsense"),))] = "a"
    by_name: dict[str, Annotated[Real, Unit("V")]] | None = None
    fine: Density | None = None


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("Broken.bare", "is a number without a term: Annotated[..., Term("),
        ("Broken.temperature_of_water", "says no term"),
        ("Broken.temperature_of_water", "perhaps Water"),
        ("Broken.wrong_unit", "but Density is T0 L-3 M+1 I0 Θ0 N0 J0"),
        ("Broken.wrong_quantity", "but DynamicViscosity is T-1 L-1 M+1 I0 Θ0 N0 J0"),
        ("Broken.no_unit", 'has no unit, as Density needs: Unit("...")'),
        ("Broken.furlongs", "unit 'furlong' has no IRI"),
        ("Broken.unknown", "'Densitty' is no term of the vocabulary"),
        ("Broken.astray", "'hasNothing' is no term of the vocabulary"),
        ("Broken.no_relation", "'Volume' is a class, and no relation"),
        ("Broken.no_quantity", "is a number, but CoinCell is no quantity"),
        ("Broken.curves", "is a number without a term"),
        ("Inner", 'class Inner(Model, term="...")'),
        ("Broken.choice", "'Nonsense' is no term of the vocabulary"),
        ("Broken.by_name", "is a number without a term"),
    ],
)
def test_a_gap_names_model_field_and_what_to_write(field: str, words: str) -> None:
    found = [str(gap) for gap in gaps(json_schema(Broken))]
    assert [line for line in found if line.startswith(f"{field}: ") and words in line], found


def test_what_is_said_well_is_no_gap() -> None:
    named = {gap.field for gap in gaps(json_schema(Broken))}
    assert "fine" not in named
    assert "height" not in named

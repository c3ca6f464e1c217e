"""Formulations as points: encodings, shares, stocks, and what constraints may speak of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.chemistry import DMC, EC, EMC, LIPF6, Formulation
from messages.errors import ConfigurationError
from messages.formulation_algebra import formulation_from, mole_to_mass
from nodes.optimiser import CampaignFile, load_campaign, make_strategy
from nodes.optimiser._constraint import allowed
from nodes.optimiser._encoding import MixtureEncoding
from nodes.optimiser._route import routes_of
from tests.nodes.optimiser.test_campaign import SHIPPED, SHIPPED_FOLDER

THREE: dict[str, Any] = {
    "name": "three",
    "objective": {"quantity": "conductivity", "method": "two_electrode", "output": "conductivity"},
    "encoding": "mixture",
    "mixture": {"balance": "EMC"},
    "space": {
        "EC": {"minimum": 0.1, "maximum": 0.7},
        "DMC": {"minimum": 0.0, "maximum": 0.7},
        "molality": {"unit": "mol/kg", "minimum": 0.2, "maximum": 1.5},
    },
    "fixed": {"temperature": 298.15},
    "budget": 5,
}


def campaign(**changes: Any) -> CampaignFile:
    return CampaignFile.model_validate({**THREE, **changes})


def encoding(plan: CampaignFile) -> MixtureEncoding:
    found = routes_of(plan)[""].encoding
    assert isinstance(found, MixtureEncoding)
    return found


@given(st.floats(0.1, 0.5), st.floats(0.0, 0.45), st.floats(0.2, 1.5))
def test_three_solvents_there_and_back(ec: float, dmc: float, molality: float) -> None:
    code = encoding(campaign())
    parameters = code.parameters((ec, dmc, molality))
    mixture = Formulation.model_validate(parameters["formulation"])
    assert [c.chemical for c in mixture.components] == [LIPF6, EC, DMC, EMC]
    mass = mole_to_mass(mixture)
    solvent = sum(mass.fraction(c) for c in (EC, DMC, EMC))
    assert mass.fraction(EC) / solvent == pytest.approx(ec, abs=1e-9)
    assert code.point(parameters) == pytest.approx((ec, dmc, molality), abs=1e-8)
    assert code.names == ("LiPF6", "EC", "DMC", "EMC")


def test_the_pair_is_the_same_in_both_encodings() -> None:
    plan = campaign(
        mixture={"balance": "EMC"},
        space={k: THREE["space"][k] for k in ("EC", "molality")},
    )
    ours = encoding(plan).formulation((0.3, 1.1))
    other = formulation_from(1.1, 0.3)
    assert [c.fraction for c in ours.components] == pytest.approx(
        [c.fraction for c in other.components]
    )


def test_a_mixture_of_another_chemical_is_no_point() -> None:
    code = encoding(campaign())
    foreign = Formulation.of({LIPF6: 1.0, EC: 5.0, EMC: 5.0}, "mole").model_dump(mode="json")
    assert code.point({"formulation": foreign}) is not None
    pc = {"smiles": "CC1COC(=O)O1", "name": "PC"}
    foreign["components"][1]["chemical"] = pc
    assert code.point({"formulation": foreign}) is None
    assert code.point({}) is None


def test_chemicals_of_ones_own() -> None:
    plan = campaign(
        mixture={
            "balance": "EMC",
            "chemicals": {"FEC": {"smiles": "C1C(OC(=O)O1)F", "molar_mass": 0.106052}},
        },
        space={
            "FEC": {"minimum": 0.0, "maximum": 0.1},
            "EC": {"minimum": 0.1, "maximum": 0.5},
        },
    )
    formulation = encoding(plan).formulation((0.05, 0.3))
    assert formulation.components[0].chemical.smiles == "C1C(OC(=O)O1)F"
    assert LIPF6.key not in {c.chemical.key for c in formulation.components}
    back = encoding(plan).point_of(formulation.model_dump(mode="json"))
    assert back == pytest.approx((0.05, 0.3))


def test_no_proposal_has_more_solvent_than_there_is() -> None:
    plan = campaign(constraints=[{"coefficients": {"mole.LiPF6": 1.0}, "maximum": 0.08}])
    strategy = make_strategy(plan.build_problem(1), plan.strategy)
    code = encoding(plan)
    for suggestion in strategy.ask(12, (), 0):
        assert suggestion.point[0] + suggestion.point[1] <= 1 + 1e-9
        assert code.formulation(suggestion.point).fraction(LIPF6) <= 0.08 + 1e-9


@pytest.mark.parametrize(
    ("section", "point", "fine"),
    [
        ({"coefficients": {"mass.EC": 1.0}, "maximum": 0.25}, (0.3, 1.4), True),
        ({"coefficients": {"mass.EC": 1.0}, "maximum": 0.25}, (0.3, 0.5), False),
        ({"coefficients": {"mole.EC": 1.0, "mole.EMC": -1.0}, "minimum": 0.0}, (0.45, 1.0), False),
        ({"coefficients": {"mole.EC": 1.0, "mole.EMC": -1.0}, "minimum": 0.0}, (0.47, 1.0), True),
        ({"coefficients": {"w_ec": 1.0}, "minimum": 0.3}, (0.29, 1.0), False),
    ],
)
def test_constraints_on_shares(section: Any, point: tuple[float, float], fine: bool) -> None:
    # 0.3 EC with 1.4 mol/kg: 0.3 / (1 + 1.4 * 0.1519) = 0.247 of the mass.
    plan = CampaignFile.model_validate(
        {**SHIPPED.model_dump(mode="json"), "constraints": [section], "consume": {}}
    )
    (constraint,) = plan.build_constraints()
    assert constraint.allows(plan.build_space(), np.array([point])).tolist() == [fine]


def test_stocks_are_the_edge_that_was_derived_by_hand() -> None:
    plan = load_campaign(SHIPPED_FOLDER / "density_viscosity.yaml")
    space = plan.build_space()
    points = np.random.default_rng(0).uniform([0.05, 0.1], [0.49, 2.0], (300, 2))
    (stocks,) = plan.build_constraints()
    by_hand = points[:, 1] + 0.38 * points[:, 0] <= 1.60
    assert (stocks.allows(space, points) == by_hand).all()
    assert not stocks.allows(space, np.array([[0.51, 0.5]]))[0]
    corner = np.array([[0.5, 1.4]])
    assert allowed(space, plan.build_constraints(), corner)[0]


def test_the_formulation_may_lie_deeper() -> None:
    plan = load_campaign(SHIPPED_FOLDER / "eol.yaml")
    assert plan.objective.reduce == "mean"
    code = encoding(plan.model_copy(update={"fixed": {
        **plan.fixed, "battery_chemistry": {"cathode": {"area": 1.5e-4}},
    }}))  # fmt: skip
    parameters = code.parameters((0.35, 1.22))
    chemistry = parameters["battery_chemistry"]
    assert chemistry["cathode"] == {"area": 1.5e-4}
    assert set(chemistry) == {"cathode", "electrolyte"}
    assert parameters["number_cells"] == 8
    assert code.point(parameters) == pytest.approx((0.35, 1.22))
    chemistry["anode"] = None
    assert code.point(parameters) is not None, "what the worker adds does not matter"
    assert code.point({**parameters, "number_cells": 4}) is None
    chemistry["cathode"]["area"] = 1.0
    assert code.point(parameters) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mixture": None}, "encoding mixture and the section mixture need one another"),
        ({"mixture": {"balance": "XYZ"}}, "XYZ is neither molality nor a chemical that is known"),
        ({"mixture": {"balance": "EC"}}, "EC is the balance, and has no dimension"),
        ({"constraints": [{"coefficients": {"mole.PC": 1.0}, "maximum": 1}]}, "'mole.PC'"),
        ({"constraints": [{"coefficients": {"EC": 1.0}}]}, "has a minimum or a maximum"),
        ({"stocks": [{"EC": 0.1}]}, "a stock lacks the dimension DMC"),
        ({"stocks": [{"EC": 0.1, "DMC": 0.1, "molality": 1.0}]}, "1 stocks span no part"),
        ({"fidelities": [{"name": "a", "quantity": "q", "method": "m", "cost": 1}] * 2},
         "two fidelities are called a"),
        ({"objectives": []}, "give objective or objectives, not both"),
    ],
)  # fmt: skip
def test_mistakes(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        campaign(**changes)


def test_objectives_of_two_results(tmp_path: Path) -> None:
    first = THREE["objective"]
    both = {k: v for k, v in THREE.items() if k != "objective"}
    with pytest.raises(ValueError, match="one quantity and one method"):
        CampaignFile.model_validate({**both, "objectives": [first, {**first, "method": "other"}]})
    fan = {**first, "output": "a[*].b"}
    with pytest.raises(ValueError, match="a path that fans out needs reduce"):
        campaign(objective=fan)
    file = tmp_path / "c.yaml"
    file.write_text(
        "name: a\nobjective: {quantity: q, method: m, output: 'a[*]'}\n"
        "space: {x: {minimum: 0, maximum: 1}}\nbudget: 1\nstocks: [{x: 1}]\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigurationError, match=r"c\.yaml:2: objective: a path that fans out"):
        load_campaign(file)

"""The node, with orders handed to it directly; OpenMM for real."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from pathlib import Path

import jsonschema_rs
import pytest

from labmesh import OrderError
from messages.capabilities import CAPABILITIES
from messages.chemistry import EC, EMC, PC, Chemical, Component, Formulation
from messages.errors import MissingProgramError
from messages.formulation_algebra import formulation_from, molality_and_w_ec
from messages.simulation import (
    RadialDistributionInput,
    SimulatedConductivityInput,
    SimulatedDensityInput,
)
from nodes.dynamics import DynamicsNode, DynamicsParameters, RunFolder
from tests.nodes.dynamics.conftest import TINY, Desk, Start, computing, put

MIXTURE = formulation_from(1.0, 0.5)
DENSITY = SimulatedDensityInput(formulation=MIXTURE)


async def test_one_run_serves_all_three(start: Start, desk: Desk, whole: RunFolder) -> None:
    async with start() as node:
        put(whole, node, segments=11)
        first = desk.order(DENSITY)
        density = await node.density(first)
        second = desk.order(SimulatedConductivityInput(formulation=MIXTURE), "conductivity")
        conductivity = await node.conductivity(second)
        third = desk.order(RadialDistributionInput(formulation=MIXTURE, temperature=298.15), "rdf")
        rdf = await node.distribution(third)
        (folder,) = (node.data_dir / "runs").iterdir()
    assert [o.notes["run_reused"] for o in (first, second, third)] == [False, True, True]
    assert {o.notes["run"] for o in (first, second, third)} == {folder.name}
    assert first.recipe is not None
    assert first.recipe.model == f"molecular dynamics {folder.name}"
    assert first.recipe.seeds == (first.notes["integrator"]["seed"],)
    assert first.recipe.initial_parameters["temperature"] == 298.15
    assert conductivity.density == density.density
    assert conductivity.rdf is not None
    assert density.conductivity is None, "a quick run knows none"
    assert density.repeats is None
    assert conductivity.rdf.pair_title == rdf.pair_title

    counts = density.number_molecules_per_component
    assert counts is not None
    made = molality_and_w_ec(density.run_info.formulation)
    assert made == pytest.approx((first.notes["molality"], first.notes["w_ec"]))
    assert first.story()["parameters"]["length"] == "quick"
    assert first.story()["parameters"]["formulation"] == density.run_info.formulation.model_dump()
    assert "quick" in first.notes["fidelity"]
    assert first.notes["force_field"]["charge_scale"] == 0.75
    assert first.notes["computed"]["platforms"] == ["CPU"]
    assert first.notes["computed"]["openmm"][0].startswith("8.")
    assert {a.split(".")[1] for a in desk.attached} == {"pdb", "xml", "csv"}
    assert desk.attached["rdf.csv"].startswith(b"radius_m,Li-O(EC) g")
    assert [p.text for p in desk.said if "segment 11 of" in p.text]


async def test_a_quick_run_says_how_little_it_knows(
    start: Start, desk: Desk, whole: RunFolder
) -> None:
    async with start() as node:
        put(whole, node)
        order = desk.order(SimulatedConductivityInput(formulation=MIXTURE))
        output = await node.conductivity(order)
    rating = order.story()["rating"]
    assert rating.rating <= 1
    assert rating.success
    assert "see no diffusion" in rating.reason
    value = output.conductivity
    assert value.uncertainty is not None
    assert value.uncertainty > 0.6 * value.value, "it could be anything"
    assert value.quality == rating
    assert output.density is not None
    assert output.density.quality is not None
    assert output.density.quality.rating <= 2
    assert output.density.uncertainty is not None
    assert output.density.uncertainty > 0.02 * output.density.value
    transport = order.notes["convergence"]["transport"]
    assert transport["bounds_S_per_m"][0] < 0.2 * transport["bounds_S_per_m"][1]
    assert "too low by about this much" in transport["finite_size"]


@pytest.mark.slow
async def test_solvents_without_salt_have_a_density_alone(start: Start, desk: Desk) -> None:
    plain = Formulation.of({EC: 0.4, EMC: 0.6})
    async with start(quick=TINY | {"molecules": 8, "transport": 0.0}) as node:
        output = await node.density(desk.order(SimulatedDensityInput(formulation=plain)))
        with pytest.raises(OrderError, match="no lithium"):
            await node.distribution(
                desk.order(RadialDistributionInput(formulation=plain, temperature=298.15))
            )
        with pytest.raises(OrderError, match="there is no conductivity"):
            await node.conductivity(desk.order(SimulatedConductivityInput(formulation=plain)))
    assert output.rdf is None
    assert output.conductivity is None


async def test_a_cancelled_order_leaves_no_process_and_the_next_goes_on(
    start: Start, desk: Desk, whole: RunFolder
) -> None:
    async with start() as node:
        put(whole, node, segments=1)
        task = asyncio.create_task(node.density(desk.order(DENSITY)))
        async with asyncio.timeout(30):
            while not list((node.data_dir / "runs").glob("*/segment-00001.npz")):
                await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not computing()
        again = Desk()
        await node.density(again.order(DENSITY))
    assert not any("segment 1 of" in progress.text for progress in again.said)


async def test_what_cannot_be_done_fails_in_words(start: Start, desk: Desk) -> None:
    async with start(platform="OpenCL") as node:
        with pytest.raises(OrderError, match="no platform OpenCL here that works") as error:
            await node.density(desk.order(DENSITY))
        assert error.value.where == "platform"
        strange = SimulatedDensityInput(formulation=Formulation.of({PC: 1.0}))
        with pytest.raises(OrderError, match="no force field here"):
            await node.density(desk.order(strange))
    async with start(lengths=["quick"]) as node:
        with pytest.raises(OrderError, match="production runs are not done here"):
            await node.density(
                desk.order(SimulatedDensityInput(formulation=MIXTURE, length="production"))
            )


async def test_the_ledger_refuses_what_no_box_can_hold(start: Start) -> None:
    async with start(lengths=["quick"]) as node:
        limits = jsonschema_rs.validator_for(node.limitations("density", "molecular_dynamics"))
    stranger = Formulation(
        components=(Component(chemical=Chemical(name="water"), fraction=1.0),),
        fraction_type="mole",
    )
    assert limits.is_valid(DENSITY.model_dump())
    for change in (
        {"formulation": stranger},
        {"formulation": Formulation.of({PC: 1.0})},
        {"temperature": 200.0},
        {"length": "production"},
    ):
        assert not limits.is_valid(DENSITY.model_copy(update=change).model_dump()), change


async def test_without_openmm_the_node_says_what_is_missing(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingProgramError) as error:
        async with start():
            pass
    assert "pip install 'labmesh[md]'" in error.value.remedy


async def test_the_run_that_was_used_longest_ago_is_forgotten(
    start: Start, desk: Desk, whole: RunFolder
) -> None:
    async with start(keep=1) as node:
        put(whole, node)
        runs = node.data_dir / "runs"
        for name in ("old", "older"):
            (runs / name).mkdir(parents=True)
        await node.density(desk.order(DENSITY))
        assert len(list(runs.iterdir())) == 1


def test_the_node_serves_what_the_vocabulary_says() -> None:
    assert DynamicsNode.density.__annotations__
    for key in (
        ("conductivity", "molecular_dynamics"),
        ("density", "molecular_dynamics"),
        ("radial_density_function", "molecular_dynamics"),
    ):
        assert "length" in CAPABILITIES[key].input.model_fields


def test_parameters_are_cheap_and_consistent() -> None:
    with pytest.raises(ValueError, match="length production is not one of lengths"):
        DynamicsParameters(length="production", lengths=("quick",))
    with pytest.raises(ValueError, match="sample is not between"):
        DynamicsParameters.model_validate(
            {"quick": DynamicsParameters().quick.model_dump() | {"sample": 1e-20}}
        )


async def test_importing_the_node_does_not_import_openmm(tmp_path: Path) -> None:
    code = "import sys, nodes.dynamics as d; d.DynamicsNode; sys.exit('openmm' in sys.modules)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    assert await process.wait() == 0

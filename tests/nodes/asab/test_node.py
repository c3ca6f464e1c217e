from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import jsonschema_rs
import numpy as np
import pytest

from labmesh import LabmeshError, NoArguments, OrderError, OrderVoidError
from labmesh.clock import ManualClock
from messages.capabilities import CAPABILITIES
from messages.chemistry import DMC, EC, EMC, LIPF6, Chemical, Component, Formulation
from messages.electrolyte import ConductivityInput, DensityInput, ElectrolyteInput
from messages.errors import CallRefusedError, ConfigurationError
from messages.formulation_algebra import formulation_from, molality_and_w_ec
from messages.node import Level
from nodes.asab import AsabNode, AsabParameters, PlanInput, RefillInput
from nodes.asab._conductivity import conductivity
from nodes.asab._laws_rig import LawsRig
from nodes.asab._line import Line
from nodes.asab._stock_samples import sample_of
from tests.nodes.asab.conftest import Desk, Start

GOOD = ConductivityInput(formulation=formulation_from(1.0, 0.3))
ONE_BATCH = 3e-6


async def levels(node: AsabNode) -> dict[str, float]:
    return {s.name: s.volume for s in (await node.stock_levels(NoArguments())).stocks}


def line_of(node: AsabNode) -> Line:
    assert isinstance(node._rig, LawsRig)
    return node._rig.line


def level_of(node: AsabNode) -> Level:
    return node._diagnostics["stocks"].level


async def test_a_conductivity(start: Start, desk: Desk) -> None:
    async with start() as node:
        order = desk.order(GOOD)
        output = await node.conductivity(order)
    value = output.conductivity
    assert value.unit == "S/m"
    assert value.uncertainty is not None
    assert abs(value.value - conductivity(1.0, 0.3, 298.15)) < 4 * value.uncertainty
    assert 0.003 < value.uncertainty / value.value < 0.01
    assert output.repeats is not None
    assert np.mean(output.repeats) == pytest.approx(value.value)
    assert len(output.repeats) == 3
    assert molality_and_w_ec(output.run_info.formulation) == pytest.approx((1.0, 0.3), rel=2e-3)
    assert "simulated" in output.run_info.internal_reference
    story = order.story()
    assert story["rating"].rating == 5
    assert "simulated" in story["rating"].reason
    assert story["parameters"]["formulation"] == output.run_info.formulation.model_dump()
    notes = order.notes
    assert sum(notes["stock_volumes"].values()) == pytest.approx(ONE_BATCH, abs=4e-9)
    assert notes["simulated_instrument"] == "ASAB"
    assert notes["law"]["conductivity"]["relative_accuracy"] == 0.05
    [step] = story["samples"]
    assert (step.state, step.label, step.location) == (0, "measured", "waste")
    assert set(step.parents) == {
        sample_of(stock) for stock in node._stocks if notes["stock_volumes"][stock.name] > 0
    }
    assert step.properties["simulated"] is True
    assert output.run_info.formulation_info is not None
    assert output.run_info.formulation_info.sample == step.sample


async def test_a_density_and_a_viscosity(start: Start, desk: Desk) -> None:
    async with start() as node:
        order = desk.order(DensityInput(formulation=formulation_from(1.0, 0.3), temperature=300.0))
        output = await node.density(order)
    assert output.density.value == pytest.approx(1184, rel=0.02)
    assert output.viscosity is not None
    assert output.viscosity.value == pytest.approx(2.6e-3, rel=0.25)
    assert output.viscosity.quality is not None
    assert output.viscosity.quality.rating == 2
    assert "good to 15% only" in output.viscosity.quality.reason
    assert output.viscosity_repeats is not None
    assert order.story()["rating"].rating == 5
    assert order.notes["law"]["viscosity"]["relative_accuracy"] == 0.15


async def test_a_dry_run_books_nothing_and_makes_no_sample(start: Start, desk: Desk) -> None:
    async with start(dry_run=True) as node:
        full = await levels(node)
        order = desk.order(GOOD)
        await node.conductivity(order)
        assert await levels(node) == full
    assert order.story()["samples"] == ()
    assert order.story()["rating"].reason.startswith("dry run")


async def test_an_electrolyte(start: Start, desk: Desk) -> None:
    async with start() as node:
        order = desk.order(ElectrolyteInput(formulation=formulation_from(1.2, 0.4), volume=5e-6))
        output = await node.electrolyte(order)
    assert output.volume.value == pytest.approx(5e-6, abs=4e-9)
    assert output.volume.uncertainty is not None
    [step] = order.story()["samples"]
    assert output.location.text == step.location == f"kit / {node.id.node} / outlet vial"
    assert step.properties["simulated"]
    assert (step.sample, step.label, step.state) == (output.sample, "formulated", 0)
    used = {bottle["name"]: bottle["volume"] for bottle in step.properties["stocks"]}
    assert sum(used.values()) == pytest.approx(output.volume.value)
    assert order.story()["parameters"]["volume"] == output.volume.value


async def test_outside_the_data_the_rating_says_so(start: Start, desk: Desk) -> None:
    async with start() as node:
        order = desk.order(ConductivityInput(formulation=formulation_from(1.0, 0.1)))
        await node.conductivity(order)
        solvent = desk.order(ConductivityInput(formulation=Formulation.of({EC: 0.2, EMC: 0.8})))
        nothing = await node.conductivity(solvent)
    rating = order.story()["rating"]
    assert rating.rating == 2
    assert "extrapolated, w_EC 0.1001 is below 0.2 (Logan 2018" in rating.reason
    assert order.notes["law"]["conductivity"]["extrapolated"]
    assert nothing.conductivity.value == 0.0
    assert solvent.story()["rating"].rating == 0


async def values(node: AsabNode, desk: Desk, points: list[float], campaign: str) -> list[float]:
    found = []
    for molality in points:
        asked = ConductivityInput(formulation=formulation_from(molality, 0.3))
        output = await node.conductivity(desk.order(asked, campaign=campaign))
        found.append(output.conductivity.value)
    return found


async def test_the_same_seed_is_the_same_campaign(start: Start, desk: Desk, tmp_path: Path) -> None:
    points = [0.8, 1.0, 1.0, 1.2, 1.0]
    runs = []
    for folder, seed in (("a", 3), ("b", 3), ("c", 4)):
        async with start(folder=tmp_path / folder, seed=seed) as node:
            runs.append(await values(node, desk, points, "c"))
    assert runs[0] == runs[1]
    assert not set(runs[0]) & set(runs[2])
    # a formulation asked for again is another mixture and another reading
    assert len(set(runs[0])) == 5


async def test_a_campaign_that_goes_on_after_a_restart_is_the_same(
    start: Start, desk: Desk, tmp_path: Path
) -> None:
    points = [0.8, 1.0, 1.0, 0.8, 1.0]
    async with start(folder=tmp_path / "whole") as node:
        whole = await values(node, desk, points, "c")
    async with start(folder=tmp_path / "parts") as node:
        first = await values(node, desk, points[:2], "c")
        await values(node, desk, [1.0], "another-campaign")
    async with start(folder=tmp_path / "parts") as node:
        rest = await values(node, desk, points[2:], "c")
    assert first + rest == whole


async def test_the_order_of_different_requests_does_not_matter(
    start: Start, desk: Desk, tmp_path: Path
) -> None:
    async with start(folder=tmp_path / "a") as node:
        forwards = await values(node, desk, [0.8, 1.0, 1.2], "c")
    async with start(folder=tmp_path / "b") as node:
        backwards = await values(node, desk, [1.2, 1.0, 0.8], "c")
    assert forwards == backwards[::-1]


async def test_a_retry_gives_the_same_numbers_and_takes_new_liquid(
    start: Start, desk: Desk
) -> None:
    request = uuid4()
    async with start() as node:
        first, second = desk.order(GOOD, request=request), None
        before = await node.conductivity(first)
        await node.conductivity(desk.order(GOOD))
        taken = sum((await levels(node)).values())
        second = desk.order(GOOD, request=request, attempt=2)
        after = await node.conductivity(second)
        assert taken - sum((await levels(node)).values()) == pytest.approx(ONE_BATCH, abs=4e-9)
    assert after.conductivity == before.conductivity
    assert first.story()["samples"][0].sample != second.story()["samples"][0].sample


async def test_bottles_empty_are_refused_refilled_and_survive_a_restart(
    start: Start, desk: Desk
) -> None:
    small: dict[str, Any] = {"stock_volume": 4e-6, "stock_warning": 2e-6}
    emc = ConductivityInput(formulation=Formulation.of({EMC: 1.0}))
    async with start(**small) as node:
        assert level_of(node) is Level.OK
        await node.conductivity(desk.order(emc))
        assert (await levels(node))["emc"] == pytest.approx(1e-6)
        assert level_of(node) is Level.WARN
        assert "nearly empty: emc" in node._diagnostics["stocks"].message
    async with start(**small) as node:
        said = len(desk.said)
        with pytest.raises(OrderError, match=r"stock emc holds 1\.000 mL and 3\.000 mL") as caught:
            await node.conductivity(desk.order(emc))
        assert "refill" in caught.value.remedy
        assert len(desk.said) == said
        assert (await levels(node))["emc"] == pytest.approx(1e-6)
        answer = await node.stock_refill(RefillInput(stock="emc"))
        assert {s.name: s.volume for s in answer.stocks}["emc"] == 4e-6
        assert level_of(node) is Level.OK
        await node.conductivity(desk.order(emc))
        await node.stock_refill(RefillInput(stock="emc", volume=2e-6))
        assert (await levels(node))["emc"] == 2e-6
        with pytest.raises(CallRefusedError, match="no stock 'water'"):
            await node.stock_refill(RefillInput(stock="water"))


async def test_the_default_bottles_serve_several_campaigns() -> None:
    p = AsabParameters()
    assert p.stock_volume / p.sample_volume > 4 * 60


async def test_an_infeasible_formulation_moves_nothing(start: Start, desk: Desk) -> None:
    async with start() as node:
        full = await levels(node)
        asked = ConductivityInput(formulation=formulation_from(2.5, 0.8))
        with pytest.raises(OrderError, match="nearest feasible one is"):
            await node.conductivity(desk.order(asked))
        assert await levels(node) == full
        assert not desk.said


async def test_a_plan_moves_nothing(start: Start) -> None:
    async with start() as node:
        full = await levels(node)
        good = await node.formulation_plan(PlanInput(formulation=formulation_from(1.0, 0.3)))
        assert good.feasible
        assert sum(good.volumes.values()) == pytest.approx(ONE_BATCH, abs=4e-9)
        bad = await node.formulation_plan(PlanInput(formulation=formulation_from(2.5, 0.8)))
        assert not bad.feasible
        assert "nearest feasible one is" in bad.reason
        assert (await node.formulation_plan(PlanInput(formulation=bad.formulation))).feasible
        tiny = PlanInput(formulation=formulation_from(1.0, 0.3), volume=1e-10)
        assert "resolution of the pumps" in (await node.formulation_plan(tiny)).reason
        with pytest.raises(OrderError, match="no stock solution with dimethyl carbonate"):
            await node.formulation_plan(PlanInput(formulation=Formulation.of({DMC: 1.0})))
        assert await levels(node) == full


async def test_a_request_takes_about_a_quarter_of_an_hour(start: Start, desk: Desk) -> None:
    async with start(**AsabParameters().model_dump()) as node:
        clock = ManualClock()
        line_of(node)._clock = clock
        begun = clock.now()
        task = asyncio.create_task(node.conductivity(desk.order(GOOD)))
        while not task.done():
            await clock.advance(10)
            # booking goes to a thread; let it come back before time goes on
            await asyncio.sleep(0.002)
        await task
    minutes = (clock.now() - begun) / 60e9
    assert 10 <= minutes <= 15
    words = [progress.text for progress in desk.said]
    assert words[0].startswith("mixing 1.")
    assert words[1:] == [
        "measuring conductivity, 1 of 3",
        "measuring conductivity, 2 of 3",
        "measuring conductivity, 3 of 3",
        "cleaning",
    ]
    fractions = [progress.fraction for progress in desk.said]
    assert fractions == sorted(fractions, key=float)  # type: ignore[arg-type]


async def test_a_retracted_order_stops_and_leaves_a_clean_line(start: Start, desk: Desk) -> None:
    async with start(conductivity_duration=300.0) as node:
        clock = ManualClock()
        line_of(node)._clock = clock
        order = desk.order(GOOD)
        task = asyncio.create_task(node.conductivity(order))
        while not desk.said or "1 of 3" not in desk.said[-1].text:
            await asyncio.sleep(0.002)
            await clock.advance(0)
        order.void("not needed any more")
        await clock.advance(30)
        with pytest.raises(OrderVoidError, match="not needed"):
            await asyncio.wait_for(task, 10)
        assert line_of(node).inventory.dirty == ""
        assert len(desk.said) == 2


async def test_what_was_left_in_the_line_is_cleaned_first(start: Start, desk: Desk) -> None:
    lost = uuid4()
    async with start(clean_duration=0.0) as node:
        line_of(node).inventory.take(lost, "c", "f", {"emc": 3e-6})
    async with start() as node:
        assert str(lost) in node._diagnostics["line"].message
        before = await levels(node)
        assert before["emc"] == pytest.approx(1e-3 - 3e-6)
        assert not desk.said
        await node.conductivity(desk.order(GOOD))
        assert desk.said[0].text == "cleaning what an earlier order left"
        async with asyncio.timeout(10):
            while node._diagnostics["line"].message != "clean":
                await asyncio.sleep(0.01)
        desk.said.clear()
        await node.conductivity(desk.order(GOOD))
        assert desk.said[0].text.startswith("mixing")


def accepted(node: AsabNode, quantity: str, method: str, parameters: dict[str, Any]) -> bool:
    schema = node._capabilities[quantity, method].offer(node.limitations(quantity, method))
    return jsonschema_rs.validator_for(schema.limitations).is_valid(parameters)


def plain(formulation: Formulation, **rest: float) -> dict[str, Any]:
    return {"formulation": formulation.model_dump(mode="json"), **rest}


async def test_the_offers_say_what_is_possible_here(start: Start) -> None:
    good = formulation_from(1.0, 0.3)
    strange = Formulation.of({LIPF6: 0.1, DMC: 0.9})
    nameless = Formulation(
        components=(Component(chemical=Chemical(name="EMC"), fraction=1.0),), fraction_type="mole"
    )
    async with start(highest_temperature=310.0) as node:
        for quantity, method in (
            ("conductivity", "two_electrode"),
            ("density", "vibrating_tube_densimetry"),
        ):
            assert accepted(node, quantity, method, plain(good, temperature=298.15))
            assert accepted(node, quantity, method, plain(good))
            assert not accepted(node, quantity, method, plain(good, temperature=320.0))
            assert not accepted(node, quantity, method, plain(good, temperature=250.0))
            assert not accepted(node, quantity, method, plain(strange))
            assert not accepted(node, quantity, method, plain(nameless))
        flow = ("electrolyte", "flow")
        assert accepted(node, *flow, plain(good, volume=5e-6))
        assert not accepted(node, *flow, plain(good, volume=1e-3))
        for key, bound in node._capabilities.items():
            known = CAPABILITIES[key]
            assert (bound.parameters, bound.result) == (known.input, known.output)
            assert bound.spec.simulated
            assert bound.spec.worker == "instrument"
            assert bound.spec.resource == "flow"
            assert bound.description.startswith("Simulated")


async def test_parameters_can_change_but_not_the_bottles(start: Start, desk: Desk) -> None:
    async with start() as node:
        before = node.parameters
        with pytest.raises(LabmeshError, match="stocks_file cannot change"):
            await node.on_parameters(before, before.model_copy(update={"stocks_file": "x.yaml"}))
        first = await node.conductivity(desk.order(GOOD, campaign="x"))
        await node.on_parameters(before, before.model_copy(update={"seed": 99}))
        second = await node.conductivity(desk.order(GOOD, campaign="y"))
    assert first.conductivity.value != second.conductivity.value


async def test_a_wrong_stocks_file_keeps_the_node_out(start: Start, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        async with start(stocks_file=str(tmp_path / "nowhere.yaml")):
            pass


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"lowest_temperature": 400.0}, "lowest_temperature is above"),
        ({"smallest_volume": 1.0}, "smallest_volume is above"),
        ({"repeats": 0}, "repeats"),
        ({"sed": 1}, "did you mean seed"),
    ],
)
async def test_wrong_parameters_are_named(
    start: Start, changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(ConfigurationError, match=named):
        async with start(**changes):
            pass

"""The workflows that come with Labmesh, from request to answer, with a laboratory made up here."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid5

import numpy as np
import pytest

from messages.cell import BatteryChemistry, CellInfo
from messages.chemistry import RunInfo
from messages.degradation import (
    DegradationModelOutput,
    DegradationWorkflowInput,
    DegradationWorkflowOutput,
    EndOfLife,
)
from messages.envelope import pack, unpack
from messages.formulation_algebra import formulation_from
from messages.ledger import FromState, Rating, SampleStep, Status
from messages.quantity import Quantity
from nodes.overlort import Workflow, load_workflow
from nodes.overlort._facts import Submission
from nodes.overlort._picture import Picture
from nodes.overlort._schemas import MOST_BYTES, EndsOf
from tests.nodes.overlort.worlds import World

FOLDER = Path(__file__).parents[3] / "launch" / "workflows"
FORMULATION = formulation_from(molality=1.0, w_ec=0.4)


def shipped(name: str) -> Workflow:
    return load_workflow(FOLDER / f"{name}.workflow.yaml")[0]


def plain(model: Any) -> dict[str, Any]:
    return dict(unpack(pack(model.model_dump())))


def cells(due: Submission, scrapped: set[int]) -> dict[str, Any]:
    count = due.parameters["batch_size"]
    return {
        "batch_id": "batch-1",
        "batch_output": [
            {
                "cell_info": {"sample": f"cell-{due.id}-{n:02}"},
                "rating": {"success": n not in scrapped, "rating": 4, "reason": "no cap"},
            }
            for n in range(count)
        ],
    }


def prediction(due: Submission) -> dict[str, Any]:
    many = np.linspace(7.7e-3, 6e-3, 2000)
    return plain(
        DegradationModelOutput(
            run_info=RunInfo(formulation=FORMULATION, internal_reference="a run"),
            prediction=EndOfLife(
                end_of_life=Quantity.of(800.0 + due.item, "1", 40.0),
                capacity_trajectory=many,
                capacity_trajectory_uncertainty=many / 100,
                trajectory_cycles=np.arange(2000, dtype="<f8"),
                interval_low=700.0,
                interval_high=900.0,
                in_domain=False,
                model="trajectory 0123456789abcdef",
                rating=Rating(success=True, rating=3, reason="so it is " * 30),
                cell_info=CellInfo(sample=due.parameters["cell_info"]["sample"]),
            ),
        )
    )


def run(world: World, *, scrapped: set[int], broken: set[int]) -> Picture:
    """Let everything come through but the cells that are named."""
    for _ in range(40):
        picture = world.step()
        if picture.settled:
            return picture
        for due in world.open():
            match due.key:
                case "reserve":
                    data: Any = {"success": True, "reservation_id": "r-1"}
                case "formulate":
                    data = {
                        "sample": "vial-1", "location": {"address": "kit", "detail_1": "ASAB"},
                        "run_info": plain(RunInfo(formulation=FORMULATION, internal_reference="x")),
                    }  # fmt: skip
                    birth = SampleStep(sample="vial-1", kind="electrolyte", state=0, label="mixed")
                    world.end(due.id, Status.RESOLVED, data=data, rating=5, samples=(birth,))
                    continue
                case "measure":  # nothing depends on it
                    world.end(due.id, Status.FAILED, failure="the cell is dirty")
                    continue
                case "carry_vial" | "carry_cells":
                    moved = tuple(
                        SampleStep(sample=name, kind="x", state=1, expects_state=0, label="y")
                        for name in due.parameters["samples"]
                    )
                    world.end(due.id, Status.RESOLVED, data={"success": True}, samples=moved)
                    continue
                case "assemble":
                    data = cells(due, scrapped)
                case "cycle":
                    if due.item in broken:
                        world.end(due.id, Status.FAILED, failure="it is short-circuited")
                        continue
                    data = {}
                case _:
                    data = prediction(due)
            world.end(due.id, Status.RESOLVED, data=data)
    raise AssertionError("it does not come to an end")


def eol(**asked: Any) -> World:
    workflow = shipped("eol")
    chemistry = BatteryChemistry(electrolyte=FORMULATION)
    request = DegradationWorkflowInput(battery_chemistry=chemistry, **asked)
    ends = EndsOf(workflow)
    world = World(workflow, ends.filled(plain(request)))
    world.engine = world.engine.__class__(
        world.engine._compiled, world.engine._request, ends.answer
    )
    return world


def test_eol_from_a_chemistry_to_predictions() -> None:
    world = eol(number_cells=8)
    picture = run(world, scrapped={6}, broken={2, 5})
    assert picture.verdict is None, picture.verdict
    answer = DegradationWorkflowOutput.model_validate(picture.answer)
    assert [p.end_of_life.value for p in answer.predictions] == [800, 801, 803, 804, 807]
    assert [c.outcome for c in answer.cells] == [
        "predicted", "predicted", "not_cycled", "predicted", "predicted", "not_cycled",
        "not_assembled", "predicted",
    ]  # fmt: skip
    assert [c.reason for c in answer.cells if c.reason] == [
        "it is short-circuited", "it is short-circuited", "no cap"
    ]  # fmt: skip
    assert (answer.electrolyte, answer.batch_id) == ("vial-1", "batch-1")
    assert all(p.trajectory_cycles is not None for p in answer.predictions)
    assert answer.predictions[0].trajectory_cycles is not None
    assert answer.predictions[0].trajectory_cycles[[0, -1]].tolist() == [0, 1999]
    assert picture.rating is not None
    assert (picture.rating.rating, picture.rating.reason) == (
        3, "5 of 8 cells came through, 4 were needed"
    )  # fmt: skip

    asked = {f"{due.key}[{due.item}]": due for due in world.asked.values()}
    assert asked["assemble[0]"].from_state == FromState(sample="vial-1", state=1)
    carried = asked["carry_cells[0]"].parameters["samples"]
    assert len(carried) == 7, "what was scrapped stays"
    assert asked["cycle[0]"].from_state == FromState(sample=carried[0], state=1)
    assert "cycle[6]" not in asked
    ours = world.subs[asked["cycle[3]"].id].result
    assert ours is not None
    assert asked["predict[3]"].parameters["cycling_result"] == str(ours.id)
    assert ours.id == uuid5(asked["cycle[3]"].id, "result")


def test_eol_of_64_cells_fits_into_one_result() -> None:
    picture = run(eol(number_cells=64), scrapped=set(), broken=set())
    assert picture.verdict is None, picture.verdict
    assert len(pack(picture.answer)) < MOST_BYTES


@pytest.mark.parametrize(("least", "ends"), [(5, True), (6, False)])
def test_eol_says_how_many_cells_must_come_through(least: int, ends: bool) -> None:
    world = eol(number_cells=8, minimum_cells=least)
    picture = run(world, scrapped={6}, broken={2, 5})
    assert (picture.answer is not None) is ends
    if not ends:
        assert picture.verdict is not None
        assert picture.verdict.message == (
            "5 of 8 can come through, at least 6 must; item 2: it is short-circuited"
        )


def test_a_mixture_that_cannot_be_made_is_passed_on_word_for_word() -> None:
    world = eol()
    world.step()
    world.resolve("reserve", {"success": True, "reservation_id": "r-1"})
    words = "it cannot be mixed; the nearest feasible one is 1.38 mol/kg, w_EC 0.49"
    due = world.look().submit[0]
    world.refusals[due.id] = words
    world.step()
    assert world.verdict is not None
    assert world.verdict.message == words


def test_the_series_of_conductivities() -> None:
    workflow = shipped("conductivity_series")
    ends = EndsOf(workflow)
    world = World(workflow, ends.filled({"formulation": plain(FORMULATION)}))
    assert [d.parameters["temperature"] for d in world.step().submit] == [298.15, 303.15]

    def measured(due: Submission) -> dict[str, Any]:
        kelvin = due.parameters["temperature"]
        return {
            "temperature": {"value": kelvin, "unit": "K"},
            "conductivity": {"value": 0.9 + 0.02 * (kelvin - 298.15), "unit": "S/m"},
        }

    world.resolve("measure", measured, rating=4)
    world.step()
    world.end(world.open()[0].id, Status.FAILED, failure="no valid reading")
    picture = world.look()
    assert picture.answer is not None
    answer = ends.answer(picture.answer)
    assert [p["temperature"] for p in answer["points"]] == [298.15, 303.15]
    assert answer["missing"] == 1
    assert answer["slope"] == pytest.approx(0.02)
    assert picture.rating is not None
    assert picture.rating.rating == 4

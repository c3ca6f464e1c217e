"""A campaign about the end of life of cells: its table, pictures, and what it says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import numpy as np
import pytest

from messages.cell import CellInfo
from messages.chemistry import Formulation, RunInfo
from messages.degradation import CellOutcome, DegradationWorkflowOutput, EndOfLife
from messages.formulation_algebra import molality_and_w_ec
from messages.ledger import Failure, Provenance, Rating, ResultStatus, Source, Status
from messages.quantity import Quantity
from messages.query import RequestView, ResultView
from messages.reproducibility import RESTS_ON_SIMULATED
from nodes.optimiser import CampaignFile, load_campaign
from nodes.optimiser._chapters import write_chapters
from nodes.optimiser._relations import relations_chapter
from nodes.optimiser._route import routes_of
from nodes.optimiser._troubles import troubles_chapter
from tests.nodes.optimiser.memory_lab import Answer, MemoryLab, Notes
from tests.nodes.optimiser.test_campaign import SHIPPED_FOLDER, run
from tests.nodes.optimiser.test_report import report_of

SHIPPED = load_campaign(SHIPPED_FOLDER / "eol.yaml")
GOOD = Rating(success=True, rating=4)


def life(w_ec: float, molality: float) -> float:
    """SYNTHETIC: cycles; greatest at 1.2 mol/kg and w_EC 0.35."""
    return 700.0 - 900 * (molality - 1.2) ** 2 - 2000 * (w_ec - 0.35) ** 2


def prediction(value: float, cell: str) -> EndOfLife:
    cycles = np.linspace(1, 1.2 * value, 30)
    capacity = 7.7e-3 * (1 - 0.2 * cycles / value)
    return EndOfLife(
        end_of_life=Quantity.of(value, "1", 0.1 * value),
        capacity_trajectory=capacity,
        capacity_trajectory_uncertainty=np.full(30, 2e-4),
        trajectory_cycles=cycles,
        interval_low=0.8 * value,
        interval_high=1.3 * value,
        in_domain=False,
        model="trajectory 0123456789ab",
        rating=GOOD,
        cell_info=CellInfo(sample=cell),
    )


def workflow(parameters: dict[str, Any]) -> Answer:
    """Eight cells, of which one is not sealed and one is not cycled to its end."""
    formulation = Formulation.model_validate(parameters["battery_chemistry"]["electrolyte"])
    molality, w_ec = molality_and_w_ec(formulation)
    names = [f"cell_{round(1e4 * molality)}_{i}" for i in range(8)]
    cells = [CellOutcome(sample=name, outcome="predicted") for name in names[:6]]
    cells.append(CellOutcome(sample=names[6], outcome="not_assembled", reason="no anode gripped"))
    cells.append(CellOutcome(sample=names[7], outcome="not_cycled", reason="channel 8 is open"))
    output = DegradationWorkflowOutput(
        run_info=RunInfo(formulation=formulation, internal_reference="batch"),
        predictions=tuple(
            prediction(life(w_ec, molality) * (1 + 0.02 * (i - 2.5)), name)
            for i, name in enumerate(names[:6])
        ),
        cells=tuple(cells),
        electrolyte=f"vial_{round(1e4 * molality)}",
        batch_id="Batch_1",
    )
    return Answer(output.model_dump(mode="python"), rating=Rating(success=True, rating=3))


async def test_the_summary_of_three_batches(tmp_path: Path) -> None:
    lab = MemoryLab(workflow)
    report, _ = await report_of(SHIPPED, lab, tmp_path)
    assert [m.value for m in report.outcome.measurements] == pytest.approx(
        [life(*m.point) for m in report.outcome.measurements]
    )
    # The report's own strategy is gone; another that was told the same draws the same.
    outcome, strategy = await run(lab, Notes(), SHIPPED)
    assert len(outcome.measurements) == 3
    chapters, pictures = await write_chapters(report, strategy, lab, tmp_path)
    assert [p.name for p in pictures] == ["eol_molality.png", "best_so_far.png", "trajectories.png"]
    assert all(p.stat().st_size > 10_000 for p in pictures)
    found = {chapter.key: chapter for chapter in chapters}
    assert found.keys() == {"end_of_life", "requests_in_all", "relations"}

    rows = found["end_of_life"].data
    assert [row["batch"] for row in rows] == [1, 2, 3]
    for row in rows:
        assert (row["made"], row["cycled"], row["predicted"]) == (7, 6, 6)
        truth = life(row["w_ec"], row["molality"])
        assert row["end_of_life_mean"] == pytest.approx(truth)
        assert row["end_of_life_sd"] == pytest.approx(truth * 0.02 * np.std(range(6), ddof=1))
        assert row["interval_90"] == pytest.approx((0.8 * truth, 1.3 * truth), rel=0.02)
        assert row["rating"] == 3
        assert row["electrolyte"].startswith("vial_")
    text = "\n".join(found["end_of_life"].lines)
    assert "made  cycled  predicted" in text
    assert "labmesh sample trace SAMPLE" in text
    assert "not_assembled, no anode gripped" in text
    assert "18 predictions are of cells unlike those" in text
    assert found["requests_in_all"].data["unexplained"] == 0


async def test_a_batch_that_came_to_nothing(tmp_path: Path) -> None:
    lab = MemoryLab(
        lambda _: Answer(status=Status.FAILED, message="only 2 of 8 cells came through")
    )
    plan = SHIPPED.model_copy(update={"budget": 1})
    report, drawn = await report_of(plan, lab, tmp_path)
    assert not drawn
    _, strategy = await run(lab, Notes(), plan)
    chapters, pictures = await write_chapters(report, strategy, lab, tmp_path)
    assert pictures == []
    rows = next(c for c in chapters if c.key == "end_of_life").data
    assert rows[0]["end_of_life_mean"] is None
    troubles = next(c for c in chapters if c.key == "requests_in_all")
    assert "only 2 of 8" in troubles.data["came_to_nothing"][0]["explanation"]


def test_the_fixed_part_may_be_changed() -> None:
    plan = CampaignFile.model_validate(
        {**SHIPPED.model_dump(mode="json"), "fixed": {**SHIPPED.fixed, "number_cells": 2}}
    )
    assert routes_of(plan)[""].encoding.parameters((0.3, 1.0))["number_cells"] == 2


def result(capability: str, number: int, provenance: Provenance, **more: Any) -> ResultView:
    quantity, method = capability.split("/")
    return ResultView.model_validate(
        {
            "id": uuid5(UUID(int=0), f"{capability}{number}"), "offset": number,
            "author": "kit/worker", "stamp": 1, "load_time": 1, "quantity": quantity,
            "method": method, "parameters": {}, "outcome": "resolved", "data": {},
            "provenance": provenance, "campaign": "c", "status": ResultStatus.ORIGINAL, **more,
        }
    )  # fmt: skip


def test_what_is_synthetic_and_what_is_not() -> None:
    law = "how fast the cells age: made up"
    found = relations_chapter(
        [
            result("capacity/cycling", 1, Provenance(simulated=True, notes={"synthetic": [law]})),
            result("capacity/cycling", 2, Provenance(simulated=True, notes={"synthetic": [law]})),
            result("electrolyte/flow", 3, Provenance(simulated=True)),
            result("conductivity/literature", 4,
                   Provenance(source=Source(title="CALiSol-23", doi="10.1/x", licence="CC-BY-4.0",
                                            retrieved="2026"))),
            result("campaign/plan", 5, Provenance()),
            result("degradation_eol/model", 6, Provenance(notes={RESTS_ON_SIMULATED: True})),
        ]
    )  # fmt: skip
    assert found is not None
    assert found.data["synthetic"] == {law: ["capacity/cycling"]}
    assert found.data["published"] == {"CALiSol-23, doi:10.1/x": ["conductivity/literature"]}
    assert found.data["simulated"] == {"capacity/cycling": 2, "electrolyte/flow": 1}
    assert found.data["rests_on_simulated"] == {"degradation_eol/model": 1}
    assert found.data["not_simulated"] == {"conductivity/literature": 1}
    assert found.lines[-2] == "computed, from simulated data: degradation_eol/model (1)"
    assert found.data["optimum_is_of_the_simulator"] is True
    assert found.lines[0] == f"synthetic: {law} (capacity/cycling)"
    assert "optimum is a property of the simulator" in found.lines[1]
    assert relations_chapter([]) is None


def test_what_came_to_nothing_is_explained() -> None:
    def request(number: int, status: Status, message: str, answer: UUID | None) -> RequestView:
        return RequestView.model_validate(
            {
                "id": UUID(int=number), "offset": number, "author": "kit/overlort", "stamp": 1,
                "load_time": 1, "quantity": "capacity", "method": "cycling", "parameters": {},
                "campaign": "c", "priority": 5, "attempts": 1, "status": status,
                "message": message, "changed": 1, "result": answer,
            }
        )  # fmt: skip

    failed = result("capacity/cycling", 9, Provenance(), outcome="failed",
                    failure=Failure(message="the channel is open"))  # fmt: skip
    found = troubles_chapter(
        [
            request(1, Status.RESOLVED, "", None),
            request(2, Status.FAILED, "", failed.id),
            request(3, Status.ABANDONED, "a person gave it up", None),
            request(4, Status.FAILED, "", None),
            request(5, Status.RUNNING, "", None),
        ],
        {failed.id: failed},
    )
    words = [row["explanation"] for row in found.data["came_to_nothing"]]
    assert words == ["the channel is open", "a person gave it up", ""]
    assert found.data["unexplained"] == 1
    assert "1 of 3 that came to nothing are unexplained" in found.lines[0]
    assert "NO EXPLANATION" in found.lines[3]

"""The result of the largest batch fits into the ledger."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from labmesh.instrument import Step
from messages.assembly import Offset
from messages.cell import CellAssemblyInput
from messages.chemistry import Chemical, Formulation
from messages.envelope import pack
from messages.ids import NodeId, new_id
from messages.ledger import ArtifactRef, Provenance, Result, SampleStep
from nodes.autobass import AutobassParameters
from nodes.autobass._layout import PARTS, load_layout
from nodes.autobass._plan import Batch, plan
from nodes.autobass._result import Story, Vial, summary
from tests.nodes.autobass.conftest import batch

LARGEST_BODY = 60 * 1024
AIR = {"oxygen": 1.234e-7, "water": 2.345e-7, "temperature": 298.15, "pressure": 300.0}
T0 = 1_750_000_000


@dataclass
class KeptOrder:
    """Keeps what is reported."""

    request: UUID
    parameters: CellAssemblyInput
    samples: list[SampleStep] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    artifacts: list[tuple[str, bytes]] = field(default_factory=list)

    def sample(self, step: SampleStep) -> None:
        self.samples.append(step)

    def note(self, **values: Any) -> None:
        self.notes.update(values)

    async def attach(self, source: bytes, *, name: str, media_type: str) -> None:
        self.artifacts.append((name, source))


def moment(seconds: float) -> str:
    return f"2025-06-15T15:06:{seconds % 60:09.6f}+00:00"


def steps(request: UUID, asked: Batch) -> list[Step]:
    found = []
    for number, step in enumerate(plan(asked, load_layout(""))):
        offset = Offset(x=1.234567e-4, y=-9.87654e-4, source="camera 1, circles").model_dump()
        results: dict[str, dict[str, Any]] = {
            "place": {"picking": moment(1), "picked": moment(2), "placed": moment(3),
                      "gripped_offset": offset, "offset": offset},
            "dispense": {"volume": step.volume, "dispensed": moment(4)},
            "crimp": {"sealed": moment(50), "duration": 78.25},
            "store": {"retrieved": moment(51), "stored": moment(52)},
        }  # fmt: skip
        found.append(Step(
            number, request, step.key, step.kind, step.once, False,
            step.intent(atmosphere=AIR, lot="lot", to="post"), "done",
            results.get(step.kind, {}), "",
            (T0 + number) * 10**9, (T0 + number + 1) * 10**9, "",
        ))  # fmt: skip
    return found


@pytest.mark.parametrize("long", [False, True], ids=["as usual", "long names"])
async def test_sixty_four_cells(long: bool) -> None:
    electrolyte = "e" * 80 if long else f"electrolyte-{new_id()}-1"
    asked = Batch(64, 35e-9, dict.fromkeys(PARTS, 1), 1, electrolyte)
    request = CellAssemblyInput.model_validate(batch(64))
    if long:
        chemicals = {Chemical(name=f"an additive with a long name {n}"): 1.0 for n in range(12)}
        chemistry = request.cell.battery_chemistry.model_copy(
            update={"electrolyte": Formulation.of(chemicals)}
        )
        cell = request.cell.model_copy(update={"battery_chemistry": chemistry})
        request = request.model_copy(update={"cell": cell})
    order: Any = KeptOrder(new_id(), request)
    lots: dict[str, str] = {part: f"manufacturer-lot-2026-{part}" for part in PARTS}
    story = Story(
        order, asked, steps(order.request, asked), AutobassParameters(simulated=True),
        NodeId("a-laboratory-with-a-long-name" if long else "kit", "autobass"),
        {"ml600/volume": {"id": str(new_id()), "who": "Ada", "result": {"uncertainty": 0.01}}},
        "0" * 64, 0.01, lots, Vial(3, "formulated", 5e-6),
    )  # fmt: skip
    made = story.made()
    await story.tell(made)
    data = story.output(made)
    result = Result(
        request=order.request, token=1, quantity="cell_assembly", method="autobass_assembly",
        parameters=order.parameters.model_dump(), outcome="resolved",
        data=data.model_dump(), rating=summary(made, 64), samples=tuple(order.samples),
        artifacts=(ArtifactRef(sha256="0" * 64, name=story.trail_name,
                               media_type="application/json", size=1),),
        provenance=Provenance(parameters=AutobassParameters().model_dump(), notes=order.notes),
    )  # fmt: skip
    assert len(made) == 64
    assert len(pack(result.model_dump(mode="python"))) < LARGEST_BODY
    # What does not fit is left out, and stands elsewhere.
    assert [bool(one.rating.reason) for one in data.batch_output] == [not long] * 64
    assert order.samples[0].location.endswith("pit 1")
    vial = order.samples[-1]
    assert (vial.sample, vial.expects_state, vial.label) == (electrolyte, 3, "used")
    assert vial.properties["taken"] == pytest.approx(64 * asked.volume + asked.wash_volume)
    assert vial.properties["volume"] == pytest.approx(5e-6 - vial.properties["taken"])
    ((_, trail),) = order.artifacts
    told = json.loads(trail)
    assert len(told["steps"]) == 2 + 64 * (17 + 8 + 1)
    assert told["cells"][63]["reason"].startswith("of tolerance: ")

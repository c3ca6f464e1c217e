"""The result of a batch: cells, measurements, samples, and the trail as an artifact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol, get_args
from uuid import UUID

from labmesh.instrument import Step
from messages.assembly import AssemblyTrail, CellTrail, Part
from messages.cell import (
    AssembledCell,
    Cell,
    CellAssemblyInput,
    CellAssemblyOutput,
    IdentifiedCellInfo,
)
from messages.envelope import pack
from messages.ids import NodeId
from messages.ledger import ArtifactRef, Rating, SampleStep
from messages.location import Location
from messages.model import JsonObject
from messages.sample_state import COIN_CELL
from nodes.autobass._layout import CELLS_IN
from nodes.autobass._parameters import AutobassParameters
from nodes.autobass._plan import SMALLEST, Batch
from nodes.autobass._quality import CellRecord, rate
from nodes.autobass._records import measurements, position_of, records, sealing_time, trail
from nodes.autobass._status import sample_of

_ROOM: Final = 55 * 1024
"""Bytes for data, samples and parameters of a result: the ledger's 60 KiB less what provenance and
rating take (some 3 KiB)."""


@dataclass(frozen=True, slots=True)
class Made:
    """A cell that was begun.

    Attributes:
        number: In the batch, from 1.
        record: What was measured.
        rating: Derived from it.
    """

    number: int
    record: CellRecord
    rating: Rating


@dataclass(frozen=True, slots=True)
class Vial:
    """A vial of electrolyte before a batch.

    Attributes:
        state: Number of its last state, which the request names.
        label: Of that state.
        volume: In it, m3; None where nobody has said.
    """

    state: int
    label: str
    volume: float | None


class Reporter(Protocol):
    """Who takes what a batch has to say: an order, or what stands for one that is gone."""

    request: UUID
    parameters: CellAssemblyInput

    def sample(self, step: SampleStep) -> None:
        """See `Order.sample`."""

    def note(self, **values: Any) -> None:
        """See `Order.note`."""

    async def attach(
        self, source: Path | str | bytes, *, name: str = "", media_type: str = ""
    ) -> ArtifactRef:
        """See `Order.attach`."""
        ...


@dataclass(frozen=True, slots=True)
class Story:
    """What is known of a batch when it ends.

    Attributes:
        order: The order, or what stands for it.
        batch: What was asked.
        steps: All its steps in the journal.
        parameters: Of the node.
        node: Whose batch it is.
        calibrations: By what they calibrate.
        layout: sha256 of the tray layout.
        uncertainty: Of a dispensed volume, relative, from the calibration; None: unknown.
        lots: By part.
        vial: The electrolyte's vial as the batch found it; None where its request does not name
            the vial's state, and somebody else may say what becomes of it.
    """

    order: Reporter
    batch: Batch
    steps: Sequence[Step]
    parameters: AutobassParameters
    node: NodeId
    calibrations: JsonObject
    layout: str
    uncertainty: float | None
    lots: Mapping[str, str]
    vial: Vial | None = None

    @property
    def batch_id(self) -> str:
        """The laboratory's name of the batch."""
        return f"batch-{self.order.request}"

    def made(self, lost: int = 0, why: str = "") -> list[Made]:
        """Return the cells that were begun.

        Args:
            lost: Number of the cell that was under way when the batch ended, 0: none.
            why: It ended.
        """
        found = records(self.steps, self.batch.cells, self.batch.volume)
        begun = {step.intent.get("cell") for step in self.steps if step.state != "not_done"}
        if lost and not found[lost - 1].finished:
            found[lost - 1].scrapped = found[lost - 1].scrapped or why
        return [
            Made(number, record, rate(record, self.parameters))
            for number, record in enumerate(found, 1)
            if number in begun
        ]

    async def tell(self, made: Sequence[Made]) -> None:
        """Report samples and trail to the ledger; a dry run makes no cells."""
        for cell in made if not self.parameters.dry_run else ():
            self.order.sample(self._sample(cell))
        if self.vial is not None and not self.parameters.dry_run:
            self.order.sample(self._vial(self.vial))
        told = AssemblyTrail(
            request=self.order.request,
            batch_id=self.batch_id,
            electrolyte=self.batch.electrolyte,
            simulated=self.parameters.simulated or self.parameters.dry_run,
            dry_run=self.parameters.dry_run,
            layout=self.layout,
            calibrations=self.calibrations,
            cells=tuple(
                CellTrail(
                    cell=cell.number,
                    sample=sample_of(self.order.request, cell.number),
                    label=_label(cell),
                    reason=cell.rating.reason,
                )
                for cell in made
            ),
            steps=tuple(trail(self.steps)),
        )
        self.order.note(calibrations=self.calibrations, layout=self.layout, lots=dict(self.lots))
        await self.order.attach(
            told.model_dump_json(exclude_none=True).encode(),
            name=self.trail_name,
            media_type="application/json",
        )

    @property
    def trail_name(self) -> str:
        """Name of the trail's artifact."""
        return "assembly-trail.json"

    def output(self, made: Sequence[Made]) -> CellAssemblyOutput:
        """Return the result's data; what the cells share is said once.

        Where it would not fit into the ledger (64 cells, long names) it leaves out where the cells
        lie, which their samples say, and the reasons of their ratings, which the trail has.
        """
        full = self._output(made)
        beside = [self._sample(cell).model_dump() for cell in made]
        whole = [full.model_dump(), beside, self.order.parameters.model_dump()]
        if len(pack(whole)) <= _ROOM:
            return full
        unreasoned = [
            replace(cell, rating=cell.rating.model_copy(update={"reason": ""})) for cell in made
        ]
        return self._output(unreasoned, places=False)

    def _output(self, made: Sequence[Made], *, places: bool = True) -> CellAssemblyOutput:
        asked = self.order.parameters
        volume = self.batch.volume
        last = max((cell.record.sealed or 0.0 for cell in made), default=0.0)
        day = datetime.fromtimestamp(last, UTC).date() if last else None
        cell: Cell = asked.cell.model_copy(update={"electrolyte_volume": volume})
        relative = self.uncertainty
        return CellAssemblyOutput(
            batch_id=self.batch_id,
            batch_output=tuple(self._cell(one, place=places) for one in made),
            cell=cell,
            cell_info=asked.cell_info.model_copy(
                update={
                    "sample": None, "cell_name": "", "cell_location": None,
                    "batch": self.batch_id, "assembly_date": day,
                }
            ),
            lots={part: self.lots[part] for part in get_args(Part) if self.lots.get(part)},
            measured=measurements(
                [one.record for one in made], None if relative is None else relative * volume
            ),
            trail=self.trail_name,
        )  # fmt: skip

    def _cell(self, cell: Made, *, place: bool) -> AssembledCell:
        there = self._place(cell)
        return AssembledCell(
            cell_info=IdentifiedCellInfo(
                sample=sample_of(self.order.request, cell.number),
                cell_location=there if place and cell.record.finished else None,
            ),
            rating=cell.rating,
            sealing_time=sealing_time(cell.record),
        )

    @property
    def _taken(self) -> float:
        """The electrolyte that was taken from the vial, m3: what the cells got, and the purges."""
        found = records(self.steps, self.batch.cells, self.batch.volume)
        washed = self.batch.wash_volume * self.batch.wash_cycles
        given = sum(record.dispensed for record in found)
        return given + washed if given else 0.0

    def _vial(self, vial: Vial) -> SampleStep:
        taken = self._taken
        left = None if vial.volume is None else max(vial.volume - taken, 0.0)
        properties: dict[str, Any] = {"taken": taken, "batch": self.batch_id}
        if left is not None:
            properties["volume"] = left
        if self.parameters.simulated:
            properties["simulated"] = True
        label = "empty" if left is not None and left < SMALLEST else "used"
        return SampleStep(
            sample=self.batch.electrolyte,
            kind="electrolyte",
            state=vial.state + 1,
            expects_state=vial.state,
            label=label if taken else vial.label,
            location=Location(
                address=self.node.site, detail_1=self.node.node,
                detail_2=f"vial {self.batch.vial}",
            ).text,
            properties=properties,
        )  # fmt: skip

    def _place(self, cell: Made) -> Location:
        pit = self.batch.first_pits[CELLS_IN] + cell.number - 1
        return Location(address=self.node.site, detail_1=self.node.node, detail_2=position_of(pit))

    @property
    def _scrap(self) -> Location:
        return Location(address=self.node.site, detail_1=self.node.node, detail_2="scrap")

    def _sample(self, cell: Made) -> SampleStep:
        properties: dict[str, Any] = {"rating": cell.rating.rating}
        if self.parameters.simulated:
            properties["simulated"] = True
        return SampleStep(
            sample=sample_of(self.order.request, cell.number),
            kind=COIN_CELL,
            state=0,
            label=_label(cell),
            parents=(self.batch.electrolyte,),
            location=self._place(cell).text if cell.record.finished else self._scrap.text,
            properties=properties,
        )


def _label(cell: Made) -> str:
    return "assembled" if cell.record.finished else "scrapped"


def summary(made: Sequence[Made], asked: int) -> Rating:
    """Return the rating of a batch: the worst of its finished cells; a success only if all are."""
    finished = [cell for cell in made if cell.record.finished]
    words = f"{len(finished)} of {asked} cells finished"
    if not finished:
        return Rating(success=False, rating=0, reason=words)
    worst = min(finished, key=lambda cell: cell.rating.rating)
    return Rating(
        success=len(finished) == asked and all(cell.rating.success for cell in finished),
        rating=worst.rating.rating,
        reason=f"{words}; worst is cell {worst.number}: {worst.rating.reason}",
    )

"""What the robot says of a batch that did not come to its end, and takes from a person."""

from __future__ import annotations

import asyncio

from labmesh.instrument import Condition, InstrumentNode
from labmesh.node import NoArguments, NodeOptions, service
from messages.cell import CellAssemblyInput
from messages.errors import LabmeshError
from messages.ledger import Provenance
from messages.node import Level
from nodes.autobass._layout import PARTS
from nodes.autobass._parameters import AutobassParameters
from nodes.autobass._plan import Batch, tray
from nodes.autobass._records import SCRAP
from nodes.autobass._report import Unasked, check_ended
from nodes.autobass._result import Made, Reporter, Story, Vial
from nodes.autobass._services import (
    AssemblyStatus,
    ClearInput,
    ReportInput,
    ReportOutput,
    ScrapInput,
)
from nodes.autobass._station import Station
from nodes.autobass._status import BATCH_STEP, END_STEP, GIVEN_UP, last_batch, sample_of, status_of


class AssemblyDesk(InstrumentNode[AutobassParameters]):
    """The services of the robot, and how a batch ends; base of the node."""

    Parameters = AutobassParameters

    def __init__(self, options: NodeOptions) -> None:
        super().__init__(options)
        self._station: Station | None = None

    @service("assembly.status", when_inactive=True)
    async def assembly_status(self, arguments: NoArguments) -> AssemblyStatus:
        """What is in hand: parts on the post, electrolyte in them, and what a person can do."""
        recent = await asyncio.to_thread(self.journal.recent, 1000)
        request = last_batch(recent)
        if request is None:
            return AssemblyStatus()
        steps = await asyncio.to_thread(self.journal.steps, request)
        found = status_of(request, steps, str(self.id))
        taken = [name for name in ("post", "crimper") if self.supplies.level(name)]
        if not found.finished or not taken:
            return found
        words = "what is left of a cell that was given up"
        clear = f"labmesh service call {self.id} assembly.clear '{{by: NAME}}'"
        return found.model_copy(
            update={
                "on_post": words if "post" in taken else "",
                "in_crimper": words if "crimper" in taken else "",
                "choices": (f"empty them, then: {clear}",),
            }
        )  # fmt: skip

    @service("assembly.scrap", when_inactive=True)
    async def assembly_scrap(self, arguments: ScrapInput) -> AssemblyStatus:
        """Give a cell up that was taken out by hand; a resumed batch goes on with the next one."""
        now = await self.assembly_status(NoArguments())
        request = arguments.request or now.request
        cell = next((c for c in now.cells if c.cell == arguments.cell), None)
        if request is None or request != now.request or cell is None:
            raise LabmeshError(f"cell {arguments.cell} is not in hand",
                               remedy="assembly.status names what is")  # fmt: skip
        if cell.label != "under way":
            raise LabmeshError(f"cell {arguments.cell} is {cell.label} already")
        doubtful = [
            step for step in self.journal.in_doubt()
            if step.request == request and step.intent.get("cell") == cell.cell
        ]  # fmt: skip
        if self.condition is Condition.BUSY:
            raise LabmeshError("the robot is busy", remedy="cancel the request, or wait")
        key = f"cell{cell.cell:02d}/{SCRAP}"
        intent = {"cell": cell.cell, "by": arguments.by, "reason": arguments.reason,
                  "words": f"cell {cell.cell} given up by {arguments.by}"}  # fmt: skip
        async with self.journal.step(request, key, kind=SCRAP, once=True, intent=intent) as noted:
            noted.result(by=arguments.by)
        for step in doubtful:
            await asyncio.to_thread(
                self.journal.resolve, step, "done", by=arguments.by,
                words=f"{GIVEN_UP}; how the step ended is not known",
            )  # fmt: skip
        await self._free(arguments.by)
        await self._show_in_hand()
        return await self.assembly_status(NoArguments())

    @service("assembly.report", when_inactive=True)
    async def assembly_report(self, arguments: ReportInput) -> ReportOutput:
        """Tell the ledger of the cells of a batch that was abandoned."""
        now = await self.assembly_status(NoArguments())
        request = arguments.request or now.request
        if request is None or request != now.request or now.finished:
            raise LabmeshError("no batch is unfinished", remedy="assembly.status shows the last")
        await check_ended(self.lab, request)
        past = await asyncio.to_thread(self.journal.steps, request)
        begun = next(step for step in past if step.key == BATCH_STEP)
        asked = CellAssemblyInput.model_validate(begun.intent["asked"])
        batch = Batch(asked.batch_size, begun.intent["volume"], begun.result["first_pits"],
                      begun.result["vial"], begun.intent["lot"])  # fmt: skip
        gone = Unasked(request, asked, self.lab)
        lost = next((cell.cell for cell in now.cells if cell.label == "under way"), 0)
        story, made = await self._end(gone, batch, None, lost, f"abandoned, by {arguments.by}")
        if not made:
            return ReportOutput()
        told = gone.result(story, made, Provenance(
            instrument=str(self.id), simulated=self.parameters.simulated,
            begun=begun.begun, ended=self.clock.now(),
        ))  # fmt: skip
        posted = await self.lab.post_result(told)
        return ReportOutput(
            result=posted, cells=tuple(sample_of(request, cell.number) for cell in made)
        )

    @service("assembly.clear", when_inactive=True)
    async def assembly_clear(self, arguments: ClearInput) -> NoArguments:
        """Note that a person has emptied post and crimper."""
        if self.condition is Condition.BUSY:
            raise LabmeshError("the robot is busy", remedy="cancel the request, or wait")
        await self._free(arguments.by)
        return NoArguments()

    async def _free(self, by: str) -> None:
        for name in ("post", "crimper"):
            await asyncio.to_thread(self.supplies.refill, name, 0.0, by=by)

    async def _end(
        self, order: Reporter, batch: Batch, uncertainty: float | None, lost: int,
        why: str, known: Vial | None = None,
    ) -> tuple[Story, list[Made]]:  # fmt: skip
        """Note in the journal that the batch has ended, and tell the ledger of its cells.

        Args:
            order: The order.
            batch: What it asked for.
            uncertainty: Of dispensed volumes, relative.
            lost: Number of the cell that was given up, 0: none.
            why: It ended.
            known: The vial as the batch found it.
        """
        intent = {"words": why[:500]} | ({"lost": lost} if lost else {})
        async with self.journal.step(
            order.request, END_STEP, kind="end", once=False, intent=intent
        ):
            past = await asyncio.to_thread(self.journal.steps, order.request)
        lots: dict[str, str] = {part: self.supplies.supply(tray(part)).lot for part in PARTS}
        story = Story(
            order, batch, past, self.parameters, self.id, self.calibrations.notes(),
            self._ready.layout.digest, uncertainty, lots, known,
        )  # fmt: skip
        made = story.made(lost, why)
        if made:
            await story.tell(made)
        # Nobody will go on with a batch that has ended: how the lost cell's step ended is on
        # record as unknown, and needs no answer.
        for step in self.journal.in_doubt():
            if step.request == order.request:
                self.journal.resolve(
                    step, "done", by=str(self.id), words=f"{GIVEN_UP}: {why}"[:500]
                )
        return story, made

    async def _show_in_hand(self) -> None:
        now = await self.assembly_status(NoArguments())
        if now.finished:
            self.diagnose("in-hand", Level.OK, "nothing is in hand")
            return
        words = "; ".join(filter(None, (
            f"on the post: {now.on_post}" if now.on_post else "",
            f"in the crimper: {now.in_crimper}" if now.in_crimper else "",
        ))) or "a batch is not finished; post and crimper are free"  # fmt: skip
        self.diagnose("in-hand", Level.WARN, words, remedy="; or ".join(now.choices)[:3000])

    @property
    def _ready(self) -> Station:
        if self._station is None:
            raise LabmeshError("the node is not configured", where=str(self.id),
                               remedy=f"labmesh lifecycle set {self.id} configure")  # fmt: skip
        return self._station

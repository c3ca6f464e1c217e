"""What is in hand, read from the journal: what a person needs to know after a crash."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from labmesh.instrument import Step
from messages.assembly import Part
from nodes.autobass._layout import PARTS
from nodes.autobass._records import SCRAP
from nodes.autobass._services import AssemblyStatus, CellStatus

BATCH_STEP = "allocate"
"""Key of the step with which a batch begins; its result says which pits and vial it uses."""

GIVEN_UP = "given up"
"""How the words begin of a step in doubt whose cell was given up."""

END_STEP = "end"
"""Key of the step with which it ends, however it ends: only a crash leaves it out."""


def sample_of(request: UUID, cell: int) -> str:
    """Return the identity of a cell, the same in every attempt at its request."""
    return f"cell-{request}-{cell:02d}"


def last_batch(recent: Sequence[Step]) -> UUID | None:
    """Return the request of the last batch, of steps with the newest first."""
    return next((step.request for step in recent if not step.dry_run), None)


def status_of(request: UUID, steps: Sequence[Step], node: str) -> AssemblyStatus:
    """Return what became of a batch so far.

    Args:
        request: Of the batch.
        steps: All of it in the journal.
        node: Name of the node, for the commands that it offers.
    """
    by_cell: dict[int, list[Step]] = {}
    for step in steps:
        number = step.intent.get("cell") or step.intent.get("lost")
        if isinstance(number, int):
            by_cell.setdefault(number, []).append(step)
    cells = [_cell(request, number, found) for number, found in sorted(by_cell.items())]
    done = {step.key for step in steps if step.state == "done"}
    last = next((step for step in reversed(steps) if step.state == "done"), None)
    finished = last is not None and last.key == END_STEP
    open_cells = [cell for cell in cells if cell.label == "under way"]
    post, crimper = "", ""
    for cell in open_cells:
        name = f"cell{cell.cell:02d}"
        if cell.crimped or f"{name}/load" in done:
            crimper = f"cell {cell.cell}, {'crimped' if cell.crimped else 'not crimped'}"
        elif cell.parts:
            wet = f" with {cell.dispensed * 1e9:g} uL of {cell.electrolyte}" * bool(cell.dispensed)
            post = f"cell {cell.cell}: {', '.join(cell.parts)}{wet}"
    return AssemblyStatus(
        request=request, finished=finished, on_post=post, in_crimper=crimper, cells=tuple(cells),
        choices=() if finished else _choices(request, open_cells, node),
    )  # fmt: skip


def _cell(request: UUID, number: int, steps: Sequence[Step]) -> CellStatus:
    done = {
        step.key.partition("/")[2]: step
        for step in steps
        if step.state == "done" and not step.words.startswith(GIVEN_UP)
    }
    given = [step for step in done.values() if step.kind == "dispense"]
    parts: tuple[Part, ...] = tuple(part for part in PARTS if part in done)
    scrapped = any(step.kind in (SCRAP, END_STEP) for step in steps)
    label = "assembled" if "store" in done else "scrapped" if scrapped else "under way"
    doubtful = [step for step in steps if step.state == "begun" and step.once]
    return CellStatus(
        cell=number,
        sample=sample_of(request, number),
        label=label,
        parts=parts,
        dispensed=sum(float(step.result.get("volume") or step.intent["volume"]) for step in given),
        electrolyte=str(given[0].intent.get("lot", "")) if given else "",
        crimped="crimp" in done,
        in_doubt=tuple(
            f"step {step.id}: {step.intent.get('words', step.key)}" for step in doubtful
        ),
    )


def _choices(request: UUID, cells: Sequence[CellStatus], node: str) -> tuple[str, ...]:
    found: list[str] = []
    for cell in cells:
        if cell.in_doubt:
            found.append(
                f"look at the cell, then say how each step in doubt ended: labmesh service call "
                f"{node} instrument.resolve"
            )
        found.append(
            f"give cell {cell.cell} up (remove it first): labmesh service call {node} "
            f"assembly.scrap '{{cell: {cell.cell}, by: NAME}}'"
        )
    resume = f"labmesh lifecycle set {node} activate, then labmesh request release {request}"
    report = f"labmesh service call {node} assembly.report '{{by: NAME}}'"
    return (
        *found,
        f"resume where it stopped: {resume}",
        f"end the batch here: labmesh request abandon {request}, then for its cells {report}",
    )

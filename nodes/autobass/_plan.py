"""The assembly of a batch as a list of steps: a pure function, without input or output.

Order of the parts: AutoBASS, for CR2032 cells. Half of the electrolyte goes on the anode, half on
the separator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Final

from messages.assembly import Part, StepKind
from messages.model import JsonObject
from nodes.autobass._layout import CELLS_IN, PARTS, Spot, TrayLayout

SMALLEST, LARGEST, UNIT_VOLUME = 10e-9, 80e-9, 5e-9
"""Electrolyte per cell in m3: 10 to 80 uL in steps of 5 uL (limits of AutoBASS in FINALES)."""
DEFAULT_VOLUME: Final = 35e-9
"""35 uL, AutoBASS."""
LARGEST_BATCH: Final = 64

_DISPENSE_AFTER: Final = {"anode": 1, "separator": 2}
"""Which half of the electrolyte follows which part."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        key: Stable name: ``cell03/dispense1``. A resumed plan has the same keys.
        kind: What is done.
        once: It changes the cell for good and is never repeated.
        cell: Number in the batch, from 1; None: of the batch.
        part: Which part it is about.
        pit: From or into which pit of its tray.
        origin: Where the tool takes something.
        target: Where the tool brings it, or works.
        volume: Of electrolyte, m3.
        cycles: How often (wash).
        books: What it uses of which supply.
        words: For people and the journal.
    """

    key: str
    kind: StepKind
    once: bool
    words: str
    cell: int | None = None
    part: Part | None = None
    pit: int | None = None
    origin: Spot | None = None
    target: Spot | None = None
    volume: float | None = None
    cycles: int = 0
    books: Mapping[str, float] = field(default_factory=dict)

    def intent(self, **more: Any) -> JsonObject:
        """Return what the journal notes before the step."""
        plain: JsonObject = {"words": self.words, "cell": self.cell}
        for name in ("part", "pit", "volume"):
            value = getattr(self, name)
            if value is not None:
                plain[name] = value
        return {**plain, **more}


@dataclass(frozen=True, slots=True)
class Batch:
    """What to make of what.

    Attributes:
        cells: How many.
        volume: Electrolyte per cell, m3.
        first_pits: First pit of each part's tray that is used.
        vial: Place of the electrolyte's vial.
        electrolyte: Its sample.
        wash_volume: Of one purge, m3; 0: none is needed.
        wash_cycles: How many purges.
    """

    cells: int
    volume: float
    first_pits: Mapping[Part, int]
    vial: int
    electrolyte: str
    wash_volume: float = 0.0
    wash_cycles: int = 0


def check_volume(volume: float) -> float:
    """Return the volume as a multiple of 5 uL.

    Raises:
        ValueError: It is none, or not from 10 to 80 uL.
    """
    units = round(volume / UNIT_VOLUME)
    rounded = units * 5 * 1e-9
    if abs(volume - rounded) > 1e-12 or not SMALLEST - 1e-12 <= rounded <= LARGEST + 1e-12:
        raise ValueError(
            f"{volume * 1e9:g} uL of electrolyte is not from 10 to 80 uL in steps of 5 uL"
        )
    return rounded


def tray(part: Part) -> str:
    """Return the name of a part's supply."""
    return f"tray/{part}"


def vial(number: int) -> str:
    """Return the name of a vial's supply."""
    return f"vial/{number}"


def needs(batch: Batch) -> dict[str, float]:
    """Return what a whole batch uses, by supply; checked before anything moves."""
    wash = batch.wash_volume * batch.wash_cycles
    used = {tray(part): float(batch.cells) for part in PARTS}
    used[vial(batch.vial)] = batch.cells * batch.volume + wash
    if wash:
        used["waste"] = wash
    return used


def plan(batch: Batch, layout: TrayLayout) -> tuple[Step, ...]:
    """Return the steps of a batch.

    Raises:
        ValueError: The batch does not fit: size, volume, pits or vial.
    """
    if not 1 <= batch.cells <= LARGEST_BATCH:
        raise ValueError(f"a batch has 1 to {LARGEST_BATCH} cells, not {batch.cells}")
    check_volume(batch.volume)
    steps = [
        Step("prepare", "prepare", False, "home arm and rail, empty the dispenser over the waste",
             target=layout.waste.spot),
    ]  # fmt: skip
    if batch.wash_cycles:
        used = batch.wash_volume * batch.wash_cycles
        steps.append(
            Step("wash", "wash", False, f"wash the needle {batch.wash_cycles} times over the waste",
                 origin=layout.vial(batch.vial), target=layout.waste.spot,
                 volume=batch.wash_volume, cycles=batch.wash_cycles,
                 books={vial(batch.vial): used, "waste": used})
        )  # fmt: skip
    for cell in range(1, batch.cells + 1):
        steps += _cell(batch, layout, cell)
    home = Spot(layout.standby, 0.0, layout.post.y)
    steps.append(Step("stand_by", "stand_by", False, "drive to standby", target=home))
    return tuple(steps)


def _cell(batch: Batch, layout: TrayLayout, cell: int) -> list[Step]:
    post, crimper = layout.post.spot, layout.crimper.spot
    name = f"cell{cell:02d}"
    steps: list[Step] = []
    for part in PARTS:
        pit = batch.first_pits[part] + cell - 1
        books = {tray(part): 1.0} | ({"post": 1.0} if part == PARTS[0] else {})
        steps.append(
            Step(f"{name}/{part}", "place", True, f"{part} of {name} from pit {pit} to the post",
                 cell, part, pit, layout.pit(part, pit), post, books=books)
        )  # fmt: skip
        if part in _DISPENSE_AFTER:
            steps += _electrolyte(batch, layout, cell, _DISPENSE_AFTER[part])
    pit = batch.first_pits[CELLS_IN] + cell - 1
    return [
        *steps,
        Step(f"{name}/align", "align", False, f"align {name}", cell, target=post),
        Step(f"{name}/press", "press", True, f"press {name}", cell, target=post),
        Step(f"{name}/load", "load", True, f"{name} from the post into the crimper", cell,
             origin=post, target=crimper, books={"crimper": 1.0}),
        Step(f"{name}/crimp", "crimp", True, f"crimp {name}", cell, target=crimper),
        Step(f"{name}/store", "store", True, f"{name} from the crimper into pit {pit}", cell,
             CELLS_IN, pit, crimper, layout.pit(CELLS_IN, pit)),
    ]  # fmt: skip


def _electrolyte(batch: Batch, layout: TrayLayout, cell: int, half: int) -> list[Step]:
    name, volume = f"cell{cell:02d}", batch.volume / 2
    words = f"{volume * 1e9:g} uL of {batch.electrolyte}"
    return [
        Step(f"{name}/aspirate{half}", "aspirate", False, f"{words} from vial {batch.vial}", cell,
             target=layout.vial(batch.vial), volume=volume, books={vial(batch.vial): volume}),
        Step(f"{name}/dispense{half}", "dispense", True, f"{words} into {name}", cell,
             target=layout.post.spot, volume=volume),
    ]  # fmt: skip


def left_to_do(
    steps: Sequence[Step], done: Set[str], scrapped: Set[int] = frozenset()
) -> tuple[Step, ...]:
    """Return what remains of a plan of which the ``once`` steps ``done`` are done.

    A step that may be repeated is repeated if the next ``once`` step after it is still to come:
    electrolyte that was aspirated and not dispensed went into the waste when the dispenser was
    prepared anew. The first and the last step, and a wash, always remain; of the cells that were
    ``scrapped`` nothing does.
    """
    kept: list[Step] = []
    wanted = True
    for step in reversed(steps):
        if step.once:
            wanted = step.key not in done
        if step.cell is None or (wanted and step.cell not in scrapped):
            kept.append(step)
    return tuple(reversed(kept))

"""From the journal of steps to what a batch's result says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, get_args

import numpy as np

from labmesh.instrument import Step
from messages.assembly import AssemblyStep, Offset, StepKind, StepOutcome
from messages.cell import AssemblyMeasurements
from messages.model import JsonObject
from nodes.autobass._layout import CELLS_IN, PARTS
from nodes.autobass._quality import CellRecord

_KINDS = get_args(StepKind)

SCRAP = "scrap"
"""Kind of the journal's step by which a person gives a cell up."""

_OUTCOMES: Mapping[str, StepOutcome] = {
    "done": "done", "failed": "failed", "not_done": "failed", "begun": "in_doubt",
}  # fmt: skip


def records(steps: Iterable[Step], cells: int, volume: float) -> list[CellRecord]:
    """Return what was measured of each cell of a request, from its steps in the journal."""
    found = [CellRecord(asked=volume) for _ in range(cells)]
    for step in steps:
        number = step.intent.get("cell")
        if isinstance(number, int) and 1 <= number <= cells:
            _note(found[number - 1], step)
    return found


def _note(record: CellRecord, step: Step) -> None:
    intent, result = step.intent, step.result
    if step.kind == SCRAP:
        record.scrapped = str(intent.get("reason", "given up"))
        return
    if step.state == "begun":
        record.in_doubt.append(step.key)
    if step.state != "done":
        return
    air = intent.get("atmosphere") or {}
    record.oxygen = max(record.oxygen, air.get("oxygen", 0.0))
    record.water = max(record.water, air.get("water", 0.0))
    if "temperature" in air:
        record.temperatures.append(air["temperature"])
    if step.resolved_by:
        record.by_hand.append(step.key)
    ended = (step.ended or step.begun) / 1e9
    if step.kind == "place":
        began = result.get("picking")
        record.first = record.first or (_seconds(began) if began else step.begun / 1e9)
        if "offset" in result:
            record.offsets[intent["part"]] = Offset.model_validate(result["offset"])
    elif step.kind == "dispense":
        given = result.get("dispensed")
        record.wet = record.wet or (_seconds(given) if given else ended)
        # What a person vouches for has no reading; it counts as what was asked.
        record.dispensed += float(result.get("volume") or intent.get("volume") or 0.0)
    elif step.kind == "crimp":
        sealed = result.get("sealed")
        record.sealed = _seconds(sealed) if sealed else ended
        record.crimp = result.get("duration", 0.0)
    elif step.kind == "store":
        record.stored = True


def trail(steps: Iterable[Step]) -> Iterator[AssemblyStep]:
    """Yield what was done, a row an act: a part's pick and place are two, as are retrieve, store.

    The journal has them as one step, because between the two only a person could tell where the
    part is.
    """
    for step in steps:
        if step.kind == "place" and "picked" in step.result:
            r = step.result
            tray, gripped = step.intent.get("from", ""), r["gripped_offset"]
            picked = {"kind": "pick", "begun": r["picking"], "ended": r["picked"]}
            yield _row(step, "/pick", **picked, position=tray, offset=gripped)
            placed = {"begun": r["picked"], "ended": r["placed"]}
            yield _row(step, "/place", **placed, position="post", offset=r["offset"])
        elif step.kind == "store" and "retrieved" in step.result:
            r = step.result
            retrieved = {"kind": "retrieve", "ended": r["retrieved"]}
            yield _row(step, "/retrieve", **retrieved, position="crimper")
            yield _row(step, "/store", begun=r["retrieved"], ended=r["stored"])
        elif step.kind in _KINDS:
            yield _row(step)


def _row(step: Step, suffix: str = "", **more: Any) -> AssemblyStep:
    intent, result = step.intent, step.result
    air: JsonObject = intent.get("atmosphere") or {}
    outcome: StepOutcome = "by_hand" if step.resolved_by else _OUTCOMES[step.state]
    known = {"picking", "picked", "placed", "gripped_offset", "offset", "retrieved", "stored"}
    details = {key: value for key, value in result.items() if key not in known}
    if step.words:
        details["words"] = step.words
    values: JsonObject = {
        "key": step.key + suffix,
        "kind": step.kind,
        "cell": intent.get("cell"),
        "part": intent.get("part"),
        "outcome": outcome,
        "begun": _moment(step.begun),
        "ended": _moment(step.ended) if step.ended else None,
        "lot": intent.get("lot", ""),
        "position": intent.get("to", ""),
        "volume_asked": intent.get("volume"),
        "volume": result.get("volume"),
        **{name: air.get(name) for name in ("oxygen", "water", "temperature")},
        "details": details,
    }
    return AssemblyStep.model_validate(values | more)


def measurements(
    found: Sequence[CellRecord], uncertainty: float | None = None
) -> AssemblyMeasurements:
    """Return the columns of a batch's result."""
    placed = np.zeros((len(found), len(PARTS)), dtype="|b1")
    offsets = np.zeros((len(found), len(PARTS), 2), dtype="<f4")
    for row, record in enumerate(found):
        for number, part in enumerate(PARTS):
            offset = record.offsets.get(part)
            if offset is not None:
                placed[row, number] = True
                offsets[row, number] = offset.x, offset.y

    def column(values: Iterable[float]) -> Any:
        return np.array(list(values), dtype="<f8")

    return AssemblyMeasurements(
        electrolyte_volume=column(record.dispensed for record in found),
        electrolyte_volume_uncertainty=uncertainty,
        wet_duration=column(record.wet_duration for record in found),
        assembly_duration=column(record.duration for record in found),
        crimp_duration=column(record.crimp for record in found),
        oxygen=column(record.oxygen for record in found),
        water=column(record.water for record in found),
        temperature=column(
            sum(record.temperatures) / len(record.temperatures) if record.temperatures else 0.0
            for record in found
        ),
        parts=PARTS,
        placed=placed,
        offsets=offsets,
    )


def position_of(pit: int) -> str:
    """Return where a finished cell lies, for people and for transports."""
    return f"tray {CELLS_IN}, pit {pit}"


def sealing_time(record: CellRecord) -> datetime | None:
    """Return when a cell was sealed."""
    return datetime.fromtimestamp(record.sealed, UTC) if record.sealed else None


def _moment(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()

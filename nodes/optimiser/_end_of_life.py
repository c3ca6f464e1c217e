"""Batches of cells and their predicted ends of life: the table of a campaign about these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import numpy as np

from messages.degradation import DegradationWorkflowOutput, EndOfLife
from messages.envelope import validate
from messages.errors import LabmeshError
from messages.query import ResultView
from nodes.optimiser._chapter import Chapter, table
from nodes.optimiser._measurement import Measurement
from nodes.optimiser._space import Space

CAPABILITY: Final = ("degradation_eol", "degradation_workflow")
_NINETY: Final = 1.645
"""Standard deviations on either side that hold 90 % of a normal distribution."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One workflow of the campaign, and what it says of its cells.

    Attributes:
        measurement: Its request.
        output: Its result's data; None where it has none.
    """

    measurement: Measurement
    output: DegradationWorkflowOutput | None

    @property
    def lives(self) -> list[float]:
        """Predicted ends of life in cycles, one a cell that came through."""
        if self.output is None:
            return []
        return [float(p.end_of_life.value) for p in self.output.predictions]

    @property
    def made(self) -> int:
        """Cells that were assembled."""
        return self._count("not_assembled")

    @property
    def cycled(self) -> int:
        """Cells that were formed and cycled."""
        return self._count("not_assembled", "not_cycled")

    def _count(self, *without: str) -> int:
        if self.output is None:
            return 0
        if not self.output.cells:
            return len(self.output.predictions)
        return sum(cell.outcome not in without for cell in self.output.cells)

    @property
    def interval(self) -> tuple[float, float] | None:
        """Of one cell of the batch, 90 %, cycles: the medians of the cells' own intervals."""
        if self.output is None or not self.output.predictions:
            return None
        both = np.array([interval_of(p) for p in self.output.predictions])
        low, high = np.median(both, axis=0)
        return float(low), float(high)


def interval_of(prediction: EndOfLife) -> tuple[float, float]:
    """Return the 90 % interval of one prediction, in cycles; else one by its uncertainty."""
    if prediction.interval_low is not None and prediction.interval_high is not None:
        return prediction.interval_low, prediction.interval_high
    half = _NINETY * (prediction.end_of_life.uncertainty or 0.0)
    return max(0.0, prediction.end_of_life.value - half), prediction.end_of_life.value + half


def batches_of(
    measurements: Sequence[Measurement], results: Mapping[UUID, ResultView]
) -> tuple[Batch, ...]:
    """Return the batches of a campaign.

    Args:
        measurements: Of the campaign.
        results: By their uuid; a result that is no output of such a workflow counts as none.
    """
    found = []
    for measurement in measurements:
        view = results.get(measurement.result) if measurement.result else None
        output = None
        if view is not None and view.outcome == "resolved":
            try:
                output = validate(DegradationWorkflowOutput, view.data, where="result")
            except LabmeshError:
                output = None
        found.append(Batch(measurement, output))
    return tuple(found)


def end_of_life_chapter(batches: Sequence[Batch], space: Space) -> Chapter:
    """Return the table of a campaign, as Table 1 of BIG-MAP's deliverable D9.6 has it."""
    header = ("batch", *(_head(name) for name in space.names), "made", "cycled", "predicted",
              "EOL mean", "sd", "90 % of a cell", "rating")  # fmt: skip
    rows: list[tuple[str, ...]] = []
    data = []
    hints = []
    for batch in batches:
        measurement, lives = batch.measurement, batch.lives
        mean = float(np.mean(lives)) if lives else None
        deviation = float(np.std(lives, ddof=1)) if len(lives) > 1 else None
        interval = batch.interval
        rows.append(
            (
                str(measurement.number),
                *(f"{value:.3g}" for value in measurement.point),
                str(batch.made), str(batch.cycled), str(len(lives)),
                "-" if mean is None else f"{mean:.0f}",
                "-" if deviation is None else f"{deviation:.0f}",
                "-" if interval is None else f"{interval[0]:.0f} to {interval[1]:.0f}",
                "-" if measurement.rating is None else str(measurement.rating),
            )
        )  # fmt: skip
        output = batch.output
        cells = [] if output is None else [cell.model_dump(mode="json") for cell in output.cells]
        electrolyte = output.electrolyte if output is not None else None
        data.append(
            {
                "batch": measurement.number,
                "request": str(measurement.request),
                **dict(zip(space.names, measurement.point, strict=True)),
                "made": batch.made,
                "cycled": batch.cycled,
                "predicted": len(lives),
                "end_of_life_mean": mean,
                "end_of_life_sd": deviation,
                "mean_uncertainty": measurement.uncertainty or None,
                "interval_90": interval,
                "rating": measurement.rating,
                "end_of_life": lives,
                "in_domain": [] if output is None else [p.in_domain for p in output.predictions],
                "models": [] if output is None else sorted({p.model for p in output.predictions}),
                "electrolyte": electrolyte,
                "batch_id": "" if output is None else output.batch_id,
                "cells": cells,
            }
        )
        samples = [str(cell["sample"]) for cell in cells]
        if electrolyte or samples:
            hints.append(
                f"batch {measurement.number}: electrolyte {electrolyte or '-'}, cells "
                f"{', '.join(samples) or '-'}"
            )
        hints += [
            f"batch {measurement.number}, cell {cell['sample']}: {cell['outcome']}, "
            f"{cell['reason'] or 'NO EXPLANATION'}"
            for cell in cells
            if cell["outcome"] != "predicted"
        ]
    lines = [f"  {line}" for line in table(header, rows)]
    trace = "histories: labmesh sample trace SAMPLE, with any of these"
    outside = sum(
        prediction.in_domain is False
        for batch in batches
        if batch.output is not None
        for prediction in batch.output.predictions
    )
    if outside:
        lines.append(
            f"  {outside} predictions are of cells unlike those their statistical model was "
            "trained on; their intervals are wide for that"
        )
    return Chapter(
        "end_of_life",
        ("end of life, cycles:", *lines, *([trace] if hints else []), *(f"  {h}" for h in hints)),
        data,
    )


def _head(name: str) -> str:
    return {"w_ec": "w_EC", "molality": "mol/kg"}.get(name, name)

"""What the node imports when it begins to work: SciPy and polars take a second."""

from __future__ import annotations

from collections.abc import Sequence

from messages.degradation import DegradationInput
from messages.reproducibility import RESTS_ON_SIMULATED
from nodes.degradation._cards import PACKAGES, recipe_of
from nodes.degradation._cell import cell_data
from nodes.degradation._predict import Prediction, predict
from nodes.degradation._school import School
from nodes.degradation._source import Measured, measured
from nodes.degradation._statistical import StatisticalModel

__all__ = ["PACKAGES", "School", "answer", "measured", "recipe_of"]


def answer(
    asked: DegradationInput, found: Measured | None, models: Sequence[StatisticalModel]
) -> Prediction:
    """Return the prediction for a request; blocks.

    Raises:
        NotPredictableError: The data do not allow one.
    """
    if found is None:
        return predict(cell_data(asked), models, asked.cell_info)
    cell = cell_data(
        asked,
        table=found.table,
        summary=found.summary,
        formation=found.formation,
        simulated=found.simulated,
    )
    made = predict(cell, models, asked.cell_info)
    notes = {**made.notes, "cycling_result": str(asked.cycling_result)}
    if found.remarks:
        notes["remarks"] = list(found.remarks)
    if found.simulated:
        notes["simulated_input"] = notes[RESTS_ON_SIMULATED] = True
        notes["synthetic"] = [*found.synthetic, "the cell and its cycling are simulated"]
    return Prediction(made.prediction, notes, made.card)

"""The degradation node."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from labmesh import LabmeshError, Node, Order, OrderError, capability
from messages.chemistry import RunInfo
from messages.degradation import DegradationInput, DegradationModelOutput
from messages.model_card import TRAINING, TrainingInput, TrainingOutput
from nodes.degradation._parameters import DegradationParameters


class DegradationNode(Node[DegradationParameters]):
    """Predicts the end of life of cells from their first cycles, with uncertainty.

    Statistical models speak where a cell is like those that they were trained on: published LFP
    cells, and the lab's own whose end was reached. Elsewhere the trajectory of the capacity is
    extrapolated, with a wider interval and a lower rating.
    """

    Parameters = DegradationParameters
    _school: Any = None

    async def on_configure(self) -> None:
        """Train the models on the published data."""
        self._school = await self.in_thread(_school, self)

    async def on_activate(self) -> None:
        """Learn from what the ledger holds, and from what comes."""
        await self._school.begin()

    async def on_deactivate(self) -> None:
        """Learn no more."""
        await self._school.end()

    @capability("degradation_eol", "degradation_model", slots=8)
    async def end_of_life(self, order: Order[DegradationInput]) -> DegradationModelOutput:
        """End of life of a cell from its first cycles, with its 90 % interval."""
        asked = order.parameters
        work = _work()
        measured = None
        if asked.cycling_result is not None:
            measured = await work.measured(
                self.lab, asked.cycling_result, sample=asked.cell_info.sample,
                patience=self.parameters.patience,
            )  # fmt: skip
        try:
            found = await self.in_thread(work.answer, asked, measured, self._school.models())
        except OrderError:
            raise
        except LabmeshError as error:
            raise OrderError(error.what, where=error.where, remedy=error.remedy) from error
        said = found.prediction
        order.rate(
            success=said.rating.success, rating=said.rating.rating, reason=said.rating.reason
        )
        order.note(**found.notes)
        order.reproducible(work.recipe_of(found.card), *work.PACKAGES)
        return DegradationModelOutput(
            run_info=RunInfo(
                formulation=asked.battery_chemistry.electrolyte,
                internal_reference=f"{said.model}: {said.definition}",
                formulation_info=asked.cell_info.electrolyte_info,
            ),
            prediction=said,
        )

    @capability(*TRAINING)
    async def training(self, order: Order[TrainingInput]) -> TrainingOutput:
        """Models of the end of life, trained on what the ledger holds now."""
        output: TrainingOutput = await self._school.train(order)
        return output


def _work() -> Any:
    """Return the module that does the work; it needs SciPy and polars, a second of import."""
    return import_module("nodes.degradation._work")


def _school(node: DegradationNode) -> Any:
    return _work().School(node)

"""Degradation: the end of life of cells, predicted from their first cycles."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from messages.array import Array
from messages.cell import BatteryChemistry, CellInfo
from messages.chemistry import RunInfo
from messages.cycling import CRate, Cycles, CyclingFeatures
from messages.ledger import Rating
from messages.model import Model, Unit
from messages.quantity import CycleCount


class DegradationInput(CyclingFeatures):
    """Ask for the end of life of a cell, from what its first cycles showed."""

    battery_chemistry: BatteryChemistry
    cell_info: CellInfo
    input_cycles: Annotated[Array, Unit("A.h")] | None = Field(
        default=None, description="discharge capacity of the cycles known, one dimension"
    )
    average_charging_rate: CRate | None = Field(default=None, description="over input_cycles")
    maximum_charging_rate: CRate | None = Field(default=None, description="over input_cycles")
    minimum_charging_rate: CRate | None = Field(default=None, description="over input_cycles")


class DegradationWorkflowInput(DegradationInput):
    """Ask for the end of life of a chemistry: electrolyte, cells, cycling and prediction."""

    number_cells: Annotated[int, Unit("1"), Field(strict=True, ge=1, le=64)] | None = Field(
        default=None, description="to assemble and cycle; None leaves it to the workflow"
    )
    number_cycles: Cycles | None = Field(
        default=None, description="to cycle after formation; None leaves it to the workflow"
    )


class EndOfLife(Model):
    """The predicted future of one cell."""

    end_of_life: CycleCount = Field(description="cycle at which the cell is spent")
    capacity_trajectory: Annotated[Array, Unit("A.h")] = Field(
        description="expected capacity of the cycles to come, one dimension"
    )
    capacity_trajectory_uncertainty: Annotated[Array, Unit("A.h")] = Field(
        description="standard uncertainty (k=1) of each of capacity_trajectory"
    )
    rating: Rating
    cell_info: CellInfo

    @model_validator(mode="after")
    def _consistent(self) -> EndOfLife:
        shape = self.capacity_trajectory.shape
        if len(shape) != 1 or self.capacity_trajectory_uncertainty.shape != shape:
            raise ValueError("the trajectory and its uncertainty have one and the same length")
        return self


class DegradationModelOutput(Model):
    """The prediction for one cell."""

    run_info: RunInfo
    prediction: EndOfLife


class DegradationWorkflowOutput(Model):
    """The predictions for all cells that the workflow made."""

    run_info: RunInfo
    predictions: tuple[EndOfLife, ...]

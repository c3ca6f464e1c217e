"""Degradation: the end of life of cells, predicted from their first cycles."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from messages.array import Array
from messages.cell import BatteryChemistry, CellInfo, Separator
from messages.chemistry import RunInfo
from messages.cycling import CRate, CycleProgram, Cycles, CyclingFeatures
from messages.ledger import Rating, SampleId
from messages.meaning import Term
from messages.model import Count, Flag, Model, Real, Text, Unit, Uuid
from messages.quantity import CycleCount

CycleNumber = Annotated[Real, Unit("1"), Field(ge=0), Term("CycleLife")]
"""A number of cycles as a prediction: it may have a fraction."""


class DegradationInput(CyclingFeatures, term="EndOfLifePrediction"):
    """Ask for the end of life of a cell, from what its first cycles showed.

    What is said here wins over what the data of ``cycling_result`` show.
    """

    battery_chemistry: Annotated[BatteryChemistry, Term("BatteryCell", "hasTestObject")]
    cell_info: CellInfo
    cycling_result: Annotated[Uuid, Term("prov:used")] | None = Field(
        default=None,
        description="result of capacity/cycling or cycling_data/import whose table is read",
    )
    formation_cycles: Annotated[Count, Unit("1"), Term("NumberOfFormationCycles")] | None = Field(
        default=None, description="how many of the first cycles; None is found out from the data"
    )
    input_cycles: Annotated[Array, Unit("A.h"), Term("DischargingCapacity")] | None = Field(
        default=None, description="discharge capacity of the cycles known, one dimension"
    )
    average_charging_rate: Annotated[CRate, Term("ChargingCRate")] | None = Field(
        default=None, description="over input_cycles"
    )
    maximum_charging_rate: Annotated[CRate, Term("ChargingCRate")] | None = Field(
        default=None, description="over input_cycles"
    )
    minimum_charging_rate: Annotated[CRate, Term("ChargingCRate")] | None = Field(
        default=None, description="over input_cycles"
    )


class DegradationWorkflowInput(DegradationInput, term="EndOfLifeDetermination"):
    """Ask for the end of life of a chemistry: electrolyte, cells, cycling and prediction.

    What is None is left to the workflow that answers; its file says what it takes then.
    """

    cell_info: CellInfo = Field(default=CellInfo(), description="known beforehand of all cells")
    number_cells: (
        Annotated[int, Unit("1"), Field(strict=True, ge=1, le=64), Term("NumberOfCells")] | None
    ) = Field(default=None, description="to assemble and cycle")
    minimum_cells: (
        Annotated[int, Unit("1"), Field(strict=True, ge=1, le=64), Term("NumberOfCells")] | None
    ) = Field(default=None, description="so many must come through, or the whole request fails")
    number_cycles: Cycles | None = Field(default=None, description="to cycle after formation")
    cycling_protocol: Annotated[Text, Term("schema:measurementTechnique")] = Field(
        default="", description="name of a protocol the cycler knows; empty: the workflow's"
    )
    cycling: CycleProgram | None = Field(default=None, description="the cycles after formation")
    separator: Separator | None = Field(default=None, description="of all cells")
    electrolyte_volume: (
        Annotated[Real, Unit("m3"), Field(gt=0), Term("ElectrolyteVolume")] | None
    ) = Field(default=None, description="in each cell; 1 uL is 1e-9")


class EndOfLife(Model, term="PredictedLifetime", relation="hasOutput"):
    """The predicted future of one cell."""

    end_of_life: Annotated[CycleCount, Term("CycleLife")] = Field(
        description="cycle at which the cell is spent"
    )
    capacity_trajectory: Annotated[Array, Unit("A.h"), Term("DischargingCapacity")] = Field(
        description="expected capacity of the cycles to come, one dimension"
    )
    capacity_trajectory_uncertainty: Annotated[
        Array, Unit("A.h"), Term("MetrologicalUncertainty", "hasMetrologicalUncertainty")
    ] = Field(description="standard uncertainty (k=1) of each of capacity_trajectory")
    trajectory_cycles: Annotated[Array, Unit("1"), Term("CycleIndex")] | None = Field(
        default=None, description="number of the cycle of each of capacity_trajectory"
    )
    interval_low: Annotated[CycleNumber, Term("LowerCycleLifeBound")] | None = Field(
        default=None, description="the end of life is later than this by 95 %"
    )
    interval_high: Annotated[CycleNumber, Term("UpperCycleLifeBound")] | None = Field(
        default=None, description="the end of life is earlier than this by 95 %"
    )
    in_domain: Annotated[Flag, Term("schema:additionalProperty")] | None = Field(
        default=None, description="whether the cell is like those a statistical model has learned"
    )
    model: Annotated[Text, Term("prov:wasDerivedFrom")] = Field(
        default="", description="name and hash of the model card it was made by"
    )
    definition: Annotated[Text, Term("schema:description")] = Field(
        default="", description="when a cell is spent, and from where cycles are counted"
    )
    rating: Rating
    cell_info: CellInfo

    @model_validator(mode="after")
    def _consistent(self) -> EndOfLife:
        low, high = self.interval_low, self.interval_high
        if (low is None) != (high is None):
            raise ValueError("an interval has two ends")
        if low is not None and high is not None and low > high:
            raise ValueError(f"the interval begins at {low:g}, after its end at {high:g}")
        cycles = self.trajectory_cycles
        if cycles is not None and cycles.shape != self.capacity_trajectory.shape:
            raise ValueError("the trajectory has one cycle number a capacity")
        shape = self.capacity_trajectory.shape
        if len(shape) != 1 or self.capacity_trajectory_uncertainty.shape != shape:
            raise ValueError("the trajectory and its uncertainty have one and the same length")
        return self


class DegradationModelOutput(Model, term="EndOfLifePrediction"):
    """The prediction for one cell."""

    run_info: RunInfo
    prediction: EndOfLife


class CellOutcome(Model, term="CellRecord", relation="hasOutput"):
    """What became of one cell of a batch."""

    sample: Annotated[SampleId, Term("BatteryCell", "@id")] = Field(
        description="the cell's identity in the ledger"
    )
    outcome: Annotated[
        Literal["predicted", "not_assembled", "not_cycled", "not_predicted"],
        Term("schema:actionStatus"),
    ] = Field(description="how far it came")
    reason: Annotated[Text, Term("schema:description")] = Field(
        default="", description="why no further"
    )
    assembly_rating: (
        Annotated[int, Unit("1"), Field(strict=True, ge=0, le=5), Term("schema:ratingValue")] | None
    ) = Field(default=None, description="of its assembly, 5 is best")
    cycling: Annotated[Uuid, Term("prov:wasDerivedFrom")] | None = Field(
        default=None, description="result of its cycling, where all its data are"
    )
    prediction: Annotated[Uuid, Term("prov:wasDerivedFrom")] | None = Field(
        default=None, description="result of its prediction, with the whole trajectory"
    )


class DegradationWorkflowOutput(Model, term="EndOfLifeDetermination"):
    """The predictions for all cells that the workflow made, and what became of each cell.

    A trajectory is thinned here, so that 64 of them fit into one result: its points are evenly
    spaced, the first and the last are kept. `CellOutcome.prediction` has all of it.
    """

    run_info: RunInfo
    predictions: tuple[EndOfLife, ...]
    cells: Annotated[tuple[CellOutcome, ...], Term("CellRecord", "hasOutput")] = Field(
        default=(), description="the batch, in its order"
    )
    electrolyte: Annotated[SampleId, Term("ElectrolyteSolution", "prov:used")] | None = Field(
        default=None, description="the vial it was filled from"
    )
    batch_id: Annotated[Text, Term("schema:identifier")] = Field(
        default="", description="the laboratory's name of the batch"
    )

"""Battery cells: what they are made of, and their assembly."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, Field, model_validator

from messages.array import Array
from messages.assembly import Part
from messages.chemistry import Formulation, FormulationInfo
from messages.ledger import Rating, SampleId
from messages.location import Location
from messages.model import Model, Real, Text, Unit
from messages.quantity import Duration, Quantity, Temperature

Area = Annotated[Real, Unit("m2"), Field(gt=0)]
"""An area; 1 cm2 is 1e-4."""


class Electrode(Model):
    """An electrode, cut to a disc."""

    material: Formulation = Field(description="active material, binder, carbon")
    areal_capacity: Annotated[Real, Unit("A.h/m2"), Field(gt=0)] | None = Field(
        default=None, description="capacity per area; 1 mA.h/cm2 is 10"
    )
    area: Area | None = Field(default=None, description="of the disc")


class Separator(Model):
    """A separator, cut to a disc."""

    material: Text = Field(description="the manufacturer's product name")
    area: Area | None = Field(default=None, description="of the disc")


class BatteryChemistry(Model):
    """What a cell is made of."""

    electrolyte: Formulation
    anode: Electrode | None = None
    cathode: Electrode | None = None


class Cell(Model):
    """The design of a cell."""

    battery_chemistry: BatteryChemistry
    separator: Separator | None = None
    electrolyte_volume: Annotated[Real, Unit("m3"), Field(gt=0)] | None = Field(
        default=None, description="dispensed into the cell; 1 uL is 1e-9"
    )


class CellInfo(Model):
    """What is known about one physical cell, and about the batches behind it."""

    cell_name: Text = Field(default="", description="for people")
    sample: SampleId | None = Field(default=None, description="the cell's identity in the ledger")
    assembly_date: date | None = Field(default=None, description="when it was made")
    batch: Text = Field(default="", description="the batch_id of its assembly")
    anode_info: FormulationInfo | None = None
    cathode_info: FormulationInfo | None = None
    electrolyte_info: FormulationInfo | None = Field(
        default=None, description="its sample is the vial that fills the cell"
    )
    cell_location: Location | None = None


class IdentifiedCellInfo(CellInfo):
    """What is known about a cell that exists, and so has an identity."""

    sample: SampleId = Field(description="the cell's identity in the ledger")


class CellAssemblyInput(Model):
    """Ask for a batch of equal cells."""

    cell: Cell
    cell_info: CellInfo = Field(description="electrolyte_info.sample names the vial to use")
    batch_size: Annotated[int, Unit("1"), Field(strict=True, ge=1, le=64)] = Field(
        default=8, description="number of cells"
    )


class AssembledCell(Model):
    """One cell of a batch. What it leaves out is as the batch says."""

    cell_info: IdentifiedCellInfo
    cell: Cell | None = Field(
        default=None, description="as built, where it differs from the batch's cell"
    )
    manufacturing_img: Text = Field(
        default="", description="name of its picture among the result's artifacts"
    )
    rating: Rating = Field(description="of this cell's assembly")
    temperature: Temperature | None = Field(default=None, description="during the assembly")
    sealing_time: AwareDatetime | None = Field(default=None, description="when it was sealed")
    assembly_duration: Duration | None = Field(
        default=None, description="from the first part to the seal"
    )


class AssemblyMeasurements(Model):
    """What was measured while a batch was made: arrays with one entry a cell, in their order.

    Zero stands where a cell did not come so far.
    """

    electrolyte_volume: Annotated[Array, Unit("m3")] = Field(description="dispensed")
    electrolyte_volume_uncertainty: Annotated[Real, Unit("m3"), Field(ge=0)] | None = Field(
        default=None, description="standard uncertainty of each, from the dispenser's calibration"
    )
    wet_duration: Annotated[Array, Unit("s")] = Field(
        description="from the first electrolyte to the seal"
    )
    assembly_duration: Annotated[Array, Unit("s")] = Field(
        description="from the first part to the seal"
    )
    crimp_duration: Annotated[Array, Unit("s")] = Field(
        description="how long the crimper was given; no force is read back"
    )
    oxygen: Annotated[Array, Unit("1")] = Field(
        description="greatest mole fraction in the glovebox"
    )
    water: Annotated[Array, Unit("1")] = Field(description="greatest mole fraction in the glovebox")
    temperature: Annotated[Array, Unit("K")] = Field(description="mean in the glovebox")
    parts: tuple[Part, ...] = Field(description="second dimension of placed and offsets")
    placed: Annotated[Array, Unit("1")] = Field(description="booleans: which parts were placed")
    offsets: Annotated[Array, Unit("m")] = Field(
        description="x and y (third dimension) of each placed part against the post's centre"
    )

    @model_validator(mode="after")
    def _consistent(self) -> AssemblyMeasurements:
        cells, parts = self.electrolyte_volume.shape[:1], (len(self.parts),)
        for name in ("electrolyte_volume", "wet_duration", "assembly_duration", "crimp_duration",
                     "oxygen", "water", "temperature"):  # fmt: skip
            if getattr(self, name).shape != cells:
                raise ValueError(f"{name} has not one entry a cell")
        if self.placed.shape != cells + parts or self.offsets.shape != (*cells, *parts, 2):
            raise ValueError("placed is cells x parts, offsets cells x parts x 2")
        return self


class CellAssemblyOutput(Model):
    """The cells of a batch, each with its own rating."""

    batch_id: Text = Field(description="the laboratory's own name of the batch")
    batch_output: tuple[AssembledCell, ...]
    cell: Cell | None = Field(default=None, description="as built, where cells do not differ")
    cell_info: CellInfo | None = Field(
        default=None, description="what all cells share: electrolyte, batches of electrodes, date"
    )
    lots: dict[Part, Text] = Field(default_factory=dict, description="lot of each part")
    measured: AssemblyMeasurements | None = None
    trail: Text = Field(
        default="",
        description="name of the record of every step among the result's artifacts (AssemblyTrail)",
    )

    @property
    def spelled_out(self) -> tuple[AssembledCell, ...]:
        """The cells, each complete by itself: what they share filled in."""
        return tuple(self._complete(index) for index in range(len(self.batch_output)))

    def _complete(self, index: int) -> AssembledCell:
        cell = self.batch_output[index]
        shared = {} if self.cell_info is None else dict(self.cell_info)
        own = {name: value for name, value in dict(cell.cell_info).items() if value}
        update: dict[str, object] = {
            "cell_info": IdentifiedCellInfo.model_validate({**shared, **own}),
            "cell": cell.cell or self.cell,
        }
        measured = self.measured
        if measured is not None and cell.temperature is None and measured.temperature[index] > 0:
            update["temperature"] = Quantity.of(float(measured.temperature[index]), "K")
        if measured is not None and cell.assembly_duration is None and cell.sealing_time:
            seconds = float(measured.assembly_duration[index])
            update["assembly_duration"] = Quantity.of(seconds, "s")
        return cell.model_copy(update=update)

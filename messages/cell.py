"""Battery cells: what they are made of, and their assembly."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, Field

from messages.chemistry import Formulation, FormulationInfo
from messages.ledger import Rating, SampleId
from messages.location import Location
from messages.model import Model, Real, Text, Unit
from messages.quantity import Duration, Temperature

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
    """One cell of a batch."""

    cell_info: IdentifiedCellInfo
    cell: Cell = Field(description="as built")
    manufacturing_img: Text = Field(
        default="", description="name of its picture among the result's artifacts"
    )
    rating: Rating = Field(description="of this cell's assembly")
    temperature: Temperature | None = Field(default=None, description="during the assembly")
    sealing_time: AwareDatetime | None = Field(default=None, description="when it was sealed")
    assembly_duration: Duration | None = Field(
        default=None, description="from the first part to the seal"
    )


class CellAssemblyOutput(Model):
    """The cells of a batch, each with its own rating."""

    batch_id: Text = Field(description="the laboratory's own name of the batch")
    batch_output: tuple[AssembledCell, ...]

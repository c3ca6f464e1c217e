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
from messages.meaning import ENCLOSING, Term
from messages.model import Model, Real, Text, Unit
from messages.quantity import Duration, Quantity, Temperature

Area = Annotated[Real, Unit("m2"), Field(gt=0), Term("Area")]
"""An area; 1 cm2 is 1e-4."""


class Electrode(Model, term="Electrode", relation="hasComponent"):
    """An electrode, cut to a disc."""

    material: Annotated[Formulation, Term("ElectrodeMaterial", "hasActiveMaterial")] = Field(
        description="active material, binder, carbon"
    )
    areal_capacity: Annotated[Real, Unit("A.h/m2"), Field(gt=0), Term("AreicCapacity")] | None = (
        Field(default=None, description="capacity per area; 1 mA.h/cm2 is 10")
    )
    area: Area | None = Field(default=None, description="of the disc")


class Separator(Model, term="Separator", relation="hasSeparator"):
    """A separator, cut to a disc."""

    material: Annotated[Text, Term("schema:name")] = Field(
        description="the manufacturer's product name"
    )
    area: Area | None = Field(default=None, description="of the disc")


class BatteryChemistry(Model, term="enclosing"):
    """What a cell is made of."""

    electrolyte: Annotated[Formulation, Term("ElectrolyteSolution", "hasElectrolyte")]
    anode: Annotated[Electrode, Term("NegativeElectrode", "hasNegativeElectrode")] | None = None
    cathode: Annotated[Electrode, Term("PositiveElectrode", "hasPositiveElectrode")] | None = None


class Cell(Model, term="CoinCell"):
    """The design of a cell."""

    battery_chemistry: BatteryChemistry
    separator: Separator | None = None
    electrolyte_volume: (
        Annotated[Real, Unit("m3"), Field(gt=0), Term("ElectrolyteVolume")] | None
    ) = Field(default=None, description="dispensed into the cell; 1 uL is 1e-9")


class CellInfo(Model, term="BatteryCell", relation="hasTestObject"):
    """What is known about one physical cell, and about the batches behind it."""

    cell_name: Annotated[Text, Term("schema:name")] = Field(default="", description="for people")
    sample: Annotated[SampleId, Term("BatteryCell", "@id")] | None = Field(
        default=None, description="the cell's identity in the ledger"
    )
    assembly_date: Annotated[date, Term("dcterms:created")] | None = Field(
        default=None, description="when it was made"
    )
    batch: Annotated[Text, Term("schema:identifier")] = Field(
        default="", description="the batch_id of its assembly"
    )
    anode_info: (
        Annotated[FormulationInfo, Term("NegativeElectrode", "hasNegativeElectrode")] | None
    ) = None
    cathode_info: (
        Annotated[FormulationInfo, Term("PositiveElectrode", "hasPositiveElectrode")] | None
    ) = None
    electrolyte_info: (
        Annotated[FormulationInfo, Term("ElectrolyteSolution", "hasElectrolyte")] | None
    ) = Field(default=None, description="its sample is the vial that fills the cell")
    cell_location: Location | None = None


class IdentifiedCellInfo(CellInfo):
    """What is known about a cell that exists, and so has an identity."""

    sample: Annotated[SampleId, Term("BatteryCell", "@id")] = Field(
        description="the cell's identity in the ledger"
    )


class CellAssemblyInput(Model, term="CoinCellAssembly"):
    """Ask for a batch of equal cells."""

    cell: Annotated[Cell, Term("CoinCell", "hasOutput")]
    cell_info: Annotated[CellInfo, Term("CoinCell", "hasOutput")] = Field(
        description="electrolyte_info.sample names the vial to use"
    )
    batch_size: Annotated[
        int, Unit("1"), Field(strict=True, ge=1, le=64), Term("NumberOfCells")
    ] = Field(default=8, description="number of cells")


class AssembledCell(Model, term="CoinCell", relation="hasOutput"):
    """One cell of a batch. What it leaves out is as the batch says."""

    cell_info: Annotated[IdentifiedCellInfo, ENCLOSING]
    cell: Annotated[Cell, ENCLOSING] | None = Field(
        default=None, description="as built, where it differs from the batch's cell"
    )
    manufacturing_img: Annotated[Text, Term("schema:image")] = Field(
        default="", description="name of its picture among the result's artifacts"
    )
    rating: Rating = Field(description="of this cell's assembly")
    temperature: Temperature | None = Field(default=None, description="during the assembly")
    sealing_time: Annotated[AwareDatetime, Term("prov:generatedAtTime")] | None = Field(
        default=None, description="when it was sealed"
    )
    assembly_duration: Annotated[Duration, Term("AssemblyDuration")] | None = Field(
        default=None, description="from the first part to the seal"
    )


class AssemblyMeasurements(Model, term="AssemblyRecord", relation="hasOutput"):
    """What was measured while a batch was made: arrays with one entry a cell, in their order.

    Zero stands where a cell did not come so far.
    """

    electrolyte_volume: Annotated[Array, Unit("m3"), Term("ElectrolyteVolume")] = Field(
        description="dispensed"
    )
    electrolyte_volume_uncertainty: (
        Annotated[
            Real,
            Unit("m3"),
            Field(ge=0),
            Term("MetrologicalUncertainty", "hasMetrologicalUncertainty"),
        ]
        | None
    ) = Field(
        default=None, description="standard uncertainty of each, from the dispenser's calibration"
    )
    wet_duration: Annotated[Array, Unit("s"), Term("WettingDuration")] = Field(
        description="from the first electrolyte to the seal"
    )
    assembly_duration: Annotated[Array, Unit("s"), Term("AssemblyDuration")] = Field(
        description="from the first part to the seal"
    )
    crimp_duration: Annotated[Array, Unit("s"), Term("CrimpingDuration")] = Field(
        description="how long the crimper was given; no force is read back"
    )
    oxygen: Annotated[Array, Unit("1"), Term("OxygenAmountFraction")] = Field(
        description="greatest mole fraction in the glovebox"
    )
    water: Annotated[Array, Unit("1"), Term("WaterAmountFraction")] = Field(
        description="greatest mole fraction in the glovebox"
    )
    temperature: Annotated[Array, Unit("K"), Term("ThermodynamicTemperature")] = Field(
        description="mean in the glovebox"
    )
    parts: Annotated[tuple[Part, ...], Term("schema:variableMeasured")] = Field(
        description="second dimension of placed and offsets"
    )
    placed: Annotated[Array, Unit("1"), Term("PartPresence")] = Field(
        description="booleans: which parts were placed"
    )
    offsets: Annotated[Array, Unit("m"), Term("PlacementOffset")] = Field(
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


class CellAssemblyOutput(Model, term="CoinCellAssembly"):
    """The cells of a batch, each with its own rating."""

    batch_id: Annotated[Text, Term("schema:identifier")] = Field(
        description="the laboratory's own name of the batch"
    )
    batch_output: Annotated[tuple[AssembledCell, ...], Term("CoinCell", "hasOutput")]
    cell: Annotated[Cell, Term("CoinCell", "dcterms:conformsTo")] | None = Field(
        default=None, description="as built, where cells do not differ"
    )
    cell_info: Annotated[CellInfo, Term("CoinCell", "dcterms:conformsTo")] | None = Field(
        default=None, description="what all cells share: electrolyte, batches of electrodes, date"
    )
    lots: Annotated[dict[Part, Text], Term("schema:sku")] = Field(
        default_factory=dict, description="lot of each part"
    )
    measured: AssemblyMeasurements | None = None
    trail: Annotated[Text, Term("dcterms:provenance")] = Field(
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

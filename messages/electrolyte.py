"""Electrolytes: mixed by flow, and measured for conductivity, density and viscosity."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from messages.array import Array
from messages.chemistry import Chemical, Formulation, RunInfo
from messages.ledger import Rating, SampleId
from messages.location import Location
from messages.meaning import ENCLOSING, Term
from messages.model import Model, Name, Real, Text, Unit
from messages.quantity import (
    CellConstant,
    Conductivity,
    Density,
    Mass,
    Temperature,
    Viscosity,
    Volume,
)

KelvinInput = Annotated[Real, Unit("K"), Field(gt=0), Term("ThermodynamicTemperature")]
"""A temperature asked for."""


class ConductivityInput(Model, term="Conductometry"):
    """Ask for the ionic conductivity of a formulation."""

    formulation: Annotated[Formulation, Term("ElectrolyteSolution", "hasMeasurementSample")]
    temperature: KelvinInput = Field(default=298.15, description="of the electrolyte")


class ConductivityOutput(Model, term="Conductometry"):
    """The ionic conductivity as the instrument measured or the model computed it."""

    run_info: RunInfo
    conductivity: Conductivity = Field(description="mean of the repeats")
    temperature: Annotated[
        Temperature, Term("ThermodynamicTemperature", "hasMeasurementParameter")
    ] = Field(description="of the electrolyte during the run")
    repeats: Annotated[Array, Unit("S/m"), Term("IonicConductivity")] | None = Field(
        default=None, description="the single values, one dimension"
    )
    cell_constant: (
        Annotated[CellConstant, Term("ConductivityCellConstant", "hasMeasurementParameter")] | None
    ) = Field(default=None, description="of the conductivity cell, from its calibration")


class DensityInput(Model, term="Densimetry"):
    """Ask for the density (and the viscosity, where the method has it) of a formulation."""

    formulation: Annotated[Formulation, Term("ElectrolyteSolution", "hasMeasurementSample")]
    temperature: KelvinInput = Field(default=298.15, description="of the electrolyte")


class DensityOutput(Model, term="Densimetry"):
    """The density, and the viscosity where the method measures it too."""

    run_info: RunInfo
    density: Density = Field(description="mean of the repeats")
    temperature: Annotated[
        Temperature, Term("ThermodynamicTemperature", "hasMeasurementParameter")
    ] = Field(description="of the electrolyte during the run")
    repeats: Annotated[Array, Unit("kg/m3"), Term("Density")] | None = Field(
        default=None, description="the single values, one dimension"
    )
    viscosity: Viscosity | None = Field(default=None, description="dynamic; mean of its repeats")
    viscosity_repeats: Annotated[Array, Unit("Pa.s"), Term("DynamicViscosity")] | None = Field(
        default=None, description="the single values, one dimension"
    )


class ViscosityInput(Model, term="Viscometry"):
    """Ask for the dynamic viscosity of a formulation."""

    formulation: Annotated[Formulation, Term("ElectrolyteSolution", "hasMeasurementSample")]
    temperature: KelvinInput = Field(default=298.15, description="of the electrolyte")


class ViscosityOutput(Model, term="Viscometry"):
    """The dynamic viscosity."""

    run_info: RunInfo
    viscosity: Viscosity = Field(description="dynamic; mean of the repeats")
    temperature: Annotated[
        Temperature, Term("ThermodynamicTemperature", "hasMeasurementParameter")
    ] = Field(description="of the electrolyte during the run")
    repeats: Annotated[Array, Unit("Pa.s"), Term("DynamicViscosity")] | None = Field(
        default=None, description="the single values, one dimension"
    )


class ElectrolytePropertiesInput(Model, term="ElectrolyteCharacterisation"):
    """Ask for density, viscosity and conductivity of one sample of a formulation."""

    formulation: Annotated[Formulation, Term("ElectrolyteSolution", "hasMeasurementSample")]
    temperature: KelvinInput = Field(default=298.15, description="of the electrolyte")


class ElectrolytePropertiesOutput(Model, term="ElectrolyteCharacterisation"):
    """What was measured of one sample, formulated once.

    A property that could not be measured (no valid reading) is absent; the rating says why.
    """

    run_info: RunInfo
    temperature: Annotated[
        Temperature, Term("ThermodynamicTemperature", "hasMeasurementParameter")
    ] = Field(description="of the electrolyte during the run")
    density: Density | None = Field(default=None, description="mean of its repeats")
    density_repeats: Annotated[Array, Unit("kg/m3"), Term("Density")] | None = Field(
        default=None, description="the single values, one dimension"
    )
    viscosity: Viscosity | None = Field(default=None, description="dynamic; mean of its repeats")
    viscosity_repeats: Annotated[Array, Unit("Pa.s"), Term("DynamicViscosity")] | None = Field(
        default=None, description="the single values, one dimension"
    )
    conductivity: Conductivity | None = Field(default=None, description="mean of its repeats")
    conductivity_repeats: Annotated[Array, Unit("S/m"), Term("IonicConductivity")] | None = Field(
        default=None, description="the single values, one dimension"
    )
    cell_constant: (
        Annotated[CellConstant, Term("ConductivityCellConstant", "hasMeasurementParameter")] | None
    ) = Field(default=None, description="of the conductivity cell, from its calibration")


class ComponentMass(Model, term="ChemicalSubstance", relation="hasInput"):
    """How much of a chemical was weighed in."""

    chemical: Annotated[Chemical, ENCLOSING]
    mass: Mass


class StockSolutionInput(Model, term="StockSolutionPreparation"):
    """What a stock solution was weighed from."""

    name: Annotated[Name, Term("schema:name")] = Field(
        description="of the solution, as the laboratory calls it"
    )
    batch: Annotated[Text, Term("schema:identifier")] = Field(
        default="", description="the manufacturer's or the laboratory's"
    )
    manufacturer: Annotated[Text, Term("schema:manufacturer")] = Field(
        default="", description="who mixed it"
    )
    label: Annotated[Text, Term("schema:alternateName")] = Field(
        default="", description="for people"
    )
    masses: Annotated[tuple[ComponentMass, ...], Term("ChemicalSubstance", "hasInput")] = Field(
        min_length=1, max_length=100, description="as weighed in"
    )


class StockSolutionOutput(Model, term="StockSolutionPreparation"):
    """A stock solution that is known from now on."""

    sample: Annotated[SampleId, Term("StockSolution", "hasOutput")] = Field(
        description="its identity: the parent of what is mixed from it"
    )
    formulation: Annotated[Formulation, Term("StockSolution", "hasOutput")]
    density: Annotated[Density, Term("Density")]
    density_temperature: Annotated[
        Temperature, Term("ThermodynamicTemperature", "hasMeasurementParameter")
    ] = Field(description="at which the density was measured")


class ElectrolyteInput(Model, term="ElectrolyteFormulation"):
    """Ask for a volume of electrolyte, mixed from the stock solutions."""

    formulation: Annotated[Formulation, Term("ElectrolyteSolution", "hasOutput")]
    volume: Annotated[Real, Unit("m3"), Field(gt=0), Term("Volume")] = Field(
        description="1 mL is 1e-6"
    )


class ElectrolyteOutput(Model, term="ElectrolyteFormulation"):
    """A vial of electrolyte, where it stands, and what is in it."""

    run_info: Annotated[RunInfo, Term("ElectrolyteSolution", "hasOutput")]
    sample: Annotated[SampleId, Term("ElectrolyteSolution", "hasOutput")] = Field(
        description="the electrolyte's identity"
    )
    volume: Volume = Field(description="delivered")
    location: Location
    rating: Rating | None = Field(default=None, description="of the mixture")

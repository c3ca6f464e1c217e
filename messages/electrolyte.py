"""Electrolytes: mixed by flow, and measured for conductivity, density and viscosity."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from messages.array import Array
from messages.chemistry import Chemical, Formulation, RunInfo
from messages.ledger import Rating, SampleId
from messages.location import Location
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

KelvinInput = Annotated[Real, Unit("K"), Field(gt=0)]
"""A temperature asked for."""


class ConductivityInput(Model):
    """Ask for the ionic conductivity of a formulation."""

    formulation: Formulation
    temperature: KelvinInput = Field(default=298.15, description="of the electrolyte")


class ConductivityOutput(Model):
    """The ionic conductivity as the instrument measured or the model computed it."""

    run_info: RunInfo
    conductivity: Conductivity = Field(description="mean of the repeats")
    temperature: Temperature = Field(description="of the electrolyte during the run")
    repeats: Annotated[Array, Unit("S/m")] | None = Field(
        default=None, description="the single values, one dimension"
    )
    cell_constant: CellConstant | None = Field(
        default=None, description="of the conductivity cell, from its calibration"
    )


class DensityInput(Model):
    """Ask for the density (and the viscosity, where the method has it) of a formulation."""

    formulation: Formulation
    temperature: KelvinInput = Field(default=298.15, description="of the electrolyte")


class DensityOutput(Model):
    """The density, and the viscosity where the method measures it too."""

    run_info: RunInfo
    density: Density = Field(description="mean of the repeats")
    temperature: Temperature = Field(description="of the electrolyte during the run")
    repeats: Annotated[Array, Unit("kg/m3")] | None = Field(
        default=None, description="the single values, one dimension"
    )
    viscosity: Viscosity | None = Field(default=None, description="dynamic; mean of its repeats")
    viscosity_repeats: Annotated[Array, Unit("Pa.s")] | None = Field(
        default=None, description="the single values, one dimension"
    )


class ViscosityInput(Model):
    """Ask for the dynamic viscosity of a formulation."""

    formulation: Formulation
    temperature: KelvinInput = Field(default=298.15, description="of the electrolyte")


class ViscosityOutput(Model):
    """The dynamic viscosity."""

    run_info: RunInfo
    viscosity: Viscosity = Field(description="dynamic; mean of the repeats")
    temperature: Temperature = Field(description="of the electrolyte during the run")
    repeats: Annotated[Array, Unit("Pa.s")] | None = Field(
        default=None, description="the single values, one dimension"
    )


class ElectrolytePropertiesInput(Model):
    """Ask for density, viscosity and conductivity of one sample of a formulation."""

    formulation: Formulation
    temperature: KelvinInput = Field(default=298.15, description="of the electrolyte")


class ElectrolytePropertiesOutput(Model):
    """What was measured of one sample, formulated once.

    A property that could not be measured (no valid reading) is absent; the rating says why.
    """

    run_info: RunInfo
    temperature: Temperature = Field(description="of the electrolyte during the run")
    density: Density | None = Field(default=None, description="mean of its repeats")
    density_repeats: Annotated[Array, Unit("kg/m3")] | None = Field(
        default=None, description="the single values, one dimension"
    )
    viscosity: Viscosity | None = Field(default=None, description="dynamic; mean of its repeats")
    viscosity_repeats: Annotated[Array, Unit("Pa.s")] | None = Field(
        default=None, description="the single values, one dimension"
    )
    conductivity: Conductivity | None = Field(default=None, description="mean of its repeats")
    conductivity_repeats: Annotated[Array, Unit("S/m")] | None = Field(
        default=None, description="the single values, one dimension"
    )
    cell_constant: CellConstant | None = Field(
        default=None, description="of the conductivity cell, from its calibration"
    )


class ComponentMass(Model):
    """How much of a chemical was weighed in."""

    chemical: Chemical
    mass: Mass


class StockSolutionInput(Model):
    """What a stock solution was weighed from."""

    name: Name = Field(description="of the solution, as the laboratory calls it")
    batch: Text = Field(default="", description="the manufacturer's or the laboratory's")
    manufacturer: Text = Field(default="", description="who mixed it")
    label: Text = Field(default="", description="for people")
    masses: tuple[ComponentMass, ...] = Field(
        min_length=1, max_length=100, description="as weighed in"
    )


class StockSolutionOutput(Model):
    """A stock solution that is known from now on."""

    sample: SampleId = Field(description="its identity: the parent of what is mixed from it")
    formulation: Formulation
    density: Density
    density_temperature: Temperature = Field(description="at which the density was measured")


class ElectrolyteInput(Model):
    """Ask for a volume of electrolyte, mixed from the stock solutions."""

    formulation: Formulation
    volume: Annotated[Real, Unit("m3"), Field(gt=0)] = Field(description="1 mL is 1e-6")


class ElectrolyteOutput(Model):
    """A vial of electrolyte, where it stands, and what is in it."""

    run_info: RunInfo
    sample: SampleId = Field(description="the electrolyte's identity")
    volume: Volume = Field(description="delivered")
    location: Location
    rating: Rating | None = Field(default=None, description="of the mixture")

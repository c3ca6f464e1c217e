"""Electrolytes: mixed by flow, and measured for conductivity, density and viscosity."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from messages.array import Array
from messages.chemistry import Formulation, RunInfo
from messages.ledger import Rating, SampleId
from messages.location import Location
from messages.model import Model, Real, Unit
from messages.quantity import CellConstant, Conductivity, Density, Temperature, Viscosity, Volume

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

"""What molecular dynamics computes of an electrolyte."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from messages.array import Array
from messages.chemistry import Formulation, RunInfo
from messages.electrolyte import ConductivityOutput, KelvinInput
from messages.ledger import Rating
from messages.model import Count, Model, Real, Unit
from messages.quantity import Conductivity, Density, Temperature

MoleculeCounts = dict[str, Annotated[Count, Unit("1")]]
"""Molecules in the simulated box by InChIKey (or `Chemical.key`)."""


class RadialDistributionInput(Model):
    """Ask for the radial distribution functions of a formulation."""

    formulation: Formulation
    temperature: KelvinInput = Field(description="of the simulated box")
    estimated_density: Annotated[Real, Unit("kg/m3"), Field(gt=0)] | None = Field(
        default=None, description="first guess for the box"
    )


class RadialDistributionOutput(Model):
    """Radial distribution functions of pairs of atoms."""

    radius: Annotated[Array, Unit("m")] = Field(description="one dimension; 1 Angstrom is 1e-10")
    pair_title: tuple[Annotated[str, Field(min_length=1, max_length=80)], ...] = Field(
        description="names of the pairs"
    )
    rdf: Annotated[Array, Unit("1")] = Field(
        description="local over average density, shape (pairs, radii)"
    )
    cell_volume: Annotated[Real, Unit("m3"), Field(gt=0)] = Field(description="of the box")
    cell_formula: Annotated[str, Field(max_length=1000)] = Field(
        description="atoms in the box: Li16 O600 P16 F96 C600 H600"
    )
    rating: Rating | None = None

    @model_validator(mode="after")
    def _consistent(self) -> RadialDistributionOutput:
        wanted = (len(self.pair_title), self.radius.size)
        if self.radius.ndim != 1 or self.rdf.shape != wanted:
            raise ValueError(f"rdf has shape {self.rdf.shape}, not (pairs, radii) = {wanted}")
        return self


class SimulatedConductivityOutput(ConductivityOutput):
    """The conductivity, and what else the same simulation yields."""

    density: Density | None = None
    rdf: RadialDistributionOutput | None = None
    number_molecules_per_component: MoleculeCounts | None = Field(
        default=None, description="in the box, by InChIKey"
    )


class SimulatedDensityOutput(Model):
    """The density, and what else the same simulation yields."""

    run_info: RunInfo
    density: Density = Field(description="mean of the repeats")
    temperature: Temperature = Field(description="of the simulated box")
    repeats: Annotated[Array, Unit("kg/m3")] | None = Field(
        default=None, description="the single values, one dimension"
    )
    conductivity: Conductivity | None = None
    rdf: RadialDistributionOutput | None = None
    number_molecules_per_component: MoleculeCounts | None = Field(
        default=None, description="in the box, by InChIKey"
    )

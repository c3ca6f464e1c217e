"""What molecular dynamics computes of an electrolyte."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from messages.array import Array
from messages.chemistry import Formulation, RunInfo
from messages.electrolyte import (
    ConductivityInput,
    ConductivityOutput,
    DensityInput,
    KelvinInput,
)
from messages.ledger import Rating
from messages.meaning import Term
from messages.model import Count, Model, Real, Unit
from messages.quantity import Conductivity, Density, Ratio, Temperature

MoleculeCounts = Annotated[dict[str, Annotated[Count, Unit("1")]], Term("NumberOfMolecules")]
"""Molecules in the simulated box by InChIKey (or `Chemical.key`)."""

RunLength = Literal["quick", "production"]
"""How long is simulated: picoseconds, to see that it works; nanoseconds, for transport."""

_LENGTH = "how long to simulate; absent: as the node is set"


class SimulatedConductivityInput(ConductivityInput, term="MolecularDynamicsSimulation"):
    """Ask for the ionic conductivity of a simulated formulation."""

    length: Annotated[RunLength, Term("schema:additionalProperty")] | None = Field(
        default=None, description=_LENGTH
    )


class SimulatedDensityInput(DensityInput, term="MolecularDynamicsSimulation"):
    """Ask for the density of a simulated formulation."""

    length: Annotated[RunLength, Term("schema:additionalProperty")] | None = Field(
        default=None, description=_LENGTH
    )


class RadialDistributionInput(Model, term="MolecularDynamicsSimulation"):
    """Ask for the radial distribution functions of a formulation."""

    formulation: Annotated[Formulation, Term("ElectrolyteSolution", "hasMeasurementSample")]
    temperature: KelvinInput = Field(description="of the simulated box")
    estimated_density: Annotated[Real, Unit("kg/m3"), Field(gt=0), Term("Density")] | None = Field(
        default=None, description="first guess for the box"
    )
    length: Annotated[RunLength, Term("schema:additionalProperty")] | None = Field(
        default=None, description=_LENGTH
    )


class CoordinationShell(Model, term="CoordinationShell", relation="hasPart"):
    """The first coordination shell of a pair of atoms."""

    pair_title: Annotated[str, Field(min_length=1, max_length=80), Term("schema:name")] = Field(
        description="name of the pair"
    )
    peak: Annotated[Real, Unit("m"), Field(gt=0), Term("InteratomicDistance")] = Field(
        description="of the first peak"
    )
    height: Annotated[Real, Unit("1"), Field(gt=0), Term("RadialDistributionPeakHeight")] = Field(
        description="of the first peak"
    )
    edge: Annotated[Real, Unit("m"), Field(gt=0), Term("CoordinationShellRadius")] = Field(
        description="the first minimum"
    )
    number: Annotated[Ratio, Term("CoordinationNumber")] = Field(
        description="second atoms within the edge of a first one"
    )


class RadialDistributionOutput(Model, term="RadialDistributionDataset", relation="hasOutput"):
    """Radial distribution functions of pairs of atoms."""

    radius: Annotated[Array, Unit("m"), Term("InteratomicDistance")] = Field(
        description="one dimension; 1 Angstrom is 1e-10"
    )
    pair_title: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=80)], ...],
        Term("schema:variableMeasured"),
    ] = Field(description="names of the pairs")
    rdf: Annotated[Array, Unit("1"), Term("RadialDistributionFunction")] = Field(
        description="local over average density, shape (pairs, radii)"
    )
    cell_volume: Annotated[Real, Unit("m3"), Field(gt=0), Term("SimulationBoxVolume")] = Field(
        description="of the box"
    )
    cell_formula: Annotated[str, Field(max_length=1000), Term("schema:molecularFormula")] = Field(
        description="atoms in the box: Li16 O600 P16 F96 C600 H600"
    )
    rating: Rating | None = None
    rdf_uncertainty: (
        Annotated[Array, Unit("1"), Term("MetrologicalUncertainty", "hasMetrologicalUncertainty")]
        | None
    ) = Field(default=None, description="standard, of rdf, in its shape")
    coordination: Annotated[Array, Unit("1"), Term("CoordinationNumber")] | None = Field(
        default=None, description="second atoms within each radius of a first, shape (pairs, radii)"
    )
    shells: tuple[CoordinationShell, ...] = Field(
        default=(), description="first shells, of the pairs that have one"
    )

    @model_validator(mode="after")
    def _consistent(self) -> RadialDistributionOutput:
        wanted = (len(self.pair_title), self.radius.size)
        if self.radius.ndim != 1 or self.rdf.shape != wanted:
            raise ValueError(f"rdf has shape {self.rdf.shape}, not (pairs, radii) = {wanted}")
        for name in ("rdf_uncertainty", "coordination"):
            array = getattr(self, name)
            if array is not None and array.shape != wanted:
                raise ValueError(f"{name} has shape {array.shape}, not (pairs, radii) = {wanted}")
        return self


class SimulatedConductivityOutput(ConductivityOutput, term="MolecularDynamicsSimulation"):
    """The conductivity, and what else the same simulation yields."""

    density: Density | None = None
    rdf: RadialDistributionOutput | None = None
    number_molecules_per_component: MoleculeCounts | None = Field(
        default=None, description="in the box, by InChIKey"
    )


class SimulatedDensityOutput(Model, term="MolecularDynamicsSimulation"):
    """The density, and what else the same simulation yields."""

    run_info: RunInfo
    density: Density = Field(description="mean of the repeats")
    temperature: Annotated[
        Temperature, Term("ThermodynamicTemperature", "hasMeasurementParameter")
    ] = Field(description="of the simulated box")
    repeats: Annotated[Array, Unit("kg/m3"), Term("Density")] | None = Field(
        default=None, description="the single values, one dimension"
    )
    conductivity: Conductivity | None = None
    rdf: RadialDistributionOutput | None = None
    number_molecules_per_component: MoleculeCounts | None = Field(
        default=None, description="in the box, by InChIKey"
    )

"""Parameters of the molecular dynamics node."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from labmesh import NodeParameters, parameter
from messages.model import Unit
from messages.simulation import RunLength

Kelvin = Annotated[float, Unit("K"), Field(gt=0)]
Seconds = Annotated[float, Unit("s"), Field(ge=0)]

STEP = 3e-15
"""s, of the integrator."""


class RunSettings(BaseModel):
    """How a run of one length is done. Times are of the simulated molecules."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    molecules: int = Field(ge=8, le=100_000, description="in the box, ions counted singly")
    equilibrate: Seconds = Field(description="at constant pressure, thrown away")
    density: Seconds = Field(gt=0, description="at constant pressure, sampled")
    transport: Seconds = Field(description="at constant volume, sampled")
    checkpoint: Seconds = Field(gt=0, description="between two checkpoints")
    sample: Seconds = Field(gt=0, description="between two samples")
    cutoff: Annotated[float, Unit("m"), Field(gt=3e-10, le=2e-9)] = Field(
        description="of the pair forces; less in a box that is too small for it"
    )

    @model_validator(mode="after")
    def _ordered(self) -> RunSettings:
        if not STEP <= self.sample <= self.checkpoint:
            raise ValueError(f"sample is not between {STEP:g} s and checkpoint")
        return self


QUICK = RunSettings(
    molecules=97, equilibrate=6e-12, density=7.2e-12, transport=3e-12, checkpoint=1.5e-12,
    sample=6e-14, cutoff=9e-10,
)  # fmt: skip
"""16 ps of some 1100 atoms: a minute on two cores."""

PRODUCTION = RunSettings(
    molecules=400, equilibrate=1e-9, density=2e-9, transport=1e-8, checkpoint=5.1e-11,
    sample=1.02e-12, cutoff=1.1e-9,
)  # fmt: skip
"""13 ns of some 4500 atoms: a GPU, or days on two cores."""


class DynamicsParameters(NodeParameters):
    """Parameters of a `DynamicsNode`."""

    length: RunLength = Field(
        default="quick", description="of a run, where the request does not say"
    )
    lengths: tuple[RunLength, ...] = Field(
        default=("quick", "production"), min_length=1, description="what may be asked for"
    )
    quick: RunSettings = Field(default=QUICK, description="the short run")
    production: RunSettings = Field(default=PRODUCTION, description="the long run")
    platform: Literal["auto", "CUDA", "OpenCL", "CPU", "Reference"] = parameter(
        "auto", description="of OpenMM; auto: the fastest that this machine has"
    )
    threads: int = parameter(2, ge=1, le=256, description="of the CPU platform")
    precision: Literal["single", "mixed", "double"] = parameter(
        "mixed", description="on CUDA and OpenCL"
    )
    charge_scale: float = parameter(
        0.75, ge=0.5, le=1.0, unit="1",
        description="factor on the charges of the ions: electrons of the medium screen what these "
        "molecules cannot",
    )  # fmt: skip
    seed: int = parameter(0, ge=0, description="of every random number")
    lowest_temperature: Kelvin = Field(default=263.15, description="of a box")
    highest_temperature: Kelvin = Field(default=343.15, description="of a box")
    highest_molality: Annotated[float, Unit("mol/kg"), Field(gt=0, le=4)] = Field(
        default=2.5, description="LiPF6 in mol/kg of solvent"
    )
    keep: int = parameter(
        50, ge=1, description="runs kept on disk; the one that was used longest ago goes first"
    )

    @model_validator(mode="after")
    def _consistent(self) -> DynamicsParameters:
        if self.length not in self.lengths:
            raise ValueError(f"length {self.length} is not one of lengths")
        if self.lowest_temperature > self.highest_temperature:
            raise ValueError("lowest_temperature is above highest_temperature")
        return self

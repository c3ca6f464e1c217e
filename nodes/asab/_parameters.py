"""Parameters of ASAB."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from labmesh import parameter
from labmesh.instrument import InstrumentParameters
from messages.model import Unit
from nodes.asab._device_parameters import DeviceParameters

Seconds = Annotated[float, Unit("s"), Field(ge=0)]
CubicMetres = Annotated[float, Unit("m3"), Field(gt=0)]
Kelvin = Annotated[float, Unit("K"), Field(gt=0)]


class AsabParameters(InstrumentParameters):
    """Durations are simulated ones; their defaults are assumed, not measured at a real ASAB."""

    rig: Literal["laws", "devices"] = parameter(
        "laws",
        effect="start",
        description="laws: no device at all, values from published laws at once; "
        "devices: pumps, valves and instruments by their drivers, each simulated or real",
    )
    devices: DeviceParameters = Field(
        default_factory=DeviceParameters, description="of the rig of devices"
    )
    seed: int = Field(default=0, description="of all noise; the same seed gives the same campaign")
    stocks_file: str = Field(
        default="", description="YAML file of the stock solutions; empty: the four of FINALES 2"
    )
    stock_volume: CubicMetres = Field(
        default=1e-3, description="what a bottle holds when it is full, and when it is new"
    )
    stock_warning: Annotated[float, Unit("m3"), Field(ge=0)] = Field(
        default=3e-5, description="warn when a bottle holds less"
    )
    sample_volume: CubicMetres = Field(
        default=3e-6, description="mixed for one measurement, which all its repeats share"
    )
    smallest_volume: CubicMetres = Field(
        default=5e-7, description="least volume of an electrolyte order"
    )
    largest_volume: CubicMetres = Field(
        default=2e-5, description="greatest volume of an electrolyte order"
    )
    pump_resolution: CubicMetres = Field(
        default=1e-9, description="volumes are multiples of this; 1 uL is 1e-9"
    )
    volume_uncertainty: Annotated[float, Unit("1"), Field(ge=0, le=0.5)] = Field(
        default=3e-3, description="relative standard uncertainty of a delivered volume; assumed"
    )
    tolerance: Annotated[float, Unit("1"), Field(gt=0, le=1)] = Field(
        default=5e-3,
        description="mole fraction; a formulation the stocks miss by more is refused",
    )
    repeats: Annotated[int, Field(ge=1, le=100)] = Field(
        default=3, description="readings of a measurement"
    )
    lowest_temperature: Kelvin = Field(default=263.15, description="of a measurement")
    highest_temperature: Kelvin = Field(default=333.15, description="of a measurement")
    formulate_duration: Seconds = Field(default=240.0, description="to mix and fill the cell")
    conductivity_duration: Seconds = Field(default=90.0, description="one reading")
    density_duration: Seconds = Field(default=120.0, description="one reading")
    clean_duration: Seconds = Field(default=180.0, description="to flush and dry the line")

    @model_validator(mode="after")
    def _ordered(self) -> AsabParameters:
        if self.lowest_temperature > self.highest_temperature:
            raise ValueError("lowest_temperature is above highest_temperature")
        if self.smallest_volume > self.largest_volume:
            raise ValueError("smallest_volume is above largest_volume")
        return self

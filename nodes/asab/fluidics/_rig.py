"""The rig on paper: pumps, valves, vessels, and the tubes between them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from messages.errors import ConfigurationError
from messages.model import Flag, Model, Name, Real, Text, Unit
from nodes.asab.fluidics._syringe import FASTEST, SLOWEST, STROKE, Syringe

Length = Annotated[Real, Unit("m"), Field(gt=0)]
CubicMetres = Annotated[Real, Unit("m3"), Field(gt=0)]
Kelvin = Annotated[Real, Unit("K"), Field(gt=0)]


class PumpPlace(Model):
    """A syringe pump, and the point of the tubing where it sits."""

    name: Name
    index: Annotated[int, Field(ge=0)] = Field(description="the SDK's device index")
    syringe: CubicMetres = Field(description="volume of the full syringe")
    stroke: Length = STROKE
    slowest: Annotated[Real, Unit("m/s"), Field(gt=0)] = SLOWEST
    fastest: Annotated[Real, Unit("m/s"), Field(gt=0)] = FASTEST

    @property
    def limits(self) -> Syringe:
        """The syringe with its limits."""
        return Syringe(self.syringe, self.stroke, self.slowest, self.fastest)


class ValvePlace(Model):
    """A rotary valve; which tube is open at which position is said by the tubes."""

    name: Name
    index: Annotated[int, Field(ge=0)] = Field(description="the SDK's device index")
    positions: Annotated[int, Field(ge=2, le=24)] = 10


class Vessel(Model):
    """A bottle, a waste or a vial: an end of the tubing that is open to the air."""

    name: Name
    kind: Literal["bottle", "waste", "vial"]
    capacity: CubicMetres
    fluid: Name | None = Field(
        default=None, description="what a bottle holds: a stock's name, or the solvent that rinses"
    )


class GasPlace(Model):
    """A gas that is let in by a relay."""

    name: Name
    relay: Annotated[int, Field(ge=1, le=16)] = Field(description="number of the relay")
    flow: Annotated[Real, Unit("m3/s"), Field(gt=0)] = Field(description="while it is open")


class Tube(Model):
    """A piece of tubing, or a measuring cell; open always, or at one position of a valve."""

    name: Name
    begin: Name
    end: Name
    length: Length
    diameter: Length = Field(description="inner")
    valve: Name | None = Field(default=None, description="rotary valve that opens it")
    position: Annotated[int, Field(ge=0)] | None = Field(default=None, description="from 0")
    cell: Flag = Field(default=False, description="a measuring cell, whose content is examined")

    @property
    def volume(self) -> float:
        """Dead volume in m3."""
        return math.pi / 4 * self.diameter**2 * self.length


class Rig(Model):
    """All of it. Pumps, vessels, the gas and the tubes' ends are the points of the tubing."""

    label: Text = ""
    pumps: Annotated[tuple[PumpPlace, ...], Field(min_length=1)]
    valves: tuple[ValvePlace, ...]
    vessels: Annotated[tuple[Vessel, ...], Field(min_length=1)]
    gas: GasPlace | None = None
    tubes: Annotated[tuple[Tube, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _wired(self) -> Self:
        _distinct("pump", self.pumps)
        _distinct("valve", self.valves)
        _distinct("vessel", self.vessels)
        _distinct("tube", self.tubes)
        valves = {valve.name: valve for valve in self.valves}
        ends = {end for tube in self.tubes for end in (tube.begin, tube.end)}
        for tube in self.tubes:
            if (tube.valve is None) != (tube.position is None):
                raise ValueError(f"tube {tube.name} names a valve and a position, or neither")
            if tube.valve is None:
                continue
            valve = valves.get(tube.valve)
            if valve is None:
                raise ValueError(f"tube {tube.name} is opened by a valve {tube.valve} not there")
            if (tube.position or 0) >= valve.positions:
                raise ValueError(f"valve {valve.name} has no position {tube.position}")
        points = [*(p.name for p in self.pumps), *(v.name for v in self.vessels)]
        points += [self.gas.name] if self.gas else []
        loose = [name for name in points if name not in ends]
        if loose:
            raise ValueError(f"no tube leads to {', '.join(loose)}")
        return self

    def tube(self, name: str) -> Tube:
        """Return a tube by name."""
        return next(tube for tube in self.tubes if tube.name == name)

    def vessel(self, name: str) -> Vessel:
        """Return a vessel by name."""
        return next(vessel for vessel in self.vessels if vessel.name == name)

    def pump(self, name: str) -> PumpPlace:
        """Return a pump by name."""
        return next(pump for pump in self.pumps if pump.name == name)


def _distinct(what: str, things: Iterable[Any]) -> None:
    names = [thing.name for thing in things]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two of one name among the {what}s: {', '.join(twice)}")


def load_rig(path: str | Path | None = None) -> Rig:
    """Return the rig of a YAML file; without a path the shipped one.

    Raises:
        ConfigurationError: The file cannot be read or a field is wrong; each is named.
    """
    where = str(path) if path else "nodes/asab/rig.yaml"
    source = Path(path) if path else files("nodes.asab") / "rig.yaml"
    try:
        return Rig.model_validate(yaml.safe_load(source.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(
            f"rig file cannot be read: {error}", where=where, remedy="check rig_file"
        ) from error
    except ValidationError as error:
        reasons = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}"
            for e in error.errors(include_url=False, include_input=False)
        )
        raise ConfigurationError(
            f"rig file is not valid: {reasons}",
            where=where,
            remedy="compare it with the shipped nodes/asab/rig.yaml",
        ) from None

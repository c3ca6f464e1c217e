"""What the services of the ASAB node take and give."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from messages.chemistry import Formulation
from messages.model import Flag, Model, Name, Real, Text, Unit


class StockLevel(Model):
    """How full a bottle is, by the node's own record; nothing measures it."""

    name: Name
    label: Text
    volume: Annotated[Real, Unit("m3"), Field(ge=0)]
    concentration: dict[str, Annotated[Real, Unit("mol/m3")]]


class StockLevels(Model):
    """All the bottles."""

    stocks: tuple[StockLevel, ...]


class RefillInput(Model):
    """A bottle was refilled with the same solution."""

    stock: Name
    volume: Annotated[Real, Unit("m3"), Field(ge=0)] | None = Field(
        default=None, description="what it holds now; without it, the stock_volume of the node"
    )


class PlanInput(Model):
    """How would this be mixed? Nothing moves."""

    formulation: Formulation
    volume: Annotated[Real, Unit("m3"), Field(gt=0)] | None = Field(
        default=None, description="without it, the sample_volume of the node"
    )


class Plan(Model):
    """What the stock solutions can make of a formulation."""

    feasible: Flag
    formulation: Formulation = Field(description="mole fractions: achieved, or nearest feasible")
    distance: Annotated[Real, Unit("1"), Field(ge=0)] = Field(
        description="from the request, Euclidean, in mole fraction"
    )
    volumes: dict[str, Annotated[Real, Unit("m3")]] = Field(
        default_factory=dict, description="by stock; empty where it is not feasible"
    )
    reason: Text = Field(default="", description="why it is not feasible")

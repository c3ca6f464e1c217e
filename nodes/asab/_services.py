"""What the services of the ASAB node take and give."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from messages.model import Model, Name, Real, Text, Unit


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

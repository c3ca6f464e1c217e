"""Capabilities whose schemas are data, known when the node starts: nobody wrote models for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, create_model

from labmesh.node._capability import BoundCapability, CapabilitySpec
from labmesh.node._order import Order
from messages.model import JsonObject

SchemaHandler = Callable[[Order["PlainMap"]], Awaitable[JsonObject]]
"""Takes an order whose parameters are a `PlainMap`; returns the result's data."""


class PlainMap(BaseModel):
    """A map of any shape, as its schema allows; the ledger has checked what comes in."""

    model_config = ConfigDict(extra="allow")

    @property
    def plain(self) -> JsonObject:
        """The map."""
        return dict(self.model_extra or {})


def bind_by_schema(
    spec: CapabilitySpec,
    handler: SchemaHandler,
    *,
    parameters: JsonObject,
    result: JsonObject,
    description: str,
) -> BoundCapability:
    """Return a capability that takes and gives maps of two JSON Schemas."""
    name = "".join(part.capitalize() for part in f"{spec.quantity}_{spec.method}".split("_"))
    output = _model(f"{name}Output", result)

    async def handle(order: Order[PlainMap]) -> BaseModel:
        return output.model_validate(await handler(order))

    return BoundCapability(
        spec=spec,
        handler=handle,
        parameters=_model(f"{name}Input", parameters),
        result=output,
        description=description,
    )


def _model(name: str, schema: JsonObject) -> type[BaseModel]:
    model = create_model(name, __base__=PlainMap)

    def model_json_schema(*_arguments: Any, **_options: Any) -> JsonObject:
        return schema

    # What pydantic would say of it is less than what is known.
    model.model_json_schema = model_json_schema  # type: ignore[method-assign]
    return model

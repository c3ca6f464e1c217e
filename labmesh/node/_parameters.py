"""Parameters: a pydantic model, changed as a whole or not at all."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from labmesh._passwords import hide_passwords
from labmesh.mesh import Mesh
from messages.errors import CallRefusedError, ConfigurationError
from messages.model import JsonObject
from messages.node import Parameters
from messages.schema import json_schema


class NodeParameters(BaseModel):
    """Base of a node's parameters. Give every field a description; it is the documentation.

    Those that every node has say how it is watched; they are read once, at its start.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    metrics_port: int = Field(
        default=0, ge=0, le=65535, description="port of a page for Prometheus; 0: there is none"
    )
    metrics_address: str = Field(
        default="127.0.0.1", description="interface of that page; 0.0.0.0 opens it to everyone"
    )
    traces_endpoint: str = Field(
        default="",
        description="collector of traces (OTLP over HTTP), http://host:4318; "
        "empty: as OTEL_EXPORTER_OTLP_ENDPOINT says",
    )


P = TypeVar("P", bound=NodeParameters)


class ParameterServer(Generic[P]):
    """A node's parameters, their services and their retained snapshot.

    Args:
        model: The parameters' model.
        values: What the command line and parameter files say; the rest are defaults.
        node: Whose they are, for messages.

    Raises:
        ConfigurationError: A name is unknown (close ones are named) or a value is not valid.
    """

    def __init__(self, model: type[P], values: JsonObject, node: str) -> None:
        self._model = model
        self._node = node
        self._version = 0
        self._lock = asyncio.Lock()
        self.values: P = parse_parameters(model, values, where=node)

    def snapshot(self) -> Parameters:
        """Return the message for ``~/node/param``, which everybody may read."""
        return Parameters(version=self._version, values=_own_first(public(self.values)))

    async def set(
        self,
        changes: JsonObject,
        *,
        if_version: int | None = None,
        changed: Callable[[P, P], Awaitable[None]],
    ) -> Parameters:
        """Change several parameters at once, or none of them; one change after the other.

        Args:
            changes: New values by name; of a nested model by dotted name (``pump.rate``) or as a
                map of those of its fields that change.
            if_version: Refuse when the parameters have changed since that version.
            changed: Awaited with the old and the new values; what it raises undoes the change.

        Raises:
            CallRefusedError: An unknown name, a value that is not valid, or another version.
            LabmeshError: Whatever ``changed`` raised.
        """
        async with self._lock:
            return await self._set(changes, if_version, changed)

    async def _set(
        self,
        changes: JsonObject,
        if_version: int | None,
        changed: Callable[[P, P], Awaitable[None]],
    ) -> Parameters:
        if if_version is not None and if_version != self._version:
            raise CallRefusedError(
                f"parameters are at version {self._version}, not {if_version}",
                where=self._node,
                remedy="read them again, then set",
                code="conflict",
            )
        before = self.values
        try:
            merged = _merge(self._model, before.model_dump(), _nest(self._model, changes))
            after = parse_parameters(self._model, merged, where=self._node)
        except ConfigurationError as error:
            raise CallRefusedError(
                error.what, where=error.where, remedy=error.remedy, code="bad_arguments"
            ) from None
        self.values = after
        try:
            await changed(before, after)
        except BaseException:
            self.values = before
            raise
        self._version += 1
        return self.snapshot()

    async def publish(self, mesh: Mesh) -> None:
        """Publish the retained snapshot."""
        await mesh.keep(mesh.topics.own("node", "param"), self.snapshot())

    def describe(self) -> JsonObject:
        """Return the JSON Schema of the parameters."""
        schema = json_schema(self._model)
        return {**schema, "properties": _own_first(schema["properties"])}


def public(values: NodeParameters, exclude: frozenset[str] = frozenset()) -> JsonObject:
    """Return parameters as plain values, without the password of any URL among them."""
    return {
        name: hide_passwords(value) if isinstance(value, str) else value
        for name, value in values.model_dump(mode="json", exclude=set(exclude)).items()
    }


def _own_first(values: JsonObject) -> JsonObject:
    """Return parameters with those that every node has at the end."""
    common = NodeParameters.model_fields
    own = {name: value for name, value in values.items() if name not in common}
    return {**own, **{name: value for name, value in values.items() if name in common}}


def parse_parameters(model: type[P], values: JsonObject, *, where: str) -> P:
    """Return ``values`` as parameters.

    Raises:
        ConfigurationError: Naming every parameter that is unknown or not valid, and why.
    """
    try:
        return model.model_validate(_nest(model, values))
    except ValidationError as error:
        reasons = [_reason(model, detail) for detail in error.errors(include_url=False)]
        raise ConfigurationError(
            "; ".join(reasons),
            where=where,
            remedy="see `labmesh param describe` for names, types and defaults",
        ) from None


def _reason(model: type[NodeParameters], detail: Any) -> str:
    name = ".".join(str(part) for part in detail["loc"])
    if detail["type"] != "extra_forbidden":
        return f"parameter {name}: {detail['msg']} (got {_short(detail['input'])})"
    *above, last = (str(part) for part in detail["loc"])
    owner: type[BaseModel] | None = model
    for part in above:
        owner = _model_of(owner, part) if owner is not None else None
    close = difflib.get_close_matches(last, owner.model_fields if owner else (), n=1)
    hint = f", did you mean {'.'.join([*above, close[0]])}?" if close else ""
    return f"parameter {name} is unknown{hint}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _model_of(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """Return the model of a field that is a nested one, else None."""
    field = model.model_fields.get(name)
    kind = field.annotation if field is not None else None
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _nest(model: type[BaseModel], values: JsonObject) -> JsonObject:
    """Return ``values`` with dotted names of nested models unfolded."""
    plain: JsonObject = {}
    for name, value in values.items():
        head, dot, tail = name.partition(".")
        inner = _model_of(model, head)
        if inner is None or not (dot or isinstance(value, dict)):
            plain[name] = value
            continue
        below = _nest(inner, {tail: value} if dot else value)
        there = plain.get(head)
        plain[head] = _merge(inner, there, below) if isinstance(there, dict) else below
    return plain


def _merge(model: type[BaseModel], before: JsonObject, changes: JsonObject) -> JsonObject:
    """Return ``before`` with ``changes``, nested models field by field."""
    merged = dict(before)
    for name, value in changes.items():
        inner, there = _model_of(model, name), merged.get(name)
        if inner is not None and isinstance(value, dict) and isinstance(there, dict):
            value = _merge(inner, there, value)  # noqa: PLW2901
        merged[name] = value
    return merged

"""The model of a node's parameters, and the ways to name and to change parts of it."""

from __future__ import annotations

import difflib
from typing import Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from labmesh._passwords import hide_passwords
from messages.errors import ConfigurationError
from messages.model import JsonObject
from messages.schema import json_schema

Effect = Literal["now", "configure", "start"]
"""When a changed parameter is taken over: at once, at the next configure, at the next start."""

_SLOWNESS: Final = ("now", "configure", "start", "never")
"""Of a nested parameter the slowest on its path counts; ``never`` is read-only."""


def parameter(
    default: Any = ...,
    *,
    description: str,
    unit: str = "",
    effect: Effect = "now",
    read_only: bool = False,
    listens: bool = False,
    **limits: Any,
) -> Any:
    """Return a field of a `NodeParameters` with everything that ROS 2's descriptors say.

    Args:
        default: Without one it must be given at the start.
        description: What it does.
        unit: UCUM-like symbol, SI.
        effect: When a change is taken over.
        read_only: It is as at the start for good; a change is refused.
        listens: It is a TCP port on which the node listens, 0 for none; ``labmesh launch --check``
            looks for clashes.
        limits: As of `pydantic.Field`: ``ge``, ``le``, ``pattern``, ``default_factory`` ...
    """
    extra: dict[str, Any] = {}
    if unit:
        extra["unit"] = unit
    if listens:
        extra["listens"] = True
    if read_only:
        extra["readOnly"] = True
    elif effect != "now":
        extra["effect"] = effect
    if "default_factory" not in limits:
        limits["default"] = default
    return Field(description=description, json_schema_extra=extra or None, **limits)


class NodeParameters(BaseModel):
    """Base of a node's parameters. Give every field a description; it is the documentation.

    Those that every node has say how it is watched, and who runs it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    metrics_port: int = parameter(
        0,
        ge=0,
        le=65535,
        effect="configure",
        listens=True,
        description="port of a page for Prometheus; 0: there is none",
    )
    metrics_address: str = parameter(
        "127.0.0.1",
        effect="configure",
        description="interface of that page; 0.0.0.0 opens it to everyone",
    )
    traces_endpoint: str = parameter(
        "", effect="start",
        description="collector of traces (OTLP over HTTP), http://host:4318; "
        "empty: as OTEL_EXPORTER_OTLP_ENDPOINT says",
    )  # fmt: skip
    operators: tuple[str, ...] = parameter(
        (), read_only=True,
        description="who (site/node) alone may call services that change something; "
        "empty: whoever the MQTT broker lets call",
    )  # fmt: skip


P = TypeVar("P", bound=NodeParameters)


def public(values: NodeParameters, exclude: frozenset[str] = frozenset()) -> JsonObject:
    """Return parameters as plain values, without the password of any URL among them."""
    return hidden(values.model_dump(mode="json", exclude=set(exclude)))


def hidden(values: JsonObject) -> JsonObject:
    """Return plain values without the password of any URL among them."""
    return {
        name: hide_passwords(value) if isinstance(value, str) else value
        for name, value in values.items()
    }


def describe(model: type[NodeParameters]) -> JsonObject:
    """Return the JSON Schema of parameters, those that every node has at the end.

    ``readOnly`` marks what never changes, ``effect`` what is taken over later than at once.
    """
    schema = json_schema(model)
    return {**schema, "properties": own_first(schema["properties"])}


def own_first(values: JsonObject) -> JsonObject:
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
        return model.model_validate(nest(model, values))
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


def nest(model: type[BaseModel], values: JsonObject) -> JsonObject:
    """Return ``values`` with dotted names of nested models unfolded."""
    plain: JsonObject = {}
    for name, value in values.items():
        head, dot, tail = name.partition(".")
        inner = _model_of(model, head)
        if inner is None or not (dot or isinstance(value, dict)):
            plain[name] = value
            continue
        below = nest(inner, {tail: value} if dot else value)
        there = plain.get(head)
        plain[head] = merge(inner, there, below) if isinstance(there, dict) else below
    return plain


def merge(model: type[BaseModel], before: JsonObject, changes: JsonObject) -> JsonObject:
    """Return ``before`` with ``changes``, nested models field by field."""
    merged = dict(before)
    for name, value in changes.items():
        inner, there = _model_of(model, name), merged.get(name)
        if inner is not None and isinstance(value, dict) and isinstance(there, dict):
            value = merge(inner, there, value)  # noqa: PLW2901
        merged[name] = value
    return merged


def flatten(model: type[BaseModel], values: JsonObject) -> JsonObject:
    """Return nested values by dotted name, the inverse of `nest`; plain maps stay whole."""
    flat: JsonObject = {}
    for name, value in values.items():
        inner = _model_of(model, name)
        if inner is not None and isinstance(value, dict):
            flat |= {f"{name}.{below}": v for below, v in flatten(inner, value).items()}
        else:
            flat[name] = value
    return flat


def effect_of(model: type[BaseModel], name: str) -> str:
    """Return when a change of a parameter (dotted name) is taken over; ``never``: read-only."""
    found, owner = "now", model
    for part in name.split("."):
        field = owner.model_fields.get(part)
        extra = field.json_schema_extra if field is not None else None
        if isinstance(extra, dict):
            here = "never" if extra.get("readOnly") else str(extra.get("effect", "now"))
            found = max(found, here, key=_SLOWNESS.index)
        inner = _model_of(owner, part)
        if inner is None:
            break
        owner = inner
    return found

"""What to ask a FINALES 2 server for: a capability nobody acts on, and the least it accepts."""

from __future__ import annotations

import json
from typing import Any, Final

import jsonschema_rs

from benchmarks.finales_client import Finales, Work
from messages.errors import ConfigurationError, LabmeshError
from messages.model import JsonObject

MARK: Final = "labmesh-benchmark"
"""The text where a schema wants some text and does not say which."""


async def choose(
    finales: Finales, capability: str | None, parameters: JsonObject | None, *, even_if_served: bool
) -> Work:
    """Return what to request.

    Without ``capability`` the first active one that no active tenant serves: nobody's instrument
    moves for it. One that a tenant serves is taken only by name and with ``even_if_served``.

    Raises:
        LabmeshError: There is none such, or its parameters do not satisfy its schema.
    """
    active = {(each["quantity"], each["method"]): each for each in await finales.capabilities()}
    if not active:
        raise LabmeshError(
            "the server has no active capability",
            where=finales.url,
            remedy="add one there: finales db add capability --input-filepath FILE",
        )
    names = ", ".join("/".join(key) for key in active)
    # Either name may itself hold a slash: compare wholes.
    keys = {"/".join(key): key for key in active}
    if capability is not None and capability not in keys:
        raise ConfigurationError(
            f"the server has no active capability {capability!r}", remedy=f"it has {names}"
        )
    if even_if_served:
        key = keys[capability] if capability is not None else None
        if key is None:
            raise ConfigurationError(
                "--even-if-served needs --capability QUANTITY/METHOD", remedy=f"there are {names}"
            )
    else:
        key = await _unserved(finales, keys, capability)
    schema = active[key]["json_schema_specifications"]
    quantity, method = key
    return Work(quantity, method, _parameters(schema, parameters, "/".join(key)))


async def _unserved(
    finales: Finales, keys: dict[str, tuple[str, str]], capability: str | None
) -> tuple[str, str]:
    try:
        served = await finales.served()
    except LabmeshError as error:
        raise LabmeshError(
            f"cannot tell which capabilities are served ({error.what})",
            where=error.where,
            remedy="where no tenant runs, name one by --capability and add --even-if-served",
        ) from None
    wanted = [keys[capability]] if capability is not None else list(keys.values())
    for key in wanted:
        if key not in served:
            return key
    tenants = ", ".join(sorted({name for key in wanted for name in served[key]}))
    raise LabmeshError(
        f"{capability or 'every capability there'} is served by {tenants}, who would act on what "
        "is posted",
        remedy="add a capability of its own for the benchmark; or, where those tenants do not run, "
        "--capability QUANTITY/METHOD --even-if-served",
    )


def _parameters(schema: JsonObject, given: JsonObject | None, name: str) -> JsonObject:
    parameters = least(schema, schema) if given is None else given
    try:
        jsonschema_rs.validator_for(schema).validate(parameters)
    except (ValueError, jsonschema_rs.ValidationError) as error:
        said = " ".join(str(error).split())[:200]
        made = "made up " if given is None else ""
        raise LabmeshError(
            f"the {made}parameters {json.dumps(parameters)[:200]} do not satisfy its schema: "
            f"{said}",
            where=name,
            remedy="give others that do: --parameters JSON",
        ) from None
    return dict(parameters)


def least(schema: JsonObject, root: JsonObject) -> Any:
    """Return a small value that satisfies ``schema``, as far as types and limits go."""
    if "$ref" in schema:
        target: Any = root
        for part in str(schema["$ref"]).removeprefix("#/").split("/"):
            target = target[part]
        return least(target, root)
    for word in ("const", "default"):
        if word in schema:
            return schema[word]
    for word in ("enum", "examples"):
        if schema.get(word):
            return schema[word][0]
    for word in ("anyOf", "oneOf", "allOf"):
        if schema.get(word):
            return least(schema[word][0], root)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        properties = schema.get("properties", {})
        return {
            key: least(properties.get(key, {}), root) for key in schema.get("required", ())
        }  # fmt: skip
    if kind == "array":
        return [least(schema.get("items", {}), root)] * schema.get("minItems", 1)
    if kind in ("number", "integer"):
        return _number(schema, whole=kind == "integer")
    return {"boolean": False, "null": None}.get(kind, MARK)


def _number(schema: JsonObject, *, whole: bool) -> float:
    low: float | None = schema.get("minimum", schema.get("exclusiveMinimum"))
    high: float | None = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is not None and high is not None:
        return round((low + high) / 2) if whole else (low + high) / 2
    if low is not None:
        return low + 1
    return 1 if high is None else high - 1

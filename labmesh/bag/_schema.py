"""Schemas of what a bag holds, in the part of JSON Schema that viewers understand.

Foxglove takes objects, arrays of one kind, strings, numbers, booleans, and base64 in a string; it
refuses a channel whose schema holds anything else (``$ref``, ``anyOf``, ``null``, an array of
arrays). What cannot be said so is left out: the message itself is whole all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any, Final

from labmesh.bag._json import BYTES

_HEADER: Final[dict[str, Any]] = {
    "type": {"type": "string"},
    "schema": {"type": "string"},
    "id": {"type": "string"},
    "stamp": {"type": "integer"},
    "from": {"type": "string"},
    "epoch": {"type": "integer"},
    "seq": {"type": "integer"},
    "trace": {"type": "string"},
}

_DEEPEST: Final = 12
"""Levels that are described; a schema may contain itself."""

_MOST: Final = 10_000
"""Parts that are described; a schema that contains itself several times would be without end."""

_MARKED: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {BYTES: {"type": "string", "contentEncoding": "base64"}},
}

_OF_VALUES: Final = {str: "string", bool: "boolean", int: "integer", float: "number"}
_PLAIN: Final = ("string", "boolean", "integer", "number")


def envelope_schema(body: dict[str, Any] | None, title: str) -> dict[str, Any]:
    """Return the schema of an envelope in JSON around a body of the schema ``body``.

    Args:
        body: JSON Schema of the message type, None where it is not known.
        title: Name of the type.
    """
    inner = _described(body, body, 0, count()) if body else None
    if inner is None or inner["type"] != "object":
        inner = {"type": "object", "properties": {}}
    return {"title": title, "type": "object", "properties": {**_HEADER, "body": inner}}


def _described(
    schema: Any, root: dict[str, Any], depth: int, parts: Iterator[int]
) -> dict[str, Any] | None:
    """Return what a viewer can be told of ``schema``, None where that is nothing."""
    if not isinstance(schema, dict) or depth > _DEEPEST or next(parts) > _MOST:
        return None
    schema = _resolved(schema, root)
    kind = schema.get("type") or _implied(schema)
    if kind == "object" or (kind is None and "properties" in schema):
        fields = {
            name: described
            for name, field in schema.get("properties", {}).items()
            if (described := _described(field, root, depth + 1, parts)) is not None
        }
        return _with_words(schema, {"type": "object", "properties": fields})
    if kind == "array":
        items = _described(_items(schema), root, depth + 1, parts)
        if items is None or items["type"] == "array":
            return None
        return _with_words(schema, {"type": "array", "items": items})
    if kind == "string" and schema.get("format") == "binary":
        return _with_words(schema, _MARKED)
    if kind in _PLAIN:
        return _with_words(schema, {"type": kind})
    return None


def _resolved(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """Follow references and take the one alternative that is not null."""
    for _ in range(_DEEPEST):
        alternatives = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference.startswith("#/"):
            found: Any = root
            for level in reference[2:].split("/"):
                found = found.get(level, {}) if isinstance(found, dict) else {}
            schema = found if isinstance(found, dict) else {}
        elif alternatives:
            real = [each for each in alternatives if each.get("type") != "null"]
            schema = real[0] if len(real) == 1 else {}
        else:
            break
    return schema


def _implied(schema: dict[str, Any]) -> str | None:
    """Return the type that ``const`` or ``enum`` imply."""
    values = [schema["const"]] if "const" in schema else schema.get("enum", [])
    kinds = {_OF_VALUES.get(type(value)) for value in values}
    return kinds.pop() if len(kinds) == 1 else None


def _items(schema: dict[str, Any]) -> Any:
    several = schema.get("prefixItems")
    if several and all(item == several[0] for item in several):
        return several[0]
    return schema.get("items")


def _with_words(schema: dict[str, Any], described: dict[str, Any]) -> dict[str, Any]:
    words: dict[str, Any] = {
        name: schema[name] for name in ("description", "unit") if name in schema
    }
    return {**words, **described}

"""The numbers and words of a result one by one, with the units and terms of its schemas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from messages.model import JsonObject

_DEEPEST: Final = 24
_LONGEST: Final = 1000
"""Characters of a text; what is longer is in ``results.json``."""

_QUANTITY: Final = frozenset({"value", "unit"})
_ARRAY: Final = frozenset({"dtype", "shape", "data"})


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value.

    Attributes:
        path: Keys and indices, joined by dots.
        number: It, if it is a number; of an array how many numbers it has.
        text: It, if it is none.
        unit: Of the number, empty where it has none.
        uncertainty: Standard uncertainty of the number.
        term: What it is, a label of the vocabulary, empty where no schema says it.
        kind: ``number``, ``text``, ``flag`` or ``array``.
    """

    path: str
    kind: str
    number: float | None = None
    text: str | None = None
    unit: str = ""
    uncertainty: float | None = None
    term: str = ""


def leaves(value: Any, schema: JsonObject) -> Iterator[Leaf]:
    """Yield the single values of ``value``, a map that satisfies ``schema``."""
    yield from _walk(value, schema, schema, "", 0)


def _walk(value: Any, schema: Any, root: JsonObject, path: str, depth: int) -> Iterator[Leaf]:
    schema = _resolved(schema, root, value)
    unit, term = str(schema.get("unit", "")), str(schema.get("term", ""))
    if value is None or depth > _DEEPEST:
        return
    if isinstance(value, bool):
        yield Leaf(path, "flag", number=float(value), text=str(value).lower(), term=term)
    elif isinstance(value, int | float):
        yield Leaf(path, "number", number=float(value), unit=unit, term=term)
    elif isinstance(value, str):
        yield Leaf(path, "text", text=value[:_LONGEST], term=term)
    elif isinstance(value, dict):
        yield from _walk_map(value, schema, root, path, depth, term)
    elif isinstance(value, list | tuple):
        items = schema.get("items", {})
        for number, item in enumerate(value):
            yield from _walk(item, items, root, _below(path, number), depth + 1)


def _walk_map(
    value: dict[str, Any], schema: Any, root: JsonObject, path: str, depth: int, term: str
) -> Iterator[Leaf]:
    if value.keys() >= _QUANTITY and isinstance(value["value"], int | float):
        yield Leaf(
            path, "number", number=float(value["value"]), unit=str(value["unit"]),
            uncertainty=value.get("uncertainty"), term=term,
        )  # fmt: skip
        return
    if value.keys() == _ARRAY:
        length = 1
        for extent in value["shape"]:
            length *= extent
        unit = str(schema.get("unit", ""))
        yield Leaf(path, "array", number=float(length), unit=unit, term=term)
        return
    known = schema.get("properties", {})
    others = schema.get("additionalProperties", {})
    for key in sorted(value):
        inner = known.get(key, others)
        yield from _walk(value[key], inner, root, _below(path, key), depth + 1)


def _resolved(schema: Any, root: JsonObject, value: Any) -> JsonObject:
    """Return the schema that describes ``value``: references followed, the fitting choice taken.

    What stands beside a reference or a choice counts more than what it leads to.
    """
    found: JsonObject = dict(schema) if isinstance(schema, dict) else {}
    for _ in range(_DEEPEST):
        if "$ref" in found:
            target = root.get("$defs", {}).get(str(found.pop("$ref")).rpartition("/")[2], {})
            found = {**target, **found}
        elif "anyOf" in found or "oneOf" in found:
            choices = found.pop("anyOf", None) or found.pop("oneOf", None) or []
            found = {**_fitting(choices, root, value), **found}
        else:
            break
    return found


def _fitting(choices: Any, root: JsonObject, value: Any) -> JsonObject:
    """Return the choice whose required fields a map has; else the first that is not null."""
    real = [each for each in choices if isinstance(each, dict) and each.get("type") != "null"]
    if isinstance(value, dict):
        for each in real:
            name = str(each.get("$ref", "")).rpartition("/")[2]
            whole = {**root.get("$defs", {}).get(name, {}), **each}
            known = whole.get("properties", {})
            if known and value.keys() <= known.keys():
                return each
    return real[0] if real else {}


def _below(path: str, key: str | int) -> str:
    return f"{path}.{key}" if path else str(key)

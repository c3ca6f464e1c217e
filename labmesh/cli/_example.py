"""An example of what a JSON Schema describes, as YAML with its units, limits and meanings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from labmesh.cli._output import to_yaml

Schema = Mapping[str, Any]

_DEEPEST: Final = 6
"""Levels; a type that holds itself (a step of steps) ends there."""

_TEXTS: Final = (
    "text", "a", "kit/asab", "kit", "A", "1", "0" * 64, "a" * 40, "2026-01-31",
    "2026-01-31T12:00:00Z", "H2O", "a-1", "0.1", "00-" + "1" * 32 + "-" + "1" * 16 + "-01",
)  # fmt: skip
"""Tried where a pattern must be met; the shapes of names, hashes, dates and ids."""

_FORMATS: Final = {
    "uuid": "01890a5d-ac96-774b-bcce-b302099a8057", "date-time": "2026-01-31T12:00:00Z",
    "date": "2026-01-31", "binary": "", "uri": "https://example.org", "path": "file.csv",
}  # fmt: skip

_COMMENT: Final = (
    ("minimum", "≥ {}"), ("exclusiveMinimum", "> {}"), ("maximum", "≤ {}"),
    ("exclusiveMaximum", "< {}"),
)  # fmt: skip


def example(schema: Schema) -> Any:
    """Return plain data that ``schema`` admits: defaults, and else the least that will do.

    What a schema does not say (a sum that must be 1) the example does not know.
    """
    return _value(schema, schema, 0)


def example_yaml(schema: Schema) -> str:
    """Return `example` as YAML, what a field means behind it."""
    return "\n".join(_lines(schema, _follow(schema, schema), example(schema), "")) + "\n"


def _value(root: Schema, given: Schema, depth: int) -> Any:
    field = _follow(root, given)
    for key in ("const", "default"):
        if key in field:
            return field[key]
    if field.get("enum"):
        return field["enum"][0]
    if field.get("examples"):
        return field["examples"][0]
    for key in ("anyOf", "oneOf"):
        if choices := [_follow(root, each) for each in field.get(key, ())]:
            return _value(root, _simplest(choices, depth), depth)
    if field.get("allOf"):
        together: dict[str, Any] = {}
        for each in field["allOf"]:
            together |= _follow(root, each)
        return _value(root, {**together, **{k: v for k, v in field.items() if k != "allOf"}}, depth)
    kind = field.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "null")
    if field.get("format") == "ndarray":
        return {"dtype": field["properties"]["dtype"]["enum"][0], "shape": [2], "data": [0, 1]}
    return _of_kind(root, field, kind, depth)


def _of_kind(root: Schema, field: Schema, kind: Any, depth: int) -> Any:
    match kind:
        case "object":
            return _map(root, field, depth)
        case "array":
            if fixed := field.get("prefixItems"):
                return [_value(root, each, depth + 1) for each in fixed]
            count = field.get("minItems", 0) or (1 if depth < _DEEPEST - 2 else 0)
            count = min(count, field.get("maxItems", count))
            return [_value(root, field.get("items", {}), depth + 1) for _ in range(count)]
        case "integer" | "number":
            return _number(field, whole=kind == "integer")
        case "boolean":
            return False
        case "string":
            return _text(field)
        case "null":
            return None
    return {}


def _map(root: Schema, field: Schema, depth: int) -> dict[str, Any]:
    required = field.get("required", ())
    values = {
        name: _value(root, each, depth + 1)
        for name, each in field.get("properties", {}).items()
        if name in required or depth < _DEEPEST
    }
    free = field.get("additionalProperties")
    if isinstance(free, Mapping) and field.get("minProperties", 0) > len(values):
        values[_text(field.get("propertyNames", {}))] = _value(root, free, depth + 1)
    return values


def _simplest(choices: list[Schema], depth: int) -> Schema:
    """Return the choice that shows most: not null, except where it would lead ever deeper."""
    telling = [each for each in choices if each.get("type") != "null"]
    return choices[-1] if depth >= _DEEPEST and len(telling) < len(choices) else telling[0]


def _number(field: Schema, *, whole: bool) -> int | float:
    step = 1 if whole else 0.5
    least = field.get("minimum", field.get("exclusiveMinimum"))
    most = field.get("maximum", field.get("exclusiveMaximum"))
    value: int | float = 1
    if least is not None and (value < least or (value == field.get("exclusiveMinimum"))):
        value = least if "minimum" in field else least + step
    if most is not None and (value > most or value == field.get("exclusiveMaximum")):
        value = (least + most) / 2 if least is not None else most - step
        value = int(value) if whole else value
    return value if whole else float(value)


def _text(field: Schema) -> str:
    if field.get("format") in _FORMATS:
        return str(_FORMATS[field["format"]])
    pattern = field.get("pattern")
    least: int = field.get("minLength", 0)
    for text in _TEXTS:
        fits = len(text) >= least and len(text) <= field.get("maxLength", len(text))
        if fits and (pattern is None or re.search(pattern, text)):
            return text
    return "x" * least


def _lines(root: Schema, field: Schema, value: Any, indent: str) -> Iterator[str]:
    """Yield the lines of a map; below it maps by line, everything else as YAML has it."""
    if not isinstance(value, dict) or not value or not field.get("properties"):
        yield from (indent + line for line in to_yaml(value).rstrip("\n").splitlines())
        return
    for name, item in value.items():
        below = field["properties"].get(name, {})
        actual = _follow(root, below)
        note = _note(root, below)
        if isinstance(item, dict) and item and actual.get("properties"):
            yield f"{indent}{name}:{note}"
            yield from _lines(root, actual, item, indent + "  ")
            continue
        first, *rest = to_yaml({name: item}).rstrip("\n").splitlines()
        yield f"{indent}{first}{note}"
        yield from (indent + line for line in rest)


def _note(root: Schema, given: Schema) -> str:
    """Return unit, limits and meaning as a comment."""
    field = {**_follow(root, given), **given}
    words = [str(field["unit"])] if field.get("unit") else []
    words += [form.format(field[key]) for key, form in _COMMENT if key in field]
    if field.get("enum") and len(field["enum"]) > 1:
        words.append(" | ".join(map(str, field["enum"])))
    if meaning := " ".join(str(field.get("description", "")).split()):
        words.append(meaning if len(meaning) <= 70 else meaning[:67] + "...")
    return f"  # {', '.join(words)}" if words else ""


def _follow(root: Schema, field: Schema) -> Schema:
    for _ in range(_DEEPEST):
        reference = field.get("$ref")
        if reference is None:
            return field
        target: Any = root
        for part in str(reference).removeprefix("#/").split("/"):
            target = target.get(part, {}) if isinstance(target, Mapping) else {}
        field = {**target, **{key: value for key, value in field.items() if key != "$ref"}}
    return field

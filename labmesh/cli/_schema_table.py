"""JSON Schemas as rows that people can read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from labmesh.cli._format import one_line
from messages.meaning import DECLARED, meaning

Schema = dict[str, Any]

_DEEPEST: Final = 6
_LIMITS: Final = (
    ("minimum", "≥ {}"), ("exclusiveMinimum", "> {}"), ("maximum", "≤ {}"),
    ("exclusiveMaximum", "< {}"), ("minLength", "length ≥ {}"), ("maxLength", "length ≤ {}"),
    ("minItems", "items ≥ {}"), ("maxItems", "items ≤ {}"), ("pattern", "{}"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field of a schema.

    Attributes:
        name: Dotted path; ``[]`` stands for the items of a list, ``{}`` for the values of a map.
        type: In words: ``number``, ``text``, ``list of Step``, ``"a" | "b"``.
        unit: UCUM-like symbol, or empty.
        required: Whether it must be given.
        default: As JSON, or empty.
        limits: ``≥ 0, ≤ 1``, or empty.
        description: Or empty.
        term: What it is, of an ontology; empty where the schema does not say, or says that it
            describes nothing.
    """

    name: str
    type: str
    unit: str
    required: bool
    default: str
    limits: str
    description: str
    term: str


def field_rows(schema: Schema, *, deep: bool = True) -> list[FieldRow]:
    """Return the fields of an object's schema, those of nested objects below their own."""
    return list(_rows(schema, schema, "", _DEEPEST if deep else 0, frozenset()))


def _rows(
    root: Schema, schema: Schema, prefix: str, depth: int, inside: frozenset[str]
) -> Iterator[FieldRow]:
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        yield _row(root, field, path, required=name in required)
        if depth > 0:
            for below, suffix, reference in _objects(root, field):
                if reference not in inside:
                    yield from _rows(
                        root, below, f"{path}{suffix}.", depth - 1, inside | {reference}
                    )


def _objects(root: Schema, field: Schema) -> Iterator[tuple[Schema, str, str]]:
    """Yield the object schemas that a field holds, how to reach them, and their references."""
    reference = str(field.get("$ref", ""))
    actual = _follow(root, field)
    if actual.get("format") == "ndarray":
        return
    if "properties" in actual:
        yield actual, "", reference or str(id(actual))
    for choice in _choices(actual):
        yield from _objects(root, choice)
    if isinstance(actual.get("items"), dict):
        for below, suffix, inner in _objects(root, actual["items"]):
            yield below, f"[]{suffix}", inner
    if isinstance(actual.get("additionalProperties"), dict):
        for below, suffix, inner in _objects(root, actual["additionalProperties"]):
            yield below, f"{{}}{suffix}", inner


def _row(root: Schema, field: Schema, path: str, *, required: bool) -> FieldRow:
    actual = {**_follow(root, field), **field}
    return FieldRow(
        name=path,
        type=type_in_words(root, field),
        unit=_unit(root, field),
        required=required,
        default="" if "default" not in field else one_line(json.dumps(field["default"]), 40),
        limits=", ".join(_limits(root, field)),
        description=" ".join(str(actual.get("description", "")).split()),
        term=_term(root, field),
    )


def _term(root: Schema, field: Schema) -> str:
    said = meaning(field, root)
    return "" if said is None or said.label in DECLARED else said.label


def type_in_words(root: Schema, field: Schema) -> str:
    """Return the type of a field in a few words."""
    if "$ref" in field:
        actual = _follow(root, field)
        if "enum" in actual or actual.get("type") not in ("object", None):
            return type_in_words(root, actual)
        return str(field["$ref"]).rpartition("/")[2]
    if "const" in field:
        return json.dumps(field["const"], ensure_ascii=False)
    if "enum" in field:
        return " | ".join(json.dumps(each, ensure_ascii=False) for each in field["enum"])
    if choices := _choices(field):
        words = [type_in_words(root, each) for each in choices]
        return " | ".join(dict.fromkeys(words))
    if field.get("format") == "ndarray":
        return "array"
    kind = field.get("type")
    if isinstance(kind, list):
        return " | ".join(_word(each, field) for each in kind)
    if kind == "array":
        if field.get("prefixItems"):
            return f"({', '.join(type_in_words(root, each) for each in field['prefixItems'])})"
        items = field.get("items")
        return f"list of {type_in_words(root, items)}" if isinstance(items, dict) else "list"
    if kind == "object" and "properties" not in field:
        values = field.get("additionalProperties")
        return f"map to {type_in_words(root, values)}" if isinstance(values, dict) else "map"
    if kind == "object":
        return str(field.get("title", "map"))
    return _word(kind, field)


def _word(kind: Any, field: Schema) -> str:
    if kind == "string":
        return str(field.get("format", "text"))
    return {"boolean": "true | false", None: "any"}.get(kind, str(kind))


def _unit(root: Schema, field: Schema) -> str:
    actual = {**_follow(root, field), **field}
    if "unit" in actual:
        return str(actual["unit"])
    fixed = actual.get("properties", {}).get("unit", {}).get("const")
    if fixed is not None:
        return str(fixed)
    below = [*_choices(actual)]
    below += [actual[key] for key in ("items", "additionalProperties")
              if isinstance(actual.get(key), dict)]  # fmt: skip
    units = (_unit(root, each) for each in below)
    return next((unit for unit in units if unit), "")


def _limits(root: Schema, field: Schema) -> Iterator[str]:
    actual = {**_follow(root, field), **field}
    for key, form in _LIMITS:
        if key in actual:
            yield form.format(actual[key])
    for choice in _choices(actual):
        yield from _limits(root, choice)


def _choices(field: Schema) -> list[Schema]:
    return [each for key in ("anyOf", "oneOf", "allOf") for each in field.get(key, ())]


def _follow(root: Schema, field: Schema) -> Schema:
    reference = field.get("$ref")
    if reference is None:
        return field
    target: Any = root
    for part in str(reference).removeprefix("#/").split("/"):
        target = target.get(part, {}) if isinstance(target, dict) else {}
    return dict(target)

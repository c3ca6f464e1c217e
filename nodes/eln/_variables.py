"""The values of a result, one by one, with units and terms from its capability's schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from messages.meaning import DECLARED, meaning, resolved
from messages.model import JsonObject

MOST: Final = 150
"""Variables shown of one result; its JSON file has all of it."""

_ARRAY: Final = {"dtype", "shape", "data"}


@dataclass(frozen=True, slots=True)
class Variable:
    """A value with its meaning.

    Attributes:
        path: Where it stands, dotted: ``data.density``.
        value: A number, a word, or true or false.
        unit: UCUM-like symbol; empty for none.
        uncertainty: Standard uncertainty (k=1) in the unit of the value.
        term: Label of what it is in the vocabulary; empty where its schema says none.
    """

    path: str
    value: str | float | bool
    unit: str = ""
    uncertainty: float | None = None
    term: str = ""

    @property
    def words(self) -> str:
        """The value for people, with unit and uncertainty."""
        text = _number(self.value)
        if self.uncertainty is not None:
            text += f" ± {self.uncertainty:.2g}"
        return text if self.unit in {"", "1"} else f"{text} {self.unit}"


def variables(body: JsonObject, schemas: tuple[JsonObject, JsonObject] | None) -> list[Variable]:
    """Return what a result says, parameters first, at most `MOST`.

    Series of numbers are left out: they are in the result's JSON and its files.
    """
    parameters, data = schemas or ({}, {})
    found: list[Variable] = []
    for part, schema in (("parameters", parameters), ("data", data)):
        for each in _walk(body[part], schema, schema, part):
            found.append(each)
            if len(found) >= MOST:
                return found
    return found


def plain(value: Any) -> Any:
    """Return a body as JSON can have it: arrays as ``{dtype, shape, data}`` with numbers in data.

    Bytes elsewhere become hexadecimal text.
    """
    if isinstance(value, Mapping):
        if set(value) == _ARRAY and isinstance(value["data"], bytes):
            array = np.frombuffer(value["data"], value["dtype"]).reshape(value["shape"])
            return {"dtype": value["dtype"], "shape": list(value["shape"]), "data": array.tolist()}
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value.hex() if isinstance(value, bytes) else value


def _walk(
    value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], path: str
) -> Iterator[Variable]:
    if value is None or value == "" or isinstance(value, bytes):
        return
    if isinstance(value, Mapping):
        yield from _walk_map(value, schema, root, path)
    elif isinstance(value, list | tuple):
        items = resolved(schema, root).get("items", {})
        if value and all(isinstance(each, str | int | float | bool) for each in value):
            yield _leaf(", ".join(_number(each) for each in value), items, root, path)
            return
        for number, each in enumerate(value, 1):
            yield from _walk(each, items, root, f"{path}.{number}")
    else:
        yield _leaf(value, schema, root, path)


def _walk_map(
    value: Mapping[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any], path: str
) -> Iterator[Variable]:
    if set(value) == _ARRAY:
        return
    if {"value", "unit"} <= set(value):
        leaf = _leaf(value["value"], schema, root, path)
        yield Variable(
            leaf.path, leaf.value, str(value["unit"]), value.get("uncertainty"), leaf.term
        )
        return
    known = resolved(schema, root)
    for name, each in value.items():
        inner = known.get("properties", {}).get(name) or known.get("additionalProperties") or {}
        yield from _walk(each, inner if isinstance(inner, Mapping) else {}, root, f"{path}.{name}")


def _leaf(
    value: str | float | bool, schema: Mapping[str, Any], root: Mapping[str, Any], path: str
) -> Variable:
    term = meaning(schema, root)
    label = term.label if term is not None and term.label not in DECLARED else ""
    unit = schema.get("unit") or resolved(schema, root).get("unit", "")
    return Variable(path, value, str(unit), None, label)


def _number(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.10g}" if isinstance(value, float) else str(value)

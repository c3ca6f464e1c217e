"""What a value may look like, as far as schemas tell: its fields, its items, its kinds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from messages.model import JsonObject


@dataclass(frozen=True, slots=True)
class Described:
    """A value that a JSON Schema describes; ``root`` is where its references point into."""

    schema: JsonObject
    root: JsonObject


@dataclass(frozen=True, slots=True)
class Record:
    """A map of these fields and no others."""

    fields: Mapping[str, View]


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of equal items."""

    item: View


Shape: TypeAlias = Described | Record | ListOf


@dataclass(frozen=True, slots=True)
class View:
    """A value of one of several shapes."""

    shapes: tuple[Shape, ...]

    def field(self, name: str) -> View | None:
        """Return what a field may look like, None where there can be no such field."""
        found: list[Shape] = []
        for shape in self._plain():
            if isinstance(shape, Record):
                found += shape.fields[name].shapes if name in shape.fields else ()
            elif isinstance(shape, Described):
                properties = shape.schema.get("properties", {})
                if name in properties:
                    found.append(Described(properties[name], shape.root))
                elif _may_be(shape.schema, "object"):
                    more = shape.schema.get("additionalProperties", True)
                    if more is not False:
                        found.append(Described(more if isinstance(more, dict) else {}, shape.root))
        return View(tuple(found)) if found else None

    def item(self) -> View | None:
        """Return what an item may look like, None where it can be no list."""
        found: list[Shape] = []
        for shape in self._plain():
            if isinstance(shape, ListOf):
                found += shape.item.shapes
            elif isinstance(shape, Described) and _may_be(shape.schema, "array"):
                items = shape.schema.get("items", {})
                found.append(Described(items if isinstance(items, dict) else {}, shape.root))
        return View(tuple(found)) if found else None

    def kinds(self) -> frozenset[str] | None:
        """Return JSON's words for what it may be, None where it may be anything."""
        found: set[str] = set()
        for shape in self._plain():
            if isinstance(shape, Record | ListOf):
                found.add("object" if isinstance(shape, Record) else "array")
                continue
            kinds = _kinds(shape.schema)
            if kinds is None:
                return None
            found |= kinds
        return frozenset(found)

    def field_names(self) -> list[str]:
        """Return the fields that are known by name."""
        found: dict[str, None] = {}
        for shape in self._plain():
            if isinstance(shape, Record):
                found.update(dict.fromkeys(shape.fields))
            elif isinstance(shape, Described):
                found.update(dict.fromkeys(shape.schema.get("properties", {})))
        return list(found)

    def required(self) -> list[str]:
        """Return the fields that it must have, whatever its shape."""
        maps = [s for s in self._plain() if not _is_null(s)]
        if len(maps) != 1 or not isinstance(maps[0], Described):
            return []
        return list(maps[0].schema.get("required", []))

    def with_all(self, other: View) -> View:
        """Return one that may look like this or like ``other``."""
        return View((*self.shapes, *other.shapes))

    def schema(self) -> JsonObject | None:
        """Return a JSON Schema that says the same, None where there is none."""
        if len(self.shapes) != 1 or not isinstance(self.shapes[0], Described):
            return None
        shape = self.shapes[0]
        return {**shape.schema, "$defs": shape.root.get("$defs", {})}

    def _plain(self) -> Iterator[Shape]:
        for shape in self.shapes:
            yield from _alternatives(shape) if isinstance(shape, Described) else [shape]


ANY: Final = View((Described({}, {}),))
"""What may be anything."""


def described(schema: JsonObject) -> View:
    """Return the view of what a whole JSON Schema describes."""
    return View((Described(schema, schema),))


def kind(*names: str) -> View:
    """Return the view of a plain value of one of these kinds."""
    return View((Described({"type": list(names)}, {}),))


def _alternatives(shape: Described, depth: int = 0) -> Iterator[Described]:
    schema, root = shape.schema, shape.root
    if depth > 30:
        yield Described({}, root)
        return
    reference = schema.get("$ref")
    if isinstance(reference, str):
        target = _resolve(reference, root)
        yield from _alternatives(Described(target, root), depth + 1)
        return
    for word in ("anyOf", "oneOf"):
        if isinstance(schema.get(word), list):
            for each in schema[word]:
                yield from _alternatives(Described(each, root), depth + 1)
            return
    if "allOf" in schema:
        parts = [Described(each, root) for each in schema["allOf"]]
        if len(parts) == 1:
            yield from _alternatives(parts[0], depth + 1)
        else:
            yield Described({}, root)
        return
    yield Described(schema, root)


def _resolve(reference: str, root: JsonObject) -> JsonObject:
    found: Any = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        if not part:
            continue
        if not isinstance(found, dict) or part not in found:
            return {}
        found = found[part]
    return found if isinstance(found, dict) else {}


def _kinds(schema: JsonObject) -> set[str] | None:
    said = schema.get("type")
    if isinstance(said, str):
        return {said}
    if isinstance(said, list):
        return set(said)
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(values, list):
        return {kind_of_json(value) for value in values}
    if "properties" in schema:
        return {"object"}
    return None


def kind_of_json(value: Any) -> str:
    """Return JSON's word for what a value is."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    for types, word in ((int, "integer"), (float, "number"), (str, "string"), (dict, "object")):
        if isinstance(value, types):
            return word
    return "array"


def _may_be(schema: JsonObject, word: str) -> bool:
    kinds = _kinds(schema)
    return kinds is None or word in kinds


def _is_null(shape: Shape) -> bool:
    return isinstance(shape, Described) and _kinds(shape.schema) == {"null"}

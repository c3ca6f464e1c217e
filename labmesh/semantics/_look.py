"""Finding one's way in a JSON Schema: what a value means, and the schema of the value itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from messages.meaning import ADMINISTRATIVE, RELATION, TERM, VALUES

Schema = Mapping[str, Any]

_DEPTH: Final = 32
"""Most references and choices followed to a value's own schema."""

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "array": (list, tuple),
    "object": (dict,),
}


@dataclass(frozen=True, slots=True)
class Sense:
    """What a value is.

    Attributes:
        term: Label of what it is; empty where no schema says it.
        relation: How it hangs on what it belongs to; empty: as is usual.
        values: What each word of a choice stands for.
        unit: Of a number or of the numbers in it; empty where there is none.
        schema: Of the value itself.
    """

    term: str = ""
    relation: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""
    schema: Schema = field(default_factory=dict)

    def inheriting(self, outer: Sense) -> Sense:
        """Return the sense of one of many: what it does not say is said of all of them."""
        return Sense(
            self.term or outer.term,
            self.relation or outer.relation,
            self.values or outer.values,
            self.unit or outer.unit,
            self.schema,
        )

    @property
    def administrative(self) -> bool:
        """Whether it is there for the running of a lab, and describes nothing."""
        return self.term == ADMINISTRATIVE.label


def look(schema: Schema, root: Schema, value: Any) -> Sense:
    """Return the sense of ``value``: of several terms on the way to it, the nearest counts.

    As `messages.meaning.meaning`, and where there are several alternatives besides null, the one
    that the value fits is followed.
    """
    node: Schema = schema
    term = relation = unit = ""
    values: Mapping[str, str] = {}
    for _ in range(_DEPTH):
        if isinstance(node.get(TERM), str):
            term = term or node[TERM]
            relation = relation or _text(node.get(RELATION))
            values = values or _choices(node.get(VALUES))
        unit = unit or _text(node.get("unit"))
        if isinstance(node.get("$ref"), str):
            node = _referred(node["$ref"], root)
            continue
        choices = node.get("anyOf") or node.get("oneOf") or node.get("allOf")
        if not isinstance(choices, list | tuple) or not choices:
            break
        node = _fitting(choices, root, value)
    return Sense(term, relation, values, unit, node)


def has_terms(schema: Any) -> bool:
    """Tell whether a schema says of anything what it is."""
    if isinstance(schema, list):
        return any(map(has_terms, schema))
    if not isinstance(schema, dict):
        return False
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            if any(map(has_terms, value.values())):
                return True
        elif key == TERM or has_terms(value):
            return True
    return False


def _text(value: Any) -> str:
    """A keyword of a stranger's schema, who may have put anything there."""
    return value if isinstance(value, str) else ""


def _choices(value: Any) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        return {}
    return {word: label for word, label in value.items() if isinstance(label, str)}


def _referred(reference: str, root: Schema) -> Schema:
    node: Any = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        key = step.replace("~1", "/").replace("~0", "~")
        node = node.get(key, {}) if isinstance(node, Mapping) else {}
    return node if isinstance(node, Mapping) else {}


def _fitting(choices: Sequence[Schema], root: Schema, value: Any) -> Schema:
    """Return the first alternative that a value looks like, else the first that is not null."""
    some = [c for c in choices if isinstance(c, Mapping) and c.get("type") != "null"]
    for choice in some:
        if _fits(choice, root, value):
            return choice
    return some[0] if some else {}


def _fits(choice: Schema, root: Schema, value: Any) -> bool:
    node = choice
    for _ in range(_DEPTH):
        if not isinstance(node.get("$ref"), str):
            break
        node = _referred(node["$ref"], root)
    wanted = node.get("type")
    if isinstance(wanted, str) and not isinstance(value, _TYPES.get(wanted, (object,))):
        return False
    if isinstance(value, bool) and wanted in ("integer", "number"):
        return False
    if "const" in node and node["const"] != value:
        return False
    if "enum" in node and value not in node["enum"]:
        return False
    if isinstance(value, dict):
        known = node.get("properties")
        known = known if isinstance(known, Mapping) else {}
        if any(each not in value for each in node.get("required", ())):
            return False
        if node.get("additionalProperties") is False and value.keys() - known.keys():
            return False
        return all(
            value[name] == each["const"]
            for name, each in known.items()
            if isinstance(each, Mapping) and "const" in each and name in value
        )
    return True

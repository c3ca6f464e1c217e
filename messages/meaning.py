"""What fields and models mean: terms of an ontology in their JSON Schemas, beside the units.

A schema says with ``term`` what a value is (``IonicConductivity``, ``schema:name``), with
``relation`` how it hangs on what it belongs to (``hasMeasurementParameter``), and with ``values``
what each word of a choice stands for. `labmesh.semantics` knows the terms. None of the three is
part of a schema's hash: a better term breaks nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

TERM: Final = "term"
RELATION: Final = "relation"
VALUES: Final = "values"
KEYWORDS: Final = frozenset({TERM, RELATION, VALUES})
"""The keywords of a JSON Schema that say what a value means."""

IDENTITY: Final = "@id"
"""The relation of a text that is the identity of what it belongs to, such as a sample's."""

_DEPTH: Final = 32
"""Most references and choices that are followed to a meaning."""


@dataclass(frozen=True, slots=True)
class Term:
    """Says what a value is: ``Annotated[Real, Unit("K"), Term("ThermodynamicTemperature")]``.

    Attributes:
        label: Preferred label of a class (a quantity, an object, a process), or a property of
            another vocabulary with its prefix (``schema:name``): then the value is its literal.
        relation: How the value hangs on what it belongs to; empty: as is usual for its kind, see
            ``docs/semantics.md``. `IDENTITY`: the text is the identity of what it belongs to.
        values: Pairs of a word and the class it stands for, where the value is one of few words.
    """

    label: str
    relation: str = ""
    values: tuple[tuple[str, str], ...] = ()

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Add the keywords to the schema of the annotated type."""
        schema = handler(core_schema)
        self.write(schema)
        return schema

    def write(self, schema: JsonSchemaValue) -> None:
        """Put the keywords into ``schema``, in place of any that are there."""
        for keyword in KEYWORDS:
            schema.pop(keyword, None)
        schema[TERM] = self.label
        if self.relation:
            schema[RELATION] = self.relation
        if self.values:
            schema[VALUES] = dict(self.values)


ADMINISTRATIVE: Final = Term("administrative")
"""Of a field that serves the running of a lab and describes nothing: it stays in the record."""

BY_CAPABILITY: Final = Term("by_capability")
"""Of a map whose fields the capability's own schema gives a meaning to."""

ENCLOSING: Final = Term("enclosing")
"""Of an object that is no thing by itself: its fields describe what it is a field of."""

DECLARED: Final = frozenset({ADMINISTRATIVE.label, BY_CAPABILITY.label, ENCLOSING.label})
"""The labels that are no terms."""


def of_process(schema: dict[str, Any], label: str) -> dict[str, Any]:
    """Return the schema of a capability's input or output with the class of its process.

    It stands at the root; an empty ``label`` leaves the schema as it is.
    """
    return {**schema, TERM: label} if label else schema


def meaning(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Term | None:
    """Return what the value of ``schema`` is, or None where no schema says it.

    What stands nearest counts: the field's own, else that of its only alternative besides null,
    else that of the model it refers to. A nearer term without a relation takes a farther one's.

    Args:
        schema: Schema of a field or a model.
        root: The schema in which it stands, whose ``$defs`` its references name.
    """
    found: Term | None = None
    for node in _inwards(schema, root):
        if TERM not in node:
            continue
        relation, values = str(node.get(RELATION, "")), tuple(node.get(VALUES, {}).items())
        if found is None:
            found = Term(str(node[TERM]), relation, values)
        elif not found.relation:
            found = Term(found.label, relation, found.values or values)
    return found


def resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of the value itself: alternatives besides null and references followed."""
    *_, last = _inwards(schema, root)
    return last


def _inwards(schema: Mapping[str, Any], root: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    chain = [schema]
    while len(chain) < _DEPTH:
        node = chain[-1]
        choices = [c for c in node.get("anyOf", ()) if c.get("type") != "null"]
        if "$ref" in node:
            chain.append(root.get("$defs", {}).get(node["$ref"].removeprefix("#/$defs/"), {}))
        elif len(choices) == 1:
            chain.append(choices[0])
        else:
            break
    return chain

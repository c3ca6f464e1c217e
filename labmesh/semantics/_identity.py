"""What texts in data name: samples, results, files, publications, and their IRIs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from labmesh.semantics import iris
from labmesh.semantics._look import Schema, look
from labmesh.semantics._nodes import Ref, Value
from labmesh.semantics._words import ID, words
from messages.meaning import IDENTITY

_DEPTH: Final = 4
"""Objects without a term of their own that are looked through for an identity."""

_TRANSPARENT: Final = ("", "enclosing")

_DOI: Final = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:)?(10\.\d{4,9}/\S+)", re.IGNORECASE)
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_SAMPLE_PATTERN: Final = "^[A-Za-z0-9][A-Za-z0-9._:-]*$"
"""Pattern by which schemas tell the identity of a sample (`messages.ledger.SampleId`)."""

_NODE: Final = re.compile(r"[a-z][a-z0-9_-]*/[a-z][a-z0-9_-]*")
_ABSOLUTE: Final = re.compile(r"(https?://|urn:|ni:)\S+")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who something is.

    Attributes:
        iri: Of it.
        name: The text that said so.
        types: Labels that follow from the kind of identity.
    """

    iri: str
    name: str
    types: tuple[str, ...]


def identity(
    value: Mapping[str, Any], schema: Schema, root: Schema, depth: int = _DEPTH
) -> Identity | None:
    """Return the identity that an object's own fields tell, None where none does."""
    known = schema.get("properties")
    for key, inner in known.items() if isinstance(known, Mapping) else ():
        item = value.get(key)
        if item is None or item == "" or not isinstance(inner, Mapping):
            continue
        sense = look(inner, root, item)
        if sense.relation == IDENTITY and isinstance(item, str):
            return _identified(item, sense.term, sense.schema)
        if isinstance(item, dict) and sense.term in _TRANSPARENT and depth:
            found = identity(item, sense.schema, root, depth - 1)
            if found is not None:
                return found
    return None


def is_property(label: str) -> bool:
    """Tell whether a term is a property, which a value has, not a class, which a value is of."""
    name = label.rpartition(":")[2]
    return name[:1].islower()


def target(value: Any, label: str, schema: Schema) -> tuple[str, Value]:
    """Return the property that is said by ``value``, and a thing where it names one.

    A request is a plan and a result a process: what a schema says of their uuids is put as PROV
    has it (a process uses plans and data; it is informed by processes alone).
    """
    if not isinstance(value, str):
        return label, value if isinstance(value, bool | int | float) else str(value)
    if schema.get("format") == "uuid" and label.startswith("prov:"):
        data = label in ("prov:used", "prov:wasDerivedFrom")
        return "prov:used", Ref(
            iris.part(iris.record(value), "dataset") if data else iris.record(value)
        )
    coerced = words().coercion(label) == ID
    if not coerced and not label.startswith("prov:"):
        return label, value
    found = named(value, schema)
    if found is None and _NODE.fullmatch(value):
        found = iris.node(value)
    if found is None and coerced:
        found = f"{iris.OWN}name:{iris.safe(value)}"
    return label, Ref(found) if found else value


def named(value: str, schema: Schema) -> str | None:
    """Return the IRI of what a text names by its form and its schema, None where it names none."""
    if schema.get("format") == "uuid":
        return iris.record(value)
    if _SHA256.fullmatch(value):
        return iris.artifact(value)
    if doi := _DOI.fullmatch(value):
        return f"https://doi.org/{iris.safe_path(doi[1])}"
    if _ABSOLUTE.fullmatch(value) and not iris.NO_IRI.search(value):
        return value
    if schema.get("pattern") == _SAMPLE_PATTERN:
        return iris.sample(value)
    return None


def _identified(value: str, label: str, schema: Schema) -> Identity:
    iri = named(value, schema) or iris.sample(value)
    types = (label,) if label and ":" not in label else ()
    return Identity(iri, value, types)

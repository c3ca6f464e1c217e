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

_ABSOLUTE: Final = re.compile(r"(https?://|urn:|ni:)\S+")
_NO_IRI: Final = re.compile(r'[\x00-\x20<>"{}|^`\\]')
"""What an IRI may not hold (RFC 3987, as N-Triples has it)."""


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
    known = schema.get("properties") or {}
    for key, inner in known.items():
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


def target(value: Any, label: str, schema: Schema) -> Value:
    """Return what a property says by ``value``: a thing where it names one, else the value."""
    if not isinstance(value, str):
        return value if isinstance(value, bool | int | float) else str(value)
    link = not label or words().coercion(label) == ID or label.startswith("prov:")
    if not link:
        return value
    found = named(value, schema)
    if found is not None:
        return Ref(found)
    if label and words().coercion(label) == ID:
        return Ref(f"{iris.OWN}name:{iris.safe(value)}")
    return value


def named(value: str, schema: Schema) -> str | None:
    """Return the IRI of what a text names by its form and its schema, None where it names none."""
    if schema.get("format") == "uuid":
        return iris.record(value)
    if _SHA256.fullmatch(value):
        return iris.artifact(value)
    if doi := _DOI.fullmatch(value):
        return f"https://doi.org/{iris.safe_path(doi[1])}"
    if _ABSOLUTE.fullmatch(value) and not _NO_IRI.search(value):
        return value
    if schema.get("pattern") == _SAMPLE_PATTERN:
        return iris.sample(value)
    return None


def _identified(value: str, label: str, schema: Schema) -> Identity:
    iri = named(value, schema) or iris.sample(value)
    types = (label,) if label and ":" not in label else ()
    return Identity(iri, value, types)

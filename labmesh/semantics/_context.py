"""The JSON-LD context of our documents: shipped, never fetched."""

from __future__ import annotations

import json
from functools import cache
from typing import Final

from labmesh.semantics._entry import DATA
from labmesh.semantics._lab_terms import lab_files
from labmesh.semantics._vocabulary import vocabulary
from messages.model import JsonObject

CONTEXT_FILE: Final = DATA / "context.jsonld"
"""The context as a file, for crates and for readers elsewhere."""


@cache
def context() -> JsonObject:
    """Return the context file's content: a map with ``@context``. Do not change it.

    A lab's own terms (docs/semantics.md) are added to it.

    Labels stand for IRIs; a unit is written by its label (``hasMeasurementUnit`` is of type
    ``@vocab``), links between things are of type ``@id``, numbers are ``xsd:double``.
    """
    found: JsonObject = json.loads(CONTEXT_FILE.read_text(encoding="utf-8"))
    if lab_files():
        added = {e.label: e.iri for e in vocabulary().entries() if e.label not in found["@context"]}
        found["@context"] |= {label: iri for label, iri in added.items() if ":" not in label}
    return found

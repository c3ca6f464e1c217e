"""JSON Schemas of the message types that pass by: of this installation, or of the mesh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import messages.catalogue  # noqa: F401  registers the types
from messages.envelope import decode
from messages.errors import LabmeshError
from messages.model import TYPES
from messages.schema import hash_schema, json_schema, schema_hash


class TypeSchemas:
    """Knows the schema of a type by its name and hash."""

    def __init__(self) -> None:
        self._learnt: dict[tuple[str, str], dict[str, Any]] = {}

    def learn(self, payload: bytes) -> None:
        """Take a message from a ``~/schema/{type}/{hash}`` topic; what is none is ignored."""
        try:
            body = decode(payload).body
        except LabmeshError:
            return
        name, schema = body.get("type"), body.get("schema")
        if isinstance(name, str) and isinstance(schema, dict):
            self._learnt[name, hash_schema(schema)] = schema

    def add(self, schemas: Mapping[tuple[str, str], dict[str, Any]]) -> None:
        """Take over schemas by type and hash."""
        self._learnt.update(schemas)

    def find(self, name: str, digest: str) -> dict[str, Any] | None:
        """Return the schema of type ``name`` with the hash ``digest``, None where none is known."""
        model = TYPES.get(name)
        if model is not None and schema_hash(model) == digest:
            return json_schema(model)
        return self._learnt.get((name, digest))

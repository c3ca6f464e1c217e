"""Schemas that nodes publish on ``~/schema/{type}/{hash}``: also of types not installed here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from labmesh.cli._session import Session
from labmesh.listing import retained
from messages.errors import ConfigurationError, NotConnectedError
from messages.node import Schema


@dataclass(slots=True)
class MeshSchema:
    """One schema as the mesh has it.

    Attributes:
        type: ``Temperature@1``, or the name of a model.
        hash: sha256 of its canonical form.
        schema: The JSON Schema.
        nodes: Who published it.
    """

    type: str
    hash: str
    schema: dict[str, Any]
    nodes: list[str] = field(default_factory=list)


async def mesh_schemas(session: Session, name: str = "+") -> list[MeshSchema] | None:
    """Return the schemas of a type, or of all; None where no mesh is to be reached.

    An installation is looked at without a mesh, too: whoever has none shall not wait for it.
    """
    try:
        place = session.place()
    except ConfigurationError:
        return None
    known = replace(session, mqtt=place.mqtt, patience=min(session.patience, 2.0))
    try:
        async with known.visit() as visitor:
            mesh = visitor.mesh
            pattern = mesh.topics.of(None, "schema", name, "+")
            found = await retained(mesh, pattern, Schema, timeout=known.patience)
    except NotConnectedError:
        return None
    schemas: dict[tuple[str, str], MeshSchema] = {}
    for topic, message in sorted(found, key=lambda each: each[0].name):
        key = message.type, message.hash
        entry = schemas.setdefault(key, MeshSchema(*key, message.content))
        entry.nodes.append(str(topic.author))
    return list(schemas.values())

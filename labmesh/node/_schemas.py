"""``~/schema/{type}/{hash}``: what a node's messages look like, for whoever has not its code."""

from __future__ import annotations

import logging
from typing import Final

from pydantic import BaseModel

from labmesh.mesh import Mesh
from messages.errors import LabmeshError
from messages.model import Message
from messages.node import Schema
from messages.schema import json_schema, schema_hash

logger = logging.getLogger("labmesh.schemas")

_EVERYBODYS: Final = ("messages.node", "labmesh.node")
"""Modules whose types every node has; the broker node publishes them, once for the mesh."""


def name_of(model: type[BaseModel]) -> str:
    """Return how a model is called: a message by its type, any other by its class."""
    return model.TYPE if issubclass(model, Message) else model.__name__


class SchemaBook:
    """Publishes schemas, each once, retained.

    Args:
        mesh: Where to.
        everybodys: Whether to publish those that every node has, too.
    """

    def __init__(self, mesh: Mesh, *, everybodys: bool) -> None:
        self._mesh = mesh
        self._everybodys = everybodys
        self._known: set[tuple[str, str]] = set()

    async def publish(self, model: type[BaseModel]) -> None:
        """Publish the schema of ``model``; one that cannot travel is left out and logged."""
        if not self._everybodys and model.__module__.startswith(_EVERYBODYS):
            return
        name, digest = name_of(model), schema_hash(model)
        if (name, digest) in self._known:
            return
        self._known.add((name, digest))
        try:
            topic = self._mesh.topics.own("schema", name, digest)
            schema = Schema(type=name, hash=digest, schema=json_schema(model))
            await self._mesh.keep(topic, schema)
        except LabmeshError as error:
            logger.debug("schema of %s is not published: %s", name, error)

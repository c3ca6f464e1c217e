"""What a node says of itself: ``~/node/desc``, kept true while it subscribes and calls."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from labmesh.node._capability import BoundCapability
from labmesh.node._runtime import Runtime
from labmesh.node._schemas import SchemaBook, name_of
from labmesh.node._service import BoundService
from labmesh.node._software import software_version
from messages.errors import LabmeshError
from messages.ids import NodeId
from messages.model import Message
from messages.node import (
    Beat,
    Called,
    Capabilities,
    Descriptor,
    Diagnostic,
    Lifecycle,
    LogRecord,
    Milestone,
    NodeEvent,
    Parameters,
    Presence,
    Problem,
    Published,
    Served,
    Subscribed,
)

if TYPE_CHECKING:
    from labmesh.node._node import Node

_SETTLE: Final = 0.5
"""Wall seconds in which further changes go into the same publication."""

_MOST: Final = 200
"""Streams, subscriptions and calls that are named; a descriptor must travel in any case."""

_EVERY_NODES: Final[Mapping[str, tuple[type[Message], int, bool, str]]] = {
    "node/alive/0": (Presence, 1, True, "whether it is there"),
    "node/life": (Lifecycle, 1, True, "lifecycle state"),
    "node/param": (Parameters, 1, True, "parameters"),
    "node/diag/+": (Diagnostic, 1, True, "how its components fare"),
    "beat": (Beat, 0, True, "sign of life from its work"),
    "log/+": (LogRecord, 0, False, "its log, by level"),
    "event/problem": (Problem, 1, False, "messages that it could not take"),
    "event/milestone": (Milestone, 0, False, "progress of long work"),
    "event/lifecycle": (NodeEvent, 1, False, "transitions"),
    "event/param": (NodeEvent, 1, False, "changes of its parameters"),
    "event/void": (NodeEvent, 1, False, "an order in hand is void: retracted, or given to another"),
    "event/takeover": (NodeEvent, 1, False, "it has taken the name over from another process"),
    "event/fenced": (NodeEvent, 1, False, "another process has its name"),
}
"""Topic below ~ to type, QoS, retained, description."""


class Description:
    """Publishes the descriptor and the schemas of the types that it names.

    Args:
        node: Who is described.
        runtime: Its parts.
        capabilities: What it does for the ledger.
    """

    def __init__(
        self,
        node: Node[Any],
        runtime: Runtime,
        capabilities: Mapping[tuple[str, str], BoundCapability],
    ) -> None:
        self._node = node
        self._runtime = runtime
        self._capabilities = capabilities
        self._services: Mapping[str, BoundService] = {}
        self._publishes: dict[str, Published] = {}
        self._subscribes: dict[tuple[str, str], None] = {}
        self._calls: dict[tuple[str, str], None] = {}
        self._models: dict[type[BaseModel], None] = {}
        self._book = SchemaBook(runtime.mesh, everybodys=node.is_ledger)
        self._due = True  # until it is published for the first time
        for topic, (model, qos, retained, words) in _EVERY_NODES.items():
            published = Published(type=model.TYPE, qos=qos, retained=retained, description=words)
            self._publishes[topic] = published
            self._models[model] = None
        for capability in capabilities.values():
            self._models |= dict.fromkeys((capability.parameters, capability.result))
        runtime.caller.on_call = self.calls

    def serves(self, services: Mapping[str, BoundService]) -> None:
        """Note what the node serves."""
        self._services = services
        for service in services.values():
            ends = (service.arguments, service.returns)
            self._models |= dict.fromkeys(end for end in ends if end is not None)

    def publishes(self, topic: str, model: type[Message], published: Published) -> None:
        """Note what the node publishes on ``~/topic``."""
        room = topic in self._publishes or len(self._publishes) < _MOST
        if room and self._publishes.get(topic) != published:
            self._publishes[topic] = published
            self._models[model] = None
            self._changed()

    def subscribes(self, pattern: str, model: type[Message]) -> None:
        """Note that the node takes ``model`` on a filter (with the realm)."""
        key = (pattern.removeprefix(f"{self._runtime.mesh.topics.realm}/"), model.TYPE)
        self._models[model] = None
        self._note(self._subscribes, key)

    def calls(self, node: NodeId, service: str) -> None:
        """Note that the node calls a service."""
        self._note(self._calls, (str(node), service))

    def _note(self, known: dict[tuple[str, str], None], key: tuple[str, str]) -> None:
        if key not in known and len(known) < _MOST:
            known[key] = None
            self._changed()

    def _changed(self) -> None:
        if not self._due:
            self._due = True
            self._runtime.mesh.background(self._publish_soon(), "descriptor")

    async def _publish_soon(self) -> None:
        await asyncio.sleep(_SETTLE)
        await self.publish()

    async def publish(self) -> None:
        """Publish the descriptor as it is now, and the schemas that have not been published."""
        self._due = False
        mesh = self._runtime.mesh
        try:
            await mesh.keep(mesh.topics.own("node", "desc"), self.descriptor())
        except LabmeshError as error:
            self._node.log.error(f"descriptor not published: {error}")
        mesh.background(self._publish_schemas(), "schemas")

    async def _publish_schemas(self) -> None:
        for model in list(self._models):
            await self._book.publish(model)

    def descriptor(self) -> Descriptor:
        """Return what the node is at this moment."""
        node, bound, options = self._node, self._capabilities.values(), self._node.options
        return Descriptor(
            description=(inspect.getdoc(type(node)) or "").partition("\n")[0],
            program=f"{type(node).__module__}:{type(node).__qualname__}",
            version=software_version(type(node)),
            publishes=self._publishes,
            subscribes=tuple(Subscribed(pattern=p, type=t) for p, t in sorted(self._subscribes)),
            services={
                name: Served(
                    arguments=name_of(service.arguments),
                    returns=name_of(service.returns) if service.returns else "",
                    when_inactive=service.when_inactive,
                    description=service.description,
                )
                for name, service in sorted(self._services.items())
            },
            calls=tuple(Called(node=n, service=s) for n, s in sorted(self._calls)),
            requests=tuple(sorted({f"{q}/{m}" for q, m in type(node).asks_for(node.parameters)})),
            capabilities=tuple(
                Capabilities(quantity=b.spec.quantity, method=b.spec.method, worker=b.spec.worker)
                for b in bound
            ),
            parameters_schema=node.parameters_schema,
            ledger=str(self._runtime.ledger),
            container=str(options.container) if options.container else None,
            simulated=any(b.spec.simulated for b in bound),
        )

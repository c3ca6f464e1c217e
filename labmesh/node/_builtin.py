"""Services every node has: ping, lifecycle; parameters and log levels are in files of their own."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from labmesh.calls import Server
from labmesh.node._lifecycle import LifecycleMachine
from labmesh.node._log_level import LogServices
from labmesh.node._parameter_services import ParameterServices
from labmesh.node._service import BoundService, NoArguments, service, services_of
from labmesh.streams import Resources
from messages.model import JsonObject, Model, Text
from messages.node import STATE_IDS, State, Transition

if TYPE_CHECKING:
    from labmesh.node._node import Node


class ChangeLifecycle(Model):
    """Arguments of ``life.change``."""

    transition: Transition
    reason: Text = ""


class BuiltinServices:
    """The services, as methods."""

    def __init__(
        self, node: Node[Any], life: LifecycleMachine, parameters: ParameterServices
    ) -> None:
        self._node = node
        self._life = life
        self._parameters = parameters

    def add_to(self, server: Server, resources: Resources) -> dict[str, BoundService]:
        """Serve these and the node's own; return all of them by name."""

        def state() -> State:
            return self._life.state

        services = {
            **services_of(self, self._node.id, state),
            **services_of(self._parameters, self._node.id, state),
            **services_of(LogServices(self._node), self._node.id, state),
            **services_of(self._node, self._node.id, state),
        }
        for name, each in services.items():
            server.add(name, each.serve, guard=partial(resources.hold, each.resource))
        return services

    @service("node.ping", when_inactive=True)
    async def ping(self, arguments: NoArguments) -> JsonObject:
        """Answer, with the lifecycle state and the wall time (ns) by the machine's clock."""
        return {"state": self._life.state.value, "wall": time.time_ns()}

    @service("life.change", when_inactive=True)
    async def change(self, arguments: ChangeLifecycle) -> JsonObject:
        """Go through a lifecycle transition; ``shutdown`` also ends the process."""
        if arguments.transition is Transition.SHUTDOWN:
            self._node.finish()
            return {"state": State.FINALIZED.value, "id": STATE_IDS[State.FINALIZED.value]}
        try:
            state = await self._life.change(arguments.transition, reason=arguments.reason)
        finally:
            if self._life.state is State.FINALIZED:  # by an error, and on_error knew no way back
                self._node.finish(1)
        return {"state": state.value, "id": STATE_IDS[state.value]}

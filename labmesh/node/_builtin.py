"""Services every node has: ping, parameters, lifecycle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from labmesh.calls import Server
from labmesh.node._lifecycle import LifecycleMachine
from labmesh.node._parameters import NodeParameters, ParameterServer
from labmesh.node._service import BoundService, NoArguments, service, services_of
from messages.errors import CallRefusedError
from messages.model import Count, JsonObject, Model, Text
from messages.node import Parameters, State, Transition

if TYPE_CHECKING:
    from labmesh.node._node import Node


class SetParameters(Model):
    """Arguments of ``param.set``."""

    values: JsonObject = Field(description="new values by name; all are taken, or none")
    if_version: Count | None = Field(default=None, description="refuse if changed since")


class ChangeLifecycle(Model):
    """Arguments of ``life.change``."""

    transition: Transition
    reason: Text = ""


class BuiltinServices:
    """The services, as methods."""

    def __init__(
        self, node: Node[Any], life: LifecycleMachine, parameters: ParameterServer[Any]
    ) -> None:
        self._node = node
        self._life = life
        self._parameters = parameters

    def add_to(self, server: Server) -> dict[str, BoundService]:
        """Serve these and the node's own; return all of them by name."""

        def state() -> State:
            return self._life.state

        services = {
            **services_of(self, self._node.id, state),
            **services_of(self._node, self._node.id, state),
        }
        for name, each in services.items():
            server.add(name, each.serve)
        return services

    @service("node.ping", when_inactive=True)
    async def ping(self, arguments: NoArguments) -> JsonObject:
        """Answer."""
        return {"state": self._life.state.value}

    @service("param.get", when_inactive=True)
    async def get(self, arguments: NoArguments) -> Parameters:
        """Return all parameters."""
        return self._parameters.snapshot()

    @service("param.describe", when_inactive=True)
    async def describe(self, arguments: NoArguments) -> JsonObject:
        """Return the JSON Schema of the parameters."""
        return self._parameters.describe()

    @service("param.set", when_inactive=True)
    async def set(self, arguments: SetParameters) -> Parameters:
        """Change parameters, all or none."""
        snapshot = await self._parameters.set(
            arguments.values,
            if_version=arguments.if_version,
            changed=self._take_over,
        )
        await self._parameters.publish(self._node.mesh)
        names = sorted(arguments.values)
        self._node.log.info("parameters changed", names=",".join(names))
        # From the snapshot, which shows no password.
        changed = {name.partition(".")[0] for name in names}
        shown = {name: snapshot.values[name] for name in sorted(changed)}
        self._node.happened("parameters", f"version {snapshot.version}", **shown)
        return snapshot

    async def _take_over(self, before: NodeParameters, after: NodeParameters) -> None:
        for name in NodeParameters.model_fields:
            if getattr(before, name) != getattr(after, name):
                raise CallRefusedError(
                    f"parameter {name} is read at the start only",
                    where=str(self._node.id),
                    remedy=f"start the node again with --param {name}=...",
                    code="bad_arguments",
                )
        await self._node.on_parameters(before, after)

    @service("life.change", when_inactive=True)
    async def change(self, arguments: ChangeLifecycle) -> JsonObject:
        """Go through a lifecycle transition; ``shutdown`` also ends the process."""
        if arguments.transition is Transition.SHUTDOWN:
            self._node.finish()
            return {"state": State.FINALIZED.value}
        state = await self._life.change(arguments.transition, reason=arguments.reason)
        return {"state": state.value}

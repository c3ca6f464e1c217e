"""The services of a node's parameters: get, describe, set, unset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from labmesh.calls import called_by
from labmesh.node._parameter_model import describe
from labmesh.node._parameters import ParameterServer
from labmesh.node._service import NoArguments, service
from messages.errors import StoreError
from messages.model import Count, Flag, JsonObject, Model, Text
from messages.node import Level, Parameters

if TYPE_CHECKING:
    from labmesh.node._node import Node
    from labmesh.store import NodeStore


class SetParameters(Model):
    """Arguments of ``param.set``."""

    values: JsonObject = Field(description="new values by name; all are taken, or none")
    if_version: Count | None = Field(default=None, description="refuse if changed since")
    keep: Flag = Field(default=True, description="at the next start, too")


class UnsetParameters(Model):
    """Arguments of ``param.unset``."""

    names: tuple[Text, ...] = Field(description="those that return to their start-up values")
    if_version: Count | None = Field(default=None, description="refuse if changed since")


class ParameterServices:
    """``param.get``, ``param.describe``, ``param.set`` and ``param.unset`` of a node."""

    def __init__(self, node: Node[Any], parameters: ParameterServer[Any], store: NodeStore) -> None:
        self._node = node
        self._parameters = parameters
        self._store = store

    async def replay(self) -> None:
        """Set again what was desired when the node ran last; say what is not."""
        forgotten = self._parameters.replay(await self._store.desired())
        for each in forgotten:
            self._node.log.warn(f"parameter {each.name} is not set again: {each.why}")
        if forgotten:
            await self._store.forget_desired([each.name for each in forgotten])

    @service("param.get", when_inactive=True)
    async def get(self, arguments: NoArguments) -> Parameters:
        """Return all parameters: in effect, desired, pending."""
        return self._parameters.snapshot()

    @service("param.describe", when_inactive=True)
    async def describe(self, arguments: NoArguments) -> JsonObject:
        """Return the JSON Schema of the parameters."""
        return describe(self._parameters.model)

    @service("param.set", when_inactive=True)
    async def set(self, arguments: SetParameters) -> Parameters:
        """Change parameters, all or none."""
        before = self._parameters.snapshot()
        snapshot = await self._parameters.set(
            arguments.values,
            if_version=arguments.if_version,
            changed=self._node.on_parameters,
            keep=arguments.keep,
        )
        leaves = self._parameters.leaves(arguments.values)
        if arguments.keep:
            await self._remember(leaves)
        await self._tell("set", before, snapshot)
        return snapshot

    @service("param.unset", when_inactive=True)
    async def unset(self, arguments: UnsetParameters) -> Parameters:
        """Return parameters to what the launch file, the command line or the defaults say."""
        before = self._parameters.snapshot()
        snapshot = await self._parameters.unset(
            arguments.names, if_version=arguments.if_version, changed=self._node.on_parameters
        )
        leaves = self._parameters.leaves(arguments.names)
        try:
            await self._store.forget_desired(leaves)
        except StoreError as error:
            self._not_kept(error)
        await self._tell("unset", before, snapshot)
        return snapshot

    async def _remember(self, names: list[str]) -> None:
        try:
            await self._store.desire(self._parameters.kept(names, str(called_by())))
        except StoreError as error:
            self._not_kept(error)

    def _not_kept(self, error: StoreError) -> None:
        what = f"a change of parameters holds until the node ends only: {error.what}"
        self._node.log.error(what)
        self._node.diagnose("parameters", Level.WARN, what, remedy=error.remedy)

    async def _tell(self, what: str, before: Parameters, after: Parameters) -> None:
        await self._parameters.publish(self._node.mesh)
        by = str(called_by())
        changed = {
            name: value for name, value in after.values.items() if before.values[name] != value
        }
        waiting = {
            name: value
            for name, value in after.pending.items()
            if before.pending.get(name, ...) != value
        }
        names = ",".join(sorted({**changed, **waiting}))
        self._node.log.info("parameters changed", names=names, by=by)
        self._node.happened(
            "param", f"{what} by {by}: {names or 'nothing changed'}",
            by=by, version=after.version, changed=changed, pending=waiting,
            before={name: before.values[name] for name in changed},
        )  # fmt: skip

"""Several nodes in one process, each with its own connection, identity, store and lifecycle."""

from __future__ import annotations

import asyncio

from pydantic import Field

from labmesh import Level, NoArguments, Node, service
from labmesh.node import find_node, node_programs
from messages.errors import CallRefusedError, ConfigurationError, LabmeshError
from messages.model import Flag, JsonObject, Model, Name, NodeName, Text
from nodes.container._component import RunningComponent
from nodes.container._parameters import Component, ContainerParameters


class LoadComponent(Model):
    """Arguments of ``component.load``."""

    program: Text = Field(description="an entry point, or module:Class")
    name: Name = Field(description="the node's name")
    parameters: JsonObject = Field(default_factory=dict)
    remap: dict[str, NodeName] = Field(default_factory=dict)
    autostart: Flag = True


class UnloadComponent(Model):
    """Arguments of ``component.unload``."""

    name: Name


class ContainerNode(Node[ContainerParameters]):
    """Runs several nodes in one process."""

    Parameters = ContainerParameters

    async def on_configure(self) -> None:
        """Load the components; a mistake in one of them is said before any is started."""
        self._running_ones: dict[str, RunningComponent] = {}
        self._work: dict[str, asyncio.Task[None]] = {}
        for component in self.parameters.components:
            try:
                self._running_ones[component.name] = await self._prepare(component)
            except LabmeshError as error:
                where = f"components: {component.name}" + (f": {error.where}" * bool(error.where))
                raise ConfigurationError(error.what, where=where, remedy=error.remedy) from None
        for each in self._running_ones.values():
            self._start_one(each)
        for each in self._running_ones.values():
            await each.settled()

    async def on_cleanup(self) -> None:
        """Unload all of them, side by side."""
        await asyncio.gather(*(self._stop_one(name) for name in list(self._running_ones)))

    @service("component.load", when_inactive=True)
    async def load(self, arguments: LoadComponent) -> JsonObject:
        """Load a node into this process; return when it runs, or say why it does not."""
        component = Component(
            run=arguments.program, name=arguments.name, param=arguments.parameters,
            remap=dict(arguments.remap), autostart=arguments.autostart,
        )  # fmt: skip
        if component.name in self._loaded():
            raise CallRefusedError(
                f"{self.id} has a component {component.name} already",
                remedy=f"unload it first: labmesh component unload {self.id} {component.name}",
            )
        running = self._running_ones[component.name] = await self._prepare(component)
        self._start_one(running)
        await running.settled()
        if running.state != "running":
            await self._stop_one(component.name)
            raise CallRefusedError(running.error or f"{running.id} ended at once", code="failed")
        return running.view()

    @service("component.unload", when_inactive=True)
    async def unload(self, arguments: UnloadComponent) -> JsonObject:
        """End a component in order, and let go of it."""
        loaded = self._loaded()
        name = arguments.name
        if name not in loaded:
            raise CallRefusedError(
                f"{self.id} has no component {name}",
                remedy=f"it has {', '.join(sorted(loaded)) or 'none'}",
            )
        view = {**loaded[name].view(), "state": "ended", "lifecycle": None}
        await self._stop_one(name)
        return view

    @service("component.list", when_inactive=True)
    async def components(self, arguments: NoArguments) -> JsonObject:
        """Return the components, and how each fares."""
        return {"components": [each.view() for each in self._loaded().values()]}

    @service("component.types", when_inactive=True)
    async def types(self, arguments: NoArguments) -> JsonObject:
        """Return what is installed here and may be loaded, by name."""
        return {"types": await self.in_thread(node_programs)}

    def _loaded(self) -> dict[str, RunningComponent]:
        loaded: dict[str, RunningComponent] | None = getattr(self, "_running_ones", None)
        if loaded is None:
            raise CallRefusedError(
                f"{self.id} is not configured",
                remedy=f"labmesh lifecycle set {self.id} configure",
                code="not_active",
            )
        return loaded

    async def _prepare(self, component: Component) -> RunningComponent:
        if component.name == self.id.node:
            raise ConfigurationError(f"{component.name} is the container's own name")
        # Imports may take seconds; the others shall not stand still meanwhile.
        kind = await self.in_thread(find_node, component.run)
        slug = f"component-{component.name}"

        def told(level: Level, words: str) -> None:
            if level is Level.OK:
                self.log.info(words, component=component.name)
            else:
                self.log.error(words, component=component.name)
            remedy = "" if level is Level.OK else f"see the log of {self.id.site}/{component.name}"
            self.diagnose(slug, level, words, remedy=remedy)

        return RunningComponent(component, kind, self.options, lambda: self.parameters, told)

    def _start_one(self, running: RunningComponent) -> None:
        name = running.component.name
        self._work[name] = self.spawn(running.keep(), name=f"component {name}")

    async def _stop_one(self, name: str) -> None:
        running, work = self._running_ones.pop(name), self._work.pop(name)
        running.stop()
        await asyncio.wait([work])
        self.diagnose(f"component-{name}", Level.OK, "is not loaded")

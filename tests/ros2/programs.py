"""Nodes as small as ROS 2's demos."""

from __future__ import annotations

import asyncio

from pydantic import BaseModel, Field

from labmesh import LabmeshError, Level, NoArguments, Node, NodeParameters, parameter, service
from labmesh.calls import called_by
from messages.model import JsonObject, Model, Text

TALKER = "tests.ros2.programs:TalkerNode"


class Pump(BaseModel):
    """A nested parameter."""

    model_config = {"extra": "forbid", "frozen": True}
    rate: float = Field(default=1.0, gt=0, description="flow")
    port: str = parameter("a", effect="configure", description="where it is connected")


class TalkerParameters(NodeParameters):
    """Parameters of the talker."""

    words: str = parameter("hi", description="what it says")
    times: int = parameter(1, ge=1, le=9, description="how often")
    serial: str = parameter("s1", description="of the hardware", read_only=True)
    voice: str = parameter("high", description="read once", effect="start")
    pump: Pump = Pump()


class Talk(Model):
    """What it says."""

    words: Text


class TalkerNode(Node[TalkerParameters]):
    """Talks when it is asked to."""

    Parameters = TalkerParameters
    fails: str = ""
    recovers: bool = True
    hooks: list[str]

    def _hook(self, name: str) -> None:
        self.hooks = [*getattr(self, "hooks", ()), name]
        if self.fails == name:
            raise LabmeshError(f"no {name} today", remedy="come again")
        if self.fails == f"{name}!":
            raise ZeroDivisionError(name)

    async def on_configure(self) -> None:
        """Note it."""
        self._hook("configure")

    async def on_activate(self) -> None:
        """Note it."""
        self._hook("activate")

    async def on_deactivate(self) -> None:
        """Note it."""
        self._hook("deactivate")

    async def on_cleanup(self) -> None:
        """Note it."""
        self._hook("cleanup")

    async def on_error(self, error: Exception) -> None:
        """Recover or not."""
        self.hooks.append(f"error: {error}")
        if not self.recovers:
            raise error

    async def on_parameters(self, before: TalkerParameters, after: TalkerParameters) -> None:
        """Refuse one word."""
        if after.words == "swear":
            raise LabmeshError("such words are not said here")

    @service("talk")
    async def talk(self, arguments: NoArguments) -> Talk:
        """Say it."""
        return Talk(words=" ".join([self.parameters.words] * self.parameters.times))

    @service("warn", when_inactive=True)
    async def warn(self, arguments: Talk) -> JsonObject:
        """Log at every level."""
        self.log.debug(arguments.words)
        self.log.info(arguments.words, n=1)
        self.log.warn(arguments.words)
        self.log.fatal(arguments.words)
        return {}

    @service("report", when_inactive=True)
    async def report(self, arguments: NoArguments) -> JsonObject:
        """Tell how the pump fares."""
        self.diagnose("Pump", Level.WARN, "leaks", remedy="tighten", stale_after=0.2, flow=1.5)
        return {}

    @service("crash")
    async def crash(self, arguments: NoArguments) -> JsonObject:
        """End badly."""
        self.finish(9)
        return {}

    @service("refuse")
    async def refuse(self, arguments: NoArguments) -> JsonObject:
        """Refuse."""
        raise LabmeshError("not to you")

    @service("explode")
    async def explode(self, arguments: NoArguments) -> JsonObject:
        """Fail in a way nobody foresaw."""
        raise ZeroDivisionError("oh")

    @service("hang")
    async def hang(self, arguments: NoArguments) -> JsonObject:
        """Never answer."""
        await asyncio.Event().wait()
        return {}

    @service("whoami")
    async def whoami(self, arguments: NoArguments) -> Talk:
        """Return who calls."""
        return Talk(words=str(called_by()))

    @service("relay")
    async def relay(self, arguments: NoArguments) -> JsonObject:
        """Call a service of its own node out of a service."""
        return await self.call(self.id, "talk", timeout=20)

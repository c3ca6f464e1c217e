"""Small nodes and a place for the tests of what a ROS 2 user would try."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from labmesh import Node, NodeId, NodeOptions, NodeParameters, QoS, publisher
from labmesh.client import Visitor, visit
from labmesh.place import Place
from messages.model import Message, Real
from messages.node import State
from tests.labmesh.node.conftest import running
from tests.support import MqttBroker, Processes, Running

ROOT = Path(__file__).parents[2]

N = TypeVar("N", bound=Node[Any])

_numbers = count()


class Temperature(Message, name="TestTemperature", version=1):
    """What a bath measures."""

    kelvin: Real


class Pressure(Message, name="TestPressure", version=1):
    """What a bath does not measure."""

    pascal: Real


class Plain(Node[NodeParameters]):
    """A node and nothing else."""


class Bath(Node[NodeParameters]):
    """Publishes how warm it is when told to."""

    temperature = publisher("temperature", Temperature, description="of the water")


class Pump(Node[NodeParameters]):
    """Promises to show within a second that it hangs."""

    pressure = publisher("pressure", Temperature, qos=QoS(liveliness=1.0))


class Lab:
    """Nodes of site kit in this process, on a real MQTT broker."""

    def __init__(self, broker: MqttBroker, folder: Path) -> None:
        self.place = Place(mqtt=broker.url, site="kit")
        self._folder = folder
        self._running = AsyncExitStack()

    def options(self, name: str = "", **changes: Any) -> NodeOptions:
        """Return options of a node; without a name it gets one that nobody else has."""
        given = {"place": self.place, "name": name or self.name(), "data_dir": self._folder}
        return NodeOptions(**{**given, **changes})

    def name(self, stem: str = "node") -> str:
        """Return a name that nobody else has on this MQTT broker."""
        return f"{stem}-{next(_numbers)}"

    async def start(
        self, kind: Callable[[NodeOptions], N], name: str = "", *,
        state: State = State.ACTIVE, **changes: Any,
    ) -> N:  # fmt: skip
        """Run a node until the test ends; return when it is active."""
        node = kind(self.options(name, **changes))
        await self._running.enter_async_context(running(node, state))
        return node

    async def process(self, processes: Processes, program: str, *flags: str) -> Running:
        """Run a node as a process of its own: ``labmesh run``."""
        return await processes.start(
            sys.executable, "-m", "labmesh.node", program, "--site", self.place.site,
            "--mqtt", self.place.mqtt, "--data-dir", str(self._folder), *flags,
            env={"PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    async def visitor(self) -> Visitor:
        """Return somebody who looks and calls."""
        return await self._running.enter_async_context(visit(self.place, "visitor"))

    async def close(self) -> None:
        """End all of them."""
        await self._running.aclose()


def remapped(**names: str) -> dict[str, NodeId]:
    """Return what ``--remap`` makes of ``name:=site/node``."""
    return {name: NodeId.parse(node) for name, node in names.items()}


async def until(condition: Callable[[], object], *, seconds: float = 30.0) -> None:
    """Return when the condition holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)

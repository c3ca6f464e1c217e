"""Nodes in this test's own process, in a thread: quick to start, while the test calls `main`."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field

from labmesh import NoArguments, Node, NodeParameters, Order, capability, service
from labmesh.client import visit
from labmesh.listing import retained
from labmesh.node import NodeOptions
from labmesh.place import Place
from messages.envelope import Header
from messages.ids import NodeId
from messages.model import JsonObject, Message, Model, Real, Unit
from messages.node import Descriptor, Level, State
from messages.topics import Topic
from nodes.broker import BrokerNode
from tests.labmesh.cli._lab import Answer, eventually
from tests.support import MqttBroker

T = TypeVar("T")


class HouseTemperature(Message, name="HouseTemperature", version=1):
    """A temperature somewhere in the house."""

    value: Annotated[Real, Unit("K")] = Field(description="absolute temperature")
    room: str = "kitchen"


class Settings(NodeParameters):
    """Parameters of the thermometer."""

    period: Annotated[Real, Unit("s"), Field(gt=0)] = 0.05


class Thermometer(Node[Settings]):
    """Measures, and says so twenty times a second."""

    Parameters = Settings

    async def on_activate(self) -> None:
        self.spawn(self._measure(), name="measure")

    async def _measure(self) -> None:
        count = 0
        while True:
            value = 290.0 + count % 20
            await self.emit("data", "temperature", HouseTemperature(value=value), qos=count % 2)
            self.log.info("measured", value=value)
            if count % 20 == 10:
                self.log.warn("it is getting warm", value=value)
            count += 1
            await asyncio.sleep(self.parameters.period)

    @service("therm.offset", when_inactive=True)
    async def offset(self, arguments: NoArguments) -> JsonObject:
        """Return the offset."""
        return {"offset": 0.25}


class Wish(Model):
    """How warm it shall be."""

    temperature: Annotated[Real, Unit("K"), Field(ge=250, le=400)]
    rooms: tuple[str, ...] = ()


class Warmth(Model):
    """How warm it became."""

    temperature: Annotated[Real, Unit("K")]


class Heater(Node[NodeParameters]):
    """Heats, as the thermometer says."""

    async def on_activate(self) -> None:
        await self.on_message(
            self.topics.of(NodeId("kit", "therm"), "data", "temperature"),
            HouseTemperature, self._take,
        )  # fmt: skip
        await self.call(NodeId("kit", "therm"), "therm.offset")
        self.diagnose("flame", Level.WARN, "it flickers", remedy="clean the burner")

    def _take(self, message: HouseTemperature, header: Header, topic: Topic) -> None:
        pass

    @classmethod
    def asks_for(cls, _parameters: NodeParameters) -> tuple[tuple[str, str], ...]:
        return (("gas", "pipeline"),)

    @capability("warmth", "by_fire", worker="model", simulated=True)
    async def heat(self, order: Order[Wish]) -> Warmth:
        """Heat to a temperature."""
        await order.feedback(0.5, "burning")
        await asyncio.sleep(0.1)
        return Warmth(temperature=order.parameters.temperature)

    @service("heater.wish")
    async def wish(self, arguments: Wish) -> Warmth:
        """Say what would come of a wish."""
        return Warmth(temperature=arguments.temperature)


class House:
    """mosquitto and nodes of site kit, found by `env`."""

    def __init__(self, folder: Path, broker: MqttBroker) -> None:
        self.folder = folder
        self.broker = broker
        self.place = Place(mqtt=broker.url, site="kit", ledger=NodeId("kit", "broker"))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="house")
        self._thread.start()
        self._running: dict[str, tuple[Node[Any], asyncio.Task[int]]] = {}

    @property
    def env(self) -> dict[str, str]:
        """Where the mesh is, as environment."""
        data = str(self.folder / "data")
        return {"LABMESH_MQTT": self.broker.url, "LABMESH_SITE": "kit", "LABMESH_DATA_DIR": data}

    def start(self, program: type[Node[Any]], name: str, **parameters: Any) -> Node[Any]:
        """Start a node, and return it once it is active."""
        options = NodeOptions(
            place=self.place, name=name, data_dir=self.folder / "data", parameters=parameters
        )

        # Its lines shall not mix with what the command line writes on this process's stderr.
        logger = logging.getLogger(f"labmesh.node.{options.id}")
        logger.propagate = False
        logger.handlers[:] = [logging.NullHandler()]

        async def begin() -> Node[Any]:
            node = program(options)
            self._running[name] = node, asyncio.create_task(node.run())
            return node

        node = self.run(begin())
        eventually(lambda: node.state is State.ACTIVE, lambda: f"{name} is {node.state}")
        return node

    def descriptor(self, name: str) -> Descriptor | None:
        """Return what a node of site kit says of itself at this moment."""

        async def look() -> list[tuple[Topic, Descriptor]]:
            async with visit(self.place, "looker") as visitor:
                pattern = visitor.mesh.topics.of(NodeId("kit", name), "node", "desc")
                return await retained(visitor.mesh, pattern, Descriptor)

        found = self.run(look())
        return found[0][1] if found else None

    def await_descriptors(self) -> None:
        """Return once the nodes have told what they publish, take and call; it takes a moment."""

        def told() -> bool:
            therm, heater = self.descriptor("therm"), self.descriptor("heater")
            return (
                therm is not None and "data/temperature" in therm.publishes
                and heater is not None and bool(heater.subscribes) and bool(heater.calls)
            )  # fmt: skip

        eventually(told)

    def stop(self, name: str) -> None:
        """End a node in order."""
        node, task = self._running.pop(name)

        async def end() -> None:
            node.finish()
            await task

        self.run(end())

    def kill(self, name: str) -> None:
        """Cut a node's connection, so that its will tells of it; it says no goodbye."""
        node, task = self._running.pop(name)

        async def end() -> None:
            await node.transport.close(lost=True)
            node.finish()
            await task

        self.run(end())

    def close(self) -> None:
        """End everything, the broker node last."""
        for name in sorted(self._running, key=lambda name: name == "broker"):
            self.stop(name)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something in the nodes' event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)


_ELSEWHERE = """
import contextlib, io, json, sys
from labmesh.cli import main
for arguments in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(arguments)
    print(json.dumps([code, out.getvalue(), err.getvalue()]))
"""


def elsewhere(house: House, *commands: str) -> list[Answer]:
    """Run command lines one after another in one process that knows none of this one's types."""
    done = subprocess.run(
        [sys.executable, "-c", _ELSEWHERE], env={**os.environ, **house.env},
        input=json.dumps([shlex.split(command) for command in commands]),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [Answer(*json.loads(line)) for line in done.stdout.splitlines()]


@contextmanager
def running_house(folder: Path) -> Iterator[House]:
    """Run broker node, thermometer and heater for as long as the block."""
    with MqttBroker(folder / "mosquitto") as broker:
        house = House(folder, broker)
        try:
            house.start(BrokerNode, "broker")
            house.start(Thermometer, "therm")
            house.start(Heater, "heater")
            house.await_descriptors()
            yield house
        finally:
            house.close()

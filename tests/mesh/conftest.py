"""A small lab of real processes: mosquitto, the broker node, an echo node."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from labmesh.client import LabClient, Visitor, requester, visit
from labmesh.listing import retained
from labmesh.mosquitto import Program
from labmesh.place import Place
from messages.ids import NodeId
from messages.node import Lifecycle, State
from tests.support import MqttBroker, Processes, Running

ROOT = Path(__file__).parents[2]
ECHO = "tests.labmesh.node.programs:EchoNode"


@dataclass(slots=True)
class Lab:
    """The lab of one test.

    Attributes:
        place: Where it is.
        mqtt: Its MQTT broker.
        folder: Its data.
    """

    place: Place
    mqtt: MqttBroker
    folder: Path
    processes: Processes
    visitor: Visitor
    client: LabClient

    async def start(self, program: str, name: str, *flags: str, wait: bool = True) -> Running:
        """Start a node process; return when it is active."""
        node = await self.processes.start(
            sys.executable, "-m", "labmesh.node", program, "--site", "kit", "--name", name,
            "--mqtt", self.place.mqtt, "--data-dir", str(self.folder), *flags,
            name=name, env={"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        if wait:
            await self.until_state(name, State.ACTIVE, node)
        return node

    async def until_state(self, name: str, state: State, process: Running | None = None) -> None:
        """Return when a node's retained lifecycle says ``state``."""
        mesh = self.visitor.mesh
        topic = mesh.topics.of(NodeId("kit", name), "node", "life")
        async with asyncio.timeout(20):
            while True:
                found = await retained(mesh, topic, Lifecycle)
                if found and found[-1][1].state is state:
                    return
                assert process is None or process.code is None, process.output
                await asyncio.sleep(0.05)

    async def until_offered(self, method: str) -> None:
        """Return when the ledger knows a live offer of speech/``method``."""
        async with asyncio.timeout(10):
            while True:
                offers = (await self.client.query("query.offers"))["offers"]
                if any(o["offer"]["method"] == method and o["online"] for o in offers):
                    return
                await asyncio.sleep(0.05)

    async def status(self, request: object) -> str:
        """Return the status of a request as the ledger has it."""
        reply = await self.client.query("query.request", {"id": str(request)})
        return str(reply["request"]["status"])

    async def until_status(self, request: object, *wanted: str) -> str:
        """Return when a request has one of the statuses."""
        async with asyncio.timeout(20):
            while (status := await self.status(request)) not in wanted:
                await asyncio.sleep(0.05)
            return status


@asynccontextmanager
async def lab_of(mqtt: MqttBroker, processes: Processes, folder: Path) -> AsyncIterator[Lab]:
    """Start a broker node as a process, on an MQTT broker that runs."""
    place = Place(mqtt=mqtt.url, site="kit", ledger=NodeId("kit", "broker"))
    async with visit(place, "asker") as visitor, requester(visitor) as client:
        made = Lab(place, mqtt, folder, processes, visitor, client)
        await made.start("broker", "broker")
        yield made


@pytest.fixture
async def lab(mqtt_broker: MqttBroker, processes: Processes, tmp_path: Path) -> AsyncIterator[Lab]:
    """mosquitto and an active broker node, each a process of this test's own."""
    async with lab_of(mqtt_broker, processes, tmp_path / "data") as made:
        yield made


@pytest.fixture
async def echo(lab: Lab) -> Running:
    """An echo node known to the ledger."""
    node = await lab.start(ECHO, "echo", "--param", f"diary={lab.folder}/diary.txt")
    await lab.until_offered("megaphone")
    return node


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def steady_lab(
    mosquitto_program: Program, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Lab]:
    """A lab with an echo node, for the tests of one module that do it no harm."""
    folder = tmp_path_factory.mktemp("steady")
    processes = Processes(folder)
    try:
        with MqttBroker(folder / "mosquitto") as mqtt:
            async with lab_of(mqtt, processes, folder / "data") as made:
                await made.start(ECHO, "echo")
                await made.until_offered("megaphone")
                yield made
            await processes.close()
    finally:
        await processes.close()


def diary(lab: Lab) -> list[str]:
    """Return what the instrument really did, a line an act."""
    file = lab.folder / "diary.txt"
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

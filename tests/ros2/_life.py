"""What the rows about a node's life share: a place of one's own, nodes in this process, the CLI."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from labmesh.cli import main
from labmesh.client import Visitor, visit
from labmesh.listing import retained
from labmesh.node import Node, NodeOptions
from labmesh.place import Place
from messages.ids import NodeId
from messages.model import Message
from tests.support import MqttBroker

M = TypeVar("M", bound=Message)


class Bench:
    """A site of one's own on the shared MQTT broker, looked at by a visitor."""

    def __init__(self, place: Place, folder: Path, visitor: Visitor, capsys: Any) -> None:
        self.place = place
        self.folder = folder
        self.visitor = visitor
        self.call = visitor.caller.call
        self._capsys = capsys

    def options(self, name: str, **more: Any) -> NodeOptions:
        return NodeOptions(place=self.place, name=name, data_dir=self.folder, **more)

    @asynccontextmanager
    async def run(self, node: Node[Any]) -> AsyncIterator[asyncio.Task[int]]:
        """Run a node in this process until the block ends."""
        task = asyncio.create_task(node.run())
        started = asyncio.create_task(node.started.wait())
        try:
            await asyncio.wait([task, started], return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
            yield task
        finally:
            started.cancel()
            node.finish()
            await asyncio.wait([task])

    async def hear(self, pattern: str, model: type[M]) -> asyncio.Queue[M]:
        """Subscribe below the realm; return what comes."""
        heard: asyncio.Queue[M] = asyncio.Queue()

        def take(message: M, *_: object) -> None:
            heard.put_nowait(message)

        mesh = self.visitor.mesh
        await mesh.on_message(f"{self.place.realm}/{pattern}", model, take)
        return heard

    async def retained(self, name: str, *levels: str, model: type[M]) -> M:
        """Return what a node has left there."""
        mesh, node = self.visitor.mesh, NodeId(self.place.site, name)
        return (await retained(mesh, mesh.topics.of(node, *levels), model))[-1][1]

    async def cli(self, *arguments: str, code: int = 0) -> str:
        """Run ``labmesh`` in a thread; return stdout, or stderr where a failure is expected."""
        self._capsys.readouterr()
        where = ("--mqtt", self.place.mqtt, "--site", self.place.site)
        found = await asyncio.to_thread(main, [*arguments, *where])
        out, err = self._capsys.readouterr()
        assert found == code, err
        return str(err if code else out)

    async def json(self, *arguments: str) -> Any:
        return json.loads(await self.cli(*arguments, "--json"))


async def until(condition: Callable[[], bool]) -> None:
    """Return when the condition holds."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.02)


async def soon(queue: asyncio.Queue[M], wanted: Callable[[M], bool] = lambda _: True) -> M:
    """Return the next message that is wanted."""
    async with asyncio.timeout(30):
        while not wanted(message := await queue.get()):
            pass
        return message


@pytest.fixture
async def bench(
    shared_mqtt_broker: MqttBroker,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> AsyncIterator[Bench]:
    place = Place(mqtt=shared_mqtt_broker.url, site="kit")
    async with visit(place, "visitor") as visitor:
        yield Bench(place, tmp_path, visitor, capsys)

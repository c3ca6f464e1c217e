"""Nodes run in this process, against a real MQTT broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from labmesh.client import Visitor, visit
from labmesh.node import Node, NodeOptions
from labmesh.place import Place
from messages.node import State
from tests.labmesh.node.programs import EchoNode
from tests.support import MqttBroker

_numbers = count()

Running = Callable[..., AbstractAsyncContextManager[EchoNode]]


async def until(condition: Callable[[], bool], *, seconds: float = 10.0) -> None:
    """Return when the condition holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(node: Node[Any], state: State | None = State.ACTIVE) -> AsyncIterator[None]:
    """Run a node until the block ends."""
    task = asyncio.create_task(node.run())
    try:
        await until(
            lambda: (
                task.done()
                or (node._runtime is not None and node._starting is None and node.state is state)
            )
        )
        if task.done():
            await task
        yield
    finally:
        node.finish()
        await task


@pytest.fixture
def place(shared_mqtt_broker: MqttBroker) -> Place:
    """Site kit on the shared MQTT broker."""
    return Place(mqtt=shared_mqtt_broker.url, site="kit")


@pytest.fixture
def name() -> str:
    """A node name nobody else uses."""
    return f"echo-{next(_numbers)}"


@pytest.fixture
def options(place: Place, name: str, tmp_path: Path) -> Callable[..., NodeOptions]:
    """Makes options of an echo node."""

    def make(**changes: Any) -> NodeOptions:
        return NodeOptions(**{"place": place, "name": name, "data_dir": tmp_path, **changes})

    return make


@pytest.fixture
async def visitor(place: Place) -> AsyncIterator[Visitor]:
    """Somebody who looks and calls."""
    async with visit(place, "visitor") as someone:
        yield someone

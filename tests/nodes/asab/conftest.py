"""An ASAB in this process, on a real MQTT broker, with orders handed to it directly."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel

import messages.ledger as wire
from labmesh import NodeOptions, Order
from labmesh.place import Place
from messages.ledger import ArtifactRef, Progress
from messages.node import State
from nodes.asab import AsabNode
from tests.support import MqttBroker

P = TypeVar("P", bound=BaseModel)

QUICK = {
    "formulate_duration": 0.0,
    "conductivity_duration": 0.0,
    "density_duration": 0.0,
    "clean_duration": 0.0,
}

Start = Callable[..., AbstractAsyncContextManager[AsabNode]]

_numbers = count()


@pytest.fixture
def start(shared_mqtt_broker: MqttBroker, tmp_path: Path) -> Start:
    """Runs a quick ASAB until the block ends; always the same files unless told otherwise."""
    name = f"asab-{next(_numbers)}"

    @asynccontextmanager
    async def running(*, folder: Path = tmp_path, **parameters: Any) -> AsyncIterator[AsabNode]:
        node = AsabNode(
            NodeOptions(
                place=Place(mqtt=shared_mqtt_broker.url, site="kit"),
                name=name,
                data_dir=folder,
                parameters=QUICK | parameters,
            )
        )
        task = asyncio.create_task(node.run())
        try:
            async with asyncio.timeout(10):
                while not (task.done() or _active(node)):
                    await asyncio.sleep(0.01)
            if task.done():
                await task
            yield node
        finally:
            node.finish()
            await task

    return running


def _active(node: AsabNode) -> bool:
    return hasattr(node, "_life") and node.state is State.ACTIVE


class Desk:
    """Hands out orders and keeps what was reported about them."""

    def __init__(self) -> None:
        self.said: list[Progress] = []
        self.attached: dict[str, bytes] = {}

    @property
    def texts(self) -> list[str]:
        """What was said, in words."""
        return [progress.text for progress in self.said]

    def order(
        self,
        parameters: P,
        *,
        campaign: str | None = "c",
        request: UUID | None = None,
        attempt: int = 1,
    ) -> Order[P]:
        """Return an order as the node's worker would hand it over."""

        async def report(progress: Progress) -> None:
            self.said.append(progress)

        plain = wire.Order(
            request=request or uuid4(),
            attempt=attempt,
            token=attempt,
            requester="kit/tester",
            quantity="conductivity",
            method="two_electrode",
            parameters=parameters.model_dump(),
            campaign=campaign,
            lease=15.0,
        )

        async def attach(source: Path | str | bytes, *, name: str, media_type: str) -> ArtifactRef:
            assert isinstance(source, bytes)
            self.attached[name] = source
            digest = hashlib.sha256(source).hexdigest()
            return ArtifactRef(sha256=digest, name=name, media_type=media_type, size=len(source))

        return Order(plain, parameters, report, attach)


@pytest.fixture
def desk() -> Desk:
    return Desk()

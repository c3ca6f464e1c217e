"""A molecular dynamics node in this process, with boxes so small that they mean nothing."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import psutil
import pytest
from pydantic import BaseModel

import messages.ledger as wire
from labmesh import NodeOptions, Order
from labmesh.place import Place
from messages.formulation_algebra import formulation_from
from messages.ledger import ArtifactRef, Progress
from messages.node import State
from nodes.dynamics import DynamicsNode, DynamicsParameters, RunFolder, RunSettings, make_plan
from nodes.dynamics._engine import Engine
from tests.support import MqttBroker

P = TypeVar("P", bound=BaseModel)

TINY: dict[str, Any] = {
    "molecules": 16,
    "equilibrate": 3e-14,
    "density": 9e-14,
    "transport": 3e-13,
    "checkpoint": 3e-14,
    "sample": 3e-15,
    "cutoff": 5e-10,
}
"""Some 150 atoms, 140 steps: two seconds."""

PLAN = make_plan(
    formulation_from(1.0, 0.5), 298.15, "quick", DynamicsParameters(quick=RunSettings(**TINY))
)
"""The run that all tests are about."""

Start = Callable[..., AbstractAsyncContextManager[DynamicsNode]]

_numbers = count()


@pytest.fixture
def start(shared_mqtt_broker: MqttBroker, tmp_path: Path) -> Start:
    """Runs a node until the block ends; one thread, so that a run is the same each time."""
    name = f"dynamics-{next(_numbers)}"

    @asynccontextmanager
    async def running(**parameters: Any) -> AsyncIterator[DynamicsNode]:
        node = DynamicsNode(
            NodeOptions(
                place=Place(mqtt=shared_mqtt_broker.url, site="kit"),
                name=name,
                data_dir=tmp_path,
                parameters={"quick": TINY, "threads": 1, "platform": "CPU"} | parameters,
            )
        )
        task = asyncio.create_task(node.run())
        try:
            async with asyncio.timeout(20):
                while not (task.done() or (hasattr(node, "_life") and node.state is State.ACTIVE)):
                    await asyncio.sleep(0.01)
            if task.done():
                await task
            yield node
        finally:
            node.finish()
            await task

    return running


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """`PLAN`, computed without a disturbance; read it, do not write into it."""
    folder = RunFolder(tmp_path_factory.mktemp("run"))
    folder.begin(PLAN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENMM_CPU_THREADS", "1")
        Engine(folder, "CPU", 1, "mixed", lambda *_: None).run()
    return folder


def computing() -> list[psutil.Process]:
    """Return the processes of ours that compute a run."""
    found = []
    for process in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if "nodes.dynamics._work" in process.cmdline():
                found.append(process)
    return found


def put(whole: RunFolder, node: DynamicsNode, *, segments: int | None = None) -> Path:
    """Give a node the run, or its first segments; return the folder."""
    path = node.data_dir / "runs" / PLAN.key
    folder = RunFolder(path)
    folder.begin(PLAN)
    for number in range(whole.done if segments is None else segments):
        shutil.copy(whole.path / f"segment-{number:05}.npz", path)
    if segments is None:
        for name in ("box.pdb", "system.xml", "state.xml"):
            shutil.copy(whole.path / name, path)
    return path


class Desk:
    """Hands out orders and keeps what was reported about them."""

    def __init__(self) -> None:
        self.said: list[Progress] = []
        self.attached: dict[str, bytes] = {}

    def order(self, parameters: P, quantity: str = "density") -> Order[P]:
        """Return an order as the node's worker would hand it over."""

        async def report(progress: Progress) -> None:
            self.said.append(progress)

        async def attach(source: Path | str | bytes, *, name: str, media_type: str) -> ArtifactRef:
            content = source if isinstance(source, bytes) else Path(source).read_bytes()
            self.attached[name or Path(str(source)).name] = content
            return ArtifactRef(
                sha256="0" * 64, name=name or "file", media_type=media_type, size=len(content)
            )

        plain = wire.Order(
            request=uuid4(),
            attempt=1,
            token=1,
            requester="kit/tester",
            quantity=quantity,
            method="molecular_dynamics",
            parameters=parameters.model_dump(),
            lease=15.0,
        )
        return Order(plain, parameters, report, attach)


@pytest.fixture
def desk() -> Desk:
    return Desk()

"""An arm on a mesh in memory, with a ledger and a person."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from labmesh.calls import Caller
from labmesh.mesh import Mesh
from labmesh.node import NodeOptions
from labmesh.place import Place
from labmesh.transport import MemoryHub
from labmesh.wire.testing import MemoryWire, pair
from messages.errors import LabmeshError
from messages.ids import NodeId, new_id
from messages.ledger import Order as WireOrder
from messages.model import JsonObject
from messages.node import State
from messages.safety import EmergencyStop
from tests.labmesh.instrument.arm import ArmNode
from tests.labmesh.memory import LEDGER, FakeLedger, fake_ledger, seat, until
from tests.labmesh.node.conftest import running

ARM = NodeId("kit", "arm")
ADA = NodeId("kit", "ada")


@dataclass
class Bench:
    """An arm that runs, its device's end of the line, its ledger and Ada."""

    node: ArmNode
    device: MemoryWire
    ledger: FakeLedger
    ada: Mesh
    caller: Caller
    hub: MemoryHub
    lines: list[str] = field(default_factory=list)
    mute: bool = False

    async def answer(self) -> None:
        """Be the device: note each line and answer it."""
        with suppress(LabmeshError):
            while True:
                line = await self.device.read_until(b"\n", timeout=60)
                self.lines.append(line.decode().strip())
                if self.lines[-1] != "STOP" and not self.mute:
                    await self.device.write(b"ok\n")

    async def give(self, *, request: UUID | None = None, token: int = 1, **asked: Any) -> UUID:
        """Give the arm an order as the ledger does."""
        order = WireOrder(
            request=request or new_id(), attempt=token, token=token, requester="kit/asker",
            quantity="assembly", method="arm", parameters=asked, lease=5.0,
        )  # fmt: skip
        await self.ledger.say("order", order, str(order.request), to=ARM)
        return order.request

    async def press(self, *scope: str, reason: str = "smoke", person: str = "Ada") -> None:
        """Press the emergency stop as Ada."""
        topic = self.ada.topics.stop(*scope)
        await self.ada.send(topic, EmergencyStop(reason=reason, by=person), retain=True)

    async def call(self, service: str, **arguments: Any) -> JsonObject:
        """Call a service of the arm as Ada."""
        return await self.caller.call(ARM, service, arguments, timeout=5)

    async def result(self) -> JsonObject:
        """Return the last result that the ledger has heard."""
        await until(lambda: bool(self.ledger.of("result")))
        return self.ledger.of("result")[-1]

    def diagnostic(self, component: str) -> Any:
        """Return what the node says of a component."""
        return self.node._diagnostics[component]


Benches = Callable[..., AbstractAsyncContextManager[Bench]]


@pytest.fixture
def start(tmp_path: Path) -> Benches:
    """Starts an arm; again on the same folder and hub, if called again."""
    name = f"arm-{uuid4().hex}"

    @asynccontextmanager
    async def make(
        *, state: State = State.ACTIVE, calibrated: bool = True, **parameters: Any
    ) -> AsyncIterator[Bench]:
        hub = MemoryHub.named(name)
        place = Place(mqtt=f"memory://{name}", site="kit", ledger=LEDGER)
        options = NodeOptions(
            place=place, name="arm", data_dir=tmp_path,
            parameters={
                "expired_calibration": "flag" if calibrated else "refuse", **parameters,
            },
        )  # fmt: skip
        node = ArmNode(options)
        node.inner, device = pair()
        async with fake_ledger(hub) as ledger, seat(hub, ADA) as ada:
            caller = Caller(ada)
            await caller.open()
            bench = Bench(node, device, ledger, ada, caller, hub)
            answering = asyncio.create_task(bench.answer())
            try:
                async with running(node, state):
                    yield bench
            finally:
                answering.cancel()

    return make

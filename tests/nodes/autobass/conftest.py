"""An AutoBASS on a mesh in memory, its devices simulated on real ports, time as fast as it goes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import yaml

from labmesh.calls import Caller
from labmesh.clock import Clock
from labmesh.devices.sim import GloveboxSimulator, RelaySimulator
from labmesh.mesh import Mesh
from labmesh.node import NodeOptions
from labmesh.place import Place
from labmesh.sim import Simulator, run_simulator
from labmesh.transport import MemoryHub
from messages.cell import BatteryChemistry, Cell, CellAssemblyInput, CellInfo, Electrode, Separator
from messages.chemistry import EC, EMC, GRAPHITE, LIPF6, LNO, Formulation, FormulationInfo
from messages.ids import NodeId, new_id
from messages.ledger import Order as WireOrder
from messages.ledger import OrderCancel
from messages.model import JsonObject
from messages.node import State
from nodes.autobass import AutobassNode
from nodes.autobass._layout import load_layout
from nodes.autobass.sim import LinaxSimulator, Meca500Simulator, ML600Simulator
from tests.labmesh.memory import LEDGER, FakeLedger, fake_ledger, seat, until
from tests.labmesh.node.conftest import running
from tests.nodes.autobass.fast_clock import FastClock

ROBOT = NodeId("kit", "autobass")
ADA = NodeId("kit", "ada")
VIAL = "electrolyte-1"


def batch(cells: int = 1, **changes: Any) -> JsonObject:
    """Return a request's parameters."""
    electrolyte = Formulation.of({LIPF6: 0.08, EC: 0.42, EMC: 0.5})
    asked = CellAssemblyInput(
        cell=Cell(
            battery_chemistry=BatteryChemistry(
                electrolyte=electrolyte,
                anode=Electrode(material=Formulation.of({GRAPHITE: 1}, "mass"), area=1.77e-4),
                cathode=Electrode(material=Formulation.of({LNO: 1}, "mass"), area=1.54e-4),
            ),
            separator=Separator(material="Celgard 2325"),
            electrolyte_volume=35e-9,
        ),
        cell_info=CellInfo(electrolyte_info=FormulationInfo(sample=VIAL)),
        batch_size=cells,
    )
    return asked.model_copy(update=changes).model_dump(mode="json")


def flat_layout(folder: Path) -> Path:
    """Return a layout as the default one with short ways up and down: fewer points to check."""
    found = load_layout("").model_dump()
    found["heights"] = {"travel": 0.095, "pick": 0.091, "place": 0.092, "dispense": 0.092}
    file = folder / "layout.yaml"
    file.write_text(yaml.safe_dump(found))
    return file


class SimulatedDevices:
    """The devices, each on its own port, with one clock."""

    def __init__(self, clock: Clock) -> None:
        self.robot = Meca500Simulator(clock=clock)
        self.rail = LinaxSimulator(clock=clock)
        self.dispenser = ML600Simulator(clock=clock)
        self.relays = RelaySimulator(clock=clock)
        self.glovebox = GloveboxSimulator(clock=clock)

    @asynccontextmanager
    async def on(self) -> AsyncIterator[dict[str, str]]:
        """Switch them on; their addresses by the node's parameters."""
        every: dict[str, Simulator[Any]] = dict(vars(self))
        async with AsyncExitStack() as stack:
            servers = {
                name: await stack.enter_async_context(run_simulator(simulator))
                for name, simulator in every.items()
            }
            yield {name: server.address() for name, server in servers.items()}


@dataclass
class Bench:
    """A robot that runs, its devices, its ledger, and Ada."""

    node: AutobassNode
    devices: SimulatedDevices
    ledger: FakeLedger
    ada: Mesh
    caller: Caller
    folder: Path

    async def give(self, cells: int = 1, *, request: UUID | None = None, token: int = 1) -> UUID:
        """Give an order as the ledger does."""
        order = WireOrder(
            request=request or new_id(), attempt=token, token=token, requester="kit/asker",
            quantity="cell_assembly", method="autobass_assembly", parameters=batch(cells),
            lease=30.0,
        )  # fmt: skip
        await self.ledger.say("order", order, str(order.request), to=ROBOT)
        return order.request

    async def cancel(self, request: UUID) -> None:
        """Ask the robot to stop, as the ledger does."""
        asked = OrderCancel(request=request, token=1, reason="enough", ask=True)
        await self.ledger.say("void", asked, str(request), to=ROBOT)

    async def result(self, number: int = 1) -> JsonObject:
        """Return the last result, once there are ``number``."""
        await until(lambda: len(self.ledger.of("result")) >= number, seconds=30)
        return self.ledger.of("result")[-1]

    async def call(self, service: str, **arguments: Any) -> JsonObject:
        """Call a service of the robot as Ada."""
        return await self.caller.call(ROBOT, service, arguments, timeout=5)

    def words(self) -> list[str]:
        """Return what was fed back."""
        said = [body for topic, _, body in self.ledger.heard if topic.kind == "progress"]
        return [body["text"] for body in said if body["kind"] == "feedback"]

    def diagnostic(self, component: str) -> Any:
        """Return what the node says of a component."""
        return self.node._diagnostics[component]

    def trail(self, result: JsonObject) -> JsonObject:
        """Return the artifact that a result names."""
        (reference,) = result["artifacts"]
        (file,) = [
            f for f in self.folder.rglob("*") if reference["sha256"] in f.name and f.is_file()
        ]
        found: JsonObject = json.loads(file.read_bytes())
        return found


Start = Callable[..., AbstractAsyncContextManager[Bench]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Starts an AutoBASS; again on the same folder, if called again."""
    name = f"autobass-{uuid4().hex}"

    @asynccontextmanager
    async def make(
        *, state: State = State.ACTIVE, devices: SimulatedDevices | None = None, **parameters: Any
    ) -> AsyncIterator[Bench]:
        clock = FastClock()
        simulated = devices or SimulatedDevices(clock)
        hub = MemoryHub.named(name)
        async with simulated.on() as addresses, fake_ledger(hub) as ledger, seat(hub, ADA) as ada:
            caller = Caller(ada)
            await caller.open()
            options = NodeOptions(
                place=Place(mqtt=f"memory://{name}", site="kit", ledger=LEDGER), name="autobass",
                data_dir=tmp_path,
                parameters={
                    **addresses, "simulated": True, "layout_file": str(flat_layout(tmp_path)),
                    "assume_vials": True, "lots": {"anode": "A-7", "cathode": "C-3"}, **parameters,
                },
            )  # fmt: skip
            node = clocked(simulated.robot.clock)(options)
            async with running(node, state):
                yield Bench(node, simulated, ledger, ada, caller, tmp_path)

    return make


def clocked(clock: Clock) -> type[AutobassNode]:
    """Return the node's class with a clock of the test's."""

    class Clocked(AutobassNode):
        @property
        def clock(self) -> Clock:
            return clock

    return Clocked


async def soon(condition: Callable[[], bool]) -> None:
    """Return when something has come to be."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.002)

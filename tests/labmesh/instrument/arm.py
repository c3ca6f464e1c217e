"""A small instrument: an arm that dispenses and crimps, over any byte wire."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from labmesh import Order, capability, service
from labmesh.instrument import InstrumentNode, InstrumentParameters, StepDoneError
from labmesh.node import NodeOptions, parameter
from labmesh.wire import ByteWire, byte_wire
from messages.errors import LabmeshError
from messages.ids import new_id
from messages.ledger import SampleStep
from messages.model import Model, Text

STEPS = ("pick", "dispense", "crimp")


class Assemble(Model):
    """What a request says."""

    cells: int = 1
    act: Text = ""


class Assembled(Model):
    """What comes back."""

    done: tuple[Text, ...]
    skipped: tuple[Text, ...]


class Hog(Model):
    """The event loop is blocked until this file is there."""

    until: Text


class ArmParameters(InstrumentParameters):
    """Parameters of the arm."""

    wire: str = parameter("", description="address; empty: none is opened")


class ArmNode(InstrumentNode[ArmParameters]):
    """Writes one line a step; each is answered by a line."""

    Parameters = ArmParameters

    def __init__(self, options: NodeOptions) -> None:
        super().__init__(options)
        self.inner: ByteWire | None = None
        self.wire: ByteWire | None = None
        self.calls: list[str] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.alive = True

    async def on_configure(self) -> None:
        self.supplies.define("electrolyte", "stock", "m3", 1e-6, lot="E1")
        self.calibrations.declare("pump/volume")
        if self.parameters.wire:
            self.inner = byte_wire(self.parameters.wire)
        if self.inner is not None and not self.dry_run:
            self.wire = self.guard(self.inner)
            await self.wire.open()

    async def on_activate(self) -> None:
        await self.tell("home")

    async def on_cleanup(self) -> None:
        if self.wire is not None:
            await self.wire.close()

    async def on_reset(self) -> None:
        await self.tell("ready")

    async def halt(self) -> None:
        self.calls.append("halt")
        if self.wire is not None:
            await self.wire.write(b"STOP\n")

    async def park(self) -> None:
        await self.tell("park")

    async def heartbeat(self) -> None:
        if not self.alive:
            raise LabmeshError("the arm does not answer", remedy="plug it in")
        await self.tell("alive")

    async def tell(self, what: str) -> None:
        """Send a line and wait for its answer."""
        self.calls.append(what)
        if self.wire is not None:
            await self.wire.write(what.encode() + b"\n")
            await self.wire.read_until(b"\n", timeout=5)

    @capability("assembly", "arm", worker="instrument", resource="arm", lease=1.0)
    async def assemble(self, order: Order[Assemble]) -> Assembled:
        """Make cells."""
        done: list[str] = []
        skipped: list[str] = []
        with self.busy(order):
            self.calibrations.valid("pump/volume")
            order.note(calibrations=self.calibrations.notes())
            for cell in range(1, order.parameters.cells + 1):
                await self.checkpoint(order)
                for kind in STEPS:
                    key = f"cell{cell}/{kind}"
                    books = {"electrolyte": 0.3e-6} if kind == "dispense" else {}
                    try:
                        async with self.journal.step(
                            order.request, key, kind=kind, once=kind != "pick",
                            intent={"cell": cell}, books=books,
                        ) as step:  # fmt: skip
                            await self.tell(key)
                            if kind == order.parameters.act:
                                await self.hold.wait()
                            step.result(ok=True)
                            done.append(key)
                    except StepDoneError:
                        skipped.append(key)
                order.sample(
                    SampleStep(sample=str(new_id()), kind="coin_cell", state=0, label="assembled")
                )
        order.rate(success=True, rating=5, reason="all steps")
        return Assembled(done=tuple(done), skipped=tuple(skipped))

    @service("arm.hog", when_inactive=True)
    async def hog(self, arguments: Hog) -> Assembled:
        """Block the event loop, as careless code does."""
        if self.wire is not None:
            await self.wire.write(b"hog\n")
        while not Path(arguments.until).exists():
            time.sleep(0.01)  # noqa: ASYNC251
        return Assembled(done=(), skipped=())

"""A lab that has run a campaign, with an archiver in it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labmesh import Node, NodeOptions
from labmesh.client import LabClient, Visitor, requester, visit
from labmesh.place import Place
from messages.archive import DEPOSIT, DepositInput, DepositOutput
from messages.ledger import Result
from messages.node import State
from nodes.archiver import ArchiverNode
from tests.support import MqttBroker, Processes
from tests.support.recorded_lab import CONDUCTIVITY, recorded_lab

CAMPAIGN = CONDUCTIVITY


@dataclass
class Lab:
    client: LabClient
    visitor: Visitor
    place: Place
    folder: Path
    processes: Processes

    async def deposit(self, **options: Any) -> DepositOutput:
        """Ask for a deposit, and return its result."""
        view = await self.client.request(
            *DEPOSIT, DepositInput(campaign=CAMPAIGN), timeout=60, **options
        )
        return DepositOutput.model_validate(view.data)

    async def deposits(self) -> list[DepositOutput]:
        """Return the results of deposits in the ledger, the oldest first."""
        quantity, method = DEPOSIT
        found = self.client.results(quantity=quantity, method=method)
        return [DepositOutput.model_validate(each.data) async for each in found if each.data]

    async def labmesh(self, *words: str) -> str:
        """Return what a command says; it has to succeed."""
        program = Path(sys.executable).with_name("labmesh")
        done = await self.processes.run(
            program, *words, f"--mqtt={self.place.mqtt}", "--site=kit", timeout=60
        )
        assert done.code == 0, done.stderr
        return done.stdout

    async def deposited(self, number: int) -> None:
        """Return when the ledger has so many results of deposits."""
        async with asyncio.timeout(30):
            while len(await self.deposits()) < number:
                await asyncio.sleep(0.1)

    async def told(self, quantity: str, method: str, asked: Any, data: Any) -> None:
        """Tell the ledger of a result that nobody ordered."""
        result = Result(
            quantity=quantity, method=method, parameters=asked, outcome="resolved", data=data
        )
        await self.client.post_result(result)

    async def until_offered(self) -> None:
        """Return when the ledger knows who deposits."""
        quantity = DEPOSIT[0]
        async with asyncio.timeout(20):
            while True:
                offers = await self.client.query("query.offers", {"quantity": quantity})
                if any(each["online"] and each["active"] for each in offers["offers"]):
                    return
                await asyncio.sleep(0.05)

    @asynccontextmanager
    async def archiver(self, **parameters: Any) -> AsyncIterator[ArchiverNode]:
        """Run an archiver in this process."""
        options = NodeOptions(
            place=self.place, name="archiver", data_dir=self.folder, parameters=parameters
        )
        node = ArchiverNode(options)
        task = asyncio.create_task(node.run())
        await active(node)
        await self.until_offered()
        try:
            yield node
        finally:
            node.finish()
            assert await task == 0


async def active(node: Node[Any]) -> None:
    """Return when a node is active."""
    async with asyncio.timeout(20):
        while node.state is not State.ACTIVE:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def lab_of(mqtt: MqttBroker, processes: Processes, folder: Path) -> AsyncIterator[Lab]:
    """Return a lab whose ledger holds a small campaign."""
    home = folder / "kit" / "broker"
    home.mkdir(parents=True)
    recorded_lab(CAMPAIGN, home)
    place = Place(mqtt=mqtt.url, site="kit")
    broker = await processes.labmesh(
        "run", "broker", "--site=kit", f"--mqtt={place.mqtt}", f"--data-dir={folder}"
    )
    await broker.wait_line("ledger open")
    async with visit(place, "tester") as visitor, requester(visitor) as client:
        yield Lab(client, visitor, place, folder, processes)

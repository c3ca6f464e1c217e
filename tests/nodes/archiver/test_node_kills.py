"""kill -9 of a real archiver node, at 54 points of two deposits: requests, states, files."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from labmesh.client import RequestHandle
from messages.archive import DEPOSIT, DepositInput, DepositOutput
from tests.nodes.archiver.archiver_lab import CAMPAIGN, Lab, lab_of
from tests.nodes.archiver.deposits import contents, published
from tests.nodes.archiver.test_lab import declared
from tests.support import MqttBroker, Processes, Running
from tests.support.invenio import TOKEN, InvenioServer

POINTS = 54
LANES = 3
ROOT = Path(__file__).parents[3]


class Bench:
    """One archive, and one archiver that may die once."""

    def __init__(self, lab: Lab, server: InvenioServer) -> None:
        self.lab, self.server = lab, server
        self.node: Running | None = None
        self.killed = False

    async def start(self, point: int, told: Path | None = None) -> None:
        """Start the node that dies at a point."""
        environment = {
            "PYTHONPATH": str(ROOT), "LABMESH_TEST_POINT": str(point),
            "LABMESH_ARCHIVE_TOKEN": TOKEN, "LABMESH_TEST_POINTS": str(told) if told else "",
        }  # fmt: skip
        self.node = await self.lab.processes.labmesh(
            "run", "tests.nodes.archiver.killed_node:KilledArchiver", "--name=archiver",
            "--site=kit", f"--mqtt={self.lab.place.mqtt}", f"--data-dir={self.lab.folder}",
            "--param", "kind=invenio", "--param", f"url={self.server.url}", env=environment,
        )  # fmt: skip

    async def deposit(self) -> DepositOutput:
        """Ask for a deposit; bring the node back if it dies over it."""
        quantity, method = DEPOSIT
        asked = DepositInput(campaign=CAMPAIGN)
        handle = await self.lab.client.submit(quantity, method, asked, wait=True)
        result = asyncio.create_task(_result_of(handle))
        while not result.done():
            await asyncio.wait([result], timeout=0.1)
            if self.node is not None and self.node.code is not None:
                assert self.node.code == -9, self.node.output
                assert not self.killed
                self.killed = True
                await self.start(0)
        found = self.lab.client.results(request=str(handle.id))
        assert len([each async for each in found]) == 1
        return await result

    async def stop(self) -> None:
        """End the node."""
        assert self.node is not None
        self.node.terminate()
        await self.node.wait()


async def _result_of(handle: RequestHandle) -> DepositOutput:
    return DepositOutput.model_validate((await handle.result(timeout=120)).data)


async def two_deposits(lab: Lab, point: int, told: Path | None = None) -> None:
    """Make two deposits, killed at a point of the one or the other, and look at what there is."""
    shutil.rmtree(lab.folder / "kit" / "archiver", ignore_errors=True)
    with InvenioServer() as server:
        bench = Bench(lab, server)
        await bench.start(point, told)
        if not point:
            await lab.until_offered()  # from then on the ledger knows the capability
        one = await bench.deposit()
        await lab.told(*declared("restricted", reason=f"point {point}"))
        two = await bench.deposit()
        await bench.stop()
        assert bench.killed == (point > 0), f"point {point}"
        records = published(server)
        assert [each.id for each in records] == [one.record, two.record], f"point {point}"
        assert [one.new, two.new] == [True, True], f"point {point}"
        assert {each.parent for each in records} == {one.parent}
        assert not [each for each in server.records.values() if each.published is None]
        for record, said in zip(records, (one, two), strict=True):
            assert record.published_times == 1
            sizes = {name: len(content) for name, content in contents(record).items()}
            assert sizes == {each.name: each.size for each in said.files}


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("lane", range(LANES))
async def test_a_node_killed_anywhere_leaves_one_record_and_one_result(
    mqtt_broker: MqttBroker, tmp_path: Path, processes: Processes, lane: int
) -> None:
    async with lab_of(mqtt_broker, processes, tmp_path) as lab:
        told = tmp_path / "points"
        await two_deposits(lab, 0, told)
        # Not every run changes as many files: the last tenth may not be reached.
        number = len(told.read_text().splitlines()) * 9 // 10
        assert number > 2 * POINTS
        for part in range(lane, POINTS, LANES):
            await two_deposits(lab, 1 + part * (number - 1) // POINTS)

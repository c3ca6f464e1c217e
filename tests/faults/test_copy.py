"""The ledger's files, copied while the broker node is under load."""

from __future__ import annotations

import asyncio
import shutil
import signal
from pathlib import Path

from nodes.broker import open_ledger
from tests.faults.conftest import Bench


async def copy(bench: Bench, to: Path) -> None:
    """Copy file and -wal as they are."""
    to.mkdir()
    for suffix in ("-wal", ""):
        file = bench.file.with_name(f"ledger.sqlite{suffix}")
        if file.exists():
            process = await asyncio.create_subprocess_exec("cp", file, to / file.name)
            assert await process.wait() == 0


async def test_an_image_of_one_moment_opens_and_verifies(bench: Bench) -> None:
    """As a snapshot of the file system takes it: here the process stands still meanwhile."""
    ledger = await bench.ledger()
    await bench.model()
    async with bench.client() as lab:
        stop = asyncio.Event()
        count = 0

        async def load() -> None:
            nonlocal count
            while not stop.is_set():
                await lab.request("doubling", "sum", {"x": 1.0})
                count += 1

        loads = [asyncio.create_task(load(), name=f"load {n}") for n in range(8)]
        try:
            entries = 0
            for number in range(8):
                await asyncio.sleep(0.4)
                told = count
                ledger.signal(signal.SIGSTOP)
                to = bench.processes.cwd / f"copy{number}"
                await copy(bench, to)
                ledger.signal(signal.SIGCONT)
                with open_ledger(to) as reader:
                    verdict = reader.verify()
                    resolved = reader.query("ledger.stats")["requests"]["resolved"]
                assert verdict.sound, verdict
                assert verdict.entries > entries
                assert resolved >= told  # what anybody was told of is in the copy
                entries = verdict.entries
                with open_ledger(to) as reader:
                    assert reader.rebuild() == entries
                shutil.rmtree(to)
        finally:
            stop.set()
            await asyncio.gather(*loads)

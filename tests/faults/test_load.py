"""A long queue, and one requester that floods the ledger."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import pairwise

import psutil

from labmesh import LabClient
from tests.faults.conftest import Bench

QUEUED = 10_000


async def queue_up(lab: LabClient, count: int) -> None:
    """Submit requests that wait, many at a time."""
    places = asyncio.Semaphore(500)

    async def ask(number: int) -> None:
        async with places:
            await lab.submit(
                "doubling", "sum", {"x": float(number), "seconds": 3600.0},
                campaign=f"c{number % 7}", priority=number % 10, wait=True,
            )  # fmt: skip

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(ask(number))


async def test_with_ten_thousand_requests_waiting_everything_else_goes_on(bench: Bench) -> None:
    ledger = await bench.ledger()
    await bench.model()
    process = psutil.Process(ledger.pid)
    async with bench.client("many") as many, bench.client("opt") as opt:
        before = process.memory_info().rss
        await queue_up(many, QUEUED)
        grown = process.memory_info().rss - before
        print(f"{grown / QUEUED / 1024:.1f} KiB of the broker node a waiting request")
        assert grown < 150 << 20
        page = await opt.query("query.requests", {"status": ["pending"], "limit": 100})
        assert page["total"] > QUEUED - 100
        views = [view async for view in opt.requests(campaign="c3", limit=200)]
        assert len(views) == len([n for n in range(QUEUED) if n % 7 == 3])
        handle = await opt.submit("doubling", "sum", {"x": 1.0}, wait=True)
        await handle.cancel()
        assert (await handle.done()).after.value == "retracted"
        # A restart reads all of it again.
        ledger.kill()
        await ledger.wait()
        ledger = await bench.ledger()
        stats = await opt.query("ledger.stats")
        assert sum(stats["requests"].values()) == QUEUED + 1
        handle = await opt.submit("doubling", "sum", {"x": 1.0}, wait=True)
        await handle.cancel()


async def test_a_flood_of_one_requester_does_not_starve_another(bench: Bench) -> None:
    """Its outbox lets a node have 64 messages without a receipt, so the others' turns come."""
    await bench.ledger()
    await bench.model()
    async with bench.client("flood") as flooder, bench.client("opt") as opt:
        flood = asyncio.create_task(queue_up(flooder, 20_000), name="flood")
        try:
            await asyncio.sleep(0.5)
            offsets = [
                (await opt.submit("doubling", "sum", {"x": float(number)}, wait=True)).offset
                for number in range(10)
            ]
            assert not flood.done()
        finally:
            flood.cancel()
            with suppress(asyncio.CancelledError):
                await flood
        # Between two of its receipts the flooder gets about as many as its window holds.
        gaps = sorted(b - a for a, b in pairwise(offsets))
        assert 1 < gaps[len(gaps) // 2] < 1000

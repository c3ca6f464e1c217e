"""A long queue, and one requester that floods the ledger."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from itertools import pairwise

import psutil
import pytest

from labmesh import LabClient
from labmesh.transport import Outbound, make_transport
from messages.envelope import Header, encode
from messages.ids import new_id
from messages.ledger import Request
from messages.schema import schema_hash
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


@pytest.mark.slow
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


def raw_requests(count: int) -> list[Outbound]:
    """Requests of a client that has no outbox and waits for nothing."""
    ask = Request(quantity="doubling", method="sum", parameters={"x": 1.0}, wait=True)
    headers = (
        Header(Request.TYPE, schema_hash(Request), new_id(), 1, "kit/rude", 1, number)
        for number in range(count)
    )
    topic = "lab1/kit/rude/request/kit/broker/doubling/sum"
    return [Outbound(topic, encode(header, ask, kept=True)) for header in headers]


async def test_who_sends_without_an_outbox_is_dropped_and_named_and_others_go_on(
    bench: Bench,
) -> None:
    ledger = await bench.ledger()
    await bench.model()
    transport = make_transport(bench.mqtt.url, client_id="kit/rude", username="rude", window=20_000)
    await transport.open()
    try:
        async with bench.client("opt") as opt:
            published = await transport.publish_all(raw_requests(30_000))
            seconds = []
            loop = asyncio.get_running_loop()
            for number in range(20):
                begun = loop.time()
                await opt.submit("doubling", "sum", {"x": float(number)}, wait=True)
                seconds.append(loop.time() - begun)
            await published
            line = await ledger.wait_line(r"dropped unread.*messages of kit/rude", timeout=30)
            stats = await opt.query("ledger.stats")
            print(f"slowest receipt of the other: {max(seconds):.2f} s; {line}")
            # Some were taken; most were not, and without an outbox nobody sends them again.
            taken = sum(stats["requests"].values())
            dropped = int(re.search(r"kit/rude \((\d+)\)", line).group(1))  # type: ignore[union-attr]
            assert 128 <= taken < 30_000
            assert 0 < dropped <= 30_000 - 128
            assert stats["dropped"] >= dropped
    finally:
        await transport.close()

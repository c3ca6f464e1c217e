"""Requesters that cost little: they send requests made beforehand and wait for receipts.

Run by `durable.py`: ``python benchmarks/durable_load.py URL LEDGER --seconds S`` with
``--window W`` (as fast as W requests in flight allow) or ``--rate R`` (R a second, come what may).
Prints JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from pathlib import Path

import msgpack

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.raw_mqtt import RawClient
from messages.envelope import Header, encode
from messages.ids import new_id
from messages.ledger import Request
from messages.schema import schema_hash

_BODY = Request(quantity="load", method="never", parameters={"note": "x" * 600})
"""With its envelope some 1 KB."""


class Requester:
    """One node that asks."""

    def __init__(self, name: str, ledger: str, count: int) -> None:
        self.topic = f"lab1/bench/{name}/request/{ledger}/load/never".encode()
        self.refused = 0
        self.times: list[float] = []
        self.received = 0
        self._name = name
        self._ledger = ledger
        self._sent: dict[str, float] = {}
        self._schema = schema_hash(Request)
        self._seq = 0
        self._ready = [self._make() for _ in range(count)]
        self._ready.reverse()
        self._free = asyncio.Event()
        self._client: RawClient

    async def open(self, url: str) -> None:
        """Connect."""
        self._client = await RawClient.connect(url, self._name, self._take)
        await self._client.subscribe(f"lab1/{self._ledger}/receipt/bench/{self._name}")

    async def rest(self) -> None:
        """Return when every request has its receipt."""
        while self._sent:
            self._free.clear()
            await self._free.wait()

    def send(self) -> None:
        """Send the next request."""
        identity, payload = self._ready.pop() if self._ready else self._make()
        self._sent[identity] = time.perf_counter()
        self._client.publish(self.topic, payload)

    async def keep_full(self, window: int, end_at: float) -> None:
        """Keep ``window`` requests in flight."""
        while time.perf_counter() < end_at:
            while len(self._sent) < window:
                self.send()
            self._free.clear()
            await self._free.wait()

    def _take(self, _topic: bytes, payload: bytes, mid: int) -> None:
        self._client.acknowledge(mid)
        body = msgpack.unpackb(payload)["body"]
        sent = self._sent.pop(body["message"], None)
        if sent is not None:
            self.received += 1
            self.refused += not body["accepted"]
            self.times.append(time.perf_counter() - sent)
            self._free.set()

    def _make(self) -> tuple[str, bytes]:
        self._seq += 1
        header = Header(
            type=Request.TYPE, schema=self._schema, id=new_id(), stamp=time.time_ns(),
            sender=f"bench/{self._name}", epoch=1, seq=self._seq,
        )  # fmt: skip
        return str(header.id), encode(header, _BODY, kept=True)


async def main() -> None:
    """Load, and print what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url")
    parser.add_argument("ledger")
    parser.add_argument("--requesters", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--window", type=int, default=0, help="in flight, all together")
    parser.add_argument("--rate", type=float, default=0.0, help="requests a second, all together")
    given = parser.parse_args()
    expected = int((given.rate or 7000) * given.seconds / given.requesters) + 1
    asked = [Requester(f"load{n}", given.ledger, expected) for n in range(given.requesters)]
    for requester in asked:
        await requester.open(given.url)
    cpu, begun = time.process_time(), time.perf_counter()
    end_at = begun + given.seconds
    if given.rate:
        sent = 0
        while (now := time.perf_counter()) < end_at:
            while sent < (now - begun) * given.rate:
                asked[sent % len(asked)].send()
                sent += 1
            await asyncio.sleep(0.5 / given.rate)
    else:
        share = max(1, given.window // len(asked))
        await asyncio.gather(*(r.keep_full(share, end_at) for r in asked))
    took = time.perf_counter() - begun
    received = sum(r.received for r in asked)
    async with asyncio.timeout(60):
        for requester in asked:
            await requester.rest()
    times = [t * 1000 for r in asked for t in r.times]
    cuts = statistics.quantiles(times, n=100)
    print(
        json.dumps(
            {
                "received": len(times),
                "refused": sum(r.refused for r in asked),
                "rate": received / took,
                "p50": cuts[49],
                "p99": cuts[98],
                "cpu": time.process_time() - cpu,
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main())

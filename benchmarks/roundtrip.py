"""What the mesh costs: round trip of a no-op capability, and durable requests a second.

Starts mosquitto, the broker node and no-op workers as real processes on this machine, then measures

- request -> order -> result -> the requester has it, one at a time (p50, p99);
- publish -> durable receipt, one at a time;
- durable requests accepted a second, by N requesters with a window of requests in flight each;
- full cycles a second.

Run: ``python benchmarks/roundtrip.py [--seconds 5] [--requesters 4] [--workers 1] [--json]``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import Field

from labmesh import LabClient, Node, Order, capability, connect
from labmesh.mosquitto import BrokerConfig, MosquittoProcess
from messages.errors import RefusedError
from messages.model import Count, JsonObject, Model


class Nothing(Model):
    """Parameters and result of the no-op."""

    number: Count = 0
    payload: JsonObject = Field(default_factory=dict)


class NoopNode(Node):  # type: ignore[type-arg]
    """Does nothing, as fast as it can."""

    @capability("noop", "echo", slots=256)
    async def echo(self, order: Order[Nothing]) -> Nothing:
        """Return the parameters."""
        return order.parameters

    @capability("noop", "never", slots=1)
    async def never(self, order: Order[Nothing]) -> Nothing:
        """Take one order and keep it, so that everything else only queues."""
        await asyncio.Event().wait()
        return order.parameters


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each measurement")
    parser.add_argument("--requesters", type=int, default=4)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--window", type=int, default=32, help="requests in flight a requester")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="labmesh-roundtrip-") as folder:
        figures = await measure(Path(folder), given)
    if given.json:
        print(json.dumps(figures, indent=2))
        return
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
          f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}")  # fmt: skip
    for name, value in figures.items():
        print(f"{name:<58} {value:>10.2f}")


async def measure(folder: Path, given: argparse.Namespace) -> dict[str, float]:
    """Return the figures by name."""
    async with mesh(folder, given.requesters, given.workers) as labs:
        return {
            **await cycle_times(labs[0], given.seconds),
            **await receipt_times(labs[0], given.seconds),
            **await throughput(labs, given, "echo", "full cycles/s"),
            **await throughput(labs, given, "never", "durable requests accepted/s"),
        }


@asynccontextmanager
async def mesh(folder: Path, requesters: int, workers: int = 1) -> AsyncIterator[list[LabClient]]:
    """Run mosquitto, the broker node and workers; yield that many requesters, ready to ask."""
    async with AsyncExitStack() as stack:
        mosquitto = MosquittoProcess(BrokerConfig(port=0, sites=("bench",)), folder / "mosquitto")
        await mosquitto.start()
        stack.push_async_callback(mosquitto.stop)
        names = {"broker": "broker"} | {
            f"noop{n}": "benchmarks.roundtrip:NoopNode" for n in range(workers)
        }
        for name, program in names.items():
            node = await start(program, mosquitto.url, folder, name)
            stack.push_async_callback(end, node)
        labs = [
            await stack.enter_async_context(
                connect(mqtt=mosquitto.url, site="bench", name=f"asker{index}")
            )
            for index in range(requesters)
        ]
        await ready(labs[0])
        yield labs


async def cycle_times(lab: LabClient, seconds: float) -> dict[str, float]:
    """Time request to result, one at a time."""
    times = await repeat(seconds, lambda: lab.request("noop", "echo", {}))
    return spread("request -> result, one at a time", times)


async def receipt_times(lab: LabClient, seconds: float) -> dict[str, float]:
    """Time submit to durable receipt, one at a time."""
    times = await repeat(seconds, lambda: lab.submit("noop", "never", {}))
    return spread("request -> durable receipt, one at a time", times)


async def throughput(
    labs: list[LabClient], given: argparse.Namespace, method: str, name: str
) -> dict[str, float]:
    """Count what many requesters get done in a while."""
    end_at = time.monotonic() + given.seconds
    count = 0

    async def ask(lab: LabClient) -> None:
        nonlocal count
        while time.monotonic() < end_at:
            if method == "echo":
                await lab.request("noop", method, {})
            else:
                await lab.submit("noop", method, {})
            count += 1

    begun = time.monotonic()
    await asyncio.gather(*(ask(lab) for lab in labs for _ in range(given.window)))
    took = time.monotonic() - begun
    return {f"{name}, {len(labs)} requesters x {given.window}": count / took}


async def repeat(seconds: float, work: Any) -> list[float]:
    """Return the milliseconds of each run of ``work`` within ``seconds``."""
    times: list[float] = []
    end_at = time.monotonic() + seconds
    while time.monotonic() < end_at:
        begun = time.perf_counter()
        await work()
        times.append((time.perf_counter() - begun) * 1000)
    return times


def spread(name: str, times: list[float]) -> dict[str, float]:
    """Return p50 and p99."""
    cuts = statistics.quantiles(times, n=100)
    return {f"{name}, p50 ms": cuts[49], f"{name}, p99 ms": cuts[98]}


async def start(program: str, url: str, folder: Path, name: str = "") -> asyncio.subprocess.Process:
    """Start a node process."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "labmesh.node", program, "--site", "bench", "--mqtt", url,
        *(["--name", name] if name else []), "--data-dir", str(folder),
        stderr=asyncio.subprocess.DEVNULL, cwd=Path(__file__).parent.parent,
    )  # fmt: skip


async def end(process: asyncio.subprocess.Process) -> None:
    """Stop a node process."""
    if process.returncode is None:
        process.terminate()
    await process.wait()


async def ready(lab: LabClient) -> None:
    """Return when the worker is known to the ledger."""
    try:
        async with asyncio.timeout(20):
            await lab.request("noop", "echo", {}, wait=True)
    except (TimeoutError, RefusedError) as error:
        raise SystemExit("broker node and worker did not come up within 20 s") from error


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    asyncio.run(main())

"""What a large file costs: MB/s, and the receipts of others while it travels.

Starts mosquitto, the broker node and a worker that attaches files as real processes, then measures
publish -> durable receipt, one at a time, in turn

- while nothing else happens;
- while the broker node takes over an artifact, and
- while another process reads it (``labmesh artifact get``),

both at the broker node's default rate and without a bound; and then the CPU time of each process
for an artifact that is made and taken over while nobody asks for anything.

Run: ``python benchmarks/artifacts.py [--megabytes 50] [--rounds 2] [--json]``.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import platform
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.roundtrip import Nothing, end, spread, start
from labmesh import LabClient, Node, Order, capability, connect
from labmesh.mosquitto import BrokerConfig, MosquittoProcess
from messages.errors import RefusedError
from messages.ids import NodeId
from messages.model import Count, Model

MB = 10**6


class Size(Model):
    """What to attach."""

    size: Count
    seed: Count = 0


class SourceNode(Node):  # type: ignore[type-arg]
    """Attaches files; and takes one order that it never ends, so that all others only queue."""

    @capability("blob", "source")
    async def source(self, order: Order[Size]) -> Nothing:
        """Attach that many bytes, no two blocks alike."""
        wanted = order.parameters
        blocks = (
            hashlib.sha256(f"{wanted.seed} {index}".encode()).digest()
            for index in range(-(-wanted.size // 32))
        )
        await order.attach(b"".join(blocks)[: wanted.size], name="blob.bin")
        return Nothing()

    @capability("blob", "never")
    async def never(self, order: Order[Nothing]) -> Nothing:
        """Take one order and keep it."""
        await asyncio.Event().wait()
        return order.parameters


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=2, help="turns of each measurement")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of the quiet ones")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="labmesh-artifacts-") as folder:
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
    receipts: dict[str, list[float]] = defaultdict(list)
    speeds: dict[str, list[float]] = defaultdict(list)
    size = given.megabytes * MB
    async with AsyncExitStack() as stack:
        mosquitto = MosquittoProcess(BrokerConfig(port=0, sites=("bench",)), folder / "mosquitto")
        await mosquitto.start()
        stack.push_async_callback(mosquitto.stop)
        processes = {"mosquitto": psutil.Process(mosquitto.pid)}
        programs = {"broker node": "broker", "author": "benchmarks.artifacts:SourceNode"}
        for name, program in programs.items():
            node = await start(program, mosquitto.url, folder)
            stack.push_async_callback(end, node)
            processes[name] = psutil.Process(node.pid)
        lab = await stack.enter_async_context(
            connect(mqtt=mosquitto.url, site="bench", name="asker")
        )
        await ready(lab)
        broker = NodeId("bench", "broker")
        rate = (await lab._caller.call(broker, "param.get", {}))["values"]["artifact_rate"]  # noqa: SLF001

        async def timed(name: str, work: Awaitable[None], *, moved: int = 0) -> None:
            task = asyncio.ensure_future(work)
            begun = time.perf_counter()
            while not task.done():
                one = time.perf_counter()
                await lab.submit("blob", "never", {})
                receipts[name].append((time.perf_counter() - one) * 1000)
            await task
            if moved:
                speeds[name].append(moved / MB / (time.perf_counter() - begun))

        for number in range(given.rounds):
            await timed("quiet", asyncio.sleep(given.seconds))
            for name, bound in ((f"custody at {rate / MB:.1f} MB/s", rate), ("custody", 0.0)):
                await lab._caller.call(  # noqa: SLF001
                    broker, "param.set", {"values": {"artifact_rate": bound}}
                )
                seed = 2 * number + bool(bound)
                result = await lab.request("blob", "source", {"size": size, "seed": seed})
                (artifact,) = result.artifacts
                await timed(name, held(lab, artifact.sha256), moved=size)
                reading = name.replace("custody", "get")
                await timed(reading, get(mosquitto.url, artifact.sha256, folder), moved=size)
        before = {name: busy(process) for name, process in processes.items()}
        result = await lab.request("blob", "source", {"size": size, "seed": 10**6})
        await held(lab, result.artifacts[0].sha256)
        cost = {name: busy(process) - before[name] for name, process in processes.items()}
    figures: dict[str, float] = {}
    for name, times in receipts.items():
        figures |= spread(f"request -> durable receipt, {name}", times)
    for name, speed in speeds.items():
        figures[f"{name}, MB/s"] = sum(speed) / len(speed)
    for name, seconds in cost.items():
        figures[f"CPU of {name}, ms for each MB into custody"] = seconds * 1000 * MB / size
    return figures


def busy(process: psutil.Process) -> float:
    """Return the CPU seconds that a process has had."""
    times = process.cpu_times()
    return float(times.user + times.system)


async def held(lab: LabClient, sha256: str) -> None:
    """Return when the ledger has an artifact."""
    missing = True
    while missing:
        await asyncio.sleep(0.1)
        missing = any([view.state != "held" async for view in lab.artifacts(sha256=sha256)])


async def get(url: str, sha256: str, folder: Path) -> None:
    """Read an artifact in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("labmesh"), "artifact", "get", sha256, "--force",
        "-o", folder / "copy.bin", "--mqtt", url, "--site", "bench", "--data-dir", folder,
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    if await process.wait():
        raise SystemExit("labmesh artifact get failed")


async def ready(lab: LabClient) -> None:
    """Return when the worker is known to the ledger."""
    try:
        async with asyncio.timeout(20):
            await lab.request("blob", "source", {"size": 1, "seed": 0}, wait=True)
    except (TimeoutError, RefusedError) as error:
        raise SystemExit("broker node and worker did not come up within 20 s") from error


if __name__ == "__main__":
    asyncio.run(main())

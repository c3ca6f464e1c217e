"""Durable requests: what the broker node accepts a second, against this machine's own ceiling.

The same requesters (16 raw connections, 1 KB requests) ask first the smallest loop that makes a
message durable (`ceiling.py`), then the real broker node, through the same mosquitto. Printed are
rates, the ratio, the CPU time each process spends on one request, and the time from publish to
durable receipt at fixed rates.

Run: ``python benchmarks/durable.py [--seconds 5] [--rounds 3] [--json]``.
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
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.roundtrip import end, start
from labmesh import Node, Order, capability, connect
from labmesh.mosquitto import BrokerConfig, MosquittoProcess
from messages.model import Model, Text

HERE = Path(__file__).parent


class Note(Model):
    """What a request carries."""

    note: Text = ""


class LoadNode(Node):  # type: ignore[type-arg]
    """Makes requests acceptable without ever answering one."""

    @capability("load", "never", slots=1)
    async def never(self, order: Order[Note]) -> Note:
        """Take one order and keep it, so that everything else only queues."""
        await asyncio.Event().wait()
        return order.parameters


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median is printed")
    parser.add_argument("--requesters", type=int, default=16)
    parser.add_argument("--window", type=int, default=320, help="requests in flight, all together")
    parser.add_argument("--rates", type=float, nargs="*", default=[200.0, 1000.0])
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="labmesh-durable-") as folder:
        figures = await measure(Path(folder), given)
    if given.json:
        print(json.dumps(figures, indent=2))
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
          f"load {os.getloadavg()[0]:.1f}")  # fmt: skip
    print(f"{'':<44}{'ceiling':>10}{'broker':>10}{'ratio':>8}")
    for name, (ceiling, broker) in figures.items():
        print(f"{name:<44}{ceiling:>10.1f}{broker:>10.1f}{broker / ceiling:>8.2f}")


async def measure(folder: Path, given: argparse.Namespace) -> dict[str, tuple[float, float]]:
    """Return (ceiling, broker node) by name."""
    found: dict[str, list[dict[str, float]]] = {"bench/ceiling": [], "bench/broker": []}
    async with AsyncExitStack() as stack:
        mosquitto = MosquittoProcess(BrokerConfig(port=0, sites=("bench",)), folder / "mosquitto")
        await mosquitto.start()
        stack.push_async_callback(mosquitto.stop)
        subjects: dict[str, asyncio.subprocess.Process] = {
            "bench/ceiling": await asyncio.create_subprocess_exec(
                sys.executable, str(HERE / "ceiling.py"), mosquitto.url, str(folder)
            ),
            "bench/broker": await start("broker", mosquitto.url, folder),
        }
        worker = await start("benchmarks.durable:LoadNode", mosquitto.url, folder)
        for process in (*subjects.values(), worker):
            stack.push_async_callback(end, process)
        async with connect(mqtt=mosquitto.url, site="bench", name="first") as lab:
            async with asyncio.timeout(30):
                await lab.submit("load", "never", {"note": ""}, wait=True)
        pids = {name: process.pid for name, process in subjects.items()}
        pids["mosquitto"] = mosquitto.pid or 0
        for _ in range(given.rounds):
            for ledger, figures in found.items():
                figures.append(await one_round(mosquitto.url, ledger, pids, given))
    ceiling, broker = (_medians(figures) for figures in found.values())
    return {name: (ceiling[name], broker[name]) for name in ceiling}


async def one_round(
    url: str, ledger: str, pids: dict[str, int], given: argparse.Namespace
) -> dict[str, float]:
    """Return every figure of one subject."""
    watched = {
        "ledger": psutil.Process(pids[ledger]),
        "mosquitto": psutil.Process(pids["mosquitto"]),
    }
    before = {name: _cpu(process) for name, process in watched.items()}
    full = await load(url, ledger, given, "--window", str(given.window))
    figures = {"durable requests accepted a second": full["rate"]}
    for name, process in watched.items():
        spent = (_cpu(process) - before[name]) / full["received"] * 1e6
        figures[f"CPU of {name} on one of them, us"] = spent
    figures["CPU of the requesters on one, us"] = full["cpu"] / full["received"] * 1e6
    for rate in given.rates:
        paced = await load(url, ledger, given, "--rate", str(rate))
        for cut in ("p50", "p99"):
            figures[f"publish to receipt at {rate:g}/s, {cut} ms"] = paced[cut]
    return figures


async def load(url: str, ledger: str, given: argparse.Namespace, *extra: str) -> dict[str, float]:
    """Run the requesters; return what they saw."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(HERE / "durable_load.py"), url, ledger,
        "--requesters", str(given.requesters), "--seconds", str(given.seconds), *extra,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate()
    if process.returncode:
        raise SystemExit("the requesters failed: see above")
    found: dict[str, Any] = json.loads(output)
    if found["refused"]:
        raise SystemExit(f"{found['refused']} requests were refused")
    return found


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _medians(figures: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(f[name] for f in figures) for name in figures[0]}


if __name__ == "__main__":
    asyncio.run(main())

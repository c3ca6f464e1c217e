"""A thousand nodes at once: what they cost the ledger, and whether all come back.

``python benchmarks/many_nodes.py --nodes 1000``: mosquitto and the broker node as processes of
their own, and a few processes that hold many real nodes each, every one with its own connection,
presence, diagnostics and one offer. All start at the same moment. Measured are the start, the
broker node's CPU while nothing happens, `labmesh node list`, some requests, and a restart of
mosquitto.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import sys
import tempfile
import threading
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from labmesh import LabClient, Node, NodeOptions, Order, capability, connect
from labmesh.mosquitto import BrokerConfig, MosquittoProcess
from labmesh.place import Place
from messages.errors import CallError
from messages.ids import NodeId
from messages.model import Count, Model

SITE: Final = "bench"
ROOT: Final = Path(__file__).parent.parent


class Nothing(Model):
    """Parameters and result of the no-op."""

    number: Count = 0


class CrowdNode(Node):  # type: ignore[type-arg]
    """One of many; does nothing."""

    @capability("noop", "crowd", slots=1)
    async def crowd(self, order: Order[Nothing]) -> Nothing:
        """Return the parameters."""
        return order.parameters


@dataclass(slots=True)
class Figures:
    """What was measured.

    Attributes:
        nodes: How many there are.
        start: Wall seconds until the ledger had every offer.
        idle: Share of one core that the broker node takes while nothing happens.
        idle_mosquitto: The same of mosquitto.
        memory: Resident memory of the broker node, MB.
        listing: Wall and CPU seconds of `labmesh node list`.
        listed: Nodes it listed as online.
        answered: Requests that were answered, of 100.
        back: Wall seconds until all were online again after mosquitto's restart.
    """

    nodes: int
    start: float
    idle: float
    idle_mosquitto: float
    memory: float
    listing: tuple[float, float]
    listed: int
    answered: int
    back: float


def main() -> None:
    """Measure and print, or be a crowd."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=4, help="that hold the nodes")
    parser.add_argument("--seconds", type=float, default=20.0, help="of idleness measured")
    parser.add_argument("--crowd", nargs=2, type=int, metavar=("FIRST", "COUNT"),
                        help=argparse.SUPPRESS)  # fmt: skip
    parser.add_argument("--mqtt", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.crowd:
        # Nobody shall outlive the benchmark, however that ends.
        threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
        asyncio.run(crowd(given.mqtt, given.folder, *given.crowd))
        return
    with tempfile.TemporaryDirectory(prefix="labmesh-many-") as folder:
        found = asyncio.run(
            measure(Path(folder), given.nodes, processes=given.processes, seconds=given.seconds)
        )
    for name, value in (
        ("nodes", found.nodes),
        ("start until all are offered, s", round(found.start, 1)),
        ("broker node idle, % of a core", round(found.idle * 100, 1)),
        ("mosquitto idle, % of a core", round(found.idle_mosquitto * 100, 1)),
        ("broker node, MB resident", round(found.memory)),
        ("labmesh node list, wall s", round(found.listing[0], 2)),
        ("labmesh node list, CPU s", round(found.listing[1], 2)),
        ("online in that list", found.listed),
        ("requests answered of 100", found.answered),
        ("all online after mosquitto's restart, s", round(found.back, 1)),
    ):
        print(f"{name:<42} {value:>10}")


async def measure(folder: Path, nodes: int, *, processes: int, seconds: float) -> Figures:
    """Start everything, measure, stop everything."""
    async with AsyncExitStack() as stack:
        mosquitto = MosquittoProcess(BrokerConfig(port=0, sites=(SITE,)), folder / "mosquitto")
        await mosquitto.start()
        stack.push_async_callback(mosquitto.stop)
        ledger = await start(
            stack, "-m", "labmesh.node", "broker", "--site", SITE, "--mqtt", mosquitto.url,
            "--data-dir", str(folder),
        )  # fmt: skip
        lab = await stack.enter_async_context(
            connect(mqtt=mosquitto.url, site=SITE, name="asker", patience=30)
        )
        await _until(lab, 0)
        begun = time.monotonic()
        share = -(-nodes // processes)
        for first in range(0, nodes, share):
            await start(
                stack, "benchmarks/many_nodes.py", "--mqtt", mosquitto.url,
                "--folder", str(folder), "--crowd", str(first), str(min(share, nodes - first)),
            )  # fmt: skip
        await _until(lab, nodes)
        took = time.monotonic() - begun
        watched = [psutil.Process(pid) for pid in (ledger.pid, mosquitto.pid or 0)]
        await _listed(mosquitto.url, nodes)
        idle, idle_mosquitto = await _shares(watched, seconds)
        memory = watched[0].memory_info().rss / 1e6
        wall, cpu, listed = await node_list(mosquitto.url)
        answered = await _ask(lab)
        await mosquitto.stop()
        begun = time.monotonic()
        await mosquitto.start()
        await _listed(mosquitto.url, nodes)
        back = time.monotonic() - begun
        answered = min(answered, await _ask(lab))
    return Figures(
        nodes, took, idle, idle_mosquitto, memory, (wall, cpu), listed, answered, back
    )  # fmt: skip


async def crowd(mqtt: str, folder: Path, first: int, count: int, *, site: str = SITE) -> None:
    """Be many nodes, until killed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 20 * count + 200)), hard))
    place = Place(mqtt=mqtt, site=site, ledger=NodeId(site, "broker"))
    nodes = [
        CrowdNode(
            NodeOptions(
                place=place, name=f"crowd{number:04}", data_dir=folder / "crowd", patience=120
            )
        )
        for number in range(first, first + count)
    ]  # fmt: skip
    await asyncio.gather(*(node.run() for node in nodes))


async def node_list(mqtt: str) -> tuple[float, float, int]:
    """Run ``labmesh node list``; return wall and CPU seconds and how many it says are online."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("labmesh"), "node", "list", "--mqtt", mqtt, "--site", SITE,
        "--patience", "60", stdout=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    output, _ = await process.communicate()
    wall = time.monotonic() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    lines = output.decode().splitlines()
    return wall, cpu, sum("crowd" in line and "online" in line for line in lines)


async def start(stack: AsyncExitStack, *arguments: str) -> asyncio.subprocess.Process:
    """Start a Python process that ends with the stack."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip

    async def end() -> None:
        if process.returncode is None:
            process.kill()
        await process.wait()

    stack.push_async_callback(end)
    return process


async def _until(lab: LabClient, offers: int) -> None:
    """Return when the ledger answers and has that many offers."""
    async with asyncio.timeout(300):
        while True:
            try:
                if (await lab.query("ledger.stats", timeout=2.0))["offers"] >= offers:
                    return
            except CallError:
                pass
            await asyncio.sleep(0.2)


async def _listed(mqtt: str, nodes: int) -> None:
    """Return when all are listed as online."""
    async with asyncio.timeout(300):
        while (await node_list(mqtt))[2] < nodes:
            continue


async def _shares(processes: list[psutil.Process], seconds: float) -> list[float]:
    """Return the share of a core that each takes for a while."""
    before = [process.cpu_times() for process in processes]
    begun = time.monotonic()
    await asyncio.sleep(seconds)
    took = time.monotonic() - begun
    after = [process.cpu_times() for process in processes]
    return [
        (b.user + b.system - a.user - a.system) / took
        for a, b in zip(before, after, strict=True)
    ]  # fmt: skip


async def _ask(lab: LabClient) -> int:
    """Return how many of 100 requests are answered within a minute."""
    asked = [lab.request("noop", "crowd", {"number": n}, wait=True) for n in range(100)]
    tasks = [asyncio.ensure_future(each) for each in asked]
    done, late = await asyncio.wait(tasks, timeout=60)
    for task in late:
        task.cancel()
    return sum(task.exception() is None for task in done)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()

"""Ten nodes in one container against ten processes: memory, and time until all are active.

Memory is the proportional set size (PSS, /proc/PID/smaps_rollup): pages that processes share count
by shares, so that ten interpreters are not charged ten times for one file. Time runs from the start
of the first process to the moment when the last node's retained lifecycle says active.

Run: ``python benchmarks/composition.py [--nodes 10] [--rounds 3]``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from labmesh.client import Visitor, visit  # noqa: E402
from labmesh.mosquitto import BrokerConfig, MosquittoProcess  # noqa: E402
from labmesh.place import Place  # noqa: E402
from messages.envelope import Header  # noqa: E402
from messages.node import Lifecycle  # noqa: E402
from messages.topics import Topic  # noqa: E402

PROGRAM = "tests.ros2.programs:TalkerNode"


async def start(
    place: Place, folder: Path, program: str, name: str, *more: str
) -> asyncio.subprocess.Process:
    """Start one node process."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "labmesh.run_node", program, "--name", name, "--site", place.site,
        "--mqtt", place.mqtt, "--data-dir", str(folder), *more,
        cwd=ROOT, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


def memory(pid: int) -> float:
    """Return the proportional set size of a process in MiB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"no Pss of process {pid}")


async def measure(visitor: Visitor, names: set[str], begin: float) -> float:
    """Return the seconds since ``begin`` at which all nodes of these names are active."""
    active: set[str] = set()
    all_there = asyncio.Event()

    def take(life: Lifecycle, _header: Header, topic: Topic) -> None:
        if life.state.value == "active" and topic.author.node in names:
            active.add(topic.author.node)
            if active == names:
                all_there.set()

    subscription = await visitor.mesh.on_message(
        visitor.mesh.topics.of(None, "node", "life"), Lifecycle, take
    )
    try:
        async with asyncio.timeout(120):
            await all_there.wait()
        return time.monotonic() - begin
    finally:
        await subscription.cancel()


async def one_round(
    visitor: Visitor, place: Place, folder: Path, count: int, prefix: str, *, together: bool
) -> tuple[float, float]:
    """Return seconds until all are active, and MiB of all processes."""
    names = [f"{prefix}{n}" for n in range(count)]
    begin = time.monotonic()
    if together:
        components = json.dumps([{"run": PROGRAM, "name": name} for name in names])
        box, given = f"{prefix}box", ("--param", f"components={components}")
        processes = [await start(place, folder, "container", box, *given)]
    else:
        processes = [await start(place, folder, PROGRAM, name) for name in names]
    try:
        seconds = await measure(visitor, set(names), begin)
        await asyncio.sleep(2.0)
        return seconds, sum(memory(process.pid) for process in processes)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            await process.wait()


async def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nodes", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    found: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as folder:
        config = BrokerConfig(port=0, sites=("kit",))
        async with MosquittoProcess(config, Path(folder) / "mosquitto") as mosquitto:
            place = Place(mqtt=mosquitto.url, site="kit")
            async with visit(place, "bench") as visitor:
                for number in range(given.rounds):
                    for together in (False, True):
                        prefix = f"{'c' if together else 'p'}{number}x"
                        found[together].append(
                            await one_round(
                                visitor, place, Path(folder), given.nodes, prefix, together=together
                            )
                        )
    print(f"{given.nodes} nodes, median of {given.rounds} rounds")
    print(f"{'':24}{'all active':>12}{'memory (PSS)':>16}{'a node':>12}")
    for together, words in ((False, f"{given.nodes} processes"), (True, "one container")):
        columns = zip(*found[together], strict=True)
        seconds, mebibytes = (statistics.median(column) for column in columns)
        each = mebibytes / given.nodes
        print(f"{words:24}{seconds:>10.2f} s{mebibytes:>12.0f} MiB{each:>8.1f} MiB")


if __name__ == "__main__":
    asyncio.run(main())

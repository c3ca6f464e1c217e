"""Measures recording and playing: ``python benchmarks/bag.py``.

One process publishes at a steady rate (or as fast as it can), ``labmesh bag record`` records, both
at one mosquitto. CPU is the recorder's user and system time a message; lost is what was published
and is not in the file.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Any, Final

from labmesh.bag import Bag
from labmesh.client import visit
from labmesh.mosquitto import BrokerConfig, MosquittoProcess
from labmesh.place import Place
from messages.node import LogRecord

_LABMESH: Final = "import sys; from labmesh.cli import main; sys.exit(main())"
_PERIOD: Final = 0.02


def environment(url: str) -> dict[str, str]:
    """Return where the mesh is, for a process."""
    return {**os.environ, "LABMESH_MQTT": url, "LABMESH_SITE": "bench"}


async def publish(url: str, rate: float, seconds: float, qos: int) -> int:
    """Publish log lines of some 300 bytes; return how many."""
    place = Place(mqtt=url, site="bench")
    values = {f"value{n}": n * 1.1 for n in range(6)}
    record = LogRecord(level="info", logger="bench", text="x" * 60, values=values)
    count = 0
    async with visit(place, "source") as visitor:
        mesh = visitor.mesh
        topics = [mesh.topics.own("data", f"stream{n}") for n in range(10)]
        begun = time.monotonic()
        while (now := time.monotonic() - begun) < seconds:
            due = int(rate * now) if rate else count + 100
            burst = [mesh.send(topics[n % 10], record, qos=qos) for n in range(count, due)]
            count = max(count, due)
            if qos:
                await asyncio.gather(*burst)
            else:
                for one in burst:
                    await one
            await asyncio.sleep(_PERIOD if rate else 0)
    return count


def source(url: str, rate: float, seconds: float, qos: int, answer: Any) -> None:
    """Run `publish` in a process of its own."""
    answer.put(asyncio.run(publish(url, rate, seconds, qos)))


async def measure(
    url: str, folder: Path, rate: float, seconds: float, qos: int, encoding: str
) -> tuple[str, ...]:
    """Record one load; return a row of the table."""
    file = folder / f"{rate:g}-{qos}-{encoding}.mcap"
    recorder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _LABMESH, "bag", "record", "~bench/source/#", "-o", str(file),
        "--encoding", encoding, "--json", env=environment(url), stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    if recorder.stderr is not None:
        await recorder.stderr.readline()
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    process = context.Process(target=source, args=(url, rate, seconds, qos, answer))
    begun = time.monotonic()
    process.start()
    count = await asyncio.to_thread(answer.get)
    took = time.monotonic() - begun
    await asyncio.to_thread(process.join)
    middle = resource.getrusage(resource.RUSAGE_CHILDREN)
    # What is on its way still comes; nothing new for two flushes is the end.
    seen, still = -1, 0
    while still < 2:
        await asyncio.sleep(1.1)
        now = file.stat().st_size
        still = still + 1 if now == seen else 0
        seen = now
    recorder.send_signal(signal.SIGINT)
    out, _ = await recorder.communicate()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    recorded = json.loads(out)["messages"]
    cpu = after.ru_utime + after.ru_stime - middle.ru_utime - middle.ru_stime
    if sum(1 for _ in Bag(file).messages()) != recorded:
        sys.exit(f"{file} does not hold what its recorder says")
    return (
        f"{rate:g}/s" if rate else "as fast as it can", str(qos), encoding,
        f"{count / took:.0f}/s", str(count - recorded), f"{cpu / max(recorded, 1) * 1e6:.0f} us",
        f"{file.stat().st_size / max(recorded, 1):.0f} B",
    )  # fmt: skip


async def play(url: str, file: Path) -> str:
    """Play a file as fast as it goes; return the rate."""
    begun = time.monotonic()
    player = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _LABMESH, "bag", "play", str(file), "-r", "1e6", "--json",
        env=environment(url), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    out, _ = await player.communicate()
    return f"{json.loads(out)['messages'] / (time.monotonic() - begun):.0f}/s"


async def run(arguments: argparse.Namespace) -> None:
    """Measure and print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mosquitto = MosquittoProcess(BrokerConfig(port=0, sites=("bench",)), folder / "mosquitto")
        await mosquitto.start()
        try:
            head = (
                "offered",
                "qos",
                "encoding",
                "published",
                "lost",
                "CPU a message",
                "file a message",
            )
            print("  ".join(f"{each:>18}" for each in head))
            for rate, qos, encoding in product(arguments.rates, arguments.qos, arguments.encodings):
                row = await measure(mosquitto.url, folder, rate, arguments.seconds, qos, encoding)
                print("  ".join(f"{each:>18}" for each in row), flush=True)
            largest = max(os.scandir(folder), key=lambda each: each.stat().st_size * each.is_file())
            rate = await play(mosquitto.url, Path(largest.path))
            print(f"played, start of the process included: {rate}")
        finally:
            await mosquitto.stop()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each load")
    parser.add_argument(
        "--rates", type=float, nargs="+", default=[1000, 3000, 0], help="a second; 0 is no limit"
    )
    parser.add_argument("--qos", type=int, nargs="+", default=[0, 1], choices=(0, 1))
    parser.add_argument("--encodings", nargs="+", default=["json", "msgpack"])
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()

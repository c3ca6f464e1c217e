"""Measures the transport against a real mosquitto: ``python benchmarks/transport.py``.

One publisher and one subscriber, each a process of its own, 200 bytes a message unless told
otherwise. CPU is user and system time of that process a message; RTT is publish to PUBACK, and
request to echoed reply, one at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

from labmesh.transport import Delivery, Transport, make_transport

CONFIGURATION: Final = """
listener {port} 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
max_queued_messages 0
max_inflight_messages 200
"""


@contextmanager
def mosquitto() -> Iterator[str]:
    """Run a mosquitto on a free port and yield its url."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        sys.exit("mosquitto is not on PATH")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mosquitto.conf"
        file.write_text(CONFIGURATION.format(port=port))
        process = subprocess.Popen([program, "-c", file], stderr=subprocess.DEVNULL)
        try:
            yield f"mqtt://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def cpu() -> float:
    """Return this process's CPU time in seconds."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def publish_many(transport: Transport, count: int, size: int, qos: int, rich: bool) -> None:
    """Publish ``count`` messages, as many at a time as the window takes."""
    payload = bytes(size)
    extra: dict[str, Any] = (
        {"properties": {"type": "Request@1", "from": "kit/asab"}, "correlation": bytes(16)}
        if rich
        else {}
    )
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            await transport.publish("lab1/kit/asab/data/x", payload, qos=qos, **extra)

    await asyncio.gather(*(work() for _ in range(200 if qos else 1)))


class Counter:
    """A handler that waits for so many messages."""

    def __init__(self, expected: int) -> None:
        self._missing = expected
        self.done = asyncio.Event()

    def __call__(self, delivery: Delivery) -> None:
        """Count, and acknowledge where that is asked for."""
        delivery.ack()
        self._missing -= 1
        if not self._missing:
            self.done.set()


def subscriber(url: str, pipe: Connection, profile: str | None) -> None:
    """Count what arrives, in a process of its own; tell the CPU time it took."""

    async def run() -> None:
        transport = make_transport(url, client_id="subscriber")
        await transport.open()
        loop = asyncio.get_running_loop()
        while (job := await loop.run_in_executor(None, pipe.recv)) is not None:
            expected, qos, manual = job
            counter = Counter(expected)
            subscription = await transport.subscribe(
                "lab1/+/+/data/x", counter, qos=qos, manual_ack=manual
            )
            before = cpu()
            pipe.send("ready")
            await counter.done.wait()
            pipe.send((cpu() - before) / expected)
            await subscription.cancel()
        await transport.close()

    profiled(run, profile)


def profiled(run: Callable[[], Awaitable[None]], file: str | None) -> None:
    """Run a coroutine function, under cProfile when a file is given."""
    if file is None:
        asyncio.run(run())  # type: ignore[arg-type]
        return
    import cProfile  # noqa: PLC0415 - seldom wanted

    profiler = cProfile.Profile()
    profiler.runcall(asyncio.run, run())  # type: ignore[arg-type]
    profiler.dump_stats(file)


async def throughput(
    transport: Transport,
    pipe: Connection,
    name: str,
    count: int,
    size: int,
    qos: int,
    *,
    rich: bool = False,
    manual: bool = False,
) -> dict[str, object]:
    """Measure one row."""
    loop = asyncio.get_running_loop()
    pipe.send((count, qos, manual))
    await loop.run_in_executor(None, pipe.recv)
    begun, before = time.perf_counter(), cpu()
    await publish_many(transport, count, size, qos, rich)
    mine = (cpu() - before) / count
    theirs = await loop.run_in_executor(None, pipe.recv)
    return {
        "what": name,
        "messages/s": round(count / (time.perf_counter() - begun)),
        "publisher CPU us": round(mine * 1e6, 1),
        "subscriber CPU us": round(theirs * 1e6, 1),
    }


async def latency(transport: Transport, count: int) -> list[dict[str, object]]:
    """Measure publish to PUBACK, and to the arrival of one's own message."""
    payload, puback, echo = bytes(200), list[float](), list[float]()
    for _ in range(count):
        begun = time.perf_counter()
        await transport.publish("lab1/kit/asab/rtt/none", payload)
        puback.append(time.perf_counter() - begun)
    arrived: asyncio.Queue[float] = asyncio.Queue()
    await transport.subscribe(
        "lab1/kit/asab/rtt/echo", lambda _delivery: arrived.put_nowait(time.perf_counter())
    )
    for _ in range(count):
        begun = time.perf_counter()
        await transport.publish("lab1/kit/asab/rtt/echo", payload)
        echo.append(await arrived.get() - begun)
    return [_row("publish to PUBACK", puback), _row("publish to arrival", echo)]


def _row(name: str, times: list[float]) -> dict[str, object]:
    cuts = quantiles(times, n=100)
    return {
        "what": name,
        "p50 ms": round(cuts[49] * 1e3, 3),
        "p99 ms": round(cuts[98] * 1e3, 3),
    }


def table(rows: list[dict[str, object]]) -> str:
    """Return ``rows`` as a table in Markdown."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, ["---"] * len(names)]
    lines += [[str(row.get(name, "")) for name in names] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


async def measure(url: str, pipe: Connection, count: int, size: int) -> list[dict[str, object]]:
    """Run everything; return the rows."""
    transport = make_transport(url, client_id="publisher", window=200)
    await transport.open()
    rows = [
        await throughput(transport, pipe, "QoS 0", count, size, 0),
        await throughput(transport, pipe, "QoS 1", count, size, 1),
        await throughput(transport, pipe, "QoS 1, properties", count, size, 1, rich=True),
        await throughput(transport, pipe, "QoS 1, manual ack", count, size, 1, manual=True),
    ]
    rows += await latency(transport, 1000)
    await transport.close()
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="messages a row")
    parser.add_argument("--size", type=int, default=200, help="bytes a message")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--profile", metavar="FILE", help="write cProfile stats of the subscriber")
    given = parser.parse_args()
    with mosquitto() as url:
        here, there = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=subscriber, args=(url, there, given.profile))
        process.start()
        results = asyncio.run(measure(url, here, given.count, given.size))
        here.send(None)
        process.join()
    print(json.dumps(results, indent=2) if given.json else table(results))


if __name__ == "__main__":
    main()

"""How long an emergency stop takes: from its publishing to the first byte at the device.

A node with one device (a TCP port of another process, which notes the time of each byte) is stopped
again and again: at rest; while another process floods it with calls; while its event loop sleeps in
a careless driver; while its event loop computes and holds the interpreter.

Run: ``python benchmarks/estop.py [--rounds 200] [--flooders 1]``.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from labmesh import NoArguments, service  # noqa: E402
from labmesh.client import Visitor, visit  # noqa: E402
from labmesh.instrument import InstrumentNode, InstrumentParameters  # noqa: E402
from labmesh.mosquitto import BrokerConfig, MosquittoProcess  # noqa: E402
from labmesh.node import parameter  # noqa: E402
from labmesh.place import Place  # noqa: E402
from labmesh.transport import Outbound  # noqa: E402
from labmesh.wire import ByteWire, byte_wire  # noqa: E402
from messages.errors import LabmeshError  # noqa: E402
from messages.ids import NodeId  # noqa: E402
from messages.model import JsonObject, Model, Text  # noqa: E402
from messages.safety import EmergencyStop  # noqa: E402

ARM = NodeId("bench", "arm")
GOAL = 0.1
"""Seconds in which a stop shall be at the device."""


class Block(Model):
    """Block the event loop until a file is there."""

    until: Text
    compute: bool


class ArmParameters(InstrumentParameters):
    """Where the device is."""

    wire: str = parameter(description="address of the device")


class ArmNode(InstrumentNode[ArmParameters]):
    """One device, which takes lines."""

    Parameters = ArmParameters
    wire: ByteWire

    async def on_configure(self) -> None:
        """Connect."""
        self.wire = self.guard(byte_wire(self.parameters.wire))
        await self.wire.open()

    async def halt(self) -> None:
        """Stop it."""
        await self.wire.write(b"STOP\n")

    @service("arm.block")
    async def block(self, arguments: Block) -> JsonObject:
        """Block the event loop, as careless code does."""
        await self.wire.write(b"BLOCKED\n")
        until = Path(arguments.until)
        while not until.exists():  # noqa: ASYNC240
            if arguments.compute:
                sum(n * n for n in range(20_000))
            else:
                time.sleep(0.05)  # noqa: ASYNC251
        return {}

    @service("arm.ping")
    async def ping(self, arguments: NoArguments) -> JsonObject:
        """Answer."""
        return {}


def be_device() -> None:
    """Listen, print the port, and print for each word when it came."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    line, _ = listener.accept()
    while data := line.recv(65536):
        now = time.monotonic()
        for word in data.decode().split():
            print(word, now, flush=True)


async def flood(mqtt: str) -> None:
    """Send calls that the node must take apart and refuse, without end."""
    async with visit(Place(mqtt=mqtt, site="bench"), "flooder") as visitor:
        topic = visitor.mesh.topics.to("call", ARM, "arm.ping")
        while True:
            done = await visitor.mesh.transport.publish_all(
                [Outbound(topic, bytes(500)) for _ in range(500)]
            )
            await done


class Device:
    """The device's process, as the benchmark sees it."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.port = port

    async def next(self, word: str) -> float:
        """Return when the next ``word`` came (monotonic)."""
        assert self._process.stdout is not None  # noqa: S101
        while True:
            said, _, at = (await self._process.stdout.readline()).decode().partition(" ")
            if said == word:
                return float(at)


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a process for as long as the block does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL, cwd=HERE.parent,
    )  # fmt: skip
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def press(visitor: Visitor, device: Device, rounds: int, *, twice: bool) -> list[float]:
    """Press again and again; return the seconds until the device had the first byte of each."""
    found = []
    for _ in range(rounds):
        begun = time.monotonic()
        await visitor.mesh.send(visitor.mesh.topics.stop("bench"), EmergencyStop(reason="test"))
        found.append(await device.next("STOP") - begun)
        if twice:  # the event loop stops it again, and reads the answers
            await device.next("STOP")
        await asyncio.sleep(0.005)
    return found


async def answered(visitor: Visitor) -> None:
    """Return when the node answers."""
    async with asyncio.timeout(60):
        while True:
            with suppress(LabmeshError):
                await visitor.caller.call(ARM, "arm.ping", {}, timeout=1)
                return
            await asyncio.sleep(0.1)


async def blocked(
    visitor: Visitor, device: Device, rounds: int, until: Path, *, compute: bool
) -> list[float]:
    """Press while the event loop is blocked."""
    arguments = {"until": str(until), "compute": compute}
    call = asyncio.ensure_future(visitor.caller.call(ARM, "arm.block", arguments, timeout=600))
    await device.next("BLOCKED")
    found = await press(visitor, device, rounds, twice=False)
    await asyncio.to_thread(until.touch)
    await call
    for _ in range(rounds):
        await device.next("STOP")
    return found


async def measure(rounds: int, flooders: int, folder: Path) -> dict[str, list[float]]:
    """Return the seconds of each situation."""
    mosquitto = MosquittoProcess(BrokerConfig(port=0, sites=("bench",)), folder / "mosquitto")
    await mosquitto.start()
    place = Place(mqtt=mosquitto.url, site="bench")
    found: dict[str, list[float]] = {}
    try:
        async with running(str(Path(__file__)), "--device") as process:
            assert process.stdout is not None  # noqa: S101
            device = Device(process, int(await process.stdout.readline()))
            node = (
                "-m", "labmesh.node", "benchmarks.estop:ArmNode", "--site", "bench",
                "--name", "arm", "--mqtt", mosquitto.url, "--data-dir", str(folder),
                "--param", f"wire=tcp://127.0.0.1:{device.port}",
            )  # fmt: skip
            async with running(*node), visit(place, "presser") as visitor:
                await answered(visitor)
                # Blocked first: once stopped, the node refuses to write that it is blocked.
                found["at rest"] = await press(visitor, device, rounds, twice=True)
                found["event loop asleep in a driver"] = await _again(
                    visitor, device, rounds, folder / "slept", compute=False
                )
                found["event loop computes"] = await _again(
                    visitor, device, rounds, folder / "computed", compute=True
                )
                found["flooded with calls"] = await _flooded(
                    visitor, device, rounds, flooders, mosquitto.url
                )
    finally:
        await mosquitto.stop()
    return found


async def _again(
    visitor: Visitor, device: Device, rounds: int, until: Path, *, compute: bool
) -> list[float]:
    await visitor.caller.call(
        ARM, "instrument.reset", {"acknowledged_by": "the benchmark"}, timeout=60
    )
    return await blocked(visitor, device, rounds, until, compute=compute)


async def _flooded(
    visitor: Visitor, device: Device, rounds: int, flooders: int, mqtt: str
) -> list[float]:
    async with asyncio.timeout(600):
        floods = [running(str(Path(__file__)), "--flood", mqtt) for _ in range(flooders)]
        for each in floods:
            await each.__aenter__()
        try:
            await asyncio.sleep(1)
            return await press(visitor, device, rounds, twice=True)
        finally:
            for each in floods:
                await each.__aexit__(None, None, None)


def show(found: dict[str, list[float]]) -> None:
    """Print the table."""
    print("from publishing an emergency stop to its first byte at the device, ms")
    print(f"{'the node is':<34}{'stops':>6}{'p50':>8}{'p99':>8}{'most':>8}{'over 100':>10}")
    for name, seconds in found.items():
        times = sorted(1e3 * each for each in seconds)
        p99 = times[min(len(times) - 1, int(len(times) * 0.99))]
        late = sum(each >= GOAL for each in seconds)
        print(
            f"{name:<34}{len(times):>6}{statistics.median(times):>8.1f}{p99:>8.1f}"
            f"{times[-1]:>8.1f}{late:>10}"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="stops in each situation")
    parser.add_argument("--flooders", type=int, default=1, help="processes that flood the node")
    parser.add_argument("--device", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--flood", metavar="URL", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.device:
        be_device()
    elif given.flood:
        asyncio.run(flood(given.flood))
    else:
        with tempfile.TemporaryDirectory(prefix="labmesh-estop-") as folder:
            show(asyncio.run(measure(given.rounds, given.flooders, Path(folder))))


if __name__ == "__main__":
    main()

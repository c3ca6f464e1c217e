"""How long a lab has no ledger when the host of its broker node dies.

Two standbys of one PostgreSQL ledger, a worker, and requesters that never stop asking. The one that
leads is killed (SIGKILL) again and again and started anew as a standby; printed is the time from
its death to the next receipt that any requester gets.

Run: ``python benchmarks/takeover.py postgresql+psycopg://user@host/empty_database [--rounds 10]``.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from labmesh import LabClient, connect  # noqa: E402
from labmesh.listing import retained  # noqa: E402
from labmesh.mosquitto import BrokerConfig, MosquittoProcess  # noqa: E402
from messages.errors import CallError  # noqa: E402
from messages.ids import NodeId  # noqa: E402
from messages.node import Presence  # noqa: E402

REQUESTERS = 4
PAUSE = 0.05
"""Wall seconds between two requests of one requester."""


async def start(
    program: str, name: str, mqtt: str, folder: Path, *flags: str
) -> asyncio.subprocess.Process:
    """Start a node on a "host" of its own: another data folder."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "labmesh.node", program, "--site", "bench", "--name", name,
        "--mqtt", mqtt, "--data-dir", str(folder / name), *flags,
        stderr=asyncio.subprocess.DEVNULL, cwd=HERE.parent,
    )  # fmt: skip


async def leader(lab: LabClient, pids: set[int], *, not_pid: int = 0) -> int:
    """Return the process that leads, once one of ``pids`` does."""
    mesh = lab._mesh  # noqa: SLF001
    topic = mesh.topics.of(NodeId("bench", "broker"), "node", "alive", "0")
    while True:
        for _, presence in await retained(mesh, topic, Presence):
            if presence.state == "online" and presence.pid in pids - {not_pid}:
                return presence.pid
        await asyncio.sleep(0.05)


async def served(lab: LabClient) -> None:
    """Return when the worker is known to the ledger."""
    async with asyncio.timeout(30):
        while True:
            with suppress(CallError):
                if (await lab.query("query.offers"))["offers"]:
                    return
            await asyncio.sleep(0.05)


async def measure(database: str, rounds: int, folder: Path) -> list[float]:
    """Return the seconds from each death to the next receipt."""
    mosquitto = MosquittoProcess(BrokerConfig(port=0, sites=("bench",)), folder / "mosquitto")
    await mosquitto.start()
    died = 0.0
    receipt: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    hosts: dict[int, tuple[str, asyncio.subprocess.Process]] = {}

    async def host(name: str) -> None:
        flags = ("--param", f"database_url={database}")
        process = await start("standby", name, mosquitto.url, folder, *flags)
        hosts[process.pid] = (name, process)

    async def ask(lab: LabClient) -> None:
        while True:
            await lab.submit("noop", "echo", {}, wait=True, attempts=10)
            now = time.monotonic()
            # One that comes at once was sent before the death.
            if now > died + PAUSE and not receipt.done():
                receipt.set_result(now)
            await asyncio.sleep(PAUSE)

    await host("a")
    await host("b")
    worker = await start("benchmarks.roundtrip:NoopNode", "worker", mosquitto.url, folder)
    found: list[float] = []
    try:
        async with connect(mqtt=mosquitto.url, site="bench", name="asker") as lab:
            leads = await leader(lab, set(hosts))
            await served(lab)
            asking = [asyncio.create_task(ask(lab), name=f"ask {n}") for n in range(REQUESTERS)]
            for _ in range(rounds):
                await asyncio.sleep(3)
                name, process = hosts.pop(leads)
                receipt = asyncio.get_running_loop().create_future()
                process.kill()
                died = time.monotonic()
                await process.wait()
                found.append(await receipt - died)
                leads = await leader(lab, set(hosts))
                await host(name)
            for task in asking:
                task.cancel()
    finally:
        for process in (worker, *(process for _, process in hosts.values())):
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
        await mosquitto.stop()
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database")
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="labmesh-takeover-") as folder:
        found = sorted(asyncio.run(measure(given.database, given.rounds, Path(folder))))
    print(f"death to the next receipt, s, {len(found)} deaths:")
    print(f"least {found[0]:.2f}  median {statistics.median(found):.2f}  most {found[-1]:.2f}")


if __name__ == "__main__":
    main()

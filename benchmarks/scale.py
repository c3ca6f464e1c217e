"""The ledger at scale: a million entries, long queues, a thousand nodes; against what is wanted.

``python benchmarks/scale.py --folder /var/tmp/labmesh-scale`` prints one table: figure, value,
goal, reached or not. The ledger of ``--entries`` is made once (some minutes) and used again where
``--folder`` names the same folder; it is copied before anything is written to it. Two figures that
are compared come from one run, in turns. CPU is that of the process in question: wall time means
something only on a machine with nothing else to do. ``--nodes 0`` leaves the many nodes out.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psutil

ROOT: Final = Path(__file__).parent.parent
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from benchmarks import many_nodes  # noqa: E402
from benchmarks.scale_ledger import GROUP, LEDGER, METHOD, QUANTITY, Busy, grow  # noqa: E402
from labmesh import LabClient, connect  # noqa: E402
from labmesh.mosquitto import BrokerConfig, MosquittoProcess  # noqa: E402
from messages.errors import CallError  # noqa: E402
from messages.ledger import Cancel  # noqa: E402
from nodes.broker import Ledger, open_ledger  # noqa: E402
from nodes.broker.store import SqlStore, sqlite_url  # noqa: E402

SITE: Final = LEDGER.site
MIB: Final = 1 << 20


@dataclass(slots=True)
class Table:
    """Figures and goals."""

    rows: list[tuple[str, float, float | None]] = field(default_factory=list)

    def add(self, name: str, value: float, goal: float | None = None) -> None:
        """Add a figure; it is to be at most ``goal``."""
        self.rows.append((name, value, goal))
        print(f"  {name}: {value:.3g}", file=sys.stderr)

    def show(self) -> None:
        """Print it."""
        print(f"{'figure':<66} {'measured':>9} {'at most':>8}  reached")
        for name, value, goal in self.rows:
            reached = "" if goal is None else "yes" if value <= goal else "NO"
            limit = "" if goal is None else f"{goal:g}"
            print(f"{name:<66} {value:>9.3g} {limit:>8}  {reached}")


def main() -> None:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--entries", type=int, default=1_000_000, help="of the large ledger")
    parser.add_argument("--pending", type=int, default=10_000, help="requests that wait in it")
    parser.add_argument("--queue", type=int, default=100_000, help="requests of the long queue")
    parser.add_argument("--nodes", type=int, default=1000, help="online at once")
    parser.add_argument("--seconds", type=float, default=20.0, help="of idleness of the nodes")
    parser.add_argument("--rounds", type=int, default=100, help="of every comparison in turns")
    parser.add_argument("--folder", type=Path, help="where the large ledger is kept")
    given = parser.parse_args()
    table = Table()
    if given.folder:
        given.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="labmesh-scale-", dir=given.folder) as scratch:
        folder = given.folder or Path(scratch)
        large = folder / f"ledger-{given.entries}.sqlite"
        grow(large, given.entries, tell=_count)
        measure_file(table, large)
        asyncio.run(measure_restart(table, large, given.entries, Path(scratch) / "restart"))
        measure_speed(table, large, given, Path(scratch) / "speed")
        asyncio.run(measure_latency(table, large, given, Path(scratch) / "latency"))
        asyncio.run(measure_queue(table, given, Path(scratch) / "queue"))
    if given.nodes:
        measure_nodes(table, given.nodes, given.seconds)
    table.show()


# -- the file -----------------------------------------------------------------------------------


def measure_file(table: Table, large: Path) -> None:
    """Verify, and read by every service."""
    with open_ledger(large) as ledger:
        with took() as wall, cpu() as spent:
            verdict = ledger.verify()
        if not verdict.sound:
            raise SystemExit(f"{large} is not sound: {verdict.reason}")
        count = verdict.entries
        table.add(f"ledger verify, {count} entries, wall s", wall[0], 30)
        table.add("  of which CPU s", spent[0])
        one = ledger.query("query.requests", {"limit": 1})["requests"][0]["id"]
        slowest: dict[str, float] = {}
        for service, arguments in (
            ("ledger.head", {}), ("ledger.stats", {}),
            ("journal.read", {"from": count - 100}), ("journal.read", {"kinds": ["offer"]}),
            ("query.requests", {"newest_first": True}), ("query.requests", {"status": ["held"]}),
            ("query.requests", {"campaign": "campaign3", "status": ["resolved", "failed"]}),
            ("query.request", {"id": one}), ("query.results", {"newest_first": True}),
            ("query.results", {"request": one}), ("query.capabilities", {}),
            ("query.offers", {}),
        ):  # fmt: skip
            with cpu() as spent:
                ledger.query(service, dict(arguments))
            slowest[service] = max(slowest.get(service, 0), spent[0] * 1000)
        stats = slowest.pop("ledger.stats")
        table.add("ledger.stats, CPU ms", stats, 100)
        name = max(slowest, key=lambda service: slowest[service])
        table.add(f"slowest other service ({name}), CPU ms", slowest[name], 100)


# -- the node as a process ----------------------------------------------------------------------


@dataclass(slots=True)
class Bench:
    """A broker node on a ledger of its own, its MQTT broker and a requester."""

    mosquitto: MosquittoProcess
    folder: Path
    process: psutil.Process | None = None

    @property
    def file(self) -> Path:
        """The ledger."""
        return self.folder / SITE / LEDGER.node / "ledger.sqlite"

    def client(self, name: str = "asker") -> Any:
        """Return a requester, to be entered."""
        return connect(mqtt=self.mosquitto.url, site=SITE, name=name, patience=30)

    @asynccontextmanager
    async def node(self) -> AsyncIterator[psutil.Process]:
        """Run the broker node for as long as the block runs."""
        async with AsyncExitStack() as stack:
            started = await many_nodes.start(
                stack, "-m", "labmesh.node", "broker", "--site", SITE,
                "--mqtt", self.mosquitto.url, "--data-dir", str(self.folder),
            )  # fmt: skip
            self.process = psutil.Process(started.pid)
            yield self.process
            started.terminate()
            await started.wait()


@asynccontextmanager
async def bench(folder: Path, ledger: Path | None) -> AsyncIterator[Bench]:
    """Start mosquitto beside a copy of a ledger."""
    made = Bench(
        MosquittoProcess(BrokerConfig(port=0, sites=(SITE,)), folder / "mosquitto"), folder / "data"
    )
    made.file.parent.mkdir(parents=True)
    if ledger is not None:
        copy(ledger, made.file)
    async with made.mosquitto:
        yield made


async def answers(lab: LabClient) -> None:
    """Return when the ledger answers."""
    async with asyncio.timeout(120):
        while True:
            try:
                await lab.query("ledger.head", timeout=1.0)
            except CallError:
                await asyncio.sleep(0.1)
            else:
                return


async def submit(lab: LabClient) -> float:
    """Submit a request that waits; return the wall seconds until its receipt."""
    with took() as wall:
        await lab.submit(
            QUANTITY, METHOD, {"temperature": 298.15, "fractions": {"EC": 1.0}}, wait=True
        )
    return wall[0]


async def measure_restart(table: Table, large: Path, entries: int, folder: Path) -> None:
    """Restart the node on the large ledger with a request that lies there for it."""
    async with bench(folder, large) as made, made.client() as lab:
        async with made.node():  # it leaves a session in which a message is kept
            await answers(lab)
        waiting = asyncio.ensure_future(submit(lab))
        await asyncio.sleep(1)
        begun = time.perf_counter()
        async with made.node() as process:
            await waiting
            wall, spent = time.perf_counter() - begun, _cpu(process)
            table.add(f"start of the node to first receipt, {entries} entries, s", wall, 3)
            table.add("  of which CPU s", spent)
            for _ in range(200):
                await submit(lab)
            memory = process.memory_full_info()
            table.add("memory of the node, RSS MiB", memory.rss / MIB, 200)
            table.add("memory of the node, USS MiB", memory.uss / MIB, 200)


async def measure_latency(
    table: Table, large: Path, given: argparse.Namespace, folder: Path
) -> None:
    """Receipts of a large and of an empty ledger in turns; then with somebody who reads."""
    async with (
        bench(folder / "empty", None) as empty,
        bench(folder / "large", large) as full,
    ):
        for made, count in ((empty, 0), (full, given.pending)):
            fill(made.file, count)
        async with empty.node() as small, full.node() as big, \
                empty.client() as at_empty, full.client() as at_full:  # fmt: skip
            times: dict[int, list[float]] = {0: [], 1: []}
            spent = [0.0, 0.0]
            for lab in (at_empty, at_full):
                await answers(lab)
                await submit(lab)
            for _ in range(given.rounds):
                for index, (lab, process) in enumerate(((at_empty, small), (at_full, big))):
                    before = _cpu(process)
                    times[index] += [await submit(lab) for _ in range(10)]
                    spent[index] += _cpu(process) - before
            medians = [statistics.median(each) * 1000 for each in times.values()]
            table.add("request to receipt, empty ledger, p50 ms", medians[0])
            table.add(f"the same, large ledger and {given.pending} pending", medians[1])
            table.add("  ratio", medians[1] / medians[0], 1.2)
            table.add("  ratio of the node's CPU for them", spent[1] / spent[0], 1.2)
            await _with_reader(table, full, at_full, given.rounds // 2)


async def _with_reader(table: Table, full: Bench, lab: LabClient, rounds: int) -> None:
    """Compare receipts with and without a reader who asks 20 times a second."""
    times: dict[bool, list[float]] = {False: [], True: []}

    async def read(reader: LabClient) -> None:
        while True:
            await reader.query("ledger.stats")
            await reader.query("query.requests", {"newest_first": True, "limit": 20})
            await asyncio.sleep(0.1)

    async with full.client("reader") as reader:
        for turn in range(2 * rounds):
            task = asyncio.ensure_future(read(reader)) if turn % 2 else None
            times[bool(task)] += [await submit(lab) for _ in range(10)]
            if task is not None:
                task.cancel()
    quiet, busy = (statistics.median(each) * 1000 for each in times.values())
    table.add("request to receipt while others read 20 times a second, ratio", busy / quiet, 1.5)


# -- the ledger in this process -----------------------------------------------------------------


@contextmanager
def opened(file: Path, **options: Any) -> Iterator[Busy]:
    """Open a ledger in this process."""
    store = SqlStore(sqlite_url(file))
    try:
        yield Busy(Ledger(LEDGER, store), **{"step": 0.01, **options})
    finally:
        store.close()


def fill(file: Path, pending: int) -> None:
    """Let requests wait in a ledger whose workers have gone."""
    with opened(file) as busy:
        busy.arrive()
    with opened(file) as busy:
        busy.arrive([])
        for first in range(0, pending, GROUP):
            count = min(GROUP, pending - first)
            busy.apply(*(busy.request(wait=True, priority=1) for _ in range(count)))
        ledger = busy.ledger
        ledger.apply([], busy.now(), forwarded=ledger.head.offset)


def measure_speed(table: Table, large: Path, given: argparse.Namespace, folder: Path) -> None:
    """Whole cycles in groups of ten on an empty ledger and on a large one, in turns."""
    folder.mkdir()
    files = [folder / "empty.sqlite", folder / "large.sqlite"]
    copy(large, files[1])
    fill(files[1], given.pending)
    with opened(files[0], slots=16) as small, opened(files[1], slots=16) as big:
        for busy in (small, big):
            busy.arrive()
            busy.work_off()

        def turn(busy: Busy) -> None:
            # The large one has more to give out than it takes: its slots are always full.
            busy.apply(*(busy.request(priority=9) for _ in range(10)))
            busy.work_off(10)

        first, second = in_turns(given.rounds, turn, small, big)
    table.add("CPU of a whole cycle, empty ledger, us", first / 10 * 1e6)
    table.add("  ratio with the large ledger and its pending requests", second / first, 1.2)


def in_turns(rounds: int, work: Callable[[Busy], None], *subjects: Busy) -> list[float]:
    """Return the median CPU seconds of some work on each subject, done in turns."""
    spent: list[list[float]] = [[] for _ in subjects]
    for _ in range(rounds):
        for subject, found in zip(subjects, spent, strict=True):
            with cpu() as used:
                work(subject)
            found.append(used[0])
    return [statistics.median(found) for found in spent]


async def measure_queue(table: Table, given: argparse.Namespace, folder: Path) -> None:
    """A long queue: its start, its memory, its service, its end."""
    queue = given.queue
    async with bench(folder, None) as made:
        fill(made.file, queue)
        short = folder / "short.sqlite"
        fill(short, 100)
        async with made.client() as lab:
            async with made.node():
                await answers(lab)
            waiting = asyncio.ensure_future(submit(lab))
            await asyncio.sleep(1)
            begun = time.perf_counter()
            async with made.node() as process:
                await waiting
                wall, spent = time.perf_counter() - begun, _cpu(process)
                table.add(f"{queue} queued: start of the node to first receipt, s", wall, 5)
                table.add("  of which CPU s", spent)
                rss = process.memory_info().rss / MIB
                table.add("  memory of the node, RSS MiB", rss, 200)
                listing = await _listing(made.mosquitto.url)
                table.add("  labmesh request list, wall s", listing, 2)
    with opened(made.file, slots=16) as long, opened(short, slots=16) as brief:
        with cpu() as used:
            long.arrive()
        table.add("  four workers come online, CPU s", used[0], 0.5)
        brief.arrive()

        def turn(busy: Busy) -> None:
            busy.work_off(10)
            busy.apply(*(busy.request(priority=1) for _ in range(10)))

        many, few = in_turns(given.rounds, turn, long, brief)
        table.add("  CPU of a cycle, ratio to a queue of 100", many / few, 1.2)

        def change_mind(busy: Busy) -> None:
            busy.apply(busy.request(priority=0, author="kit/fickle"))
            last = busy.ledger.books.live[next(reversed(busy.ledger.books.live))]
            busy.apply(
                busy.parcel(last.requester, "cancel", Cancel(request=UUID(last.id)), last.id)
            )

        many, few = in_turns(given.rounds, change_mind, long, brief)
        table.add("  CPU of a request and its cancel, ratio to a queue of 100", many / few, 1.2)


async def _listing(mqtt: str) -> float:
    with took() as wall:
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("labmesh"), "request", "list", "--status", "pending",
            "--mqtt", mqtt, "--site", SITE, stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        if await process.wait():
            raise SystemExit("labmesh request list failed")
    return wall[0]


# -- many nodes ---------------------------------------------------------------------------------


def measure_nodes(table: Table, nodes: int, seconds: float) -> None:
    """Run `many_nodes`."""
    with tempfile.TemporaryDirectory(prefix="labmesh-many-") as folder:
        found = asyncio.run(
            many_nodes.measure(Path(folder), nodes, processes=min(4, nodes), seconds=seconds)
        )
    table.add(f"{nodes} nodes: start until all are offered, s", found.start)
    table.add("  broker node while idle, % of a core", found.idle * 100, 30)
    table.add("  memory of the broker node, RSS MiB", found.memory * 1e6 / MIB, 200)
    table.add("  labmesh node list, wall s", found.listing[0], 2)
    table.add("  labmesh node list, CPU s", found.listing[1])
    table.add("  not in that list", nodes - found.listed, 0)
    table.add("  requests not answered of 100", 100 - found.answered, 0)
    table.add("  all online after mosquitto's restart, s", found.back, 60)


def copy(source: Path, target: Path) -> None:
    """Copy a ledger; all of it is on the disk on return, for nobody else to wait for."""
    shutil.copyfile(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())


# -- clocks -------------------------------------------------------------------------------------


@contextmanager
def _span(clock: Callable[[], float]) -> Iterator[list[float]]:
    found: list[float] = []
    begun = clock()
    yield found
    found.insert(0, clock() - begun)


def took() -> AbstractContextManager[list[float]]:
    """Return a context that gives a list whose first item becomes the wall seconds."""
    return _span(time.perf_counter)


def cpu() -> AbstractContextManager[list[float]]:
    """Return a context that gives a list whose first item becomes the process's CPU seconds."""
    return _span(time.process_time)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _count(entries: int) -> None:
    print(f"\r  {entries} entries", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

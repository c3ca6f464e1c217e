"""Two labs and their hub as three launches, with faults on the lines between them.

Each lab's bridge reaches the hub through a `TcpProxy` of its own. Where `nft` is there and this
process has a network of its own (`private_network`), packets on that line are dropped by the
kernel, so that TCP itself has to cope; elsewhere the proxy holds back or resets.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from labmesh.client import visit
from labmesh.links import Links
from labmesh.mosquitto import free_port
from labmesh.place import Place
from labmesh.transport import Delivery
from messages.envelope import decode
from messages.topics import parse_topic
from nodes.broker import open_ledger
from tests.support.processes import Processes, Running
from tests.support.proxy import TcpProxy

ROOT: Final = Path(__file__).parents[2]
LAUNCH: Final = ROOT / "launch" / "two_sites.launch.yaml"
LABS: Final = ("kit", "dtu")
_NETWORK: Final = "LABMESH_PRIVATE_NETWORK"
_SKEW: Final = "LABMESH_TEST_SKEW"
_TABLE: Final = "labmesh_faults"
_SITECUSTOMIZE: Final = f"""\
import os, time
_skew = int(float(os.environ.get({_SKEW!r}, "0")) * 1e9)
if _skew:
    _time_ns = time.time_ns
    time.time_ns = lambda: _time_ns() + _skew
    time.time = lambda: (_time_ns() + _skew) / 1e9
"""


def private_network() -> bool:
    """Tell whether this process may drop packets: root, in a network namespace of its own."""
    return os.environ.get(_NETWORK) == "1" and shutil.which("nft") is not None


def enter_private_network() -> None:
    """Begin this program anew in a network namespace of its own, where that is permitted."""
    if _NETWORK in os.environ or sys.platform != "linux" or not shutil.which("nft"):
        return
    can = subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True)
    if can.returncode:
        return
    command = 'ip link set lo up && exec "$0" "$@"'
    arguments = ["unshare", "--net", "sh", "-c", command, sys.executable, *sys.argv]
    os.execvpe("unshare", arguments, {**os.environ, _NETWORK: "1"})  # noqa: S606


class Line:
    """The line between a lab and the hub."""

    def __init__(self, proxy: TcpProxy) -> None:
        self.proxy = proxy

    @property
    def url(self) -> str:
        """Where the lab's bridge finds the hub."""
        return self.proxy.url

    def lose(self, part: float) -> None:
        """Drop this part of all packets, both ways; 1 is a partition. Without nft only 0 and 1."""
        if private_network():
            _nft(f"flush chain inet {_TABLE} p{self.proxy.port}")
            for side in ("sport", "dport") if part else ():
                dice = "" if part >= 1 else f"numgen random mod 1000 < {round(part * 1000)} "
                rule = f"tcp {side} {self.proxy.port} {dice}drop"
                _nft(f"add rule inet {_TABLE} p{self.proxy.port} {rule}")
        elif part >= 1:
            self.proxy.half_open()
        else:
            self.proxy.heal()

    def prepare(self) -> None:
        """Make the chain that `lose` fills."""
        if private_network():
            _nft(f"add table inet {_TABLE}")
            hook = "{ type filter hook output priority 0; }"
            _nft(f"add chain inet {_TABLE} p{self.proxy.port} {hook}")


@dataclass(slots=True)
class Observer:
    """What one site sees of the mesh: presences with links, and how much is published.

    Attributes:
        per_second: Messages that arrived, by monotonic second.
    """

    links: Links
    states: dict[str, str] = field(default_factory=dict)
    per_second: Counter[int] = field(default_factory=Counter)

    def take(self, delivery: Delivery) -> None:
        """Take whatever is published."""
        self.per_second[int(time.monotonic())] += 1
        self.links.hear(delivery)
        if "/node/alive/" in delivery.topic and delivery.payload:
            node = str(parse_topic(delivery.topic).author)
            self.states[node] = str(decode(delivery.payload).body.get("state"))

    def state(self, node: str) -> str:
        """Return a node's presence as seen here."""
        said = self.states.get(node, "unknown")
        reached = self.links.reaches(node.partition("/")[0])
        return "unreachable" if said == "online" and not reached else said

    async def until(self, node: str, state: str, patience: float) -> float:
        """Return the seconds until a node is seen in a state; -1 where that takes too long."""
        start = time.monotonic()
        while time.monotonic() - start < patience:
            if self.state(node) == state:
                return time.monotonic() - start
            await asyncio.sleep(0.05)
        return -1.0


@asynccontextmanager
async def observe(url: str, site: str) -> AsyncIterator[Observer]:
    """Watch everything that comes to the MQTT broker of a site."""
    observer = Observer(Links(site))
    async with visit(Place(mqtt=url, site=site), "observer") as visitor:
        await visitor.mesh.transport.subscribe("lab1/#", observer.take)
        yield observer


class TwoSites:
    """The two-site demonstration, one launch a site; use as a context.

    Args:
        processes: Start them, and end them whatever happens.
        folder: Of their data.
        arguments: Of the launch file, as ``name:=value``.
        skew: Seconds by which the clocks of a site's processes are wrong.
    """

    def __init__(
        self,
        processes: Processes,
        folder: Path,
        *arguments: str,
        skew: dict[str, float] | None = None,
    ) -> None:
        self._processes = processes
        self._arguments = arguments
        self._skew = skew or {}
        self._stack = AsyncExitStack()
        self.folder = folder
        self.hub_port = free_port()
        self.lines: dict[str, Line] = {}
        self.launches: dict[str, Running] = {}

    async def __aenter__(self) -> Self:
        custom = self.folder / "custom"
        custom.mkdir(parents=True)
        (custom / "sitecustomize.py").write_text(_SITECUSTOMIZE)
        if private_network():
            _nft(f"add table inet {_TABLE}")
        for site in LABS:
            proxy = await self._stack.enter_async_context(TcpProxy(self.hub_port))
            self.lines[site] = Line(proxy)
            self.lines[site].prepare()
        await self.launch("hub", f"hub_port:={self.hub_port}")
        await self.launches["hub"].wait_line("broker is active", timeout=90)
        for site in LABS:
            await self.launch(site, f"hub_url:={self.lines[site].url}")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for line in self.lines.values():
            line.lose(0)
        for running in reversed(self.launches.values()):
            running.interrupt()
        for running in self.launches.values():
            await running.wait(60)
        await self._stack.aclose()
        if private_network():
            _nft(f"delete table inet {_TABLE}")

    async def launch(self, site: str, *arguments: str) -> None:
        """Start the part of a site."""
        path = [str(self.folder / "custom"), os.environ.get("PYTHONPATH", "")]
        self.launches[site] = await self._processes.labmesh(
            "launch", LAUNCH, "--site", site, "--data-dir", self.folder / site,
            *self._arguments, *arguments,
            name=f"launch {site}",
            env={"PYTHONPATH": os.pathsep.join(filter(None, path)),
                 _SKEW: str(self._skew.get(site, 0))},
        )  # fmt: skip

    @property
    def hub_url(self) -> str:
        """The hub's MQTT broker, for whoever is at the hub."""
        return f"mqtt://127.0.0.1:{self.hub_port}"

    def url(self, site: str) -> str:
        """The MQTT broker of a lab, once it runs."""
        return self._said(site, "at mqtt://").partition(" at ")[2].partition(" ")[0]

    async def measured(self, count: int, *, patience: float = 120.0) -> float:
        """Return the seconds until so many measurements are made."""
        start = time.monotonic()
        await self.launches["dtu"].wait_line(rf"measurement {count}/", timeout=patience)
        return time.monotonic() - start

    def count(self) -> int:
        """Return how many measurements are made."""
        said = (re.search(r"measurement (\d+)/", line) for line in self.launches["dtu"].lines)
        return max((int(found[1]) for found in said if found), default=0)

    async def ended(self, *, patience: float) -> float:
        """Return the seconds until the campaign, and with it the launch of its site, is over."""
        start = time.monotonic()
        assert await self.launches["dtu"].wait(patience) == 0
        return time.monotonic() - start

    def kill(self, site: str, what: str) -> None:
        """``kill -9`` of ``mqtt_broker``, or of a node, that a site's launch started."""
        line = self._said(site, "MQTT broker of" if what == "mqtt_broker" else f"started {what} ")
        os.kill(int(line.rpartition("pid ")[2].rstrip(")")), signal.SIGKILL)

    def stop(self, site: str, number: signal.Signals) -> None:
        """Freeze (SIGSTOP) or thaw (SIGCONT) a site's MQTT broker."""
        line = self._said(site, "MQTT broker of")
        os.kill(int(line.rpartition("pid ")[2].rstrip(")")), number)

    def _said(self, site: str, words: str) -> str:
        return next(line for line in reversed(self.launches[site].lines) if words in line)


@dataclass(frozen=True, slots=True)
class Account:
    """What a campaign came to, from files alone.

    Attributes:
        requests: Asked for.
        resolved: Of these, with exactly one result.
        acts: Mixtures that the instrument really made, by what is missing in its bottles.
        held: Requests that a person would have had to decide, had the worker not come back.
        wrong: Everything that must not be.
    """

    requests: int
    resolved: int
    acts: float
    held: int
    wrong: tuple[str, ...]


def account(folder: Path) -> Account:
    """Hold the ledger of a finished campaign against the instrument's bottles."""
    ledger = open_ledger(folder / "hub" / "hub" / "broker")
    verdict = ledger.verify()
    requests = ledger.query("query.requests", {"limit": 500})["requests"]
    results = ledger.query("query.results", {"unsolicited": False, "limit": 500})["results"]
    logs = [ledger.query("query.request", {"id": each["id"]})["log"] for each in requests]
    times = Counter(each["request"] for each in results if each["outcome"] == "resolved")
    once = [e for e in requests if e["status"] == "resolved" and times[e["id"]] == 1]
    made = sum(sample["properties"]["volume"] for r in results for sample in r["samples"])
    with sqlite3.connect(folder / "kit" / "kit" / "asab" / "inventory.sqlite") as db:
        gone = sum(1e-3 - volume for (volume,) in db.execute("SELECT volume FROM bottle"))
    db.close()
    wrong = [] if verdict.sound else [f"the chain: {verdict}"]
    wrong += [f"request {r['id']} is {r['status']}" for r in requests if r not in once]
    wrong += [f"{request} has {n} results" for request, n in times.items() if n > 1]
    if abs(gone - made) > 1e-9:
        wrong.append(f"{gone:.3g} m3 left the bottles, results account for {made:.3g}")
    for site, node in (("kit", "asab"), ("dtu", "optimiser")):
        with sqlite3.connect(folder / site / site / node / "node.sqlite") as db:
            stuck = db.execute("SELECT topic FROM outbox").fetchall()
        db.close()
        wrong += [f"left in the outbox of {site}/{node}: {topic}" for (topic,) in stuck]
    held = sum(any(line["after"] == "held" for line in log) for log in logs)
    return Account(len(requests), len(once), gone / 3e-6, held, tuple(wrong))


def _nft(*words: Any) -> None:
    subprocess.run(["nft", *map(str, words)], check=True, capture_output=True)

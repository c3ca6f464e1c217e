"""The broker node's host is gone: another takes over, and there are never two."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from labmesh import LabClient, connect
from labmesh.listing import retained
from messages.errors import LabmeshError
from messages.ids import NodeId, new_id
from messages.node import Diagnostic, Presence
from nodes.broker import open_ledger
from nodes.broker.store import SqlStore
from tests.support import MqttBroker, PostgresServer, Processes, Running, TcpProxy

ROOT = Path(__file__).parents[2]


@dataclass
class Site:
    """A lab whose ledger is in PostgreSQL; every process has a data folder of its own."""

    mqtt: MqttBroker
    postgres: PostgresServer
    processes: Processes
    url: str

    async def start(self, program: str, name: str, *parameters: str, patience: int = 10) -> Running:
        folder = self.processes.cwd / f"host{len(self.processes.all)}"
        flags = [word for p in parameters for word in ("--param", p)]
        return await self.processes.start(
            sys.executable, "-m", "labmesh.node", program, "--site", "kit", "--name", name,
            "--mqtt", self.mqtt.url, "--data-dir", str(folder), *flags, "--patience", str(patience),
            name=name, env={"PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    async def broker(self, url: str = "") -> Running:
        node = await self.start("broker", "broker", f"database_url={url or self.url}")
        await node.wait_line("taking messages")
        return node

    async def standby(self, name: str, says: str = "ready to be kit/broker") -> Running:
        node = await self.start("standby", name, f"database_url={self.url}")
        await node.wait_line(says)
        return node

    @asynccontextmanager
    async def client(self) -> AsyncIterator[LabClient]:
        async with connect(mqtt=self.mqtt.url, site="kit", name="opt", ledger="kit/broker") as lab:
            await self.start("tests.nodes.broker.model_node:DoublingNode", "model")
            async with asyncio.timeout(30):
                while not (await lab.query("query.offers"))["offers"]:
                    await asyncio.sleep(0.05)
            yield lab

    def cut_writer(self) -> None:
        """End the writer's session at the server."""
        self.admin(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )

    def admin(self, statement: str) -> None:
        engine = create_engine(self.postgres.superuser_url(self.url), poolclass=NullPool)
        with engine.begin() as connection:
            connection.execute(text(statement))

    async def until_diagnosed(self, lab: LabClient, node: str, words: str) -> Diagnostic:
        topic = lab._mesh.topics.of(NodeId("kit", node), "node", "diag", "standby")
        async with asyncio.timeout(30):
            while True:
                for _, diagnostic in await retained(lab._mesh, topic, Diagnostic):
                    if words in diagnostic.message:
                        return diagnostic
                await asyncio.sleep(0.05)

    async def reconnects(self, lab: LabClient) -> int:
        """How often the broker node that leads was thrown out of the mesh."""
        topic = lab._mesh.topics.of(NodeId("kit", "broker"), "node", "diag", "messages")
        [(_, found)] = await retained(lab._mesh, topic, Diagnostic)
        return int(found.values["reconnects"])

    async def presence(self, lab: LabClient) -> Presence:
        topic = lab._mesh.topics.of(NodeId("kit", "broker"), "node", "alive", "0")
        [(_, found)] = await retained(lab._mesh, topic, Presence)
        return found


@pytest.fixture
def site(mqtt_broker: MqttBroker, postgres: PostgresServer, processes: Processes) -> Site:
    return Site(mqtt_broker, postgres, processes, postgres.database())


@dataclass
class Load:
    """Requesters that never stop asking; what each was told."""

    lab: LabClient
    receipted: list[UUID] = field(default_factory=list)
    answers: dict[UUID, float] = field(default_factory=dict)
    asked: int = 0
    _stop: bool = False

    async def _ask(self) -> None:
        while not self._stop:
            self.asked += 1
            x, identity = float(self.asked), new_id()
            handle = await self.lab.submit(
                "doubling", "sum", {"x": x, "seconds": 0.05}, id=identity, wait=True, attempts=10
            )
            self.receipted.append(identity)
            self.answers[identity] = (await handle.result()).data["y"] - 2 * x

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self._ask(), name=f"ask {n}") for n in range(6)]
        try:
            yield
            self._stop = True
            await asyncio.wait_for(asyncio.gather(*tasks), 60)
        finally:
            for task in tasks:
                task.cancel()

    async def more(self, count: int = 15) -> None:
        """Return when that many more receipts have come."""
        goal = len(self.receipted) + count
        async with asyncio.timeout(60):
            while len(self.receipted) < goal:
                await asyncio.sleep(0.02)

    def check(self, url: str) -> None:
        """Everything that was receipted is in the ledger once, and ended as its requester heard."""
        assert len(self.answers) == self.asked == len(set(self.receipted))
        assert set(self.answers.values()) == {0.0}
        with open_ledger(url) as reader:
            verdict = reader.verify()
            assert verdict.sound, verdict
            stats = reader.query("ledger.stats")
            assert stats["requests"] == {"resolved": self.asked}
            for identity in self.receipted:
                found = reader.query("query.results", {"request": str(identity)})["results"]
                assert [r["outcome"] for r in found].count("resolved") == 1


async def test_a_killed_leader_is_succeeded_and_nothing_is_lost(site: Site) -> None:
    leader = await site.broker()
    second = await site.standby("broker-b")
    async with site.client() as lab:
        load = Load(lab)
        async with load.running():
            await load.more()
            first = await site.presence(lab)
            leader.kill()
            await second.wait_line("taking messages")
            await load.more()
            now = await site.presence(lab)
            assert (now.pid, now.state) == (second.pid, "online")
            # Whatever host it runs on: counted on, so that no old will buries the new birth.
            assert now.epoch == first.epoch + 1
            # The old leader, started again as what it was, is refused with the remedy.
            again = await site.start("broker", "broker", f"database_url={site.url}")
            assert await again.wait() == 3
            assert "kit/broker is online since" in again.output
            assert f"(pid {second.pid}); stop that process" in again.output
            # As a standby it waits, and its turn comes.
            first_host = await site.standby("broker-a")
            told = await site.until_diagnosed(lab, "broker-a", f"pid {second.pid} on")
            assert told.level.value == "ok"
            listing = await site.processes.run(
                Path(sys.executable).with_name("labmesh"), "node", "list", "--json",
                "--mqtt", site.mqtt.url, "--site", "kit",
            )  # fmt: skip
            assert [
                (node["node"], node["pid"], node["diagnostics"])
                for node in json.loads(listing.stdout)
                if "broker" in node["node"]
            ] == [
                ("kit/broker", second.pid, "ok"),
                ("kit/broker-a", first_host.pid, "ok"),
                ("kit/broker-b", second.pid, "ok"),
            ]
            second.kill()
            await first_host.wait_line("taking messages")
            await load.more()
        load.check(site.url)
    first_host.terminate()
    assert await first_host.wait() == 0, first_host.output


@pytest.mark.slow
async def test_a_frozen_leader_that_wakes_writes_nothing_and_ends(site: Site) -> None:
    leader = await site.broker()
    second = await site.standby("broker-b")
    async with site.client() as lab:
        load = Load(lab)
        async with load.running():
            await load.more()
            leader.signal(signal.SIGSTOP)
            # Its lock stands with its connection: nobody can take over.
            with pytest.raises(LabmeshError):
                await lab.query("ledger.head", timeout=2)
            assert "taking messages" not in second.output
            site.cut_writer()
            await second.wait_line("taking messages")
            await load.more()
            leader.signal(signal.SIGCONT)
            assert await leader.wait() == 2, leader.output
            assert f"another process writes this ledger: pid {second.pid} on" in leader.output
            await load.more()
            assert await site.reconnects(lab) == 0
        load.check(site.url)


@pytest.mark.slow
async def test_a_leader_that_lost_the_database_alone_does_not_fight_for_its_name(
    site: Site,
) -> None:
    address = make_url(site.url)
    async with TcpProxy(site.postgres.port) as line:
        through = address.set(port=line.port).render_as_string(hide_password=False)
        leader = await site.broker(through)
        second = await site.standby("broker-b")
        async with site.client() as lab:
            load = Load(lab)
            async with load.running():
                await load.more()
                await line.refuse()
                await line.cut()
                await second.wait_line("taking messages")
                await load.more()
                assert leader.code is None
                await line.accept()
                assert await leader.wait() == 2, leader.output
                assert "another process writes this ledger" in leader.output
                await load.more()
                assert await site.reconnects(lab) == 0
            load.check(site.url)


@pytest.mark.slow
async def test_of_two_standbys_one_wins_and_the_other_goes_on_waiting(site: Site) -> None:
    leader = await site.standby("broker-a", "taking messages")  # of an empty database
    others = [await site.standby("broker-b"), await site.standby("broker-c")]
    async with site.client() as lab:
        load = Load(lab)
        async with load.running():
            await load.more()
            leader.kill()
            await load.more()
            [won] = [node for node in others if "taking messages" in node.output]
            [waits] = [node for node in others if node is not won]
            await site.until_diagnosed(lab, waits.name, f"pid {won.pid} on")
            # A clean end frees the lock, too.
            won.terminate()
            assert await won.wait() == 0, won.output
            await waits.wait_line("taking messages")
            await load.more()
        load.check(site.url)


@pytest.mark.slow
async def test_the_server_restarts_and_the_leader_stays_the_leader_or_is_succeeded(
    site: Site,
) -> None:
    leader = await site.broker()
    second = await site.standby("broker-b")
    async with site.client() as lab:
        load = Load(lab)
        async with load.running():
            await load.more()
            site.postgres.restart()
            await load.more()
            leads = [node for node in (leader, second) if "taking messages" in node.output]
            if second in leads:
                assert await leader.wait() == 2, leader.output
            else:
                assert leader.code is None
        load.check(site.url)


async def test_without_an_mqtt_broker_a_standby_lets_go_of_the_ledger_again(site: Site) -> None:
    leader = await site.broker()
    second = await site.start("standby", "broker-b", f"database_url={site.url}", patience=1)
    await second.wait_line("ready to be kit/broker")
    site.mqtt.kill()
    leader.kill()
    assert await second.wait() == 1, second.output
    assert "kit/broker: nothing listens at" in second.output or "no connection" in second.output
    SqlStore(site.url).close()


async def test_a_standby_needs_a_database_that_hosts_share(site: Site) -> None:
    refused = await site.start("standby", "broker-b", "database_url=sqlite:////tmp/l.sqlite")
    assert await refused.wait() == 2
    assert "a standby needs a ledger that several hosts reach" in refused.output
    itself = await site.start("standby", "broker", f"database_url={site.url}")
    assert await itself.wait() == 2
    assert "kit/broker cannot be its own standby" in itself.output


async def test_the_launch_file_of_the_page_is_sound(processes: Processes) -> None:
    page = (ROOT / "docs" / "standby.md").read_text(encoding="utf-8")
    [shown] = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    file = processes.cwd / "broker.launch.yaml"
    file.write_text(shown, encoding="utf-8")
    labmesh = Path(sys.executable).with_name("labmesh")
    good = await processes.run(labmesh, "launch", file, "--check", "name:=broker-a")
    assert good.code == 0, good.stderr
    shared = ("name:=broker-a", "database:=sqlite:////tmp/l.sqlite")
    bad = await processes.run(labmesh, "launch", file, "--check", *shared)
    assert bad.code == 2
    assert "a standby needs a ledger that several hosts reach" in bad.stderr

"""The broker node as a process, with a real MQTT broker and real nodes; and killed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import pytest

from labmesh import Level, RefusedError, connect
from labmesh.client import LabClient
from labmesh.listing import retained
from messages.ids import NodeId, new_id
from messages.node import Diagnostic
from nodes.broker import open_ledger
from nodes.broker.store import sqlite_url
from tests.nodes.broker.conftest import POSTGRESQL_NIGHTLY
from tests.nodes.broker.lab import journal
from tests.support import MqttBroker, PostgresServer, Processes, Running

ROOT = Path(__file__).parents[3]


async def start(
    processes: Processes, mqtt: MqttBroker, program: str, name: str, *flags: str
) -> Running:
    return await processes.start(
        *("python", "-m", "labmesh.node", program, "--site", "kit", "--name", name),
        *("--mqtt", mqtt.url, "--data-dir", str(processes.cwd / "data"), *flags),
        name=name,
        env={"PYTHONPATH": str(ROOT)},
    )


async def start_ledger(processes: Processes, mqtt: MqttBroker, url: str) -> Running:
    node = await start(processes, mqtt, "broker", "broker", "--param", f"database_url='{url}'")
    await node.wait_line("taking messages")
    return node


@pytest.fixture
def python_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import sys

    folder = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.usefixtures("python_on_path")
async def test_requests_are_served_and_read(
    mqtt_broker: MqttBroker, processes: Processes, database_url: str
) -> None:
    ledger = await start_ledger(processes, mqtt_broker, database_url)
    await start(processes, mqtt_broker, "tests.nodes.broker.model_node:DoublingNode", "model")
    async with connect(mqtt=mqtt_broker.url, site="kit", name="opt", ledger="kit/broker") as lab:
        await until_offered(lab)
        result = await lab.request("doubling", "sum", {"x": 21.0}, campaign="c", wait=True)
        assert result.data == {"y": 42.0}
        assert result.author == "kit/model"
        with pytest.raises(RefusedError, match='parameters.x: "21" is not of type "number"'):
            await lab.request("doubling", "sum", {"x": "21"})
        views = [view async for view in lab.requests(campaign="c")]
        assert [view.status.value for view in views] == ["resolved"]
        stats = await lab.query("ledger.stats")
        assert stats["requests"] == {"resolved": 1}
        assert stats["refusals"] == {"parameters": 1}
        offers = (await lab.query("query.offers"))["offers"]
        assert [(o["online"], o["active"], o["busy"]) for o in offers] == [(True, True, 0)]
        with open_ledger(database_url) as reader:
            assert reader.query("ledger.head") == await lab.query("ledger.head")
    ledger.terminate()
    assert await ledger.wait() == 0
    with open_ledger(database_url) as reader:
        assert reader.verify().sound
        assert reader.query("query.requests", {"status": ["resolved"]})["total"] == 1


@POSTGRESQL_NIGHTLY
@pytest.mark.usefixtures("python_on_path")
async def test_a_ledger_killed_again_and_again_loses_nothing_and_repeats_nothing(
    mqtt_broker: MqttBroker, processes: Processes, database_url: str
) -> None:
    ledger = await start_ledger(processes, mqtt_broker, database_url)
    await start(processes, mqtt_broker, "tests.nodes.broker.model_node:DoublingNode", "model")
    async with connect(mqtt=mqtt_broker.url, site="kit", name="opt", ledger="kit/broker") as lab:
        ids = [new_id() for _ in range(60)]

        async def ask(number: int) -> float:
            await asyncio.sleep(number * 0.1)
            handle = await lab.submit(
                "doubling", "sum", {"x": float(number), "seconds": 0.2},
                id=ids[number], wait=True, attempts=10,
            )  # fmt: skip
            return float((await handle.result()).data["y"])

        await until_offered(lab)
        async with asyncio.timeout(90):
            asked = [asyncio.create_task(ask(n), name=f"ask {n}") for n in range(len(ids))]
            for pause in (1.0, 1.7, 0.6):
                await asyncio.sleep(pause)
                ledger.kill()
                await ledger.wait()
                ledger = await start_ledger(processes, mqtt_broker, database_url)
            answers = await asyncio.gather(*asked)
        assert answers == [2.0 * n for n in range(len(ids))]
    ledger.terminate()
    assert await ledger.wait() == 0
    assert_each_was_resolved_once(database_url, ids)


@pytest.mark.usefixtures("python_on_path")
async def test_a_database_server_killed_under_load_loses_nothing_and_stops_nobody(
    mqtt_broker: MqttBroker, processes: Processes, postgres: PostgresServer
) -> None:
    url = postgres.schema()
    ledger = await start_ledger(processes, mqtt_broker, url)
    await start(processes, mqtt_broker, "tests.nodes.broker.model_node:DoublingNode", "model")
    async with connect(mqtt=mqtt_broker.url, site="kit", name="opt", ledger="kit/broker") as lab:
        ids = [new_id() for _ in range(40)]
        receipted: list[UUID] = []

        async def ask(number: int) -> float:
            await asyncio.sleep(number * 0.25)
            handle = await lab.submit(
                "doubling", "sum", {"x": float(number), "seconds": 0.1},
                id=ids[number], wait=True, attempts=10,
            )  # fmt: skip
            receipted.append(ids[number])
            return float((await handle.result()).data["y"])

        await until_offered(lab)
        async with asyncio.timeout(90):
            asked = [asyncio.create_task(ask(n), name=f"ask {n}") for n in range(len(ids))]
            for _ in range(2):
                wanted = len(receipted) + 5
                if wanted > len(ids):
                    break  # a slow machine: all of them came in while the server was away
                while len(receipted) < wanted:
                    await asyncio.sleep(0.01)
                postgres.kill()
                told = list(receipted)
                bad = await diagnosed(lab, Level.ERROR)
                assert "cannot write the ledger" in bad.message
                assert "nothing is lost" in bad.remedy
                postgres.start()
                with open_ledger(url) as reader:
                    for identity in told:
                        assert reader.query("query.request", {"id": str(identity)})
                await diagnosed(lab, Level.OK)
            answers = await asyncio.gather(*asked)
        assert answers == [2.0 * n for n in range(len(ids))]
        # Reading goes on, too, over a connection of its own.
        assert (await lab.query("ledger.stats"))["requests"] == {"resolved": len(ids)}
    assert ledger.code is None, "the same process all the time"
    ledger.terminate()
    assert await ledger.wait() == 0
    assert_each_was_resolved_once(url, ids)


@POSTGRESQL_NIGHTLY
@pytest.mark.usefixtures("python_on_path")
async def test_a_backup_is_made_while_the_node_writes(
    mqtt_broker: MqttBroker, processes: Processes, database_url: str
) -> None:
    ledger = await start_ledger(processes, mqtt_broker, database_url)
    await start(processes, mqtt_broker, "tests.nodes.broker.model_node:DoublingNode", "model")
    copy = processes.cwd / "backup.sqlite"
    async with connect(mqtt=mqtt_broker.url, site="kit", name="opt", ledger="kit/broker") as lab:
        done, asked = asyncio.Event(), 0

        async def ask() -> None:
            nonlocal asked
            while not done.is_set():
                await lab.request("doubling", "sum", {"x": 1.0}, wait=True)
                asked += 1

        await until_offered(lab)
        sizes = []
        async with asyncio.timeout(60), asyncio.TaskGroup() as asking:
            for number in range(4):
                asking.create_task(ask(), name=f"ask {number}")
            for force in ((), ("--force",)):
                before = asked
                while asked < before + 3:
                    await asyncio.sleep(0.01)
                backup = await processes.labmesh(
                    "ledger", "backup", copy, *force, "--json", "--database-url", database_url
                )
                assert await backup.wait() == 0, backup.output
                sizes.append(json.loads("\n".join(backup.stdout))["entries"])
            done.set()
    ledger.terminate()
    assert await ledger.wait() == 0
    saved, whole = journal(sqlite_url(copy)), journal(database_url)
    assert 0 < sizes[0] < sizes[1] == len(saved) < len(whole)
    assert saved == whole[: len(saved)]
    with open_ledger(copy) as reader:
        assert reader.verify().sound


async def until_offered(lab: LabClient) -> None:
    async with asyncio.timeout(20):
        while not (await lab.query("query.offers"))["offers"]:
            await asyncio.sleep(0.1)


async def diagnosed(lab: LabClient, level: Level) -> Diagnostic:
    """Return the broker node's word about its ledger once it is of that level."""
    topic = lab._mesh.topics.of(NodeId("kit", "broker"), "node", "diag", "ledger")
    async with asyncio.timeout(30):
        while True:
            for _, found in await retained(lab._mesh, topic, Diagnostic):
                if found.level is level:
                    return found
            await asyncio.sleep(0.05)


def assert_each_was_resolved_once(url: str, ids: Sequence[UUID]) -> None:
    with open_ledger(url) as reader:
        assert reader.verify().sound
        assert reader.query("query.requests")["total"] == len(ids)
        assert reader.query("query.requests", {"status": ["resolved"]})["total"] == len(ids)
        # One result a request that resolved it; NodeId keeps the names honest.
        for identity in ids:
            found = reader.query("query.results", {"request": str(identity)})["results"]
            assert [r["outcome"] for r in found].count("resolved") == 1
            assert {NodeId.parse(r["author"]).node for r in found} == {"model"}

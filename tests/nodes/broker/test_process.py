"""The broker node as a process, with a real MQTT broker and real nodes; and killed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from labmesh import RefusedError, connect
from messages.ids import NodeId, new_id
from nodes.broker import open_ledger
from tests.support import MqttBroker, Processes, Running

ROOT = Path(__file__).parents[3]


async def start(processes: Processes, mqtt: MqttBroker, program: str, name: str) -> Running:
    return await processes.start(
        *("python", "-m", "labmesh.node", program, "--site", "kit", "--name", name),
        *("--mqtt", mqtt.url, "--data-dir", str(processes.cwd / "data")),
        name=name,
        env={"PYTHONPATH": str(ROOT)},
    )


async def start_ledger(processes: Processes, mqtt: MqttBroker) -> Running:
    node = await start(processes, mqtt, "broker", "broker")
    await node.wait_line("taking messages")
    return node


@pytest.fixture
def python_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import sys

    folder = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.usefixtures("python_on_path")
async def test_requests_are_served_and_read(mqtt_broker: MqttBroker, processes: Processes) -> None:
    ledger = await start_ledger(processes, mqtt_broker)
    await start(processes, mqtt_broker, "tests.nodes.broker.model_node:DoublingNode", "model")
    async with connect(mqtt=mqtt_broker.url, site="kit", name="opt", ledger="kit/broker") as lab:
        async with asyncio.timeout(20):
            while not (await lab.query("query.offers"))["offers"]:
                await asyncio.sleep(0.1)
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
        file = processes.cwd / "data" / "kit" / "broker"
        with open_ledger(file) as reader:
            assert reader.query("ledger.head") == await lab.query("ledger.head")
    ledger.terminate()
    assert await ledger.wait() == 0
    with open_ledger(file) as reader:
        assert reader.verify().sound
        assert reader.query("query.requests", {"status": ["resolved"]})["total"] == 1


@pytest.mark.usefixtures("python_on_path")
async def test_a_ledger_killed_again_and_again_loses_nothing_and_repeats_nothing(
    mqtt_broker: MqttBroker, processes: Processes
) -> None:
    ledger = await start_ledger(processes, mqtt_broker)
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

        async with asyncio.timeout(20):
            while not (await lab.query("query.offers"))["offers"]:
                await asyncio.sleep(0.1)
        async with asyncio.timeout(90):
            asked = [asyncio.create_task(ask(n), name=f"ask {n}") for n in range(len(ids))]
            for pause in (1.0, 1.7, 0.6):
                await asyncio.sleep(pause)
                ledger.kill()
                await ledger.wait()
                ledger = await start_ledger(processes, mqtt_broker)
            answers = await asyncio.gather(*asked)
        assert answers == [2.0 * n for n in range(len(ids))]
    ledger.terminate()
    assert await ledger.wait() == 0
    with open_ledger(processes.cwd / "data" / "kit" / "broker") as reader:
        assert reader.verify().sound
        assert reader.query("query.requests")["total"] == len(ids)
        assert reader.query("query.requests", {"status": ["resolved"]})["total"] == len(ids)
        # One result a request that resolved it; NodeId keeps the names honest.
        for identity in ids:
            found = reader.query("query.results", {"request": str(identity)})["results"]
            assert [r["outcome"] for r in found].count("resolved") == 1
            assert {NodeId.parse(r["author"]).node for r in found} == {"model"}

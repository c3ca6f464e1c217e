"""Metrics of real nodes, read as Prometheus reads them; and what docs/watching.md says of them."""

from __future__ import annotations

import asyncio
import re
import socket
import sqlite3
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from labmesh import LabClient, RefusedError, connect
from labmesh.calls import Caller
from labmesh.client import visit
from labmesh.place import Place
from messages.ids import NodeId, new_id
from tests.support import MqttBroker, Processes, Running

ROOT = Path(__file__).parents[3]
RULES = ROOT / "docs" / "examples" / "labmesh.rules.yaml"
ECHO = "tests.labmesh.node.programs:EchoNode"

Page = dict[str, Metric]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def scrape(port: int) -> Page:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        text = page.read().decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(page: Page, sample: str, **labels: str) -> float:
    found = [
        each.value
        for family in page.values()
        for each in family.samples
        if each.name == sample and labels.items() <= each.labels.items()
    ]
    assert len(found) == 1, f"{sample} {labels}: {found}"
    return found[0]


async def until(port: int, holds: Callable[[Page], bool]) -> Page:
    """The first page that fulfils a condition."""
    async with asyncio.timeout(20):
        while not holds(page := await asyncio.to_thread(scrape, port)):
            await asyncio.sleep(0.05)
        return page


async def start(
    processes: Processes, mqtt: MqttBroker, program: str, name: str, *flags: str
) -> Running:
    return await processes.start(
        *(sys.executable, "-m", "labmesh.node", program, "--site", "kit", "--name", name),
        *("--mqtt", mqtt.url, "--data-dir", str(processes.cwd / "data"), *flags),
        name=name,
        env={"PYTHONPATH": str(ROOT)},
    )


async def start_watched(
    processes: Processes, mqtt: MqttBroker, program: str, name: str
) -> tuple[Running, int]:
    port = free_port()
    node = await start(processes, mqtt, program, name, "--param", f"metrics_port={port}")
    await node.wait_line("taking messages" if program == "broker" else "active")
    return node, port


async def until_offered(lab: LabClient) -> None:
    async with asyncio.timeout(20):
        while not (await lab.query("query.offers"))["offers"]:
            await asyncio.sleep(0.05)


async def test_the_pages_tell_what_has_happened(
    mqtt_broker: MqttBroker, processes: Processes
) -> None:
    _, ledger = await start_watched(processes, mqtt_broker, "broker", "broker")
    node, echo = await start_watched(processes, mqtt_broker, ECHO, "echo")
    async with connect(mqtt=mqtt_broker.url, site="kit", name="opt", ledger="kit/broker") as lab:
        await until_offered(lab)
        before = await asyncio.to_thread(scrape, ledger)
        assert value(before, "labmesh_ledger_accepted_total", kind="request") == 0
        same = new_id()
        for _ in range(2):  # the second is a duplicate
            handle = await lab.submit("speech", "echo", {"text": "hello"}, id=same)
            await handle.result()
        with pytest.raises(RefusedError):
            await lab.submit("speech", "echo", {"text": 5})
        late = await lab.submit("speech", "echo", {"text": "later"}, wait=True, priority=1)
        await late.result()
        crash = await lab.submit("speech", "megaphone", {"text": "crash"}, attempts=1)
        await crash.done()
        done = await until(echo, lambda page: value(page, "labmesh_outbox_messages") == 0)
        assert value(done, "labmesh_orders_done_total", node="kit/echo") == 2
        assert value(done, "labmesh_orders_failed_total") == 1
        assert value(done, "labmesh_connected") == 1
        assert value(done, "labmesh_messages_received_total") >= 3
        assert value(done, "labmesh_log_records_total", level="error") >= 1, "the crash"
        assert value(done, "labmesh_disk_free_bytes") > 0
        await check_the_port_comes_and_goes_with_configuration(mqtt_broker, echo)
        await lab.submit("speech", "megaphone", {"text": "long", "seconds": 60}, wait=True)
        await until(echo, lambda page: value(page, "labmesh_orders_in_hand") == 1)
        running = await until(
            ledger, lambda page: value(page, "labmesh_ledger_requests", status="running") == 1
        )
        assert value(running, "labmesh_ledger_leases") == 1
        node.kill()
        held = await until(
            ledger, lambda page: value(page, "labmesh_ledger_requests", status="held") == 1
        )
        assert value(held, "labmesh_ledger_leases") == 0
        assert value(held, "labmesh_ledger_accepted_total", kind="request") == 4
        assert value(held, "labmesh_ledger_refused_total", reason="parameters") == 1
        assert value(held, "labmesh_ledger_duplicates_total") == 1
        head = await lab.query("ledger.head")
        assert value(held, "labmesh_ledger_head_offset") == head["offset"]
        commits = value(held, "labmesh_ledger_commit_seconds_count")
        assert 0 < commits == value(held, "labmesh_ledger_batch_messages_count")
        assert value(held, "labmesh_ledger_commit_seconds_bucket", le="+Inf") == commits
        assert 0 < value(held, "labmesh_ledger_commit_seconds_sum") < 60
        assert value(held, "labmesh_ledger_intake_connected") == 1
        assert value(held, "labmesh_ledger_database_trouble") == 0
        assert value(held, "labmesh_node_state", state="active", node="kit/broker") == 1
        program = "nodes.broker._node:BrokerNode"
        assert value(held, "labmesh_node_info", node="kit/broker", program=program) == 1
        assert value(held, "process_resident_memory_bytes") > 1e6
        check_the_docs(held, done)


def check_the_docs(ledger: Page, node: Page) -> None:
    """The table lists what is there, no more and no less, with its type."""
    text = (ROOT / "docs" / "watching.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(labmesh_\w+)` \| (\w+) \|", text, re.MULTILINE)
    there = {
        f"{name}_total" if family.type == "counter" else name: family.type
        for name, family in {**ledger, **node}.items()
        if name.startswith("labmesh_")
    }
    there["labmesh_node_info"] = there.pop("labmesh_node_info", "gauge")
    assert dict(rows) == there
    assert len(rows) == len(set(rows))
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    every = {s.name for family in {**ledger, **node}.values() for s in family.samples}
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    assert len(alerts) >= 3
    for rule in alerts:
        assert {"alert", "expr", "for", "labels", "annotations"} == rule.keys()
        assert re.fullmatch(r"\d+[smh]", rule["for"])
        names = set(re.findall(r"\blabmesh_\w+", rule["expr"]))
        assert names, rule
        assert names <= every, rule


async def check_the_port_comes_and_goes_with_configuration(mqtt: MqttBroker, port: int) -> None:
    place = Place(mqtt=mqtt.url, site="kit", ledger=NodeId("kit", "broker"))
    async with visit(place, "hand") as hand:
        await change(hand.caller, "deactivate")
        page = await asyncio.to_thread(scrape, port)
        assert value(page, "labmesh_node_state", state="inactive") == 1
        await change(hand.caller, "cleanup")
        with pytest.raises(urllib.error.URLError):
            await asyncio.to_thread(scrape, port)
        await change(hand.caller, "configure")
        page = await asyncio.to_thread(scrape, port)
        assert value(page, "labmesh_node_state", state="inactive") == 1
        await change(hand.caller, "activate")
        answer = await hand.caller.call(
            NodeId("kit", "echo"), "param.set", {"values": {"metrics_port": 1}}
        )
        assert answer["pending"] == {"metrics_port": 1}
        assert answer["values"]["metrics_port"] == port


async def change(caller: Caller, transition: str) -> None:
    echo = NodeId("kit", "echo")
    await caller.call(echo, "life.change", {"transition": transition}, timeout=10)


async def test_the_page_answers_while_the_database_does_not(
    mqtt_broker: MqttBroker, processes: Processes
) -> None:
    _, port = await start_watched(processes, mqtt_broker, "broker", "broker")
    await start(processes, mqtt_broker, ECHO, "echo")
    async with connect(mqtt=mqtt_broker.url, site="kit", name="opt", ledger="kit/broker") as lab:
        await until_offered(lab)
        file = processes.cwd / "data" / "kit" / "broker" / "ledger.sqlite"
        other = sqlite3.connect(file, isolation_level=None, timeout=20)
        other.execute("BEGIN IMMEDIATE")  # as a backup that does not end would
        sent = asyncio.create_task(lab.submit("speech", "echo", {"text": "patience"}))
        await until(port, lambda page: value(page, "labmesh_ledger_database_trouble") == 1)
        assert not sent.done()
        other.execute("ROLLBACK")
        other.close()
        await (await sent).result()
        page = await until(port, lambda page: value(page, "labmesh_ledger_database_trouble") == 0)
        assert value(page, "labmesh_ledger_accepted_total", kind="request") == 1


async def test_a_pending_request_shows_its_age_also_after_a_restart(
    mqtt_broker: MqttBroker, processes: Processes
) -> None:
    ledger, port = await start_watched(processes, mqtt_broker, "broker", "broker")
    echo = await start(processes, mqtt_broker, ECHO, "echo")
    async with connect(mqtt=mqtt_broker.url, site="kit", name="opt", ledger="kit/broker") as lab:
        await until_offered(lab)
        echo.terminate()
        assert await echo.wait() == 0
        await lab.submit("speech", "echo", {"text": "anyone?"}, wait=True)
        page = await until(
            port, lambda page: value(page, "labmesh_ledger_oldest_pending_seconds") > 0
        )
        age = value(page, "labmesh_ledger_oldest_pending_seconds")
        assert value(page, "labmesh_ledger_requests", status="pending") == 1
        ledger.terminate()
        assert await ledger.wait() == 0
        _, port = await start_watched(processes, mqtt_broker, "broker", "broker")
        page = await asyncio.to_thread(scrape, port)
        assert value(page, "labmesh_ledger_oldest_pending_seconds") > age


async def test_what_the_page_shows_works(mqtt_broker: MqttBroker, processes: Processes) -> None:
    text = (ROOT / "docs" / "watching.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert [kind for kind, _ in shown] == ["console", "yaml", "yaml", "sh", "python"]
    (_, console), (_, launch), (_, prometheus), (_, extra), (_, script) = shown
    port = free_port()
    arguments = console.removeprefix("$ labmesh ").replace("9101", str(port)).split()
    node = await processes.labmesh(
        *arguments, "--mqtt", mqtt_broker.url, "--data-dir", processes.cwd / "data"
    )
    await node.wait_line("taking messages")
    assert value(await asyncio.to_thread(scrape, port), "labmesh_connected") == 1
    steps = "\n".join(f"  {line}" for line in launch.splitlines())
    file = processes.cwd / "lab.launch.yaml"
    file.write_text(f"labmesh_launch: 1\nsite: kit\nlaunch:\n  - mqtt_broker: embedded\n{steps}\n")
    checked = await processes.labmesh("launch", file, "--check")
    assert await checked.wait() == 0, checked.output
    assert yaml.safe_load(prometheus)["rule_files"] == [RULES.name]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "pip install 'labmesh[otel]'" in extra
    assert "otel" in project["project"]["optional-dependencies"]
    assert script in (ROOT / "docs" / "examples" / "traced.py").read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https)([^)]+)\)", text):
        assert (ROOT / "docs" / target).exists(), target


async def test_a_port_that_is_taken_is_an_error_of_configuration(
    mqtt_broker: MqttBroker, processes: Processes
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        node = await start(
            processes, mqtt_broker, ECHO, "echo",
            *("--ledger", "kit/broker", "--param", f"metrics_port={port}"),
        )  # fmt: skip
        assert await node.wait() == 2
    assert f"metrics cannot be served at 127.0.0.1:{port}" in node.output
    assert "metrics_port of its own" in node.output
    assert "Traceback" not in node.output

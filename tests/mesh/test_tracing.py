"""One trace from the requester through the ledger to the instrument and back; real processes."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from labmesh import LabClient, RefusedError, connect
from labmesh.client import requester, visit
from labmesh.place import Place
from labmesh.tracing import trace_of
from messages.envelope import Header
from messages.errors import ConfigurationError
from messages.ids import NodeId, new_id
from messages.ledger import Entry, EntryKind
from messages.topics import Topic
from tests.mesh.collector import Collector, Seen
from tests.support import MqttBroker, Processes, Running

ROOT = Path(__file__).parents[2]
ECHO = "tests.labmesh.node.programs:EchoNode"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector that every participant of the test is told of, by OpenTelemetry's variables."""
    with Collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")  # ms
        yield collector


async def start(
    processes: Processes, mqtt: MqttBroker, program: str, name: str, *flags: str
) -> Running:
    node = await processes.start(
        *(sys.executable, "-m", "labmesh.node", program, "--site", "kit", "--name", name),
        *("--mqtt", mqtt.url, "--data-dir", str(processes.cwd / "data"), *flags),
        name=name,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'docs' / 'examples'}"},
    )
    await node.wait_line("taking messages" if program == "broker" else "active")
    return node


def asking(mqtt: MqttBroker, name: str = "opt") -> AbstractAsyncContextManager[LabClient]:
    return connect(mqtt=mqtt.url, site="kit", name=name, ledger="kit/broker")


async def until_offered(mqtt: MqttBroker, method: str) -> None:
    async with asking(mqtt, "looker") as lab, asyncio.timeout(20):
        while method not in str(await lab.query("query.offers")):
            await asyncio.sleep(0.05)


def one(spans: list[Seen], service: str, name: str, under: Seen | None = None) -> Seen:
    found = [s for s in spans if (s.service, s.name) == (service, name)]
    found = [s for s in found if under is None or s.parent == under.id]
    assert len(found) == 1, f"{service} {name}: {[(s.service, s.name, s.parent) for s in spans]}"
    return found[0]


async def test_one_trace_shows_a_request_on_its_whole_way(
    mqtt_broker: MqttBroker, processes: Processes, collector: Collector
) -> None:
    await start(processes, mqtt_broker, "broker", "broker")
    await start(processes, mqtt_broker, ECHO, "echo")
    await until_offered(mqtt_broker, "megaphone")
    sent = await processes.labmesh(
        *("request", "send", "speech", "megaphone", "--set", "text=hello", "--wait"),
        *("--mqtt", mqtt_broker.url, "--site", "kit", "--ledger", "kit/broker"),
    )
    assert await sent.wait() == 0, sent.output
    spans = await collector.until(
        lambda spans: (
            {"request speech", "process result", "process order"} <= {span.name for span in spans}
        )
    )
    root = one(spans, "kit/cli", "request speech")
    spans = [span for span in spans if span.trace == root.trace]
    # Each is the child of the one before it.
    way = [
        ("kit/cli", "request speech", "client"),
        ("kit/cli", "send request", "producer"),
        ("kit/broker", "process request", "consumer"),
        ("kit/broker", "dispatch order", "producer"),
        ("kit/echo", "process order", "consumer"),
        ("kit/echo", "send result", "producer"),
        ("kit/broker", "process result", "consumer"),
        ("kit/cli", "receive result", "consumer"),
    ]
    before: Seen | None = None
    found: dict[str, Seen] = {}
    for service, name, kind in way:
        span = one(spans, service, name, before)
        assert span.kind == kind, span
        assert span.failed is None, span
        assert span.begun <= span.ended
        if before is not None:
            assert before.begun <= span.begun, "clocks of one machine"
        found[name] = before = span
    assert root.parent == ""
    assert root.ended >= found["receive result"].begun, "it ends when its end is heard of"
    for name in ("process request", "process result"):
        valid = one(spans, "kit/broker", "validate", found[name])
        commit = one(spans, "kit/broker", "commit", found[name])
        assert found[name].begun <= valid.begun <= valid.ended <= commit.begun <= commit.ended
    order = found["process order"]
    queue = one(spans, "kit/echo", "queue", order)
    accept = one(spans, "kit/echo", "send accept", order)
    run = one(spans, "kit/echo", "run speech/megaphone", order)
    assert queue.ended <= accept.begun
    assert accept.ended <= run.begun, "an instrument waits for the ledger's word"
    assert run.ended <= found["send result"].begun
    assert found["send result"].ended <= order.ended
    one(spans, "kit/broker", "process accept", accept)
    request = root.known["labmesh.request.id"]
    for span in found.values():
        assert span.known["labmesh.request.id"] == request, span
    send = found["send request"].known
    assert send["messaging.system"] == "mqtt"
    assert send["messaging.operation.type"] == "send"
    topic = "lab1/kit/cli/request/kit/broker/speech/megaphone"
    assert send["messaging.destination.name"] == topic
    assert found["process request"].known["messaging.destination.name"] == topic
    assert root.known["labmesh.quantity"] == "speech"
    assert root.known["labmesh.status"] == "resolved"


async def test_failures_and_refusals_are_errors_with_their_reason(
    mqtt_broker: MqttBroker, processes: Processes, collector: Collector
) -> None:
    await start(processes, mqtt_broker, "broker", "broker")
    await start(processes, mqtt_broker, ECHO, "echo")
    await until_offered(mqtt_broker, "echo")
    async with asking(mqtt_broker) as lab:
        with pytest.raises(RefusedError):
            await lab.submit("speech", "echo", {"text": 5})
        given_up = await lab.submit("speech", "echo", {"text": "give up"}, attempts=1)
        await given_up.done()
    spans = await collector.until(
        lambda spans: (
            sum(s.name == "request speech" for s in spans) == 2
            and any(s.name == "process order" for s in spans)
            and any(s.name == "process request" and s.failed for s in spans)
        )
    )
    failed = {(s.service, s.name, s.failed) for s in spans if s.failed is not None}
    refused = 'parameters.text: 5 is not of type "string"'
    assert any(name == "process request" and refused in why for _, name, why in failed if why)
    assert any(name == "send request" and refused in why for _, name, why in failed if why)
    assert sum(name == "request speech" for _, name, _ in failed) == 2
    assert ("kit/echo", "process order", "cannot say that") in failed
    assert any(name == "run speech/echo" for _, name, _ in failed)


async def test_the_docs_example_asks_within_its_own_trace(
    mqtt_broker: MqttBroker, processes: Processes, collector: Collector
) -> None:
    await start(processes, mqtt_broker, "broker", "broker")
    await start(processes, mqtt_broker, "bath:Bath", "bath")
    await until_offered(mqtt_broker, "water_bath")
    script = await processes.start(
        sys.executable, ROOT / "docs" / "examples" / "traced.py",
        env={
            "LABMESH_MQTT": mqtt_broker.url, "LABMESH_SITE": "kit", "LABMESH_LEDGER": "kit/broker",
            "OTEL_SERVICE_NAME": "calibration",
        },
    )  # fmt: skip
    assert await script.wait() == 0, script.output
    spans = await collector.until(lambda spans: any(s.name == "warm up" for s in spans))
    mine = one(spans, "calibration", "warm up")
    assert mine.trace == script.stdout[-1]
    request = one(spans, "calibration", "request temperature", mine)
    send = one(spans, "calibration", "send request", request)
    spans = await collector.until(lambda spans: any(s.name == "process order" for s in spans))
    one(spans, "kit/broker", "process request", send)
    assert {s.trace for s in spans} == {mine.trace}


async def test_without_a_collector_nothing_is_slower_or_broken(
    mqtt_broker: MqttBroker, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as deaf:  # takes connections, and never answers
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        where = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", where)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")  # s
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        ledger = await start(processes, mqtt_broker, "broker", "broker")
        echo = await start(processes, mqtt_broker, ECHO, "echo")
        await until_offered(mqtt_broker, "megaphone")
        async with asking(mqtt_broker) as lab:
            async with asyncio.timeout(60):
                await asyncio.gather(*(
                    lab.request("speech", "echo", {"text": str(number)}, wait=True)
                    for number in range(60)
                ))  # fmt: skip
            await ledger.wait_line("the trace collector does not take traces")
            result = await lab.request("speech", "megaphone", {"text": "still here"})
            assert result.data["text"] == "STILL HERE"
        for node in (echo, ledger):
            node.terminate()
            assert await node.wait() == 0, node.output
            assert "Traceback" not in node.output
            assert node.output.count("trace collector") <= 2, "said once, not for every batch"


async def test_the_trace_travels_without_opentelemetry_and_through_a_restart(
    mqtt_broker: MqttBroker, processes: Processes
) -> None:
    ledger = await start(processes, mqtt_broker, "broker", "broker")
    echo = await start(processes, mqtt_broker, ECHO, "echo")
    await until_offered(mqtt_broker, "echo")
    place = Place(mqtt=mqtt_broker.url, site="kit", ledger=NodeId("kit", "broker"))
    heard: list[tuple[Entry, str]] = []

    def take(entry: Entry, header: Header, topic: Topic) -> None:
        heard.append((entry, header.trace))

    async with visit(place, "opt") as visitor, requester(visitor) as lab:
        pattern = visitor.mesh.topics.of(NodeId("kit", "broker"), "journal", "+", "kit", "opt")
        await visitor.mesh.on_message(pattern, Entry, take)
        await (await lab.submit("speech", "echo", {"text": "one"})).result()
        assert {trace[:3] for _, trace in heard} == {"00-"}
        assert len({trace[3:35] for _, trace in heard}) == 1, "one trace id throughout"
        heard.clear()
        echo.terminate()
        await echo.wait()
        identity = new_id()
        waiting = await lab.submit("speech", "echo", {"text": "two"}, wait=True, id=identity)
        ledger.kill()
        await ledger.wait()
        heard.clear()
        await start(processes, mqtt_broker, "broker", "broker")
        await start(processes, mqtt_broker, ECHO, "echo")
        await waiting.result()
        changes = [
            trace
            for entry, trace in heard
            if entry.kind is EntryKind.STATUS and entry.body["request"] == str(identity)
        ]
        assert len(changes) >= 3, "reserved, running, resolved"
        assert {trace[3:35] for trace in changes} == {identity.hex}
        assert trace_of(identity)[3:35] == identity.hex


async def test_what_is_missing_or_wrong_is_said(
    mqtt_broker: MqttBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def connected() -> LabClient:
        async with asking(mqtt_broker) as lab:
            return lab

    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with pytest.raises(ConfigurationError, match="http/protobuf, not by 'grpc'"):
        await connected()
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_PROTOCOL")
    monkeypatch.setitem(sys.modules, "labmesh.tracing._otel", None)
    with pytest.raises(ConfigurationError) as missing:
        await connected()
    assert "pip install 'labmesh[otel]'" in missing.value.remedy
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    await connected()

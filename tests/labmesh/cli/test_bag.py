"""``labmesh bag``: real messages into a file and back, whatever goes wrong meanwhile."""

from __future__ import annotations

import asyncio
import csv
import json
import resource
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from mcap.exceptions import EndOfFile
from mcap.reader import make_reader
from mcap.records import McapRecord, Message
from mcap.stream_reader import StreamReader

from labmesh.bag import Bag
from labmesh.cli import main
from labmesh.client import Visitor, visit
from labmesh.clock import ManualClock
from labmesh.place import Place
from labmesh.transport import Delivery
from messages.envelope import RawEnvelope, decode
from messages.ids import new_id
from messages.ledger import Head
from messages.node import ClockTick, LogRecord, Milestone, Presence
from tests.support import MqttBroker, Processes, Running

SITE = "fzj"
Said = Callable[..., Awaitable[Any]]


@pytest.fixture
async def author(
    shared_mqtt_broker: MqttBroker, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Visitor]:
    """Who publishes; its clock is turned by hand."""
    monkeypatch.setenv("LABMESH_MQTT", shared_mqtt_broker.url)
    monkeypatch.setenv("LABMESH_SITE", SITE)
    async with visit(Place(mqtt=shared_mqtt_broker.url, site=SITE), "author") as visitor:
        visitor.mesh.clock = ManualClock()
        yield visitor
        for topic in ("head", "link"):
            await visitor.mesh.transport.publish(visitor.mesh.topics.own(topic), b"", retain=True)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Runs ``labmesh`` in a thread; returns its JSON, or its words where it failed."""

    async def run(*arguments: str | Path, code: int = 0) -> Any:
        capsys.readouterr()
        got = await asyncio.to_thread(main, [str(each) for each in arguments])
        captured = capsys.readouterr()
        assert got == code, captured.err
        if code:
            return captured.err
        return json.loads(captured.out) if "--json" in arguments else captured.out

    return run


async def recording(processes: Processes, *arguments: str | Path) -> Running:
    """Start to record; return when it does."""
    running = await processes.labmesh("bag", "record", *arguments, "--json")
    await running.wait_line("recording into")
    return running


async def recorded(file: Path, count: int) -> Counter[str]:
    """Return the messages by topic once so many are on the disk."""
    async with asyncio.timeout(30):
        while True:
            found = Counter(m.channel.topic for m in Bag(file).messages()) if file.exists() else {}
            if sum(found.values()) >= count:
                return Counter(found)
            await asyncio.sleep(0.1)


async def listen(visitor: Visitor, pattern: str) -> list[Delivery]:
    """Return a list that fills with what comes."""
    heard: list[Delivery] = []
    await visitor.mesh.transport.subscribe(pattern, heard.append)
    return heard


def until_it_breaks(records: Iterator[McapRecord]) -> Iterator[McapRecord]:
    """Yield what the MCAP library itself reads of a file that was cut off."""
    try:
        yield from records
    except EndOfFile:
        return
    pytest.fail("the file is whole")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.02)


def opened(deliveries: list[Delivery]) -> list[RawEnvelope]:
    return [decode(each.payload) for each in deliveries]


async def publish(author: Visitor, lines: int) -> list[bytes]:
    """Say several things, a simulated minute apart; return the payloads of the log."""
    mesh, clock = author.mesh, author.mesh.clock
    assert isinstance(clock, ManualClock)
    heard = await listen(author, mesh.topics.own("log", "info"))
    await mesh.send(mesh.topics.own("head"), Head(offset=3, hash=b"\x00\xff" * 16), retain=True)
    await mesh.transport.publish(mesh.topics.own("link"), b"1", retain=True)
    for number in range(lines):
        await clock.advance(60)
        record = LogRecord(
            level="info", logger="x", text=f"n {number}", values={"n": 2**53 + number}
        )
        await mesh.send(mesh.topics.own("log", "info"), record, qos=number % 2)
    await until(lambda: len(heard) == lines)
    return [each.payload for each in heard]


async def test_what_was_recorded_is_shown_played_and_converted(
    author: Visitor, processes: Processes, said: Said, tmp_path: Path
) -> None:
    file, mesh = tmp_path / "run.mcap", author.mesh
    recorder = await recording(processes, "~fzj/author/#", "-o", file)
    sent = await publish(author, lines=10)
    await recorded(file, 12)
    assert not Bag(file).ended
    recorder.interrupt()
    assert await recorder.wait() == 0
    answer = json.loads("\n".join(recorder.stdout))
    assert answer["messages"] == 12
    assert answer["dropped"] == 0

    # Anybody's MCAP reader has the index, the schemas and the messages.
    with file.open("rb") as stream:
        reader = make_reader(stream)
        summary = reader.get_summary()
        assert summary is not None
        assert summary.statistics is not None
        assert summary.statistics.message_count == 12
        found = [(schema, json.loads(m.data)) for schema, channel, m in reader.iter_messages()
                 if channel.message_encoding == "json"]  # fmt: skip
    assert {schema.name for schema, _ in found if schema} == {"Head@1", "LogRecord@1"}
    assert {schema.encoding for schema, _ in found if schema} == {"jsonschema"}
    assert [value["body"]["values"]["n"] for _, value in found[1:]] == [
        2**53 + n for n in range(10)
    ]

    # The messages are equal, of one author without a gap, at the experiment's time.
    bag = Bag(file)
    logs = [m for m in bag.messages() if m.channel.type == "LogRecord@1"]
    assert [m.payload() for m in logs] == sent
    assert [m.channel.qos for m in logs] == [0, 1] * 5
    assert [b.publish_time - a.publish_time for a, b in pairwise(logs)] == [60 * 10**9] * 9
    assert bag.ended["reason"] == "stopped"
    info = await said("bag", "info", file, "--json")
    assert info["messages"] == 12
    assert info["files"][0]["whole"]
    assert info["files"][0]["about"]["site"] == SITE
    kinds = {each["topic"].split("/", 3)[3]: each for each in info["topics"]}
    assert kinds["link"]["encoding"] == "application/octet-stream"
    assert kinds["head"]["retained"]
    assert [(each["author"], each["missing"]) for each in info["authors"]] == [("fzj/author", 0)]
    assert "log/info" in await said("bag", "info", file)

    # The exact bytes, and back.
    await said("bag", "convert", file, "-o", tmp_path / "exact.mcap", "--encoding", "msgpack")
    exact = [m for m in Bag(tmp_path / "exact.mcap").messages() if m.channel.encoding == "msgpack"]
    assert [m.data for m in exact][1:] == sent
    await said(
        "bag", "convert", tmp_path / "exact.mcap", "-o", tmp_path / "back.mcap",
        "--topics", "~fzj/author/log/+", "--compression", "lz4",
    )  # fmt: skip
    back = list(Bag(tmp_path / "back.mcap").messages())
    assert [m.data for m in back] == [m.data for m in logs]
    assert "exists already" in await said("bag", "convert", file, "-o", file, code=2)
    text = await said(
        "bag", "convert", file, "--csv", "--topics", "~fzj/author/log/info", "--field", "values"
    )
    rows = list(csv.DictReader(text.splitlines()))
    assert [int(row["values.n"]) for row in rows] == [2**53 + n for n in range(10)]
    assert int(rows[0]["stamp"]) == logs[0].publish_time

    # Played below the player's own prefix, and every message says where it is from.
    heard = await listen(author, mesh.topics.of(None, "log", "fzj", "author", "info"))
    played = await said("bag", "play", file, "-r", "50", "--json")
    await until(lambda: len(heard) == 10)
    assert played == {"messages": 12, "rounds": 1, "skipped": {}}
    again, original = opened(heard), [decode(payload) for payload in sent]
    assert [each.body for each in again] == [each.body for each in original]
    assert {each.header.sender for each in again} == {"fzj/bag"}
    assert len({each.header.id for each in again + original}) == 20
    assert [each.header.stamp for each in again] == [each.header.stamp for each in original]
    assert heard[0].properties["recorded-id"] == str(original[0].header.id)
    assert heard[0].properties["recorded-from"] == "lab1/fzj/author/log/info"
    assert {each.topic for each in heard} == {"lab1/fzj/bag/log/fzj/author/info"}

    # On an isolated mesh every author speaks again, word for word.
    heard = await listen(author, mesh.topics.own("log", "info"))
    await said("bag", "play", file, "--as-recorded", "-r", "50", "--start-offset", "0")
    await until(lambda: len(heard) == 10)
    assert [each.payload for each in heard] == sent

    there = Presence(state="online", epoch=1, boot_id=new_id(), instance="0", since=0)
    await mesh.send(mesh.topics.own("node", "alive", "0"), there, retain=True)
    assert "fzj/author of this recording is online here" in await said(
        "bag", "play", file, "--as-recorded", code=2
    )
    await mesh.transport.publish(mesh.topics.own("node", "alive", "0"), b"", retain=True)

    # Nine minutes of the experiment, recorded within a second, take 1.8 s of its time.
    ticks: list[ClockTick] = []
    await mesh.on_message(
        "lab1/fzj/bag/clock", ClockTick, lambda tick, _header, _topic: ticks.append(tick)
    )
    await said("bag", "play", file, "--clock", "-r", "300", "--topics", "~fzj/author/log/#")
    await until(lambda: bool(ticks) and ticks[-1].rate == 0.0)
    assert original[0].header.stamp <= ticks[0].time < original[-1].header.stamp
    assert ticks[0].rate == 300.0
    assert ticks[-1].time == original[-1].header.stamp
    assert all(b.time >= a.time for a, b in pairwise(ticks))
    assert ticks[-1].wall - ticks[0].wall >= 1.75e9
    assert "--loop and --clock" in await said("bag", "play", file, "--clock", "--loop", code=2)
    assert "no MCAP file" in await said("bag", "info", __file__, code=2)


async def test_a_killed_recorder_leaves_what_it_had(
    author: Visitor, processes: Processes, said: Said, tmp_path: Path
) -> None:
    file, mesh = tmp_path / "run.mcap", author.mesh
    recorder = await recording(
        processes, "~fzj/author/event/#", "-o", file, "--compression", "none",
        "--max-bag-duration", "3600",
    )  # fmt: skip
    file = tmp_path / "run_0.mcap"
    for number in range(300):
        await mesh.send(mesh.topics.own("event", "e"), Milestone(task="t", done=number), qos=0)
    await recorded(file, 300)
    # In the middle of everything, whatever it is doing.
    for number in range(300, 400):
        await mesh.send(mesh.topics.own("event", "e"), Milestone(task="t", done=number), qos=0)
    recorder.kill()
    await recorder.wait()

    info = await said("bag", "info", file, "--json")
    assert info["messages"] >= 300
    assert not info["files"][0]["whole"]
    assert info["files"][0]["ended"] == {}
    assert "cut off" in await said("bag", "info", file)
    with file.open("rb") as stream:
        records = until_it_breaks(StreamReader(stream).records)
        seen = sum(isinstance(record, Message) for record in records)
    assert seen == info["messages"]

    await said("bag", "convert", file, "-o", tmp_path / "whole.mcap")
    with (tmp_path / "whole.mcap").open("rb") as stream:
        summary = make_reader(stream).get_summary()
    assert summary is not None
    assert summary.statistics is not None
    assert summary.statistics.message_count == seen

    # Cut anywhere, it is read as far as it goes, and damage in the middle costs one chunk.
    data = file.read_bytes()
    cut = tmp_path / "cut.mcap"
    for size in range(8, len(data), len(data) // 23):
        cut.write_bytes(data[:size])
        assert sum(1 for _ in Bag(cut).messages()) <= seen
    position = data.index(b'"done":100')
    cut.write_bytes(data[:position] + b'"done":199' + data[position + 10 :])
    assert "damaged" in await said("bag", "info", cut, code=1)


async def test_a_full_disk_ends_it_in_words_and_pieces_follow_one_another(
    author: Visitor, processes: Processes, said: Said, tmp_path: Path
) -> None:
    mesh = author.mesh
    pieces = await recording(
        processes, "~fzj/author/log/#", "-o", tmp_path / "p.mcap", "-b", "100k",
        "--compression", "none", "--encoding", "msgpack",
    )  # fmt: skip
    full = await recording(processes, "~fzj/author/log/#", "-o", tmp_path / "full.mcap")
    limits = resource.prlimit(full.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(full.pid, resource.RLIMIT_FSIZE, (60_000, limits[1]))
    sent = 0
    async with asyncio.timeout(60):
        while full.code is None:
            text = secrets.token_hex(3000)
            record = LogRecord(level="info", logger="x", text=text, values={})
            await mesh.send(mesh.topics.own("log", "info"), record)
            sent += 1
            await asyncio.sleep(0.005)
    assert await full.wait() == 1
    assert "full.mcap: cannot be written: File too large; its first" in full.output
    bag = Bag(tmp_path / "full.mcap")
    assert 0 <= sum(1 for _ in bag.messages()) < sent
    assert not bag.whole
    assert bag.damaged == 0
    assert bag.about["site"] == SITE

    pieces.terminate()
    assert await pieces.wait() == 0
    answer = json.loads("\n".join(pieces.stdout))
    assert len(answer["files"]) > 1
    info = await said("bag", "info", *answer["files"], "--json")
    assert info["messages"] == answer["messages"]
    assert all(each["whole"] for each in info["files"])

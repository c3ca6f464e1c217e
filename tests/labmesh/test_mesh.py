"""A seat in the mesh: what is kept, what is complained of, what is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from labmesh.client import visit
from labmesh.listing import retained
from labmesh.mesh import Mesh
from labmesh.place import Place
from labmesh.transport import Delivery, MemoryHub
from messages.envelope import decode
from messages.errors import BodyError
from messages.ids import NodeId
from messages.node import Diagnostic, Level, Milestone, Problem
from messages.topics import Topic
from tests.labmesh.memory import payload, seat, settle, until
from tests.support import MqttBroker

OTHER = NodeId("kit", "other")


@pytest.fixture
def hub() -> MemoryHub:
    return MemoryHub()


@pytest.fixture
async def mesh(hub: MemoryHub) -> AsyncIterator[Mesh]:
    async with seat(hub) as made:
        yield made


@pytest.fixture
async def other(hub: MemoryHub) -> AsyncIterator[Mesh]:
    async with seat(hub, OTHER) as made:
        yield made


def said(text: str) -> Diagnostic:
    return Diagnostic(level=Level.OK, message=text)


def kept(hub: MemoryHub) -> dict[str, str]:
    return {
        topic.rpartition("/")[2]: decode(data).body["message"]
        for topic, data in hub.retained.items()
    }


async def test_what_is_kept_comes_back_after_the_mqtt_broker_lost_it(
    hub: MemoryHub, mesh: Mesh
) -> None:
    for name in "ab":
        await mesh.keep(mesh.topics.own("node", "diag", name), said(name))
    hub.stop()
    hub._retained.clear()
    hub.start()
    await until(lambda: kept(hub) == {"a": "a", "b": "b"})


async def test_what_was_kept_or_cleared_without_a_connection_is_told_later(
    hub: MemoryHub, mesh: Mesh
) -> None:
    a, b = (mesh.topics.own("node", "diag", name) for name in "ab")
    await mesh.keep(a, said("old"))
    await mesh.keep(b, said("old"))
    hub.stop()
    await until(lambda: not mesh.transport.connected)
    await mesh.keep(a, said("new"))
    await mesh.clear(b)
    hub.start()
    await until(lambda: kept(hub) == {"a": "new"})
    assert b not in mesh._kept


async def test_a_newer_value_is_not_undone_by_restoring_an_older_one(
    hub: MemoryHub, mesh: Mesh
) -> None:
    topics = [mesh.topics.own("node", "diag", name) for name in "abc"]
    for topic in topics:
        await mesh.keep(topic, said("old"))
    restoring = asyncio.create_task(mesh._restore())
    await asyncio.sleep(0)
    await mesh.keep(topics[2], said("new"))
    await restoring
    assert kept(hub)["c"] == "new"
    assert mesh._kept[topics[2]] == said("new")


async def test_one_bad_value_does_not_spoil_the_others(hub: MemoryHub, mesh: Mesh) -> None:
    a, b = (mesh.topics.own("node", "diag", name) for name in "ab")
    await mesh.keep(a, said("fine"))
    with pytest.raises(BodyError, match="NUL"):
        await mesh.keep(a, said("a\0b"))
    mesh._kept = {a: said("a\0b"), b: said("b")}
    await mesh._restore()
    assert kept(hub) == {"a": "fine", "b": "b"}


async def test_numbers_of_messages_have_no_gap(mesh: Mesh) -> None:
    seen: list[int] = []
    await mesh.transport.subscribe("#", lambda d: seen.append(decode(d.payload).header.seq))
    await mesh.keep(mesh.topics.own("node", "diag", "a"), said("a"))
    await mesh.send(mesh.topics.own("event", "x"), Milestone(task="x", done=0))
    await settle()
    assert seen == [seen[0], seen[0] + 1]


async def test_two_nodes_that_complain_of_each_other_do_not_go_on_for_ever(
    mesh: Mesh, other: Mesh
) -> None:
    def take(_problem: Problem, *_: object) -> None:
        raise AssertionError("not reached")

    # Each takes the other's problems for something else, and complains of every one.
    for one, two in ((mesh, other), (other, mesh)):
        pattern = one.topics.of(two.me, "event", "#")
        await one.on_message(pattern, Milestone, take)  # type: ignore[arg-type]
    await mesh.transport.publish(mesh.topics.own("event", "x"), b"garbage")
    await settle()
    assert (mesh.problems, other.problems) == (1, 1)


async def test_a_flood_of_garbage_is_counted_but_not_answered_one_by_one(
    mesh: Mesh, other: Mesh, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Delivery] = []
    await other.transport.subscribe(mesh.topics.own("event", "problem"), heard.append)
    await mesh.on_message(f"lab1/{OTHER}/#", Milestone, lambda *_: None)
    for _ in range(500):
        await other.transport.publish(other.topics.own("event", "x"), b"garbage")
    await settle()
    assert mesh.problems == 500
    assert 1 <= len(heard) <= 40
    assert len(caplog.records) <= 40


async def test_a_forged_author_never_reaches_a_handler(mesh: Mesh, other: Mesh) -> None:
    taken: list[Topic] = []
    await mesh.on_message(f"lab1/{OTHER}/#", Milestone, lambda _m, _h, topic: taken.append(topic))
    milestone = Milestone(task="x", done=0)
    forged = payload(other, milestone, sender="kit/boss")
    await other.transport.publish(other.topics.own("event", "x"), forged)
    await other.transport.publish(other.topics.own("event", "y"), payload(other, milestone))
    await settle()
    assert [topic.rest for topic in taken] == [("y",)]
    assert mesh.problems == 1


async def test_after_close_nothing_is_begun(hub: MemoryHub) -> None:
    done: list[int] = []

    async def work() -> None:
        done.append(1)

    async with seat(hub) as mesh:
        await mesh.close()
        mesh.background(work(), "late")
        mesh.post(mesh.topics.own("event", "x"), Milestone(task="x", done=0))
        await settle()
    assert done == []


async def test_a_background_task_that_does_not_stop_is_named(
    hub: MemoryHub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("labmesh.mesh._GRACE", 0.05)
    go = asyncio.Event()

    async def stubborn() -> None:
        while not go.is_set():
            try:
                await go.wait()
            except asyncio.CancelledError:
                continue

    async with seat(hub) as mesh:
        mesh.background(stubborn(), "stubborn")
        await asyncio.sleep(0)
        await mesh.close()
        assert "kit/me stubborn does not stop" in caplog.text
        go.set()
        await settle()


async def test_after_a_kill_without_persistence_retained_values_are_back(
    mqtt_broker: MqttBroker,
) -> None:
    place = Place(mqtt=mqtt_broker.url, site="kit")
    async with visit(place, "one") as one, visit(place, "two") as two:
        topic = one.mesh.topics.own("node", "diag", "a")
        await one.mesh.keep(topic, said("a"))
        mqtt_broker.kill()
        for file in mqtt_broker._folder.glob("mosquitto.db*"):
            file.unlink()
        mqtt_broker.start()

        async def found() -> bool:
            return bool(await retained(two.mesh, topic, Diagnostic))

        async with asyncio.timeout(15):
            while not await found():
                await asyncio.sleep(0.05)

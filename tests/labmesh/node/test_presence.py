"""One live process a name, whatever the MQTT broker still believes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest

from labmesh.client import Visitor
from labmesh.listing import retained
from labmesh.node import NodeOptions
from messages.errors import NodeNameTakenError, NotConnectedError
from messages.node import Level, Lifecycle, NodeEvent, Presence, State
from tests.labmesh.node.conftest import running, until
from tests.labmesh.node.programs import EchoNode

Options = Callable[..., NodeOptions]

RETURN = "labmesh.node._runtime._OTHERS_RETURN"
"""How long the one who leaves a name waits for the other to be heard."""


def presence(node: EchoNode, state: str, epoch: int, boot: int = 1) -> Presence:
    return Presence.model_validate(
        {
            "state": state, "epoch": epoch, "boot_id": UUID(int=boot), "instance": "0",
            "since": 1, "host": "h", "pid": 7,
        }
    )  # fmt: skip


async def last(visitor: Visitor, node: EchoNode) -> Presence:
    topic = visitor.mesh.topics.of(node.id, "node", "alive", "0")
    [(_, found)] = await retained(visitor.mesh, topic, Presence)
    return found


async def test_a_will_that_comes_late_does_not_bury_the_birth(
    options: Options, visitor: Visitor
) -> None:
    node = EchoNode(options())
    async with running(node):
        topic = node.topics.own("node", "alive", "0")
        for epoch in (node.mesh.epoch - 1, node.mesh.epoch):
            will = presence(node, "lost", epoch)
            await node.mesh.send(topic, will, retain=True)
            async with asyncio.timeout(5):
                while (await last(visitor, node)).state != "online":
                    await asyncio.sleep(0.01)
        assert node.state is State.ACTIVE
    assert (await last(visitor, node)).state == "offline"


async def test_a_stale_online_of_a_killed_process_does_not_keep_the_name(
    options: Options, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labmesh.node._presence._PING", 0.2)
    node = EchoNode(options())
    async with running(node):
        pass
    from labmesh.client import visit

    async with visit(node.options.place, node.id.node) as ghost:
        topic = ghost.mesh.topics.own("node", "alive", "0")
        await ghost.mesh.send(topic, presence(node, "online", 41), retain=True)
    again = EchoNode(options())
    async with running(again):
        assert again.mesh.epoch == 42


async def test_a_namesake_that_refuses_to_answer_lives_none_the_less(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = EchoNode(options())
    async with running(node):
        del node._running.server._services["node.ping"]
        with pytest.raises(NodeNameTakenError):
            await EchoNode(options()).run()


async def test_who_has_the_right_to_a_name_gets_it_from_a_living_process(
    options: Options, visitor: Visitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RETURN, 20.0)
    node = EchoNode(options())
    events: list[NodeEvent] = []

    def hear(event: NodeEvent, *_: object) -> None:
        events.append(event)

    await visitor.mesh.on_message(visitor.mesh.topics.of(node.id, "event", "+"), NodeEvent, hear)
    async with running(node):
        epoch = node.mesh.epoch
        # On another host, with a boot counter of its own.
        successor = EchoNode(options(data_dir=tmp_path / "other", succeeds=0))
        async with running(successor):
            assert successor.mesh.epoch == epoch + 1
            await until(lambda: node._runtime is None)
            assert node.exit_code == 3
            # Both say what has happened, and the survivor's operator sees how it ended.
            await until(lambda: {"takeover", "fenced"} <= {event.kind for event in events})
            found = {event.kind: event for event in events}
            took = found["takeover"]
            assert (took.values["before"], took.values["epoch"]) == (epoch, epoch + 1)
            assert "took the name over from pid " in took.text
            assert found["fenced"].values["epoch"] == epoch
            await until(lambda: "has left" in successor._diagnostics["identity"].message)
            assert successor._diagnostics["identity"].level is Level.OK
            # Whom the other one's coming back threw out is back as well, for good.
            await until(lambda: successor.transport.connected)
            async with asyncio.timeout(5):
                while (await last(visitor, successor)).state != "online":
                    await asyncio.sleep(0.01)
    assert (await last(visitor, successor)).state == "offline"
    later = EchoNode(options(data_dir=tmp_path / "third", succeeds=70))
    async with running(later):
        assert later.mesh.epoch == 71


async def test_a_frozen_namesake_that_wakes_does_not_stay_retained(
    options: Options, visitor: Visitor
) -> None:
    """On coming back it has said everything of itself anew, before it heard that it must leave."""
    node = EchoNode(options())
    async with running(node):
        older = presence(node, "online", node.mesh.epoch - 1)
        topic = node.topics.own("node", "alive", "0")
        await node.mesh.send(topic, older, retain=True)
        async with asyncio.timeout(20):
            while (await last(visitor, node)).epoch != node.mesh.epoch:
                await asyncio.sleep(0.01)
        assert node.state is State.ACTIVE


async def test_who_lost_its_name_falls_silent(
    options: Options, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last words would overwrite what the new owner says of itself."""
    monkeypatch.setattr(RETURN, 0.1)
    node = EchoNode(options())
    async with running(node):
        newer = presence(node, "online", node.mesh.epoch + 1)
        topic = node.topics.own("node", "alive", "0")
        with suppress(NotConnectedError):  # it may have left before its own acknowledgement
            await node.mesh.send(topic, newer, retain=True)
        await until(lambda: node._runtime is None)
        assert node.exit_code == 3
    assert (await last(visitor, node)) == newer
    topic = visitor.mesh.topics.of(node.id, "node", "life")
    [(_, life)] = await retained(visitor.mesh, topic, Lifecycle)
    assert life.state is State.ACTIVE


async def test_a_name_lost_during_the_start_starts_no_instrument(
    options: Options, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RETURN, 0.1)
    activated = False

    class Slow(EchoNode):
        async def on_configure(self) -> None:
            newer = presence(self, "online", self.mesh.epoch + 1)
            await self.mesh.send(self.topics.own("node", "alive", "0"), newer, retain=True)
            await asyncio.sleep(30)

        async def on_activate(self) -> None:
            nonlocal activated
            activated = True

    assert await asyncio.wait_for(Slow(options()).run(), 10) == 3
    assert not activated

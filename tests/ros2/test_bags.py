"""Bags: ``ros2 bag record -a``, ``info``, ``play -r --clock``, and a recorder that is killed."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from labmesh import NodeParameters
from labmesh.bag import Bag
from labmesh.client import visit
from labmesh.listing import probe
from labmesh.node import Node, NodeOptions
from labmesh.place import Place
from messages.envelope import Header
from messages.ids import NodeId
from messages.node import Milestone
from messages.topics import Topic
from tests.support import MqttBroker, Processes

SITE = "fzj"


class Talker(Node[NodeParameters]):
    """Counts, fifty times an experiment's second."""

    async def on_activate(self) -> None:
        """Begin to count."""
        self.spawn(self._count(), name="count")

    async def _count(self) -> None:
        for number in range(1_000_000):
            await self.emit("data", "chatter", Milestone(task="count", done=number))
            await self.clock.sleep(0.02)


class Listener(Node[NodeParameters]):
    """Hears a talker, or a bag."""

    def __init__(self, options: NodeOptions) -> None:
        super().__init__(options)
        self.heard: list[tuple[int, int]] = []

    async def on_configure(self) -> None:
        """Listen to the player as to anybody."""
        pattern = self.topics.of(NodeId(SITE, "bag"), "data", SITE, "talker", "chatter")
        await self.on_message(pattern, Milestone, self._take)

    def _take(self, message: Milestone, _header: Header, _topic: Topic) -> None:
        self.heard.append((message.done, self.clock.now()))


async def test_a_talker_is_recorded_and_played_to_a_listener_under_its_time(
    mqtt_broker: MqttBroker, processes: Processes, tmp_path: Path
) -> None:
    file, env = tmp_path / "chatter.mcap", {"LABMESH_MQTT": mqtt_broker.url, "LABMESH_SITE": SITE}
    place = Place(mqtt=mqtt_broker.url, site=SITE)
    talker = Talker(NodeOptions(place=place, name="talker", data_dir=tmp_path))
    talking = asyncio.create_task(talker.run())
    recorder = await processes.labmesh("bag", "record", "-a", "-o", file, env=env)
    await recorder.wait_line("recording into")

    def counted() -> list[int]:
        if not file.exists():
            return []
        messages = [m for m in Bag(file).messages() if m.channel.topic.endswith("/chatter")]
        return [raw.body["done"] for m in messages if (raw := m.envelope()) is not None]

    async with asyncio.timeout(30):
        while len(counted()) < 25:
            await asyncio.sleep(0.2)
    # ros2/rosbag2#395: a killed recorder lost its metadata, and with it the bag.
    recorder.kill()
    await recorder.wait()
    talker.finish()
    assert await talking == 0
    said = counted()
    assert said == list(range(said[0], said[0] + len(said)))

    info = await processes.run(_labmesh(), "bag", "info", file, "--json", env=env)
    found: dict[str, Any] = json.loads(info.stdout)
    assert not found["files"][0]["whole"]
    topics = {each["topic"]: each for each in found["topics"]}
    assert topics["lab1/fzj/talker/data/chatter"]["messages"] == len(said)
    assert "lab1/fzj/talker/node/desc" in topics

    # The listener lives in the recording's time, which the player tells, ten times as slow.
    player = await processes.labmesh(
        "bag", "play", file, "--clock", "-r", "0.1", "--topics", "~fzj/talker/data/#", env=env
    )
    await player.wait_line("playing below lab1/fzj/bag")
    simulated = Place(mqtt=mqtt_broker.url, site=SITE, clock=NodeId(SITE, "bag"))
    listener = Listener(NodeOptions(place=simulated, name="listener", data_dir=tmp_path))
    listening = asyncio.create_task(listener.run())
    async with asyncio.timeout(30):
        while len(listener.heard) < 2:
            await asyncio.sleep(0.05)
    player.interrupt()
    assert await player.wait() == 130
    listener.finish()
    assert await listening == 0
    stamps = {raw.body["done"]: raw.header.stamp for m in Bag(file).messages()
              if m.channel.topic.endswith("/chatter") and (raw := m.envelope())}  # fmt: skip
    for number, now in listener.heard:
        assert abs(now - stamps[number]) < 30e9, "the listener's clock is the recording's"

    # Nobody else's prefix was touched, and nothing of the player is left.
    async with visit(place, "look") as visitor:
        left: list[str] = []
        await visitor.mesh.transport.subscribe("lab1/fzj/bag/#", lambda d: left.append(d.topic))
        await probe(visitor.mesh, timeout=20)
        assert left == []


def _labmesh() -> str:
    return str(Path(sys.executable).with_name("labmesh"))

"""Liveliness: presence and will, and a beat from the loop that does the work."""

from __future__ import annotations

import asyncio
import signal

from labmesh import Level, LivelinessChanged, Node, NodeOptions, NodeParameters
from labmesh.cli._survey import survey
from labmesh.links import Links
from labmesh.listing import retained
from labmesh.streams._source import Source
from messages.ids import NodeId, new_id
from messages.node import Beat, Diagnostic, Presence
from messages.topics import Topic
from tests.labmesh.node.conftest import running
from tests.ros2.lab import Lab, Plain, Pump, Temperature, until
from tests.support import Processes


class Watcher(Node[NodeParameters]):
    """Notes who lives."""

    def __init__(self, options: NodeOptions) -> None:
        super().__init__(options)
        self.changes: list[LivelinessChanged] = []

    async def on_liveliness(self, change: LivelinessChanged) -> None:
        """Note it."""
        self.changes.append(change)

    @property
    def last(self) -> tuple[bool, str] | None:
        """The last change."""
        return (self.changes[-1].alive, self.changes[-1].reason) if self.changes else None


async def watch(lab: Lab, node: NodeId) -> Watcher:
    """Return a node that listens to a stream of another."""
    watcher = await lab.start(Watcher)
    await watcher.create_subscription(
        node, "pressure", Temperature, lambda _message: None, liveliness=1.0
    )
    return watcher


async def test_coming_going_and_coming_back(lab: Lab) -> None:
    pump = Pump(lab.options())
    watcher = await watch(lab, pump.id)
    await until(lambda: watcher.last == (False, "it has never been seen"))
    async with running(pump):
        await until(lambda: watcher.last == (True, "it is online"))
        first = watcher.changes[-1].epoch
    await until(lambda: watcher.last == (False, "it is offline"))
    again = await lab.start(Pump, pump.id.node)
    await until(lambda: watcher.last == (True, "it is online"))
    assert watcher.changes[-1].epoch == first + 1
    assert watcher._node_streams is not None
    assert not watcher._node_streams.troubles.words
    await again.transport.close(lost=True)
    await until(lambda: watcher.last == (False, "it is lost"))


async def test_work_in_a_thread_that_hangs_is_noticed_though_the_node_answers(lab: Lab) -> None:
    pump = await lab.start(Pump)
    watcher, visitor = await watch(lab, pump.id), await lab.visitor()
    pump.beat(0.4)
    await until(lambda: not pump.works)
    await until(lambda: watcher.last == (False, "its work gives no sign of life for 1 s"))
    assert pump.transport.connected
    assert await visitor.caller.call(pump.id, "node.ping", {})
    topics = visitor.mesh.topics
    found: list[tuple[Topic, Diagnostic]] = []
    while not found:
        found = await retained(visitor.mesh, topics.of(pump.id, "node", "diag", "work"), Diagnostic)
    assert found[0][1].level is Level.ERROR
    assert "no sign of life" in found[0][1].message
    assert not await retained(visitor.mesh, topics.of(pump.id, "beat"), Beat)

    await asyncio.to_thread(pump.beat, 60.0)  # as a driver's loop would
    await until(lambda: watcher.last == (True, "it is online"))
    [(_, beat)] = await retained(visitor.mesh, topics.of(pump.id, "beat"), Beat)
    assert (beat.works, beat.lease) == ("author", 1.0)
    pump.beat(None)
    assert pump.works


async def test_a_process_that_hangs_is_noticed_though_its_connection_lives(
    lab: Lab, processes: Processes
) -> None:
    name = lab.name("pump")
    process = await lab.process(processes, "tests.ros2.lab:Pump", "--name", name)
    watcher = await watch(lab, NodeId("kit", name))
    await until(lambda: watcher.last == (True, "it is online"))
    process.signal(signal.SIGSTOP)
    await until(lambda: watcher.last == (False, "its work gives no sign of life for 1 s"))
    visitor, me = await lab.visitor(), NodeId("kit", name)
    while (seen := (await survey(visitor.mesh))[me]).beats:  # the MQTT broker counts whole seconds
        pass
    assert seen.state == "online"
    assert seen.beats is False
    process.signal(signal.SIGCONT)
    await until(lambda: watcher.last == (True, "it is online"))


class Ear:
    """Hears what is said of a source."""

    def __init__(self) -> None:
        self.heard: list[tuple[bool, str]] = []

    def liveliness(self, change: LivelinessChanged) -> None:
        """Note it."""
        self.heard.append((change.alive, change.reason))

    def described(self, *_: object) -> None:
        """Do nothing."""

    def beaten(self, *_: object) -> None:
        """Do nothing."""


async def test_an_old_will_buries_nobody_and_a_cut_line_does(lab: Lab) -> None:
    listener = await lab.start(Plain)
    links, node, ear = Links("kit"), NodeId("dtu", "pump"), Ear()
    source = Source(listener.mesh, node, links)
    await source.add(ear, None)

    def say(state: str, epoch: int) -> None:
        presence = Presence(
            state=state, epoch=epoch, boot_id=new_id(), instance="0", since=1  # type: ignore[arg-type]
        )  # fmt: skip
        source._take_presence(presence, None, None)  # type: ignore[arg-type]

    say("online", 4)
    say("lost", 3)
    assert ear.heard == [(True, "it is online")]
    links.take("lab1/dtu/bridge/link", b"0")
    source.judge()
    links.take("lab1/dtu/bridge/link", b"1")
    source.judge()
    say("lost", 4)
    assert ear.heard[1:] == [
        (False, "the link of site dtu is down"), (True, "it is online"), (False, "it is lost"),
    ]  # fmt: skip
    await source.remove(ear)

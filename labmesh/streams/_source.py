"""A node that others listen to: whether it lives, what it says it publishes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from labmesh.links import Links
from labmesh.mesh import Mesh, open_delivery
from labmesh.streams._pace import Pace, Watchdog
from labmesh.transport import Delivery, Subscription
from messages.envelope import Header
from messages.errors import LabmeshError
from messages.ids import NodeId
from messages.node import Beat, Descriptor, Presence
from messages.topics import Topic, parse_topic

PATIENCE: Final = 15.0
"""Wall seconds without a beat after which a node is not alive, where nobody asks for less."""

_INSTANCE: Final = "0"


@dataclass(frozen=True, slots=True)
class LivelinessChanged:
    """A publisher began or ceased to be alive.

    Attributes:
        node: Which.
        alive: Whether it is there, connected, and its work goes on.
        reason: Why, in words.
        epoch: Its boot counter.
    """

    node: str
    alive: bool
    reason: str
    epoch: int


class Listener(Protocol):
    """A subscription that wants to know about its source."""

    def liveliness(self, change: LivelinessChanged) -> None:
        """Take a change; the first says what it is now."""
        ...

    def described(self, descriptor: Descriptor) -> None:
        """Take what the source says of itself."""
        ...

    def beaten(self, beat: Beat, epoch: int) -> None:
        """Take a beat that was sent while one listened."""
        ...


class Source:
    """Watches one node on behalf of its listeners.

    Args:
        mesh: The listener's seat.
        node: Who is watched.
        links: Which sites are reached.
    """

    def __init__(self, mesh: Mesh, node: NodeId, links: Links) -> None:
        self.node = node
        self.alive: LivelinessChanged | None = None
        self._mesh = mesh
        self._listeners: list[Listener] = []
        self._leases: dict[Listener, float] = {}
        self._open: list[Subscription] = []
        self._presence: Presence | None = None
        self._descriptor: Descriptor | None = None
        self._links = links
        self._beating = True
        self._lease = PATIENCE
        self._watchdog: Watchdog | None = None

    @property
    def wanted(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    async def add(self, listener: Listener, lease: float | None) -> None:
        """Tell ``listener`` what is known and what changes; the shortest lease holds for all."""
        self._listeners.append(listener)
        if lease is not None:
            self._leases[listener] = lease
        self._watch()
        if len(self._listeners) == 1:
            await self._subscribe()
            return
        if self._descriptor is not None:
            listener.described(self._descriptor)
        if self.alive is not None:
            listener.liveliness(self.alive)

    async def remove(self, listener: Listener) -> None:
        """Tell ``listener`` no more."""
        if listener in self._listeners:
            self._listeners.remove(listener)
        self._leases.pop(listener, None)
        if not self._listeners:
            if self._watchdog is not None:
                self._watchdog.stop()
            opened, self._open = self._open, []
            for subscription in opened:
                await subscription.cancel()

    async def _subscribe(self) -> None:
        mesh, topics = self._mesh, self._mesh.topics
        subscribe = mesh.transport.subscribe
        self._open = [
            await mesh.on_message(
                topics.of(self.node, "node", "alive", _INSTANCE), Presence, self._take_presence
            ),
            await subscribe(topics.of(self.node, "beat"), self._take_beat, qos=0),
            await subscribe(topics.of(self.node, "node", "desc"), self._take_descriptor),
        ]

    def _watch(self) -> None:
        lease = min(self._leases.values(), default=PATIENCE)
        if self._watchdog is None or lease != self._lease:
            if self._watchdog is not None:
                self._watchdog.stop()
            self._lease = lease
            name = f"{self._mesh.me} lease of {self.node}"
            self._watchdog = Watchdog(lease, self._silent, Pace(), name=name)
        self._watchdog.start()

    def _take_presence(self, presence: Presence, header: Header, topic: Topic) -> None:
        known = self._presence
        if known is not None and presence.epoch < known.epoch and presence.state != "online":
            return  # the will of an earlier life
        if known is None or presence.epoch != known.epoch:
            self._revive()
        self._presence = presence
        self.judge()

    def _take_beat(self, delivery: Delivery) -> None:
        if not delivery.payload:
            self._beating = False
            self.judge()
            return
        try:
            header, beat = open_delivery(delivery, parse_topic(delivery.topic))
        except LabmeshError:
            return  # of another version: presence must do
        if not isinstance(beat, Beat):
            return
        self._revive()
        self.judge()
        if not delivery.retain:
            for listener in tuple(self._listeners):
                listener.beaten(beat, header.epoch)

    def _take_descriptor(self, delivery: Delivery) -> None:
        try:
            found = open_delivery(delivery, parse_topic(delivery.topic)).body
        except LabmeshError:
            return  # of another version: one does without
        if isinstance(found, Descriptor):
            self._descriptor = found
            for listener in tuple(self._listeners):
                listener.described(found)

    def _revive(self) -> None:
        self._beating = True
        if self._watchdog is not None:
            self._watchdog.feed()

    def _silent(self, _seconds: float) -> None:
        self._beating = False
        self.judge()

    def judge(self) -> None:
        """Tell the listeners whether the node is alive, where that has changed."""
        presence = self._presence
        if presence is None:
            if self._beating:
                return  # nothing is known yet
            alive, reason = False, "it has never been seen"
        elif presence.state != "online":
            alive, reason = False, f"it is {presence.state}"
        elif cut := self._links.down(self.node.site):
            alive, reason = False, cut
        elif not self._beating:
            alive, reason = False, f"its work gives no sign of life for {self._lease:g} s"
        else:
            alive, reason = True, "it is online"
        if self.alive is not None and (self.alive.alive, self.alive.reason) == (alive, reason):
            return
        epoch = presence.epoch if presence is not None else 0
        self.alive = LivelinessChanged(str(self.node), alive, reason, epoch)
        for listener in tuple(self._listeners):
            listener.liveliness(self.alive)


class Sources:
    """The nodes that a node listens to, each watched once.

    Args:
        mesh: The listener's seat.
    """

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._sources: dict[NodeId, Source] = {}
        self._links = Links(mesh.me.site)
        self._listening = False

    async def watch(self, node: NodeId, listener: Listener, lease: float | None) -> None:
        """Watch ``node`` for ``listener``."""
        if node.site != self._mesh.me.site and not self._listening:
            self._listening = True
            pattern = Links.pattern(self._mesh.topics.realm)
            await self._mesh.transport.subscribe(pattern, self._take_link)
        source = self._sources.setdefault(node, Source(self._mesh, node, self._links))
        await source.add(listener, lease)

    async def leave(self, node: NodeId, listener: Listener) -> None:
        """Watch ``node`` no more for ``listener``."""
        source = self._sources.get(node)
        if source is not None:
            await source.remove(listener)
            if not source.wanted:
                self._sources.pop(node, None)

    def _take_link(self, delivery: Delivery) -> None:
        # What a site's bridge says: a node behind a cut line looks alive on this side.
        if self._links.take(delivery.topic, delivery.payload):
            for source in tuple(self._sources.values()):
                source.judge()

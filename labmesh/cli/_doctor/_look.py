"""Everything that is retained, in one look."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from labmesh.cli._instruments import Standing, read_standing
from labmesh.cli._survey import NodeSeen
from labmesh.client import Visitor, ask_beyond
from labmesh.links import Links
from labmesh.listing import probe
from labmesh.mesh import check_author
from labmesh.transport import Delivery
from messages.envelope import decode
from messages.errors import LabmeshError, SchemaMismatchError, UnknownTypeError
from messages.ids import NodeId
from messages.ledger import Head
from messages.node import ClockTick, Diagnostic, Presence
from messages.topics import LINK, STOP, parse_topic

STATE: frozenset[str] = frozenset(
    {"node", "offer", "schema", "sample", "head", "clock", "beat", "blob", "data", "event", LINK}
)
"""Classes of topics that may be retained; requests, calls and the like never are."""


@dataclass(slots=True)
class Look:
    """What was found.

    Attributes:
        nodes: By name.
        alive: Presences by node and instance.
        schemas: Nodes by type and hash.
        garbage: Topics that nobody can read, and why.
        foreign: Topics in a schema that is not ours, and how it differs.
        diagnosed: When a component of a node was heard of last, ns UTC.
        heads: Of the ledgers.
        simulated: Whether there is a clock node.
        stops: Emergency stops that stand, by topic.
    """

    links: Links
    nodes: dict[NodeId, NodeSeen] = field(default_factory=dict)
    alive: dict[NodeId, dict[str, Presence]] = field(default_factory=dict)
    schemas: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    garbage: dict[str, str] = field(default_factory=dict)
    foreign: dict[str, str] = field(default_factory=dict)
    diagnosed: dict[tuple[NodeId, str], int] = field(default_factory=dict)
    heads: dict[NodeId, Head] = field(default_factory=dict)
    simulated: bool = False
    stops: dict[str, Standing] = field(default_factory=dict)

    def take(self, delivery: Delivery) -> None:
        """Note one retained message."""
        if not delivery.retain or not delivery.payload:
            return
        self.links.hear(delivery)
        try:
            self._take(delivery)
        except (UnknownTypeError, SchemaMismatchError) as error:
            self.foreign[delivery.topic] = str(error)
        except LabmeshError as error:
            self.garbage[delivery.topic] = str(error)

    def _take(self, delivery: Delivery) -> None:
        topic = parse_topic(delivery.topic)
        if topic.kind == LINK:
            return
        if topic.kind == STOP:
            self.stops[delivery.topic] = read_standing(delivery)
            return
        if topic.kind not in STATE:
            self.garbage[delivery.topic] = f"a {topic.kind} shall not be retained"
            return
        if topic.kind == "schema" and len(topic.rest) == 2:
            nodes = self.schemas.setdefault(topic.rest[0], {}).setdefault(topic.rest[1], [])
            nodes.append(str(topic.author))
            return
        raw = decode(delivery.payload)
        check_author(raw, topic)
        body = raw.open().body
        node = self.nodes.setdefault(topic.author, NodeSeen(topic.author))
        node.take(topic.rest, body)
        match body:
            case Presence():
                self.alive.setdefault(topic.author, {})[topic.rest[-1]] = body
            case Diagnostic():
                self.diagnosed[topic.author, topic.rest[-1]] = raw.header.stamp
            case Head():
                self.heads[topic.author] = body
            case ClockTick():
                self.simulated = True


async def look(visitor: Visitor, patience: float) -> Look:
    """Return everything that is retained.

    Raises:
        NotConnectedError: The MQTT broker did not answer within ``patience`` seconds.
    """
    found = Look(Links(visitor.place.site))
    subscription = await visitor.mesh.transport.subscribe(f"{visitor.place.realm}/#", found.take)
    await probe(visitor.mesh, timeout=patience)
    await subscription.cancel()
    await ask_beyond(
        visitor.mesh, found.links, (n.id for n in found.nodes.values() if n.state == "online")
    )
    found.nodes = {
        name: replace(found.nodes[name], cut_off=found.links.down(name.site))
        for name in sorted(found.nodes)
    }
    return found

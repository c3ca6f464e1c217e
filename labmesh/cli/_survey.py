"""What the nodes of a mesh say of themselves, in one look at what is retained."""

from __future__ import annotations

import difflib
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from labmesh.cli._suggest import unknown
from labmesh.links import Links
from labmesh.listing import probe
from labmesh.mesh import Mesh, open_delivery
from labmesh.place import Place
from labmesh.transport import Delivery
from messages.errors import LabmeshError
from messages.ids import NodeId
from messages.ledger import Offer
from messages.node import Beat, Descriptor, Diagnostic, Level, Lifecycle, Parameters, Presence
from messages.topics import parse_topic

_NEWCOMER: Final = 15 * 10**9
"""Nanoseconds after its start in which nobody is said to hang: its first beat may be under way."""

_GRAVITY: Final = (Level.OK, Level.STALE, Level.WARN, Level.ERROR)


@dataclass(slots=True)
class NodeSeen:
    """Everything retained of one node; None is what it has not said.

    ``cut_off`` says why its site is not reached; empty while it is. ``beats`` is None where its
    beats would not come to: beyond a bridge.
    """

    id: NodeId
    presence: Presence | None = None
    life: Lifecycle | None = None
    descriptor: Descriptor | None = None
    parameters: Parameters | None = None
    diagnostics: dict[str, Diagnostic] = field(default_factory=dict)
    cut_off: str = ""
    beat: Beat | None = None
    beats: bool | None = None
    offers: list[Offer] = field(default_factory=list)

    @property
    def state(self) -> str:
        """``online``, ``unreachable``, ``offline``, ``lost``, or ``unknown``."""
        if self.presence is None:
            return "unknown"
        online = self.presence.state == "online"
        return "unreachable" if online and self.cut_off else self.presence.state

    @property
    def lifecycle(self) -> str:
        """The lifecycle state, with the transition under way; empty unless it is online."""
        if self.life is None or self.state != "online":
            return ""
        under_way = f" ({self.life.label} ...)" if self.life.transition else ""
        return self.life.state.value + under_way

    @property
    def hangs(self) -> bool:
        """Whether it is online and its work gives no sign of life; not asked of who just came."""
        return (
            self.state == "online"
            and self.beats is False
            and self.presence is not None
            and time.time_ns() - self.presence.since > _NEWCOMER
        )

    @property
    def worst(self) -> tuple[str, Diagnostic] | None:
        """The gravest diagnostic with its component, None when there is none."""
        return max(
            self.diagnostics.items(), key=lambda item: _GRAVITY.index(item[1].level), default=None
        )

    def take(self, levels: tuple[str, ...], body: object) -> None:
        """Note one retained message."""
        match body:
            case Presence():
                self.presence = body
            case Beat():
                self.beat = body
            case Lifecycle():
                self.life = body
            case Descriptor():
                self.descriptor = body
            case Parameters():
                self.parameters = body
            case Diagnostic():
                self.diagnostics[levels[-1]] = body.seen_at(time.time_ns())
            case Offer():
                self.offers.append(body)


EVERYTHING: Final = ("node/#", "beat")
WITH_OFFERS: Final = ("node/#", "beat", "offer/#")
AT_A_GLANCE: Final = ("node/alive/+", "node/life", "node/diag/+", "beat")
"""What `survey` looks at: of a thousand nodes, the less the sooner."""


async def survey(
    mesh: Mesh,
    *,
    parts: tuple[str, ...] = EVERYTHING,
    patience: float = 5.0,
    unreadable: dict[str, str] | None = None,
) -> dict[NodeId, NodeSeen]:
    """Return every node that is or was there, by name.

    Args:
        mesh: The seat to look from.
        parts: Topic filters below each node's prefix.
        patience: Wall seconds to wait for the MQTT broker.
        unreadable: Gets the topics on which something is retained that is no message of ours, and
            why it is none. Nobody is told of them again at every look.

    Raises:
        NotConnectedError: The MQTT broker did not answer within ``patience`` seconds.
    """
    seen: dict[NodeId, NodeSeen] = {}

    def take(delivery: Delivery) -> None:
        if not delivery.payload:
            return
        try:
            topic = parse_topic(delivery.topic)
            body = open_delivery(delivery, topic).body
        except LabmeshError as error:
            if unreadable is not None:
                unreadable[delivery.topic] = str(error)
            return
        seen.setdefault(topic.author, NodeSeen(topic.author)).take(topic.rest, body)

    links = Links(mesh.me.site)
    subscriptions = [
        await mesh.transport.subscribe(mesh.topics.of(None, *part.split("/")), take)
        for part in parts
    ]
    pattern = links.pattern(mesh.topics.realm)
    subscriptions.append(await mesh.transport.subscribe(pattern, links.hear))
    await probe(mesh, timeout=patience)
    for subscription in subscriptions:
        await subscription.cancel()
    if links.in_doubt:
        from labmesh.client import ask_beyond

        await ask_beyond(mesh, links, (n.id for n in seen.values() if n.state == "online"))
    for node in seen.values():
        node.cut_off = links.down(node.id.site)
        if "beat" in parts and not links.bridged(node.id.site):
            node.beats = node.beat is not None
    return {name: seen[name] for name in sorted(seen)}


def pick(name: str, place: Place, seen: dict[NodeId, NodeSeen]) -> NodeSeen:
    """Return the node that ``name`` means: ``site/node``, or a node that no other site has.

    Raises:
        ConfigurationError: There is none, or several; names what was probably meant.
        NameInvalidError: It is no name.
    """
    if "/" in name:
        wanted = NodeId.parse(name)
        if wanted in seen:
            return seen[wanted]
        raise _unknown(name, seen)
    here = NodeId(place.site, name)
    if here in seen:
        return seen[here]
    namesakes = [node for node in seen if node.node == name]
    if len(namesakes) == 1:
        return seen[namesakes[0]]
    raise _unknown(name if namesakes else str(here), seen)


def _unknown(name: str, seen: Iterable[NodeId]) -> LabmeshError:
    """Return the error; nodes are alike by their own names, not by their sites'."""
    site, _, own = name.rpartition("/")
    by_name: dict[str, list[NodeId]] = {}
    for node in seen:
        by_name.setdefault(node.node, []).append(node)
    close = difflib.get_close_matches(own, by_name, n=1, cutoff=0.6)
    candidates = by_name[close[0]] if close else []
    nearest = next((str(n) for n in candidates if n.site == site), "") or "".join(
        str(node) for node in candidates[:1]
    )
    return unknown("node", name, map(str, seen), look="labmesh node list --all", nearest=nearest)

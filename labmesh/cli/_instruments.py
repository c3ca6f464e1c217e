"""The instruments of a mesh: how each is, and the emergency stops that stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from labmesh.cli._survey import AT_A_GLANCE, NodeSeen, survey
from labmesh.listing import probe
from labmesh.mesh import Mesh
from labmesh.transport import Delivery
from messages.envelope import decode
from messages.errors import LabmeshError
from messages.ids import NodeId
from messages.safety import Condition, EmergencyStop
from messages.topics import STOP, parse_topic

COLUMNS: Final = ("instrument", "presence", "condition", "reason", "in hand", "remedy")


@dataclass(frozen=True, slots=True)
class InstrumentSeen:
    """What an instrument has last said of itself."""

    node: NodeSeen

    @property
    def id(self) -> NodeId:
        """Its name."""
        return self.node.id

    @property
    def condition(self) -> str:
        """How it is."""
        return str(self.node.diagnostics["condition"].values.get("condition", ""))

    @property
    def stopped(self) -> bool:
        """Whether it says that a stop is engaged."""
        return self.condition == Condition.STOPPED

    def view(self) -> dict[str, Any]:
        """Return it as a row."""
        said = self.node.diagnostics["condition"]
        reason = said.message.partition(": ")[2]
        return {
            "instrument": str(self.id), "presence": self.node.state, "condition": self.condition,
            "reason": reason, "in hand": str(said.values.get("in_hand", "")),
            "remedy": said.remedy,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Standing:
    """A stop that is retained: who starts now does not move."""

    topic: str
    author: str
    scope: tuple[str, ...]
    by: str
    reason: str
    stamp: int

    @property
    def where(self) -> str:
        """What it stops, in words."""
        return "/".join(self.scope) if len(self.scope) == 2 else _words(self.scope)


async def instruments(mesh: Mesh, *, patience: float) -> list[InstrumentSeen]:
    """Return the instruments that are or were there; errors as `survey`."""
    seen = await survey(mesh, parts=AT_A_GLANCE, patience=patience)
    return [InstrumentSeen(node) for node in seen.values() if "condition" in node.diagnostics]


async def standing_stops(mesh: Mesh, *, patience: float) -> list[Standing]:
    """Return the emergency stops that nobody has lifted, also those that cannot be read."""
    found: dict[str, Delivery] = {}

    def take(delivery: Delivery) -> None:
        found[delivery.topic] = delivery

    subscriptions = [
        await mesh.transport.subscribe(mesh.topics.of(None, STOP, *("+",) * depth), take)
        for depth in range(3)
    ]
    await probe(mesh, timeout=patience)
    for subscription in subscriptions:
        await subscription.cancel()
    return [read_standing(delivery) for _, delivery in sorted(found.items()) if delivery.payload]


def read_standing(delivery: Delivery) -> Standing:
    topic = parse_topic(delivery.topic)
    by, reason, stamp = "", "(cannot be read)", 0
    try:
        envelope = decode(delivery.payload).open()
        if isinstance(envelope.body, EmergencyStop):
            by, reason, stamp = envelope.body.by, envelope.body.reason, envelope.header.stamp
    except LabmeshError as error:
        reason = f"(cannot be read: {error.what})"
    return Standing(delivery.topic, str(topic.author), topic.rest, by, reason, stamp)


def _words(scope: tuple[str, ...]) -> str:
    return f"site {scope[0]}" if scope else "all sites"

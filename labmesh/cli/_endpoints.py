"""Who publishes and who takes what, as the nodes' descriptors say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

from labmesh.cli._survey import NodeSeen
from messages.ids import NodeId
from messages.node import Published, Subscribed


@dataclass(frozen=True, slots=True)
class Publisher:
    """A node's word that it publishes on a topic.

    Attributes:
        topic: With the realm; ``+`` stands for a level that varies.
    """

    node: NodeId
    topic: str
    stream: Published


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A node's word that it takes what comes on a filter, with the realm."""

    node: NodeId
    pattern: str
    wanted: Subscribed


def publishers(seen: Iterable[NodeSeen], realm: str) -> Iterator[Publisher]:
    """Yield what the nodes that are online say they publish."""
    for node in seen:
        if node.descriptor is not None and node.state == "online":
            for rest, stream in node.descriptor.publishes.items():
                yield Publisher(node.id, f"{realm}/{node.id}/{rest}", stream)


def subscribers(seen: Iterable[NodeSeen], realm: str) -> Iterator[Subscriber]:
    """Yield what the nodes that are online say they subscribe to."""
    for node in seen:
        if node.descriptor is not None and node.state == "online":
            for wanted in node.descriptor.subscribes:
                yield Subscriber(node.id, f"{realm}/{wanted.pattern}", wanted)


def overlaps(one: str, other: str) -> bool:
    """Tell whether there is a topic that matches both filters; a topic is a filter, too."""
    for mine, theirs in zip_longest(one.split("/"), other.split("/")):
        if "#" in (mine, theirs):
            return True
        if mine is None or theirs is None:
            return False
        if mine != theirs and "+" not in (mine, theirs):
            return False
    return True

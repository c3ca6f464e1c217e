"""Who talks to whom, from what the nodes say of themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from labmesh.cli._endpoints import overlaps, publishers, subscribers
from labmesh.cli._survey import NodeSeen

KINDS: Final = ("topic", "call", "request", "order")
"""A stream to who takes it; a caller to who serves; who asks to the ledger; it to who does it."""


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """One thing that one node says to another.

    Attributes:
        source: Who speaks first, ``site/node``.
        target: To whom.
        kind: One of `KINDS`.
        label: Stream, service or quantity/method.
        type: Message type of a stream, else empty.
    """

    source: str
    target: str
    kind: str
    label: str
    type: str = ""


@dataclass(frozen=True, slots=True)
class Graph:
    """The nodes that are online, those that they name besides, and what goes between them.

    Attributes:
        states: Presence by node; ``unknown`` of who is only named.
        edges: Sorted.
        missing: quantity/method that somebody asks for and nobody offers.
    """

    states: dict[str, str]
    edges: tuple[Edge, ...]
    missing: frozenset[str] = field(default_factory=frozenset)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "nodes": [{"node": name, "presence": state} for name, state in self.states.items()],
            "edges": [
                {"from": e.source, "to": e.target, "kind": e.kind, "label": e.label,
                 "type": e.type or None}
                for e in self.edges
            ],
            "missing": sorted(self.missing),
        }  # fmt: skip

    def between(self) -> dict[tuple[str, str, str], list[str]]:
        """Return the labels by source, target and kind: what a picture draws as one arrow."""
        found: dict[tuple[str, str, str], list[str]] = {}
        for edge in self.edges:
            found.setdefault((edge.source, edge.target, edge.kind), []).append(edge.label)
        return found


def graph_of(seen: Collection[NodeSeen], realm: str) -> Graph:
    """Return the graph of the nodes that are online."""
    online = [node for node in seen if node.state == "online" and node.descriptor is not None]
    offered = {
        f"{each.quantity}/{each.method}"
        for node in online
        for each in (node.descriptor.capabilities if node.descriptor else ())
    }
    edges = {*_streams(online, realm), *_words(online)}
    states = {str(node.id): node.state for node in online}
    presences = {str(node.id): node.state for node in seen}
    for edge in sorted(edges):
        for name in (edge.source, edge.target):
            states.setdefault(name, presences.get(name, "unknown"))
    asked = {edge.label for edge in edges if edge.kind == "request"}
    return Graph(
        {name: states[name] for name in sorted(states)},
        tuple(sorted(edges)),
        frozenset(asked - offered),
    )


def _streams(online: Collection[NodeSeen], realm: str) -> Iterator[Edge]:
    sources = list(publishers(online, realm))
    for taker in subscribers(online, realm):
        for source in sources:
            same = source.stream.type == taker.wanted.type
            if same and source.node != taker.node and overlaps(source.topic, taker.pattern):
                label = source.topic.removeprefix(f"{realm}/{source.node}/")
                yield Edge(str(source.node), str(taker.node), "topic", label, source.stream.type)


def _words(online: Collection[NodeSeen]) -> Iterator[Edge]:
    for node in online:
        me, said = str(node.id), node.descriptor
        if said is None:
            continue
        for call in said.calls:
            if call.node != me:
                yield Edge(me, call.node, "call", call.service)
        if said.ledger and said.ledger != me:
            for what in said.requests:
                yield Edge(me, said.ledger, "request", what)
            for each in said.capabilities:
                yield Edge(said.ledger, me, "order", f"{each.quantity}/{each.method}")

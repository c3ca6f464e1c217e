"""``labmesh topic list``, ``find``, ``type`` and ``info``: what is retained, what is declared."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import click

from labmesh.cli._endpoints import Publisher, Subscriber, overlaps, publishers, subscribers
from labmesh.cli._format import duration, size, when
from labmesh.cli._output import Output
from labmesh.cli._session import Session, mesh_command
from labmesh.cli._survey import survey
from labmesh.cli._topic_names import whole_topic
from labmesh.client import Visitor
from labmesh.listing import probe
from labmesh.transport import Delivery
from messages.envelope import decode
from messages.errors import ConfigurationError, LabmeshError
from messages.topics import matches


@click.command("list")
@click.argument("pattern", required=False)
@click.option("--show-types", "-t", is_flag=True, help="One line a topic: its name and [type].")
@mesh_command
async def list_topics(session: Session, pattern: str | None, *, show_types: bool) -> None:
    """List what is retained, and the streams that nodes say they publish.

    PATTERN is an MQTT topic filter, `~kit/#` for one site. Without it, tables leave schemas out.
    """
    async with session.visit() as visitor:
        place = visitor.place
        wanted = whole_topic(pattern, place) if pattern else f"{place.realm}/#"
        topics, _ = await _look(visitor, wanted, session.patience)
    if session.out.as_json:
        session.out.document(topics)
    elif show_types:
        for each in topics:
            session.out.text(f"{each['topic']} [{each.get('type', '?')}]")
    else:
        now = time.time_ns()
        schemas = f"{place.realm}/+/+/schema/#"
        shown = [each for each in topics if pattern or not matches(schemas, each["topic"])]
        session.out.table(
            ("topic", "type", "retained", "size"),
            (
                (
                    each["topic"],
                    each.get("type", "?"),
                    _age(each, now) if each["retained"] else "",
                    size(each["bytes"]) if "bytes" in each else "",
                )
                for each in shown
            ),
            empty=f"nothing is retained on {wanted}",
        )
        if hidden := len(topics) - len(shown):
            session.out.remark(f"and {hidden} schemas: labmesh topic list '{schemas}'")


@click.command("find")
@click.argument("type_name", metavar="TYPE")
@mesh_command
async def find(session: Session, type_name: str) -> None:
    """List the topics that carry a message type: Lifecycle@1, or Lifecycle in any version."""
    async with session.visit() as visitor:
        topics, _ = await _look(visitor, f"{visitor.place.realm}/#", session.patience)
    kinds = {str(each.get("type", "")) for each in topics}
    found = [each["topic"] for each in topics if type_name in _names(each.get("type", ""))]
    if not found and not any(type_name in _names(kind) for kind in kinds):
        session.out.remark(
            f"nothing of type {type_name!r} is retained or declared; see `labmesh topic list`"
        )
    if session.out.as_json:
        session.out.document(found)
    else:
        for topic in found:
            session.out.text(topic)


@click.command("type")
@click.argument("topic")
@mesh_command
async def type_of(session: Session, topic: str) -> None:
    """Show the type of the messages on TOPIC."""
    async with session.visit() as visitor:
        wanted = whole_topic(topic, visitor.place)
        topics, ends = await _look(visitor, wanted, session.patience)
    kinds = _types(topics, ends)
    if not kinds:
        raise _nothing_on(wanted)
    if session.out.as_json:
        session.out.document(kinds)
    else:
        session.out.text("\n".join(kinds))


@click.command("info")
@click.argument("topic")
@click.option("--verbose", "-v", is_flag=True, help="Show the nodes and their quality of service.")
@mesh_command
async def info(session: Session, topic: str, *, verbose: bool) -> None:
    """Show the type of TOPIC, who publishes it and who takes it, as the nodes' descriptors say.

    What a node has subscribed to without saying so, and who is no node (a dashboard, another
    MQTT client), is not known.
    """
    async with session.visit() as visitor:
        wanted = whole_topic(topic, visitor.place)
        topics, (sources, takers) = await _look(visitor, wanted, session.patience)
    if not (topics or sources or takers):
        raise _nothing_on(wanted)
    kept = [each for each in topics if each["retained"]]
    answer: dict[str, Any] = {
        "topic": wanted,
        "types": _types(topics, (sources, takers)),
        "retained": kept,
        "publishers": [
            {"node": str(each.node), "topic": each.topic, **each.stream.model_dump()}
            for each in sources
        ],
        "subscribers": [
            {"node": str(each.node), "pattern": each.pattern, "type": each.wanted.type}
            for each in takers
        ],
    }
    if session.out.as_json:
        session.out.document(answer)
        return
    now = time.time_ns()
    session.out.pairs(
        (
            ("type", ", ".join(answer["types"])),
            ("publishers", len({each.node for each in sources})),
            ("subscribers", len({each.node for each in takers})),
            ("retained", ", ".join(f"{_age(k, now)}, {size(k['bytes'])}" for k in kept) or "no"),
        )
    )
    if verbose:
        _show_ends(session.out, sources, takers)


def _show_ends(out: Output, sources: Sequence[Publisher], takers: Sequence[Subscriber]) -> None:
    out.heading("\npublishers")
    out.table(
        ("node", "topic", "type", "qos", "retained", "lifespan", "deadline", "liveliness",
         "description"),
        (
            (each.node, each.topic, s.type, s.qos, "yes" if s.retained else "no",
             *(None if span is None else duration(span)
               for span in (s.lifespan, s.deadline, s.liveliness)),
             s.description)
            for each in sources for s in (each.stream,)
        ),
        empty="no node that is online says that it publishes this",
    )  # fmt: skip
    out.heading("\nsubscribers")
    out.table(
        ("node", "filter", "type"),
        ((each.node, each.pattern, each.wanted.type) for each in takers),
        empty="no node that is online says that it takes this",
    )


_Ends = tuple[list[Publisher], list[Subscriber]]


async def _look(
    visitor: Visitor, wanted: str, patience: float
) -> tuple[list[dict[str, Any]], _Ends]:
    """Return the topics that match ``wanted``, and the nodes at both ends of it."""
    found: dict[str, dict[str, Any]] = {}

    def take(delivery: Delivery) -> None:
        if delivery.retain and delivery.payload:
            found[delivery.topic] = {
                "topic": delivery.topic,
                "retained": True,
                "bytes": len(delivery.payload),
                **_head(delivery),
            }

    subscription = await visitor.mesh.transport.subscribe(wanted, take)
    await probe(visitor.mesh, timeout=patience)
    await subscription.cancel()
    seen = (await survey(visitor.mesh, patience=patience)).values()
    realm = visitor.place.realm
    sources = [each for each in publishers(seen, realm) if overlaps(wanted, each.topic)]
    for each in sources:
        # Of a level that varies only what is retained is known.
        if each.topic not in found and "+" not in each.topic and matches(wanted, each.topic):
            found[each.topic] = {
                "topic": each.topic, "retained": False, "type": each.stream.type,
            }  # fmt: skip
    takers = [each for each in subscribers(seen, realm) if overlaps(wanted, each.pattern)]
    return [found[topic] for topic in sorted(found)], (sources, takers)


def _types(topics: list[dict[str, Any]], ends: _Ends) -> list[str]:
    """Return the types on some topics: of what is there, else published, else taken."""
    sources, takers = ends
    for kinds in (
        {each["type"] for each in topics if "type" in each},
        {each.stream.type for each in sources},
        {each.wanted.type for each in takers},
    ):
        if kinds:
            return sorted(kinds)
    return []


def _names(kind: str) -> tuple[str, str]:
    return kind, kind.partition("@")[0]


def _nothing_on(topic: str) -> ConfigurationError:
    return ConfigurationError(
        f"nobody publishes or takes {topic}",
        remedy="see `labmesh topic list`, or `labmesh topic echo` whether anything comes at all",
    )


def _head(delivery: Delivery) -> dict[str, Any]:
    try:
        header = decode(delivery.payload).header
    except LabmeshError:
        return {}
    return {"type": header.type, "stamp": header.stamp, "id": str(header.id)}


def _age(topic: dict[str, Any], now: int) -> str:
    if "stamp" not in topic:
        return "yes"
    seconds = (now - topic["stamp"]) / 1e9
    # Simulated time may be far ahead of the wall's.
    return f"since {duration(seconds)}" if seconds >= 0 else when(topic["stamp"])

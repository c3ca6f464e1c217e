"""``labmesh topic``: what is published."""

from __future__ import annotations

import time
from typing import Any

import click

from labmesh.cli._format import duration, size, when
from labmesh.cli._session import Session, mesh_command
from labmesh.cli._survey import survey
from labmesh.cli._topic_clear import clear
from labmesh.cli._topic_echo import echo
from labmesh.cli._topic_names import whole_topic
from labmesh.cli._topic_pub import pub
from labmesh.cli._topic_rates import bw, delay, hz
from labmesh.cli._verbs import Verbs
from labmesh.listing import probe
from labmesh.transport import Delivery
from messages.envelope import decode
from messages.errors import LabmeshError
from messages.topics import matches


@click.group(cls=Verbs)
def command() -> None:
    """Topics of the mesh.

    A topic may be written whole (lab1/kit/asab/node/life) or from ~ on, the realm left out
    (~kit/asab/node/life); quote it, or the shell may take ~kit for a home directory.
    """


@command.command("list")
@click.argument("pattern", required=False)
@mesh_command
async def list_topics(session: Session, pattern: str | None) -> None:
    """List what is retained, and the streams that nodes say they publish.

    PATTERN is an MQTT topic filter, `~kit/#` for one site.
    """
    found: dict[str, dict[str, Any]] = {}

    def take(delivery: Delivery) -> None:
        if delivery.retain and delivery.payload:
            found[delivery.topic] = {
                "topic": delivery.topic,
                "retained": True,
                "bytes": len(delivery.payload),
                **_head(delivery),
            }

    async with session.visit() as visitor:
        realm = visitor.place.realm
        wanted = whole_topic(pattern, visitor.place) if pattern else f"{realm}/#"
        subscription = await visitor.mesh.transport.subscribe(wanted, take)
        await probe(visitor.mesh, timeout=session.patience)
        await subscription.cancel()
        seen = await survey(visitor.mesh, patience=session.patience)
    for node in seen.values():
        for rest, stream in (node.descriptor.publishes if node.descriptor else {}).items():
            topic = f"{realm}/{node.id}/{rest}"
            if node.state == "online" and topic not in found and matches(wanted, topic):
                found[topic] = {"topic": topic, "retained": False, "type": stream.type}
    topics = [found[topic] for topic in sorted(found)]
    if session.out.as_json:
        session.out.document(topics)
        return
    now = time.time_ns()
    session.out.table(
        ("topic", "type", "retained", "size"),
        (
            (
                each["topic"],
                each.get("type", "?"),
                _age(each, now) if each["retained"] else "",
                size(each["bytes"]) if "bytes" in each else "",
            )
            for each in topics
        ),
        empty=f"nothing is retained on {wanted}",
    )


for _verb in (echo, pub, hz, bw, delay, clear):
    command.add_command(_verb)


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

"""``labmesh topic clear``: remove what is retained."""

from __future__ import annotations

from dataclasses import replace

import click

from labmesh.cli._session import Session, mesh_command
from labmesh.cli._topic_names import whole_topic
from labmesh.client import visit
from labmesh.listing import probe
from labmesh.mesh import open_delivery
from labmesh.place import Place
from labmesh.transport import Delivery
from messages.errors import ConfigurationError, LabmeshError
from messages.ids import NodeId
from messages.node import Presence
from messages.topics import parse_topic


@click.command("clear")
@click.argument("topic")
@click.option("--force", is_flag=True, help="Even where a node that is online said it.")
@mesh_command
async def clear(session: Session, topic: str, *, force: bool) -> None:
    """Remove what is retained on TOPIC, in the name of the node below whose prefix it lies.

    It is meant for garbage and for what a node left behind that is gone for good. What a node
    that is online says is refused: it belongs there.
    """
    place = session.place()
    whole = whole_topic(topic, place)
    author = _author(whole, place)
    held: list[Delivery] = []
    alive: list[Delivery] = []
    async with visit(
        replace(place, site=author.site), author.node, patience=session.patience
    ) as visitor:
        mesh = visitor.mesh
        presences = mesh.topics.of(author, "node", "alive", "+")
        for pattern, found in ((whole, held), (presences, alive)):
            await mesh.transport.subscribe(pattern, found.append)
        await probe(mesh, timeout=session.patience)
        if not any(each.payload for each in held):
            session.out.text(f"nothing is retained on {whole}")
            return
        if not force and _readable(held[-1]) and any(map(_online, alive)):
            raise LabmeshError(
                f"{author} is online, and says this itself",
                where=whole,
                remedy="stop the node first, or add --force",
            )
        await mesh.transport.publish(whole, b"", qos=1, retain=True)
    session.out.text(f"cleared {whole}")


def _author(topic: str, place: Place) -> NodeId:
    """Return below whose prefix a topic lies.

    Raises:
        ConfigurationError: Below nobody's, or it is a pattern.
    """
    levels = topic.split("/")
    if "+" in topic or "#" in topic or len(levels) < 4 or levels[0] != place.realm:
        raise ConfigurationError(
            f"{topic!r} is not one topic below a node's prefix",
            remedy=f"write it as {place.realm}/SITE/NODE/..., without + and #",
        )
    return NodeId(levels[1], levels[2])


def _readable(delivery: Delivery) -> bool:
    try:
        open_delivery(delivery, parse_topic(delivery.topic))
    except LabmeshError:
        return False
    return True


def _online(delivery: Delivery) -> bool:
    try:
        body = open_delivery(delivery, parse_topic(delivery.topic)).body
    except LabmeshError:
        return False
    return isinstance(body, Presence) and body.state == "online"

"""``labmesh topic``: what is published."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import click

from labmesh.cli._data import read_data
from labmesh.cli._deliveries import FieldMissingError, envelope_of, pick_field, render
from labmesh.cli._format import duration, one_line, plain, size, when
from labmesh.cli._session import Session, mesh_command
from labmesh.cli._survey import survey
from labmesh.cli._topic_clear import clear
from labmesh.cli._verbs import Verbs
from labmesh.listing import probe
from labmesh.place import Place
from labmesh.transport import Delivery
from messages.envelope import Header, decode, validate
from messages.errors import ConfigurationError, LabmeshError
from messages.schema import message_type
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


@command.command("echo")
@click.argument("topic")
@click.option("--once", is_flag=True, help="End after one message.")
@click.option(
    "--count", "-n", metavar="N", type=click.IntRange(min=1), help="End after N messages."
)
@click.option("--field", metavar="PATH", help="Show this part only: body.state, header.stamp ...")
@click.option("--raw", is_flag=True, help="Show payloads as they are; the topic is not touched.")
@click.option("--no-retained", is_flag=True, help="Leave out what is retained.")
@click.option("--timeout", metavar="S", type=click.FloatRange(min=0), help="End after S seconds.")
@mesh_command
async def echo(
    session: Session,
    topic: str,
    *,
    once: bool,
    count: int | None,
    field: str | None,
    raw: bool,
    no_retained: bool,
    timeout: float | None,  # noqa: ASYNC109
) -> None:
    """Show messages as they come: a header line, then the body. TOPIC may hold + and #.

    With --once or --count and --timeout it fails when fewer messages came in time.
    """
    wanted = 1 if once else count
    queue: asyncio.Queue[Delivery] = asyncio.Queue()

    def take(delivery: Delivery) -> None:
        if not (no_retained and delivery.retain):
            queue.put_nowait(delivery)

    async with session.visit() as visitor:
        pattern = topic if raw else whole_topic(topic, visitor.place)
        await visitor.mesh.transport.subscribe(pattern, take)
        shown = 0
        try:
            async with asyncio.timeout(timeout):
                while wanted is None or shown < wanted:
                    shown += _show(session, await queue.get(), field, raw=raw)
        except TimeoutError:
            if wanted is not None:
                raise LabmeshError(
                    f"{shown} of {wanted} messages came within {timeout:g} s",
                    where=pattern,
                    remedy="see `labmesh topic list` for what is published",
                ) from None


@command.command("pub")
@click.argument("topic")
@click.argument("type_name", metavar="TYPE")
@click.argument("body", default="{}")
@click.option("--retain", is_flag=True, help="Let the MQTT broker keep it.")
@click.option("--qos", type=click.IntRange(0, 1), default=1, show_default=True)
@click.option(
    "--times", metavar="N", type=click.IntRange(min=1), default=1, show_default=True,
    help="Publish N times.",
)  # fmt: skip
@click.option(
    "--rate", metavar="HZ", type=click.FloatRange(min=0, min_open=True), default=1.0,
    show_default=True, help="Times a second.",
)  # fmt: skip
@mesh_command
async def pub(
    session: Session,
    topic: str,
    type_name: str,
    body: str,
    *,
    retain: bool,
    qos: int,
    times: int,
    rate: float,
) -> None:
    """Publish a message below one's own prefix, ~SITE/cli: nobody may publish elsewhere.

    TOPIC is what follows the prefix, event/hello. BODY is YAML or JSON, @FILE, or -.
    """
    import messages.catalogue  # noqa: F401  registers the types

    message = validate(message_type(type_name), read_data(body, what="the body"), where="body")
    async with session.visit() as visitor:
        mesh = visitor.mesh
        rest = topic.removeprefix(mesh.topics.prefix + "/").removeprefix(f"~{mesh.me}/")
        if topic.startswith("~") and rest == topic:
            raise ConfigurationError(
                f"{topic} is not below {mesh.topics.prefix}",
                remedy="whoever publishes does so below its own prefix; leave it out, as in "
                "event/hello",
            )
        whole = mesh.topics.own(*rest.split("/"))
        for index in range(times):
            if index:
                await asyncio.sleep(1 / rate)
            header = await mesh.send(whole, message, qos=qos, retain=retain)
            if session.out.as_json:
                session.out.json_line({"topic": whole, "header": _header(header)})
            else:
                session.out.text(f"{whole} {header.type} {header.id}")


command.add_command(clear)


def whole_topic(text: str, place: Place) -> str:
    """Return a topic or filter as the MQTT broker knows it.

    Raises:
        ConfigurationError: It is neither of this realm nor written with ~.
    """
    if text.startswith("~"):
        rest = text[1:].removeprefix("/")
        return f"{place.realm}/{rest}" if rest else f"{place.realm}/#"
    first = text.partition("/")[0]
    if first in (place.realm, "+", "#") or first.startswith("$"):
        return text
    raise ConfigurationError(
        f"topic {text!r} is not of realm {place.realm}",
        remedy=f"write '~{text}', or {place.realm}/... in full",
    )


def _show(session: Session, delivery: Delivery, field: str | None, *, raw: bool) -> int:
    """Show one delivery; return 1 when it was shown."""
    if raw:
        value: Any = {
            "topic": delivery.topic,
            "retained": delivery.retain,
            "payload": delivery.payload,
        }
        if session.out.as_json:
            session.out.json_line(value)
        else:
            session.out.text(f"{delivery.topic} {delivery.payload.hex()}")
        return 1
    content = envelope_of(delivery)
    if field is not None:
        try:
            content = pick_field(content, field)
        except FieldMissingError as error:
            session.out.remark(f"{delivery.topic}: {error}")
            return 0
        if session.out.as_json:
            session.out.json_line(content)
        else:
            session.out.text(one_line(content, width=10_000))
        return 1
    if session.out.as_json:
        session.out.json_line(content)
    else:
        render(session.out, content)
    return 1


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


def _header(header: Header) -> Any:
    return plain({name: getattr(header, name) for name in header._fields})

"""``labmesh topic pub``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import click

from labmesh.cli._data import parse_map, read_data
from labmesh.cli._format import plain
from labmesh.cli._session import Session, mesh_command
from labmesh.cli._stdin import documents
from messages.envelope import Header, validate
from messages.errors import ConfigurationError
from messages.model import Message
from messages.schema import message_type


@click.command("pub")
@click.argument("topic")
@click.argument("type_name", metavar="TYPE")
@click.argument("body", default="{}")
@click.option("--retain", is_flag=True, help="Let the MQTT broker keep it.")
@click.option("--qos", type=click.IntRange(0, 1), default=1, show_default=True)
@click.option("--once", "-1", is_flag=True, help="Publish once, whatever the rate.")
@click.option("--times", "-t", metavar="N", type=click.IntRange(min=1), help="Publish N times.")
@click.option(
    "--rate", "-r", metavar="HZ", type=click.FloatRange(min=0, min_open=True),
    help="Publish so often a second, until Ctrl-C or --times (then 1).",
)  # fmt: skip
@click.option(
    "--stdin", "from_stdin", is_flag=True,
    help="Publish every YAML document (--- between them) or line of JSON that is typed or piped.",
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
    once: bool,
    times: int | None,
    rate: float | None,
    from_stdin: bool,
) -> None:
    """Publish a message below one's own prefix, ~SITE/cli: nobody may publish elsewhere.

    TOPIC is what follows the prefix, event/hello. BODY is YAML or JSON, @FILE, or -; `labmesh
    interface proto TYPE` prints one to begin with. It is published once, unless --times, --rate
    or --stdin say otherwise.
    """
    import messages.catalogue  # noqa: F401  registers the types

    model = message_type(type_name)
    if from_stdin:
        if body != "{}":
            raise ConfigurationError("BODY is given, and --stdin", remedy="leave one of them out")
        source = _typed(model)
    else:
        message = validate(model, read_data(body, what="the body"), where="body")
        source = _repeated(message, 1 if once else times or (None if rate else 1))
    pause = 1 / rate if rate else 0.0 if from_stdin else 1.0
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
        # By the clock, not by pauses: a slow MQTT broker shall not slow the rate down.
        due = asyncio.get_running_loop().time()
        async for each in source:
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            due = max(due, asyncio.get_running_loop().time() - pause) + pause
            header = await mesh.send(whole, each, qos=qos, retain=retain)
            if session.out.as_json:
                session.out.json_line({"topic": whole, "header": _header(header)})
            else:
                session.out.text(f"{whole} {header.type} {header.id}")


async def _repeated(message: Message, times: int | None) -> AsyncIterator[Message]:
    count = 0
    while times is None or count < times:
        yield message
        count += 1


async def _typed(model: type[Message]) -> AsyncIterator[Message]:
    count = 0
    async for text in documents():
        count += 1
        where = f"standard input, message {count}"
        yield validate(model, parse_map(text, what="the body", where=where), where="body")


def _header(header: Header) -> Any:
    return plain({name: getattr(header, name) for name in header._fields})

"""``labmesh log``: what the nodes say, as they say it."""

from __future__ import annotations

import asyncio
from typing import Any, Final, get_args

import click

from labmesh._discreet import HERE, WORDS
from labmesh.cli._deliveries import envelope_of
from labmesh.cli._filter import Chosen
from labmesh.cli._format import clean, one_line, plain
from labmesh.cli._output import Output
from labmesh.cli._session import Session, mesh_command
from labmesh.cli._survey import AT_A_GLANCE, pick, survey
from labmesh.cli._verbs import Verbs
from labmesh.transport import Delivery
from messages.ids import NodeId
from messages.node import LogLevel

_LEVELS: Final[tuple[str, ...]] = get_args(LogLevel)
_COLOURS: Final = {"debug": "bright_black", "warn": "yellow", "error": "red", "fatal": "magenta"}


@click.group(cls=Verbs, invoke_without_command=True)
@click.option(
    "--level", "-l", type=click.Choice(_LEVELS), default="info", show_default=True,
    help="This and worse.",
)  # fmt: skip
@click.option(
    "--node", "nodes", metavar="NODE", multiple=True, help="Only this one; may be repeated."
)
@click.option(
    "--filter", "condition", metavar="EXPR",
    help="Only records for which it is true: \"'pump' in m.text\"; m is the record.",
)  # fmt: skip
@click.option("--count", "-n", metavar="N", type=click.IntRange(min=1), help="End after N records.")
@mesh_command
async def command(
    session: Session,
    *,
    level: str,
    nodes: tuple[str, ...],
    condition: str | None,
    count: int | None,
) -> None:
    """Show what the nodes log, as they do; nothing is kept, so nothing older is shown.

    A node tells the mesh from level info on; `labmesh log level NODE debug` makes it say more.
    What a launch started has said before is in its files, by default below .labmesh/runs.
    """
    if click.get_current_context().invoked_subcommand is not None:
        return
    chosen = Chosen(session.out, condition, _NAMES) if condition is not None else None
    queue: asyncio.Queue[Delivery] = asyncio.Queue()
    async with session.visit() as visitor:
        mesh = visitor.mesh
        known = await survey(mesh, parts=AT_A_GLANCE, patience=session.patience) if nodes else {}
        authors: list[NodeId | None] = [pick(name, visitor.place, known).id for name in nodes]
        for author in authors or [None]:
            for each in _LEVELS[_LEVELS.index(level) :]:
                for levels in (("log", each), ("log", each, HERE)):
                    await mesh.transport.subscribe(
                        mesh.topics.of(author, *levels), queue.put_nowait
                    )
        shown = 0
        while count is None or shown < count:
            shown += _show(session.out, await queue.get(), chosen, mesh.me.site)


@command.command("level")
@click.argument("name", metavar="NODE")
@click.argument("level", required=False, type=click.Choice(_LEVELS))
@click.option(
    "--scope", type=click.Choice(("screen", "mesh", "both")), default="both", show_default=True,
    help="What is set: what the node writes on its screen, tells the mesh, or both.",
)  # fmt: skip
@click.option("--logger", metavar="NAME", default="", help="A Python logger of the node's.")
@mesh_command
async def log_level(
    session: Session, name: str, level: str | None, *, scope: str, logger: str
) -> None:
    """Show the log level of NODE, or set it."""
    async with session.visit() as visitor:
        node = pick(name, visitor.place, await survey(visitor.mesh, patience=session.patience))
        service, arguments = "log.get_level", {}
        if level is not None:
            service = "log.set_level"
            arguments = {"level": level, "scope": scope, "logger": logger}
        answer = await visitor.caller.call(node.id, service, arguments, timeout=session.patience)
    if session.out.as_json:
        session.out.document({"node": str(node.id), **answer})
        return
    session.out.pairs(
        (("screen", answer["screen"]), ("mesh", answer["mesh"]), *answer["loggers"].items())
    )


_NAMES: Final = ("m", "header", "topic")


def _show(out: Output, delivery: Delivery, chosen: Chosen | None, here: str) -> int:
    """Show one record; return 1 when it was shown."""
    content = envelope_of(delivery)
    if delivery.retain or "body" not in content:
        return 0
    header, body = plain(content["header"]), content["body"]
    if body.get("text") == WORDS and header["sender"].partition("/")[0] == here:
        return 0  # the whole record comes beside it
    if chosen is not None and not chosen(body, header=header, topic=content["topic"]):
        return 0
    if out.as_json:
        out.json_line({"node": header["sender"], "stamp": header["stamp"], **body})
    else:
        _line(header, body)
    return 1


def _line(header: dict[str, Any], body: dict[str, Any]) -> None:
    from datetime import datetime

    time = datetime.fromtimestamp(header["stamp"] / 1e9).astimezone().strftime("%H:%M:%S.%f")[:-3]
    level = str(body.get("level", "?"))
    values = body.get("values") or {}
    more = "".join(f" {key}={one_line(value, 200)}" for key, value in values.items())
    # One record is one line, whatever words of others it repeats.
    text = "\\n".join(clean(f"{body.get('text', '')}{more}").splitlines())
    word = click.style(f"{level.upper():<5}", fg=_COLOURS.get(level))
    click.echo(f"{time} {word} {header['sender']}: {text}")

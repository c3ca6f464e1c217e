"""``labmesh bag play``: a recording, published again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from labmesh.cli._session import Session, mesh_command
from messages.errors import ConfigurationError, LabmeshError
from messages.ids import NodeId, check_name

if TYPE_CHECKING:
    from labmesh.bag import Bag, BagMessage, Player, Selection, Sink
    from labmesh.client import Visitor
    from labmesh.transport import Transport

PLAYER: Final = "bag"
"""The node name under which a bag is played."""


@click.command("play")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path)
)
@click.option(
    "--rate", "-r", metavar="R", type=click.FloatRange(min=0, min_open=True), default=1.0,
    show_default=True, help="Recorded seconds a second.",
)  # fmt: skip
@click.option(
    "--start-offset", metavar="S", type=click.FloatRange(min=0), default=0.0,
    help="Leave out the first S seconds, but for what was retained.",
)  # fmt: skip
@click.option(
    "--duration", metavar="S", type=click.FloatRange(min=0, min_open=True), help="Play S seconds.",
)  # fmt: skip
@click.option("--loop", "-l", is_flag=True, help="Begin again at the end, until Ctrl-C.")
@click.option("--topics", metavar="TOPIC", multiple=True, help="Only these; may be repeated.")
@click.option("--regex", "-e", metavar="R", default="", help="Only topics in which R occurs.")
@click.option("--exclude", "-x", metavar="R", default="", help="None in which R occurs.")
@click.option(
    "--remap", "-m", metavar="FROM:=TO", multiple=True,
    help="Play topic FROM on TO below the player's prefix.",
)  # fmt: skip
@click.option("--name", metavar="NODE", help="The player's own (bag, or the account's).")
@click.option(
    "--clock", is_flag=True,
    help="Play by the messages' own stamps, and publish simulated time on ~clock.",
)  # fmt: skip
@click.option(
    "--as-recorded", is_flag=True,
    help="Let every author speak again on its own topics: for an isolated mesh.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="With --as-recorded: though its authors are online.")
@click.option("--keep", is_flag=True, help="Leave what is retained when the end is reached.")
@mesh_command
async def play(
    session: Session,
    files: tuple[Path, ...],
    *,
    rate: float,
    start_offset: float,
    duration: float | None,
    loop: bool,
    topics: tuple[str, ...],
    regex: str,
    exclude: str,
    remap: tuple[str, ...],
    name: str | None,
    clock: bool,
    as_recorded: bool,
    force: bool,
    keep: bool,
) -> None:
    """Publish a recording again, with its own timing.

    A player publishes below its own prefix only, as everybody: LAB1/KIT/ASAB/data/t is played on
    LAB1/SITE/bag/data/KIT/ASAB/t. What was addressed to somebody (requests, orders, calls ...) is
    not played, unless a --remap gives it a place.
    """
    from labmesh.bag import Player, Timing, open_bags
    from labmesh.client import visit

    if loop and clock:
        raise ConfigurationError(
            "--loop and --clock exclude each other: time does not run backwards",
            remedy="leave one out",
        )
    if as_recorded and remap:
        raise ConfigurationError(
            "--as-recorded and --remap exclude each other", remedy="leave one out"
        )
    place = session.place()
    name = check_name(name, "node") if name else place.own_name(PLAYER)
    bags = open_bags(files)
    selection = part_of(place.realm, topics, regex, exclude)
    async with visit(place, name, patience=session.patience) as visitor, AsyncExitStack() as stack:
        mesh = visitor.mesh
        sink = await _sink(stack, session, visitor, bags, selection, remap, force, as_recorded)
        clock_topic = mesh.topics.own("clock")
        player = Player(
            lambda: _wanted(bags, selection),
            sink,
            Timing(rate, start_offset, duration, stamps=clock),
            (lambda tick: mesh.send(clock_topic, tick, retain=True)) if clock else None,
        )
        where = "as recorded" if as_recorded else f"below {mesh.topics.prefix}"
        session.out.remark(f"playing {where}; Ctrl-C ends it")
        try:
            await _rounds(player, loop=loop)
        finally:
            if not keep:
                with suppress(LabmeshError):
                    await sink.clear()
                    if clock:
                        await mesh.transport.publish(clock_topic, b"", retain=True, wait=False)
    _say(session, player, sink.skipped)


async def _rounds(player: Player, *, loop: bool) -> None:
    await player.round()
    while loop:
        await asyncio.sleep(0)
        await player.round()


def part_of(realm: str, topics: tuple[str, ...], regex: str, exclude: str) -> Selection | None:
    """Return the topics of a recording that are meant, None for all.

    Raises:
        ConfigurationError: A regular expression is none.
        TopicError: A filter is malformed.
    """
    from labmesh.bag import Selection

    if not (topics or regex or exclude):
        return None
    # The recording's realm may be another one than this mesh's.
    filters = tuple(
        f"+/{rest.removeprefix('/')}" if (rest := each.removeprefix("~")) != each else each
        for each in topics
    )
    return Selection.of(realm, filters, regex, exclude)


def _wanted(bags: Sequence[Bag], selection: Selection | None) -> Iterator[BagMessage]:
    messages = chain.from_iterable(bag.messages() for bag in bags)
    if selection is None:
        return messages
    return (message for message in messages if selection.wants(message.channel.topic))


async def _sink(
    stack: AsyncExitStack,
    session: Session,
    visitor: Visitor,
    bags: Sequence[Bag],
    selection: Selection | None,
    remap: tuple[str, ...],
    force: bool,
    as_recorded: bool,
) -> Sink:
    from labmesh.bag import AsRecorded, BelowPrefix, PlayMap

    mesh = visitor.mesh
    if not as_recorded:
        return BelowPrefix(mesh, PlayMap.of(mesh.topics, remap))
    authors = {message.channel.author for message in _wanted(bags, selection)}
    if not force:
        await _check_absent(session, visitor, authors)

    async def connect(author: NodeId) -> Transport:
        return await stack.enter_async_context(_speaking_for(session, visitor, author))

    return AsRecorded(connect)


@asynccontextmanager
async def _speaking_for(
    session: Session, visitor: Visitor, author: NodeId
) -> AsyncIterator[Transport]:
    from labmesh.transport import make_transport

    transport = make_transport(
        visitor.place.access, client_id=f"{author}/{visitor.mesh.instance}", username=author.node
    )
    try:
        await transport.open(timeout=session.patience)
        yield transport
    finally:
        await transport.close()


async def _check_absent(session: Session, visitor: Visitor, authors: Iterable[str]) -> None:
    """Refuse to speak for nodes that are there to speak for themselves."""
    from labmesh.cli._survey import AT_A_GLANCE, survey

    seen = await survey(visitor.mesh, parts=AT_A_GLANCE, patience=session.patience)
    online = {str(node.id) for node in seen.values() if node.state == "online"}
    there = sorted(online & set(authors))
    if there:
        raise ConfigurationError(
            f"{', '.join(there[:5])} of this recording "
            f"{'are' if len(there) > 1 else 'is'} online here: as recorded it would speak for them",
            remedy="play into an isolated mesh, or below the player's own prefix without "
            "--as-recorded",
        )


def _say(session: Session, player: Player, skipped: Counter[str]) -> None:
    left = skipped.total()
    if session.out.as_json:
        session.out.document(
            {
                "messages": player.played.messages,
                "rounds": player.played.rounds,
                "skipped": dict(sorted(skipped.items())),
            }
        )
    else:
        session.out.text(f"{player.played.messages} messages played")
    if left:
        session.out.remark(
            f"{left} messages of {len(skipped)} topics have no place below one's own prefix "
            f"(such as {next(iter(skipped))}); --remap gives them one"
        )

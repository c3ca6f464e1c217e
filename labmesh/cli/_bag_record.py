"""``labmesh bag record``: topics into an MCAP file, until Ctrl-C."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from labmesh.cli._format import duration, size
from labmesh.cli._session import Session, mesh_command
from labmesh.place import Place
from messages.errors import ConfigurationError
from messages.ids import NodeId

if TYPE_CHECKING:
    from labmesh.bag import Progress, Recorder, Selection
    from labmesh.client import Visitor

_LINE: Final = 1.0
"""Wall seconds between two looks of the running line."""
_UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def _bytes(_context: click.Context, parameter: click.Parameter, value: str) -> int:
    """Return the bytes that 500000, 100k, 20M or 1G (powers of 1024) stand for."""
    number, unit = value.lower(), ""
    if number[-1:] in ("k", "m", "g"):
        number, unit = number[:-1], number[-1]
    try:
        count = int(float(number) * _UNITS[unit])
    except (ValueError, OverflowError):
        count = -1
    if count < 0:
        raise click.BadParameter(
            f"{value!r} is no size; write 500000, 100k, 20M or 1G", param=parameter
        )
    return count


@click.command("record")
@click.argument("topics", nargs=-1, metavar="[TOPIC]...")
@click.option("--all", "-a", "everything", is_flag=True, help="Every topic of the realm.")
@click.option("--regex", "-e", metavar="R", default="", help="Topics in which R occurs.")
@click.option("--exclude", "-x", metavar="R", default="", help="But none in which R occurs.")
@click.option("--node", "nodes", metavar="N", multiple=True, help="All that node N publishes.")
@click.option(
    "--output", "-o", metavar="FILE", type=click.Path(path_type=Path),
    help="The file (bag_DATE-TIME.mcap).",
)  # fmt: skip
@click.option(
    "--encoding", type=click.Choice(("json", "msgpack")), default="json", show_default=True,
    help="json: for every viewer. msgpack: the exact bytes.",
)  # fmt: skip
@click.option(
    "--compression", type=click.Choice(("zstd", "lz4", "none")), default="zstd", show_default=True,
    help="Of the file.",
)  # fmt: skip
@click.option(
    "--max-bag-size", "-b", metavar="BYTES", default="0", callback=_bytes,
    help="Begin a new file at this size: 500000, 100k, 20M, 1G.",
)  # fmt: skip
@click.option(
    "--max-bag-duration", "-d", metavar="S", type=click.FloatRange(min=0), default=0.0,
    help="Begin a new file after S seconds.",
)  # fmt: skip
@click.option(
    "--duration", metavar="S", type=click.FloatRange(min=0, min_open=True),
    help="End after S seconds.",
)  # fmt: skip
@mesh_command
async def record(
    session: Session,
    topics: tuple[str, ...],
    *,
    everything: bool,
    regex: str,
    exclude: str,
    nodes: tuple[str, ...],
    output: Path | None,
    encoding: str,
    compression: str,
    max_bag_size: int,
    max_bag_duration: float,
    duration: float | None,
) -> None:
    """Record topics into an MCAP file until Ctrl-C, which ends it properly (exit code 0).

    TOPIC may hold + and # and is written whole or from ~ on; quote it. What is retained is recorded
    first. Foxglove and the mcap program read the file.
    """
    from labmesh.bag import Recorder, Splitting, TypeSchemas, Writing

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        selection = _selection(
            session.place(), topics, nodes, regex, exclude, everything=everything
        )
        path = output or Path(f"bag_{datetime.now().astimezone():%Y%m%d-%H%M%S}.mcap")
        schemas = TypeSchemas()
        async with session.visit() as visitor, _schemas_of_mesh(session, schemas.learn):
            recorder = Recorder(
                path,
                Writing(encoding, compression),  # type: ignore[arg-type]
                _about(
                    visitor.place, selection, everything=not (topics or nodes or regex or exclude)
                ),
                schemas,
                splitting=Splitting(max_bag_size, max_bag_duration),
                failed=stop.set,
            )
            reason = "error"
            try:
                for pattern in selection.subscriptions():
                    await visitor.mesh.transport.subscribe(pattern, _taker(recorder, selection))
                reason = await _until(session, recorder, stop, duration)
            finally:
                progress = await recorder.close(reason)
            _say(session, visitor, progress)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _selection(
    place: Place,
    topics: tuple[str, ...],
    nodes: tuple[str, ...],
    regex: str,
    exclude: str,
    *,
    everything: bool,
) -> Selection:
    from labmesh.bag import Selection
    from labmesh.cli._topic_names import whole_topic

    if not (topics or nodes or regex or exclude or everything):
        raise ConfigurationError(
            "nothing to record", remedy="name topics, or a --node, or --all for everything"
        )
    if everything and (topics or nodes):
        raise ConfigurationError(
            "--all and topics or nodes exclude each other", remedy="leave one out"
        )
    filters = [whole_topic(each, place) for each in topics]
    for each in nodes:
        node = NodeId.parse(each if "/" in each else f"{place.site}/{each}")
        filters.append(f"{place.realm}/{node}/#")
    return Selection.of(place.realm, tuple(filters), regex, exclude)


def _about(place: Place, selection: Selection, *, everything: bool) -> dict[str, str]:
    from importlib.metadata import version

    return {
        "realm": place.realm,
        "site": place.site,
        "software": f"labmesh {version('labmesh')}",
        "host": socket.gethostname(),
        "selection": "all" if everything else "part",
        "topics": json.dumps(list(selection.filters) or [f"{place.realm}/#"]),
        "regex": selection.regex.pattern if selection.regex else "",
        "exclude": selection.exclude.pattern if selection.exclude else "",
    }


@asynccontextmanager
async def _schemas_of_mesh(session: Session, learn: Any) -> AsyncIterator[None]:
    """Learn the schemas of the mesh while the block runs.

    On a connection of its own: an MQTT broker may deliver a message once for each filter of a
    connection, and a bag shall have it once.
    """
    from labmesh.listing import probe

    async with session.visit() as visitor:
        mesh = visitor.mesh
        await mesh.transport.subscribe(
            mesh.topics.of(None, "schema", "+", "+"), lambda delivery: learn(delivery.payload)
        )
        await probe(mesh, timeout=session.patience)
        yield


def _taker(recorder: Recorder, selection: Selection) -> Any:
    if not (selection.regex or selection.exclude or selection.filters):
        return recorder.take
    wanted: dict[str, bool] = {}

    def take(delivery: Any) -> None:
        topic = delivery.topic
        if topic not in wanted:
            wanted[topic] = selection.wants(topic)
        if wanted[topic]:
            recorder.take(delivery)

    return take


async def _until(
    session: Session, recorder: Recorder, stop: asyncio.Event, seconds: float | None
) -> str:
    """Show how it goes until it shall end; return why it does."""
    session.out.remark(f"recording into {recorder.progress.files[0]}; Ctrl-C ends it")
    begun = time.monotonic()
    live = sys.stderr.isatty() and not session.out.as_json
    before = (0, begun)
    while not stop.is_set():
        left = None if seconds is None else begun + seconds - time.monotonic()
        if left is not None and left <= 0:
            break
        try:
            async with asyncio.timeout(min(_LINE, left) if left is not None else _LINE):
                await stop.wait()
        except TimeoutError:
            pass
        if live:
            now, count = time.monotonic(), sum(recorder.progress.topics.values())
            rate = (count - before[0]) / max(now - before[1], 1e-3)
            before = (count, now)
            click.echo(f"\r\x1b[K{_line(recorder.progress, now - begun, rate)}", err=True, nl=False)
    if live:
        click.echo("\r\x1b[K", err=True, nl=False)
    return "stopped" if stop.is_set() else "duration"


def _line(progress: Progress, seconds: float, rate: float) -> str:
    count = sum(progress.topics.values())
    lost = f", {progress.dropped} DROPPED" if progress.dropped else ""
    return (
        f"{duration(seconds)}: {count} messages of {len(progress.topics)} topics, "
        f"{rate:.0f}/s, {size(progress.size)}{lost}"
    )


def _say(session: Session, visitor: Visitor, progress: Progress) -> None:
    stats = visitor.mesh.transport.stats
    answer = {
        "files": [str(path) for path in progress.files],
        "messages": progress.messages,
        "bytes": progress.size,
        "topics": dict(sorted(progress.topics.items())),
        "dropped": progress.dropped,
        "reconnects": max(stats.connections - 1, 0),
    }
    if session.out.as_json:
        session.out.document(answer)
    else:
        files = ", ".join(map(str, progress.files))
        session.out.text(
            f"{progress.messages} messages of {len(progress.topics)} topics, "
            f"{size(progress.size)}: {files}"
        )
    if progress.dropped:
        session.out.remark(f"{progress.dropped} messages were dropped: the disk is too slow")
    if answer["reconnects"]:
        session.out.remark(
            f"the connection was lost {answer['reconnects']} times; `labmesh bag info` shows gaps"
        )

"""``labmesh clock``: simulated time."""

from __future__ import annotations

import time
from typing import Any

import click

from labmesh.cli._format import duration, when
from labmesh.cli._session import Session, mesh_command
from labmesh.cli._verbs import Verbs
from labmesh.client import Visitor
from labmesh.listing import retained
from messages.envelope import validate
from messages.errors import ConfigurationError, LabmeshError
from messages.ids import NodeId
from messages.node import ClockPace, ClockTick


@click.group(cls=Verbs)
def command() -> None:
    """The clock node of a simulated mesh."""


_CLOCK = click.option(
    "--clock", metavar="SITE/NODE", help="The clock node, where there are several."
)


@command.command("show")
@_CLOCK
@mesh_command
async def show(session: Session, *, clock: str | None) -> None:
    """Show simulated time, and how fast it runs."""
    async with session.visit() as visitor:
        node, tick = await _find(visitor, clock, session.patience)
        holds = await _holds(visitor, node, session.patience)
    wall = time.time_ns()
    now = tick.time + int(max(wall - tick.wall, 0) * tick.rate)
    if session.out.as_json:
        session.out.document(
            {
                "clock": str(node),
                "time": now,
                "wall": wall,
                "rate": tick.rate,
                "holds": holds,
                "tick": _tick(tick),
            }
        )
        return
    session.out.pairs(
        (
            ("clock", node),
            ("simulated", when(now, zone=True)),
            ("wall", when(wall, zone=True)),
            ("ahead", duration((now - wall) / 1e9)),
            ("rate", f"{tick.rate:g} simulated seconds a second" if tick.rate else "paused"),
            ("held back", ", ".join(f"to {rate:g} by {name}" for name, rate in holds.items())),
            ("last tick", f"{duration((wall - tick.wall) / 1e9)} ago"),
        )
    )


@command.command("rate")
@click.argument("rate", type=click.FloatRange(min=0))
@_CLOCK
@mesh_command
async def set_rate(session: Session, rate: float, *, clock: str | None) -> None:
    """Set how many simulated seconds pass in one; 0 is a pause."""
    async with session.visit() as visitor:
        node, _ = await _find(visitor, clock, session.patience)
        answer = await visitor.caller.call(
            node, "param.set", {"values": {"rate": rate}, "keep": False}, timeout=session.patience
        )
    if session.out.as_json:
        session.out.document({"clock": str(node), "rate": answer["values"]["rate"]})
    else:
        now = answer["values"]["rate"]
        session.out.text(f"{node} runs at {now:g}" if now else f"{node} is paused")


async def _holds(visitor: Visitor, node: NodeId, patience: float) -> dict[str, float]:
    """Return who holds time back; of a clock that does not answer, nobody."""
    try:
        answer = await visitor.caller.call(node, "clock.pace", {}, timeout=patience)
    except LabmeshError:
        return {}
    return validate(ClockPace, answer, where="clock.pace").holds


async def _find(visitor: Visitor, given: str | None, patience: float) -> tuple[NodeId, ClockTick]:
    wanted = NodeId.parse(given) if given else visitor.place.clock
    mesh = visitor.mesh
    ticks = await retained(mesh, mesh.topics.of(wanted, "clock"), ClockTick, timeout=patience)
    found = {topic.author: tick for topic, tick in ticks}
    if not found:
        raise ConfigurationError(
            f"{wanted or 'no node'} has published simulated time",
            remedy="a mesh without a clock node runs on wall time; start one with "
            "`labmesh run clock`, and the others with --clock SITE/clock",
        )
    if len(found) > 1:
        raise ConfigurationError(
            f"there are {len(found)} clocks: {', '.join(map(str, sorted(found)))}",
            remedy="name one with --clock",
        )
    return next(iter(found.items()))


def _tick(tick: ClockTick) -> dict[str, Any]:
    return tick.model_dump()

"""``labmesh node``: who is there."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import click

from labmesh.cli._format import duration, one_line, when
from labmesh.cli._output import Output
from labmesh.cli._session import Session, mesh_command
from labmesh.cli._survey import (
    AT_A_GLANCE,
    EVERYTHING,
    WITH_OFFERS,
    NodeSeen,
    pick,
    survey,
)
from labmesh.cli._verbs import Verbs

_SHOWN: Final = ("online", "unreachable", "lost", "unknown", "offline")
"""States of presence, in the order in which they are counted."""


@click.group(cls=Verbs)
def command() -> None:
    """Nodes of the mesh."""


@command.command("list")
@click.option("-a", "--all", "everybody", is_flag=True, help="Show nodes that have left, too.")
@mesh_command
async def list_nodes(session: Session, *, everybody: bool) -> None:
    """List the nodes, their states and their worst diagnostics.

    A node whose process ended without a word is `lost`; one that was online when the link of its
    site broke is `unreachable`.
    """
    unreadable: dict[str, str] = {}
    async with session.visit() as visitor:
        seen = await survey(
            visitor.mesh,
            parts=EVERYTHING if session.out.as_json else AT_A_GLANCE,
            patience=session.patience,
            unreadable=unreadable,
        )
    if unreadable:
        _tell_unreadable(session.out, unreadable)
    shown = [node for node in seen.values() if everybody or node.state != "offline"]
    if session.out.as_json:
        session.out.document([_summary(node) for node in shown])
        return
    now = time.time_ns()
    session.out.table(
        ("node", "presence", "state", "since", "host", "diagnostics"),
        (
            (
                node.id,
                node.state,
                node.lifecycle,
                duration((now - node.presence.since) / 1e9) if node.presence else "",
                node.presence.host if node.presence else "",
                _worst(node),
            )
            for node in shown
        ),
        empty="no nodes; start some with `labmesh launch FILE` or `labmesh run PROGRAM`",
    )
    if seen:
        session.out.remark(_count(seen.values(), hidden=len(seen) - len(shown)))


@command.command("info")
@click.argument("name", metavar="NODE")
@mesh_command
async def info(session: Session, name: str) -> None:
    """Show what a node is, serves, offers, publishes, and how it fares."""
    async with session.visit() as visitor:
        seen = await survey(visitor.mesh, parts=WITH_OFFERS, patience=session.patience)
    node = pick(name, visitor.place, seen)
    if session.out.as_json:
        session.out.document(_everything(node))
    else:
        _show(session.out, node)


def _tell_unreadable(out: Output, unreadable: dict[str, str]) -> None:
    topic, reason = min(unreadable.items())
    what = f"{topic} is retained and no message of ours ({one_line(reason)})"
    if others := len(unreadable) - 1:
        what += f", nor are {others} others"
    out.remark(f"{what}; labmesh topic clear '{topic}' removes it")


def _count(nodes: Iterable[NodeSeen], *, hidden: int) -> str:
    states = Counter(node.state for node in nodes)
    words = ", ".join(f"{states[state]} {state}" for state in sorted(states, key=_SHOWN.index))
    count = states.total()
    more = "; `labmesh node list --all` shows those that have left" if hidden else ""
    return f"{count} node{'s' * (count != 1)}: {words}{more}"


def _worst(node: NodeSeen) -> str:
    if node.hangs:
        return "error: beat: its work gives no sign of life"
    worst = node.worst
    if worst is None or node.state != "online":
        return ""
    component, diagnostic = worst
    if diagnostic.level == "ok":
        return "ok"
    return f"{diagnostic.level.value}: {component}: {one_line(diagnostic.message)}"


def _summary(node: NodeSeen) -> dict[str, Any]:
    worst = node.worst
    return {
        "node": str(node.id),
        "presence": node.state,
        "state": node.life.state.value if node.life else None,
        "transition": node.life.transition.value if node.life and node.life.transition else None,
        "since": node.presence.since if node.presence else None,
        "host": node.presence.host if node.presence else None,
        "pid": node.presence.pid if node.presence else None,
        "program": node.descriptor.program if node.descriptor else None,
        "version": node.descriptor.version if node.descriptor else None,
        "diagnostics": "error" if node.hangs else worst[1].level.value if worst else None,
        "hangs": node.hangs,
    }


def _everything(node: NodeSeen) -> dict[str, Any]:
    def dump(model: Any) -> Any:
        return model.model_dump(mode="python") if model is not None else None

    return {
        "node": str(node.id),
        "presence": dump(node.presence),
        "cut_off": node.cut_off or None,
        "lifecycle": dump(node.life),
        "descriptor": dump(node.descriptor),
        "parameters": dump(node.parameters),
        "diagnostics": {name: dump(value) for name, value in node.diagnostics.items()},
        "offers": [dump(offer) for offer in node.offers],
        "beat": dump(node.beat),
        "hangs": node.hangs,
    }


def _work(node: NodeSeen) -> str:
    if node.hangs:
        return "hangs: it gives no sign of life"
    return f"beats ({node.beat.works})" if node.beat and node.state == "online" else ""


def _show(out: Output, node: NodeSeen) -> None:
    presence, descriptor = node.presence, node.descriptor
    out.heading(str(node.id))
    out.pairs(
        (
            ("description", descriptor and descriptor.description),
            ("presence", f"{node.state}: {node.cut_off}" if node.cut_off else node.state),
            ("since", presence and when(presence.since, zone=True)),
            (
                "process",
                presence and f"pid {presence.pid} on {presence.host}, boot {presence.epoch}",
            ),
            ("work", _work(node)),
            ("state", node.lifecycle),
            ("reason", node.life and node.life.reason),
            ("program", descriptor and descriptor.program),
            ("version", descriptor and descriptor.version),
            ("ledger", descriptor and descriptor.ledger),
            ("simulated", descriptor and ("yes" if descriptor.simulated else "no")),
        )
    )
    if node.offers:
        out.heading("\noffers")
        out.table(
            ("quantity", "method", "version", "worker", "slots", "description"),
            ((o.quantity, o.method, o.version, o.worker, o.slots, o.description)
             for o in node.offers),
            empty="",
        )  # fmt: skip
    if node.parameters and node.parameters.values:
        out.heading("\nparameters")
        out.pairs((name, one_line(value)) for name, value in node.parameters.values.items())
    if descriptor:
        out.heading("\nservices")
        out.pairs((name, served.description or "-") for name, served in descriptor.services.items())
        out.heading("\npublishes")
        out.pairs((f"~/{topic}", one.type) for topic, one in descriptor.publishes.items())
        if descriptor.subscribes:
            out.heading("\nsubscribes to")
            out.pairs((each.pattern, each.type) for each in descriptor.subscribes)
        if descriptor.calls:
            out.heading("\ncalls")
            out.text("\n".join(f"{each.node} {each.service}" for each in descriptor.calls))
    if node.diagnostics:
        out.heading("\ndiagnostics")
        out.table(
            ("level", "component", "message", "remedy"),
            ((d.level.value, name, d.message, d.remedy) for name, d in node.diagnostics.items()),
            empty="",
        )

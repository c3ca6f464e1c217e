"""``labmesh node``: who is there."""

from __future__ import annotations

import time
from typing import Any

import click

from labmesh.cli._format import duration, one_line, when
from labmesh.cli._output import Output
from labmesh.cli._session import Session, mesh_command
from labmesh.cli._survey import NodeSeen, pick, survey
from labmesh.cli._verbs import Verbs


@click.group(cls=Verbs)
def command() -> None:
    """Nodes of the mesh."""


@command.command("list")
@click.option("-a", "--all", "everybody", is_flag=True, help="Show nodes that have left, too.")
@mesh_command
async def list_nodes(session: Session, *, everybody: bool) -> None:
    """List the nodes, their states and their worst diagnostics.

    A node whose process ended without a word is `lost`.
    """
    async with session.visit() as visitor:
        seen = await survey(visitor.mesh, patience=session.patience)
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
    if hidden := len(seen) - len(shown):
        session.out.remark(f"{hidden} more that have left; see `labmesh node list --all`")


@command.command("info")
@click.argument("name", metavar="NODE")
@mesh_command
async def info(session: Session, name: str) -> None:
    """Show what a node is, serves, offers, publishes, and how it fares."""
    async with session.visit() as visitor:
        seen = await survey(visitor.mesh, offers=True, patience=session.patience)
    node = pick(name, visitor.place, seen)
    if session.out.as_json:
        session.out.document(_everything(node))
    else:
        _show(session.out, node)


def _worst(node: NodeSeen) -> str:
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
        "diagnostics": worst[1].level.value if worst else None,
    }


def _everything(node: NodeSeen) -> dict[str, Any]:
    def dump(model: Any) -> Any:
        return model.model_dump(mode="python") if model is not None else None

    return {
        "node": str(node.id),
        "presence": dump(node.presence),
        "lifecycle": dump(node.life),
        "descriptor": dump(node.descriptor),
        "parameters": dump(node.parameters),
        "diagnostics": {name: dump(value) for name, value in node.diagnostics.items()},
        "offers": [dump(offer) for offer in node.offers],
    }


def _show(out: Output, node: NodeSeen) -> None:
    presence, descriptor = node.presence, node.descriptor
    out.heading(str(node.id))
    out.pairs(
        (
            ("description", descriptor and descriptor.description),
            ("presence", node.state),
            ("since", presence and when(presence.since, zone=True)),
            (
                "process",
                presence and f"pid {presence.pid} on {presence.host}, boot {presence.epoch}",
            ),
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
        out.text("\n".join(descriptor.services))
        out.heading("\npublishes")
        out.pairs((f"~/{topic}", kind) for topic, kind in descriptor.publishes.items())
    if node.diagnostics:
        out.heading("\ndiagnostics")
        out.table(
            ("level", "component", "message", "remedy"),
            ((d.level.value, name, d.message, d.remedy) for name, d in node.diagnostics.items()),
            empty="",
        )

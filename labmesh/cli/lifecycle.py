"""``labmesh lifecycle``: the states of nodes."""

from __future__ import annotations

from typing import Any, Final

import click

from labmesh.cli._session import Session, mesh_command
from labmesh.cli._survey import AT_A_GLANCE, NodeSeen, pick, survey
from labmesh.cli._verbs import Verbs
from messages.node import State, Transition

LEADS_TO: Final = {
    Transition.CONFIGURE: State.INACTIVE, Transition.ACTIVATE: State.ACTIVE,
    Transition.DEACTIVATE: State.INACTIVE, Transition.CLEANUP: State.UNCONFIGURED,
    Transition.SHUTDOWN: State.FINALIZED,
}  # fmt: skip
"""The state after a transition that succeeds (ROS 2: design, articles/node_lifecycle)."""


@click.group(cls=Verbs)
def command() -> None:
    """Lifecycle of nodes: unconfigured, inactive, active, finalized."""


@command.command("nodes")
@mesh_command
async def nodes(session: Session) -> None:
    """List the names of the nodes that are online: every one has a lifecycle."""
    async with session.visit() as visitor:
        seen = await survey(visitor.mesh, patience=session.patience)
    online = [str(node.id) for node in seen.values() if node.state == "online" and node.life]
    if session.out.as_json:
        session.out.document(online)
    else:
        session.out.text("\n".join(online))


@command.command("list")
@click.argument("name", metavar="[NODE]", required=False)
@mesh_command
async def list_states(session: Session, name: str | None) -> None:
    """List the nodes that are online with their states and possible transitions.

    Of one NODE also where each of them leads.
    """
    async with session.visit() as visitor:
        seen = await survey(visitor.mesh, patience=session.patience)
    if name:
        nodes = [pick(name, visitor.place, seen)]
    else:
        nodes = [node for node in seen.values() if node.state == "online"]
    views = [_view(node) for node in nodes]
    if session.out.as_json:
        session.out.document(views)
        return
    session.out.table(
        ("node", "state", "possible", "reason"),
        ((v["node"], v["state"], ", ".join(v["possible"]), v["reason"]) for v in views),
        empty="no node is online",
    )
    if name and views[0]["possible"]:
        session.out.heading("\npossible transitions")
        session.out.table(
            ("transition", "leads to"),
            ((each, LEADS_TO[Transition(each)].value) for each in views[0]["possible"]),
            empty="",
        )


@command.command("nodes")
@mesh_command
async def nodes_with_lifecycle(session: Session) -> None:
    """List the nodes that have a lifecycle and are online: every node of Labmesh has."""
    async with session.visit() as visitor:
        seen = await survey(visitor.mesh, parts=AT_A_GLANCE, patience=session.patience)
    names = [str(node.id) for node in seen.values() if node.state == "online" and node.life]
    if session.out.as_json:
        session.out.document(names)
    else:
        for name in names:
            session.out.text(name)


@command.command("get")
@click.argument("name", metavar="NODE")
@mesh_command
async def get(session: Session, name: str) -> None:
    """Show the state of a node; of one that is not online, its presence."""
    async with session.visit() as visitor:
        node = pick(name, visitor.place, await survey(visitor.mesh, patience=session.patience))
    if session.out.as_json:
        session.out.document(_view(node))
    else:
        session.out.text(_state(node))


@command.command("set")
@click.argument("name", metavar="NODE")
@click.argument("transition", type=click.Choice([each.value for each in Transition]))
@click.option("--reason", default="", help="Why, for those who ask the node later.")
@click.option(
    "--timeout", metavar="S", type=float, default=30.0, show_default=True,
    help="Seconds the transition may take.",
)  # fmt: skip
@mesh_command
async def set_state(
    session: Session,
    name: str,
    transition: str,
    *,
    reason: str,
    timeout: float,  # noqa: ASYNC109
) -> None:
    """Take a node through a transition; `shutdown` ends its process."""
    async with session.visit() as visitor:
        node = pick(name, visitor.place, await survey(visitor.mesh, patience=session.patience))
        arguments = {"transition": transition, "reason": reason}
        answer = await visitor.caller.call(node.id, "life.change", arguments, timeout=timeout)
    if session.out.as_json:
        session.out.document({"node": str(node.id), **answer})
    else:
        session.out.text(f"{node.id} is {answer['state']}")


def _state(node: NodeSeen) -> str:
    return node.life.state.value if node.life and node.state == "online" else node.state


def _view(node: NodeSeen) -> dict[str, Any]:
    from labmesh.node import transitions_from

    online = node.life is not None and node.state == "online"
    possible = transitions_from(State(_state(node))) if online else ()
    return {
        "node": str(node.id),
        "presence": node.state,
        "state": _state(node),
        "label": node.life.label if online and node.life else _state(node),
        "id": node.life.id if online and node.life else 0,
        "transition": node.life.transition if node.life else None,
        "reason": node.life.reason if node.life else "",
        "possible": [each.value for each in possible],
    }

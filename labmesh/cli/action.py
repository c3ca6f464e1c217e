"""``labmesh action``: capabilities and requests under the names that ROS 2 has for them."""

from __future__ import annotations

from typing import Any

import click

from labmesh.cli._data import read_data
from labmesh.cli._ledger_online import check_ledger_online
from labmesh.cli._records import MeshRecords
from labmesh.cli._request_change import cancel
from labmesh.cli._request_send import ask
from labmesh.cli._result_view import show_result
from labmesh.cli._session import Session, mesh_command
from labmesh.cli._suggest import unknown
from labmesh.cli._survey import WITH_OFFERS, NodeSeen, survey
from labmesh.cli._verbs import Verbs
from messages.envelope import validate
from messages.errors import ConfigurationError, RequestFailedError
from messages.query import RequestView, ResultView


@click.group(cls=Verbs)
def command() -> None:
    """Actions: what ROS 2 calls an action is a capability here, a goal is a request.

    The same under the lab's names: `labmesh capability`, `labmesh
    request`, `labmesh result`. Every goal goes through the ledger.
    """


@command.command("list")
@click.option("--show-types", "-t", is_flag=True, help="With the models of goal and result.")
@mesh_command
async def list_actions(session: Session, *, show_types: bool) -> None:
    """List the actions that nodes offer at this moment."""
    actions = await _actions(session)
    if session.out.as_json:
        session.out.document(list(actions.values()))
    elif show_types:
        for name, each in actions.items():
            session.out.text(f"{name} [{each['goal']} -> {each['result']}]")
    else:
        for name in actions:
            session.out.text(name)


@command.command("info")
@click.argument("name", metavar="QUANTITY/METHOD")
@mesh_command
async def info(session: Session, name: str) -> None:
    """Show who serves an action, and which nodes say that they ask for it."""
    actions = await _actions(session)
    if name not in actions:
        raise unknown("action", name, actions, look="labmesh action list")
    found = actions[name]
    if session.out.as_json:
        session.out.document(found)
        return
    session.out.pairs(
        (
            ("action", name),
            ("goal", found["goal"]),
            ("result", found["result"]),
            ("description", found["description"]),
            ("clients", f"{len(found['clients'])} {', '.join(found['clients'])}".rstrip()),
            ("servers", f"{len(found['servers'])} {', '.join(found['servers'])}".rstrip()),
        )
    )


@command.command("send_goal")
@click.argument("name", metavar="QUANTITY/METHOD")
@click.argument("goal", default="{}")
@click.option("--feedback", "-f", is_flag=True, help="Show how it goes.")
@click.option("--campaign", metavar="NAME", help="The campaign it belongs to.")
@click.option(
    "--timeout", metavar="S", type=click.FloatRange(min=0, min_open=True),
    help="Seconds to wait for the result; the request itself goes on.",
)  # fmt: skip
@mesh_command
async def send_goal(
    session: Session,
    name: str,
    goal: str,
    *,
    feedback: bool,
    campaign: str | None,
    timeout: float | None,  # noqa: ASYNC109
) -> None:
    """Ask for an action, wait, and show its result; GOAL is YAML or JSON, @FILE, or -.

    The same as `labmesh request send QUANTITY METHOD --wait`.
    """
    quantity, slash, method = name.strip("/").partition("/")
    if not slash:
        raise ConfigurationError(
            f"{name!r} is no action", remedy="write QUANTITY/METHOD; see `labmesh action list`"
        )
    parameters = read_data(goal, what="the goal")
    await ask(
        session, quantity, method, parameters, wait=True, feedback=feedback, timeout=timeout,
        options={"campaign": campaign},
    )  # fmt: skip


@command.command("result")
@click.argument("identity", metavar="ID")
@mesh_command
async def result(session: Session, identity: str) -> None:
    """Show the result of a goal by the goal's ID; exit code 1 when there is none (yet)."""
    async with session.visit() as visitor:
        ledger = await check_ledger_online(visitor, patience=session.patience)
        source = MeshRecords(visitor, ledger, session.patience)
        reply = await source.query("query.request", {"id": identity})
        view = validate(RequestView, reply["request"], where="request")
        if view.result is None:
            raise RequestFailedError(
                f"request {view.id} is {view.status.value} and has no result",
                remedy=f"see `labmesh request show {view.id}`, or `labmesh request watch`",
                status=view.status.value,
            )
        found = (await source.query("query.result", {"id": str(view.result)}))["result"]
    if session.out.as_json:
        session.out.document(found)
    else:
        show_result(session.out, validate(ResultView, found, where="result"))


command.add_command(cancel)


async def _actions(session: Session) -> dict[str, dict[str, Any]]:
    """Return the actions with their models, servers and clients, by name."""
    async with session.visit() as visitor:
        seen = await survey(visitor.mesh, parts=WITH_OFFERS, patience=session.patience)
    online = [node for node in seen.values() if node.state == "online"]
    actions: dict[str, dict[str, Any]] = {}
    for node in online:
        for offer in node.offers:
            entry = actions.setdefault(
                f"{offer.quantity}/{offer.method}",
                {
                    "action": f"{offer.quantity}/{offer.method}",
                    "goal": offer.parameters_schema.get("title", "map"),
                    "result": offer.result_schema.get("title", "map"),
                    "description": offer.description,
                    "servers": [],
                    "clients": [],
                },
            )
            entry["servers"].append(str(node.id))
    for name, entry in actions.items():
        entry["clients"] = [str(node.id) for node in online if _asks(node, name)]
    return {name: actions[name] for name in sorted(actions)}


def _asks(node: NodeSeen, name: str) -> bool:
    return node.descriptor is not None and name in node.descriptor.requests

"""``labmesh service``: what nodes answer to."""

from __future__ import annotations

import click

from labmesh.cli._data import read_data
from labmesh.cli._session import Session, mesh_command
from labmesh.cli._suggest import unknown
from labmesh.cli._survey import pick, survey
from labmesh.cli._verbs import Verbs


@click.group(cls=Verbs)
def command() -> None:
    """Services of nodes."""


@command.command("list")
@click.argument("name", metavar="[NODE]", required=False)
@mesh_command
async def list_services(session: Session, name: str | None) -> None:
    """List the services of all nodes that are online, or of one."""
    async with session.visit() as visitor:
        seen = await survey(visitor.mesh, patience=session.patience)
    nodes = [pick(name, visitor.place, seen)] if name else list(seen.values())
    pairs = [
        (str(node.id), service)
        for node in nodes
        if node.descriptor and (name or node.state == "online")
        for service in node.descriptor.services
    ]
    if session.out.as_json:
        session.out.document([{"node": node, "service": service} for node, service in pairs])
    else:
        session.out.table(("node", "service"), pairs, empty="no node is online")


@command.command("call")
@click.argument("name", metavar="NODE")
@click.argument("service")
@click.argument("arguments", default="{}")
@mesh_command
async def call(session: Session, name: str, service: str, arguments: str) -> None:
    """Call a service; ARGUMENTS are YAML or JSON, @FILE, or - for standard input.

    The answer must come within --patience seconds.
    """
    values = read_data(arguments, what="arguments")
    async with session.visit() as visitor:
        node = pick(name, visitor.place, await survey(visitor.mesh, patience=session.patience))
        known = node.descriptor.services if node.descriptor else ()
        if known and service not in known:
            raise unknown(
                "service",
                service,
                known,
                where=str(node.id),
                look=f"labmesh service list {node.id}",
            )
        value = await visitor.caller.call(node.id, service, values, timeout=session.patience)
    if session.out.as_json:
        session.out.document(value)
    else:
        session.out.yaml(value)

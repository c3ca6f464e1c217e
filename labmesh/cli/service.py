"""``labmesh service``: what nodes answer to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import click

from labmesh.cli._data import parse_map, read_data
from labmesh.cli._session import Session, mesh_command
from labmesh.cli._stdin import documents
from labmesh.cli._suggest import unknown
from labmesh.cli._survey import NodeSeen, pick, survey
from labmesh.cli._verbs import Verbs
from messages.errors import ConfigurationError
from messages.node import Served


@click.group(cls=Verbs)
def command() -> None:
    """Services of nodes."""


@command.command("list")
@click.argument("name", metavar="[NODE]", required=False)
@click.option("--show-types", "-t", is_flag=True, help="With the models of arguments and answer.")
@mesh_command
async def list_services(session: Session, name: str | None, *, show_types: bool) -> None:
    """List the services of all nodes that are online, or of one."""
    async with session.visit() as visitor:
        seen = await survey(visitor.mesh, patience=session.patience)
    nodes = [pick(name, visitor.place, seen)] if name else _online(seen.values())
    found = [_view(*each) for each in _services(nodes)]
    if session.out.as_json:
        session.out.document(found)
        return
    columns = ("node", "service", *(("arguments", "answer", "description") if show_types else ()))
    rows = ([each[column if column != "answer" else "returns"] for column in columns]
            for each in found)  # fmt: skip
    session.out.table(columns, rows, empty="no node is online")


@command.command("type")
@click.argument("name", metavar="NODE")
@click.argument("service")
@mesh_command
async def type_of(session: Session, name: str, service: str) -> None:
    """Show the models of a service's arguments and of its answer.

    `labmesh interface show MODEL` shows their fields, `interface proto MODEL` an example.
    """
    async with session.visit() as visitor:
        node = pick(name, visitor.place, await survey(visitor.mesh, patience=session.patience))
    view = _view(node, _known(service, node), _served(node)[service])
    if session.out.as_json:
        session.out.document(view)
    else:
        session.out.text(f"{view['arguments']} -> {view['returns'] or 'map'}")


@command.command("find")
@click.argument("type_name", metavar="MODEL")
@mesh_command
async def find(session: Session, type_name: str) -> None:
    """List the services that take or answer a model."""
    async with session.visit() as visitor:
        seen = await survey(visitor.mesh, patience=session.patience)
    every = [_view(*each) for each in _services(_online(seen.values()))]
    found = [each for each in every if type_name in _models(each)]
    if not found:
        known = {model for each in every for model in _models(each) if model}
        raise unknown("model of a service", type_name, known, look="labmesh service list -t")
    if session.out.as_json:
        session.out.document(found)
    else:
        session.out.table(("node", "service"), ((v["node"], v["service"]) for v in found), empty="")


@command.command("call")
@click.argument("name", metavar="NODE")
@click.argument("service")
@click.argument("arguments", default="{}")
@click.option(
    "--stdin", "from_stdin", is_flag=True,
    help="Call once for every YAML document (--- between them) or line of JSON.",
)  # fmt: skip
@mesh_command
async def call(
    session: Session, name: str, service: str, arguments: str, *, from_stdin: bool
) -> None:
    """Call a service; ARGUMENTS are YAML or JSON, @FILE, or - for standard input.

    The answer must come within --patience seconds.
    """
    if from_stdin and arguments != "{}":
        raise ConfigurationError("ARGUMENTS are given, and --stdin", remedy="leave one of them out")
    given = None if from_stdin else read_data(arguments, what="arguments")
    async with session.visit() as visitor:
        node = pick(name, visitor.place, await survey(visitor.mesh, patience=session.patience))
        if node.descriptor is not None:
            _known(service, node)

        async def once(values: dict[str, Any]) -> Any:
            return await visitor.caller.call(node.id, service, values, timeout=session.patience)

        if given is not None:
            value = await once(given)
            session.out.document(value) if session.out.as_json else session.out.yaml(value)
            return
        async for text in documents():
            value = await once(parse_map(text, what="arguments", where="standard input"))
            if session.out.as_json:
                session.out.json_line(value)
            else:
                session.out.yaml(value)
                session.out.text("---")


def _online(nodes: Iterable[NodeSeen]) -> list[NodeSeen]:
    return [node for node in nodes if node.state == "online"]


def _served(node: NodeSeen) -> dict[str, Served]:
    return node.descriptor.services if node.descriptor else {}


def _services(nodes: Iterable[NodeSeen]) -> Iterator[tuple[NodeSeen, str, Served]]:
    for node in nodes:
        for service, served in _served(node).items():
            yield node, service, served


def _view(node: NodeSeen, service: str, served: Served) -> dict[str, Any]:
    return {"node": str(node.id), "service": service, **served.model_dump()}


def _models(view: dict[str, Any]) -> tuple[str, str]:
    return view["arguments"], view["returns"]


def _known(service: str, node: NodeSeen) -> str:
    if service not in _served(node):
        raise unknown(
            "service", service, _served(node), where=str(node.id),
            look=f"labmesh service list {node.id}",
        )  # fmt: skip
    return service

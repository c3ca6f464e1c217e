"""``labmesh component``: the nodes of a container."""

from __future__ import annotations

from typing import Any

import click

from labmesh.cli._data import settings
from labmesh.cli._session import Session, mesh_command
from labmesh.cli._survey import pick, survey
from labmesh.cli._verbs import Verbs
from messages.errors import ConfigurationError

_TIMEOUT = click.option(
    "--timeout", metavar="S", type=click.FloatRange(min=0, min_open=True), default=30.0,
    show_default=True, help="Seconds it may take.",
)  # fmt: skip


@click.group(cls=Verbs)
def command() -> None:
    """Components: the nodes that run in one process, a container."""


@command.command("list")
@click.argument("name", metavar="[CONTAINER]", required=False)
@mesh_command
async def list_components(session: Session, name: str | None) -> None:
    """List the components of all containers that are online, or of one, and how they fare."""
    async with session.visit() as visitor:
        seen = await survey(visitor.mesh, patience=session.patience)
        if name:
            containers = [pick(name, visitor.place, seen)]
        else:
            containers = [
                node for node in seen.values()
                if node.state == "online" and node.descriptor
                and "component.list" in node.descriptor.services
            ]  # fmt: skip
        found: dict[str, list[dict[str, Any]]] = {}
        for container in containers:
            answer = await visitor.caller.call(
                container.id, "component.list", {}, timeout=session.patience
            )
            found[str(container.id)] = answer["components"]
    if session.out.as_json:
        session.out.document(found)
        return
    session.out.table(
        ("container", "node", "program", "state", "lifecycle", "restarts", "error"),
        (
            (container, c["node"], c["program"], c["state"], c["lifecycle"] or "", c["restarts"],
             c["error"])
            for container, components in found.items()
            for c in components
        ),
        empty="no components; `labmesh run container --name NAME` starts a container",
    )  # fmt: skip


@command.command("load")
@click.argument("container", metavar="CONTAINER")
@click.argument("program", metavar="PROGRAM")
@click.option("--name", help="The node's name; the program's by default.")
@click.option("--param", "-p", "given", multiple=True, metavar="NAME=VALUE", help="A parameter.")
@click.option(
    "--remap",
    "-r",
    "targets",
    multiple=True,
    metavar="NAME=SITE/NODE",
    help="What a logical input or call target stands for.",
)
@click.option("--no-autostart", is_flag=True, help="Leave it unconfigured.")
@_TIMEOUT
@mesh_command
async def load(
    session: Session, container: str, program: str, *, name: str | None, given: tuple[str, ...],
    targets: tuple[str, ...], no_autostart: bool, timeout: float,  # noqa: ASYNC109
) -> None:  # fmt: skip
    """Load a node into a container, until that ends or `unload`.

    PROGRAM is an entry point or module:Class as the container finds it (`component types`).
    """
    arguments = {
        "program": program,
        "name": name or program.rpartition(":")[2].lower(),
        "parameters": settings(given),
        "remap": dict(_target(each) for each in targets),
        "autostart": not no_autostart,
    }
    view = await _call(session, container, "component.load", arguments, timeout)
    if session.out.as_json:
        session.out.document(view)
    else:
        session.out.text(f"{view['node']} is {view['lifecycle']}")


@command.command("unload")
@click.argument("container", metavar="CONTAINER")
@click.argument("name", metavar="NAME")
@_TIMEOUT
@mesh_command
async def unload(session: Session, container: str, name: str, *, timeout: float) -> None:  # noqa: ASYNC109
    """End a component in order; the others go on."""
    arguments = {"name": name.rpartition("/")[2]}
    view = await _call(session, container, "component.unload", arguments, timeout)
    if session.out.as_json:
        session.out.document(view)
    else:
        session.out.text(f"{view['node']} has ended")


@command.command("types")
@click.argument("container", metavar="CONTAINER")
@mesh_command
async def types(session: Session, container: str) -> None:
    """List the programs that a container finds; any module:Class of its machine goes, too."""
    found = (await _call(session, container, "component.types", {}, session.patience))["types"]
    if session.out.as_json:
        session.out.document(found)
    else:
        session.out.table(("program", "class"), sorted(found.items()), empty="none")


async def _call(
    session: Session,
    container: str,
    service: str,
    arguments: dict[str, Any],
    timeout: float,  # noqa: ASYNC109
) -> dict[str, Any]:
    async with session.visit() as visitor:
        node = pick(container, visitor.place, await survey(visitor.mesh, patience=session.patience))
        return await visitor.caller.call(node.id, service, arguments, timeout=timeout)


def _target(text: str) -> tuple[str, str]:
    name, equals, target = text.partition("=")
    if not equals or "/" not in target:
        raise ConfigurationError(f"{text!r} is not NAME=SITE/NODE")
    return name, target

"""``labmesh estop [NODE]``: press, and say who has stopped."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import click

from labmesh.cli._instruments import COLUMNS, InstrumentSeen, instruments
from labmesh.cli._session import Session, mesh_command
from labmesh.client import Visitor
from labmesh.place import Place
from messages.errors import ConfigurationError, LabmeshError
from messages.ids import NodeId
from messages.safety import EmergencyStop

Scope = tuple[str, ...]

_AGAIN: Final = 0.1
"""Wall seconds between two looks at who has stopped."""


@click.command("press", hidden=True)
@click.argument("names", metavar="[NODE]...", nargs=-1)
@click.option("--at", "sites", metavar="SITE", multiple=True, help="Everything at this site.")
@click.option("--all", "everywhere", is_flag=True, help="Everything at every site.")
@click.option("--reason", default="", help="What happened.")
@click.option("--by", default="", help="Who presses, where several share an account.")
@mesh_command
async def press(
    session: Session, names: tuple[str, ...], sites: tuple[str, ...], *, everywhere: bool,
    reason: str, by: str,
) -> None:  # fmt: skip
    """Stop instruments at once; without any named, everything at the own site.

    The stop stands until it is lifted: who starts or comes back meanwhile does not move. Each
    instrument that has heard it moves again only after `labmesh estop reset`.
    """
    if everywhere and (names or sites):
        raise ConfigurationError("--all is everything: name nothing beside it")
    async with session.visit() as visitor:
        # First of all the stop itself; whom it concerns is looked up later.
        scopes = _scopes(names, sites, visitor.place, everywhere=everywhere)
        for scope in scopes:
            message = EmergencyStop(reason=reason[:4000], by=by[:4000])
            await visitor.mesh.send(visitor.mesh.topics.stop(*scope), message, retain=True)
        concerned = await _until_stopped(visitor, scopes, session.patience)
    views = [each.view() for each in concerned]
    if session.out.as_json:
        session.out.document(views)
    else:
        session.out.table(
            COLUMNS[:5], [[view[column] for column in COLUMNS[:5]] for view in views],
            empty="no instrument is known there",
        )  # fmt: skip
    silent = [str(each.id) for each in concerned if not each.stopped]
    if silent or not concerned:
        raise LabmeshError(
            f"not confirmed by {', '.join(silent)}" if silent else "nothing has confirmed the stop",
            remedy="use the hardware's own emergency stop; the message stands, and `labmesh estop "
            "--all` stops everything",
        )


def _scopes(
    names: tuple[str, ...], sites: tuple[str, ...], place: Place, *, everywhere: bool
) -> list[Scope]:
    if everywhere:
        return [()]
    nodes = [NodeId.parse(n) if "/" in n else NodeId(place.site, n) for n in names]
    found: list[Scope] = [*((site,) for site in sites), *((n.site, n.node) for n in nodes)]
    return found or [(place.site,)]


async def _until_stopped(
    visitor: Visitor, scopes: list[Scope], patience: float
) -> list[InstrumentSeen]:
    """Return the instruments concerned once all of them say they are stopped, or in the end."""
    until = time.monotonic() + patience
    while True:
        seen = await instruments(visitor.mesh, patience=patience)
        concerned = [
            each for each in seen if each.node.state == "online" and _concerns(scopes, each.id)
        ]
        if all(each.stopped for each in concerned) or time.monotonic() >= until:
            return concerned
        await asyncio.sleep(_AGAIN)


def _concerns(scopes: list[Scope], node: NodeId) -> bool:
    return any((node.site, node.node)[: len(scope)] == scope for scope in scopes)

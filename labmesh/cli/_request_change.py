"""``labmesh request cancel``, ``release`` and ``abandon``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal
from uuid import UUID

import click

from labmesh.cli._ledger_online import check_ledger_online
from labmesh.cli._patience import patiently
from labmesh.cli._records import MeshRecords
from labmesh.cli._request_read import full_id
from labmesh.cli._session import Session, mesh_command
from labmesh.cli._user import user_name
from labmesh.client import LabClient, requester
from messages.errors import RefusedError

_REASON = click.option("--reason", default="", help="Why; it is written into the ledger.")
_PERSON = click.option("--person", help="Who decides (default: the user's name).")


@click.command("cancel")
@click.argument("identity", metavar="ID")
@_REASON
@mesh_command
async def cancel(session: Session, identity: str, *, reason: str) -> None:
    """Retract a request of one's own, as of `labmesh request send` at this site.

    An instrument that has begun comes to rest first (canceling); it may refuse and say why.
    """

    async def work(lab: LabClient, request: UUID) -> None:
        answer = await (await lab.goal(request)).cancel(reason)
        if not answer:
            raise RefusedError(f"request {request} is not cancelled: {answer.reason}")

    await _change(session, identity, work)


@click.command("release")
@click.argument("identity", metavar="ID")
@_REASON
@_PERSON
@mesh_command
async def release(session: Session, identity: str, *, reason: str, person: str | None) -> None:
    """Let a held request be tried again: you have looked at the instrument."""
    await _decide(session, identity, "release", reason, person)


@click.command("abandon")
@click.argument("identity", metavar="ID")
@_REASON
@_PERSON
@mesh_command
async def abandon(session: Session, identity: str, *, reason: str, person: str | None) -> None:
    """Give up a held request."""
    await _decide(session, identity, "abandon", reason, person)


async def _decide(
    session: Session,
    identity: str,
    decision: Literal["release", "abandon"],
    reason: str,
    person: str | None,
) -> None:
    who = person or user_name()
    await _change(
        session,
        identity,
        lambda lab, request: lab.decide(request, decision, reason=reason, person=who),
    )


async def _change(
    session: Session, identity: str, work: Callable[[LabClient, UUID], Awaitable[None]]
) -> None:
    async with session.visit() as visitor, requester(visitor) as lab:
        await check_ledger_online(visitor, patience=session.patience)
        source = MeshRecords(visitor, lab.ledger, session.patience)
        request = await full_id(source, identity)
        await patiently(
            session,
            work(lab, request),
            f"{lab.ledger} has not answered",
            f"it may yet take it: see `labmesh request show {request}`",
        )
        view = (await source.query("query.request", {"id": str(request)}))["request"]
    if session.out.as_json:
        session.out.document(view)
    else:
        session.out.text(f"{request} is {view['status']}")

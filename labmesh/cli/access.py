"""``labmesh access``: who may have what."""

from __future__ import annotations

from typing import Any, Final

import click

from labmesh.cli._format import when
from labmesh.cli._ledger_online import check_ledger_online
from labmesh.cli._patience import patiently
from labmesh.cli._records import collect, records
from labmesh.cli._session import Session, mesh_command, record_command
from labmesh.cli._user import user_name
from labmesh.cli._verbs import Verbs
from labmesh.client import requester
from messages.access import (
    DECLARATION,
    Access,
    AccessView,
    DeclarationInput,
    DeclarationOutput,
    Level,
    today,
)
from messages.envelope import validate
from messages.errors import BodyError, ConfigurationError
from messages.ids import new_id
from messages.ledger import Result

_LEVELS: Final = [level.value for level in Level]
_SUBJECT: Final = click.argument(
    "subject", metavar="campaign|sample|result", type=click.Choice(("campaign", "sample", "result"))
)
_NAME: Final = click.argument("name", metavar="NAME")


@click.group(cls=Verbs)
def command() -> None:
    """Who may have what: public, restricted or confidential; embargoes, contacts, owners."""


@command.command("set")
@_SUBJECT
@_NAME
@click.option(
    "--level", type=click.Choice(_LEVELS), required=True,
    help="public: everybody; restricted: files on request; confidential: stays at the site.",
)  # fmt: skip
@click.option("--embargo-until", metavar="DATE", help="Files are held back until then: 2027-03-31.")
@click.option("--reason", metavar="TEXT", default="", help="Why; needed beyond six months.")
@click.option("--contact", metavar="TEXT", default="", help="Whom to ask for the files.")
@click.option("--owner", metavar="TEXT", default="", help="Whose data they are, if not the lab's.")
@click.option("--person", metavar="NAME", help="Who has decided (default: the user's name).")
@mesh_command
async def set_(
    session: Session,
    subject: str,
    name: str,
    *,
    level: str,
    embargo_until: str | None,
    reason: str,
    contact: str,
    owner: str,
    person: str | None,
) -> None:
    """Declare who may have a campaign, a sample or a result; NAME is its name or id.

    The last declaration of it counts. A campaign or a sample may be declared before it begins,
    and what is confidential should be: what has left the site before does not come back. It takes
    the role operator.
    """
    if subject == "result":
        name = await _whole(session, name)
    said = _declaration(
        {
            "subject": subject, "name": name, "level": level, "contact": contact, "owner": owner,
            "embargo": {"until": embargo_until, "reason": reason} if embargo_until else None,
            "person": person or user_name(), "reason": reason,
        }
    )  # fmt: skip
    quantity, method = DECLARATION
    about = DeclarationInput(subject=said.subject, name=said.name)
    result = Result(
        quantity=quantity,
        method=method,
        parameters=about.model_dump(),
        outcome="resolved",
        data=said.model_dump(),
        campaign=name if subject == "campaign" else None,
    )
    async with session.visit() as visitor, requester(visitor) as lab:
        await check_ledger_online(visitor, patience=session.patience)
        identity = new_id()
        await patiently(
            session,
            lab.post_result(result, id=identity),
            f"{lab.ledger} has not answered",
            f"it may yet take it: see `labmesh access show {subject} {name}`",
        )
        if session.out.as_json:
            session.out.document({**said.model_dump(), "result": str(identity)})
            return
        session.out.text(f"{subject} {name} is {level}, says {said.person}")
        if said.strictness is Level.CONFIDENTIAL:
            session.out.remark(
                f"from now on it stays at site {lab.ledger.site}; what has left does not come back"
            )


@command.command("show")
@_SUBJECT
@_NAME
@record_command
async def show(session: Session, subject: str, name: str) -> None:
    """Show what holds of a campaign, a sample or a result, and what was declared of it.

    The strictest counts of what was declared of it and of what it is of: a result's campaign and
    samples, what a sample was made of.
    """
    async with records(session) as source:
        if subject == "result":
            name = str((await source.query("query.result", {"id": name}))["result"]["id"])
        reply = await source.query("query.access", {"subject": subject, "name": name})
    if session.out.as_json:
        session.out.document(reply)
        return
    own = [validate(AccessView, each, where="access") for each in reply["declarations"]]
    session.out.heading(f"{subject} {name}")
    if reply["access"] is None:
        session.out.text("what holds of it, its ledger's own site knows")
    else:
        held = validate(Access, reply["access"], where="access")
        session.out.pairs(_pairs(held))
    for view in own:
        session.out.heading("\ndeclared")
        session.out.pairs(
            (
                ("level", view.level),
                ("by", f"{view.person} ({view.author})"),
                ("at", when(view.load_time, zone=True)),
                ("reason", view.reason),
                ("result", view.result),
            )
        )


@command.command("list")
@click.option("--level", type=click.Choice(_LEVELS), help="Only those declared so.")
@record_command
async def list_declarations(session: Session, level: str | None) -> None:
    """List everything of which something is declared, and what; the rest is public."""
    async with records(session) as source:
        items = await collect(source, "query.access", "declarations", {"level": level}, None)
    if session.out.as_json:
        session.out.document(items)
        return
    views = [validate(AccessView, item, where="access") for item in items]
    session.out.table(
        ("subject", "name", "level", "embargo", "contact", "owner", "by", "at", "reason"),
        (
            (
                v.subject, v.name, v.level, _embargo(v), v.contact, v.owner, v.person,
                when(v.load_time), v.reason,
            )
            for v in views
        ),
        empty="nothing is declared: everything is public",
    )  # fmt: skip


def _declaration(said: dict[str, Any]) -> DeclarationOutput:
    if not said["person"]:
        raise ConfigurationError("nobody is named", remedy="say who has decided: --person NAME")
    try:
        found = validate(DeclarationOutput, said, where="access")
        found.check(today())
    except BodyError as error:
        raise ConfigurationError(
            error.what, where=error.where, remedy="see labmesh access set --help"
        ) from None
    except ValueError as error:
        remedy = "say why: --reason TEXT" if "reason" in str(error) else "name a later day"
        raise ConfigurationError(str(error), where="--embargo-until", remedy=remedy) from None
    return found


async def _whole(session: Session, beginning: str) -> str:
    async with records(session) as source:
        return str((await source.query("query.result", {"id": beginning}))["result"]["id"])


def _embargo(view: AccessView) -> str:
    if view.embargo is None:
        return ""
    return view.embargo.until if view.embargo.active(today()) else f"over ({view.embargo.until})"


def _pairs(held: Access) -> tuple[tuple[str, Any], ...]:
    embargo = held.embargo
    until = None
    if embargo is not None:
        word = "until" if held.embargoed() else "over since"
        until = f"{word} {embargo.until}" + (f": {embargo.reason}" if embargo.reason else "")
    return (
        ("level", held.level.value),
        ("embargo", until),
        ("contact", held.contact),
        ("owner", held.owner),
        ("by", ", ".join(held.by) or "nothing declared"),
    )

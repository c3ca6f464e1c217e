"""``labmesh sample``: physical samples and their history."""

from __future__ import annotations

import click

from labmesh.cli._format import one_line, when
from labmesh.cli._records import records
from labmesh.cli._session import Session, record_command
from labmesh.cli._verbs import Verbs
from messages.envelope import validate
from messages.query import SampleStateView, SampleView


@click.group(cls=Verbs)
def command() -> None:
    """Samples: vials, cells, whatever has an id."""


@command.command("show")
@click.argument("sample", metavar="SAMPLE")
@record_command
async def show(session: Session, sample: str) -> None:
    """Show a sample: where it is, what it was made of, and every state with its result."""
    async with records(session) as source:
        reply = await source.query("query.sample", {"id": sample})
    if session.out.as_json:
        session.out.document(reply)
        return
    view = validate(SampleView, reply["sample"], where="sample")
    states = [validate(SampleStateView, each, where="state") for each in reply["states"]]
    session.out.heading(f"sample {view.sample}")
    session.out.pairs(
        (
            ("kind", view.kind),
            ("state", f"{view.state} {view.label}"),
            ("location", view.location),
            ("made of", ", ".join(view.parents)),
            ("part of", ", ".join(view.children)),
        )
    )
    session.out.heading("\nstates")
    session.out.table(
        ("state", "label", "at", "location", "result", "properties"),
        (
            (s.state, s.label, when(s.at), s.location, s.result, one_line(s.properties))
            for s in states
        ),
        empty="no states",
    )

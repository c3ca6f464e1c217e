"""``labmesh sample``: physical samples and their history."""

from __future__ import annotations

from typing import Any

import click

from labmesh.cli._format import one_line, when
from labmesh.cli._records import collect, records
from labmesh.cli._sample_history import history
from labmesh.cli._sample_resolve import resolve
from labmesh.cli._sample_tree import ancestry, made_by, tree_lines
from labmesh.cli._session import Session, record_command
from labmesh.cli._verbs import Verbs
from messages.envelope import validate
from messages.errors import ConfigurationError
from messages.query import SampleLine, SampleStateView, SampleView
from messages.sample_state import UNKNOWN


@click.group(cls=Verbs)
def command() -> None:
    """Samples: vials, cells, whatever has an id."""


@command.command("list")
@click.option("--kind", metavar="NAME", help="Only those of a kind: electrolyte, coin_cell ...")
@click.option("--label", metavar="NAME", help="Only those whose last state is NAME.")
@click.option("--unknown", is_flag=True, help="Only those that wait for a person: resolve.")
@click.option("--location", metavar="PLACE", help="Only those last seen at PLACE, word for word.")
@click.option("--made-of", "parent", metavar="SAMPLE", help="Only those made of SAMPLE.")
@click.option("--part-of", "child", metavar="SAMPLE", help="Only those SAMPLE was made of.")
@click.option(
    "--limit", "-n", metavar="N", type=click.IntRange(min=1), default=20, show_default=True,
    help="At most N, the newest.",
)  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="All of them.")
@record_command
async def list_samples(
    session: Session,
    *,
    kind: str | None,
    label: str | None,
    unknown: bool,
    location: str | None,
    parent: str | None,
    child: str | None,
    limit: int,
    everything: bool,
) -> None:
    """List samples with their last states, the newest first."""
    if unknown and label not in (None, UNKNOWN):
        raise ConfigurationError(
            f"--unknown and --label {label} leave nothing", remedy="give one of them"
        )
    label = UNKNOWN if unknown else label
    wanted: dict[str, Any] = {
        "kind": kind, "label": label, "location": location, "parent": parent, "child": child,
        "newest_first": True,
    }  # fmt: skip
    async with records(session) as source:
        items = await collect(
            source, "query.samples", "samples", wanted, None if everything else limit
        )
    if session.out.as_json:
        session.out.document(items)
        return
    views = [validate(SampleLine, item, where="sample") for item in items]
    session.out.table(
        ("sample", "kind", "state", "label", "location", "born"),
        ((v.sample, v.kind, v.state, v.label, v.location, when(v.born)) for v in views),
        empty="no such samples",
    )


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
            ("made of", _relatives(view.parents, view.parents_total)),
            ("part of", _relatives(view.children, view.children_total)),
        )
    )
    session.out.heading("\nstates")
    session.out.table(
        ("state", "label", "at", "location", "by", "author", "result", "properties"),
        (
            (
                s.state, s.label, when(s.at), s.location,
                made_by(s), s.author, s.result, one_line(s.properties) if s.properties else "",
            )
            for s in states
        ),
        empty="no states",
    )  # fmt: skip


@command.command("trace")
@click.argument("sample", metavar="SAMPLE")
@click.option(
    "--forward", "--down", is_flag=True,
    help="What became of it, instead of what it was made of.",
)  # fmt: skip
@record_command
async def trace(session: Session, sample: str, forward: bool) -> None:
    """Follow a sample back to what it was made of, or forward to what was made of it.

    Each with all of its states: what was done to it, where it was carried, who decided, and the
    result that says so.
    """
    async with records(session) as source:
        tree = await ancestry(source, sample, down=forward)
    if session.out.as_json:
        session.out.document(tree)
        return
    for line in tree_lines(tree):
        session.out.text(line)


command.add_command(resolve)
command.add_command(history)


def _relatives(names: tuple[str, ...], total: int) -> str:
    more = f" and {total - len(names)} more" if total > len(names) else ""
    return ", ".join(names) + more

"""``labmesh request list``, ``show`` and ``watch``."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import click

from labmesh.cli._filter import Chosen
from labmesh.cli._follow import follow
from labmesh.cli._format import duration, one_line, short_ids, when
from labmesh.cli._ledger_online import check_ledger_online
from labmesh.cli._records import MeshRecords, collect, records
from labmesh.cli._session import Session, mesh_command, record_command
from labmesh.cli._watch import watching
from messages.envelope import validate
from messages.ledger import Status
from messages.model import JsonObject
from messages.query import LogLine, RequestView

_CHILDREN: Final = 50
"""Most requests that are shown as asked in the service of one."""


@click.command("list")
@click.option(
    "--status", multiple=True, type=click.Choice([each.value for each in Status]),
    help="Only these; may be repeated.",
)  # fmt: skip
@click.option("--quantity", metavar="NAME")
@click.option("--method", metavar="NAME")
@click.option("--campaign", metavar="NAME")
@click.option("--author", metavar="SITE/NODE", help="Only those of one requester.")
@click.option("--parent", metavar="ID", help="Only those asked in the service of this request.")
@click.option(
    "--limit", "-n", metavar="N", type=click.IntRange(min=1), default=20, show_default=True,
    help="At most N, the newest.",
)  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option(
    "--filter", "condition", metavar="EXPR",
    help='Only those for which it is true: "m.attempt > 1"; m is a request as --json shows it.',
)  # fmt: skip
@record_command
async def list_requests(
    session: Session,
    *,
    status: tuple[str, ...],
    quantity: str | None,
    method: str | None,
    campaign: str | None,
    author: str | None,
    parent: str | None,
    limit: int,
    everything: bool,
    condition: str | None,
) -> None:
    """List requests, the newest first."""
    keep = Chosen(session.out, condition) if condition is not None else None
    filters: dict[str, Any] = {
        "status": list(status) or None, "quantity": quantity, "method": method,
        "campaign": campaign, "author": author, "parent": parent, "newest_first": True,
    }  # fmt: skip
    async with records(session) as source:
        items = await collect(
            source, "query.requests", "requests", filters, None if everything else limit, keep
        )
    if session.out.as_json:
        session.out.document(items)
        return
    views = [validate(RequestView, item, where="request") for item in items]
    ids = short_ids(view.id for view in views)
    session.out.table(
        ("request", "status", "capability", "campaign", "prio", "author", "worker", "tries", "sent",
         "message"),
        (
            (
                ids[str(v.id)], v.status.value, f"{v.quantity}/{v.method}", v.campaign, v.priority,
                v.author, v.worker, f"{v.attempt}/{v.attempts}", when(v.load_time),
                one_line(v.message),
            )
            for v in views
        ),
        empty="no such requests",
    )  # fmt: skip


@click.command("show")
@click.argument("identity", metavar="ID")
@record_command
async def show(session: Session, identity: str) -> None:
    """Show a request, its parameters and its history."""
    async with records(session) as source:
        reply = await source.query("query.request", {"id": identity})
        of = {"parent": reply["request"]["id"], "limit": _CHILDREN}
        children = await source.query("query.requests", of)
    reply = {**reply, "children": [child["id"] for child in children["requests"]]}
    if session.out.as_json:
        session.out.document(reply)
        return
    view = validate(RequestView, reply["request"], where="request")
    log = [validate(LogLine, line, where="log") for line in reply["log"]]
    session.out.heading(f"request {view.id}")
    session.out.pairs(
        (
            ("asks for", f"{view.quantity}/{view.method}"),
            ("status", view.status.value),
            ("message", view.message),
            ("author", view.author),
            ("campaign", view.campaign),
            ("priority", view.priority),
            ("sent", f"{when(view.load_time, zone=True)}, offset {view.offset}"),
            ("changed", when(view.changed, zone=True)),
            ("expires", view.expires and when(view.expires, zone=True)),
            ("attempts", f"{view.attempt} of {view.attempts}"),
            ("worker", view.worker),
            ("sample", view.from_state
             and f"{view.from_state.sample} in state {view.from_state.state}"),
            ("in service of", view.parent),
            ("result", view.result),
        )
    )  # fmt: skip
    if children["requests"]:
        _show_children(session, children)
    session.out.heading("\nparameters")
    session.out.yaml(view.parameters)
    session.out.heading("\nhistory")
    begun = log[0].load_time if log else 0
    session.out.table(
        ("offset", "after", "status", "by", "worker", "message"),
        (
            (line.offset, duration((line.load_time - begun) / 1e9), line.after.value, line.by,
             line.worker, line.message)
            for line in log
        ),
        empty="no history",
    )  # fmt: skip


def _show_children(session: Session, page: JsonObject) -> None:
    views = [validate(RequestView, item, where="request") for item in page["requests"]]
    ids = short_ids(view.id for view in views)
    session.out.heading(f"\nasked in its service: {page['total']}")
    session.out.table(
        ("request", "status", "capability", "worker", "message"),
        (
            (ids[str(v.id)], v.status.value, f"{v.quantity}/{v.method}", v.worker,
             one_line(v.message))
            for v in views
        ),
        empty="",
    )  # fmt: skip
    if page["total"] > len(views):
        session.out.remark(f"all of them: labmesh request list --all --parent {views[0].parent}")


@click.command("watch")
@click.argument("identity", metavar="ID")
@click.option(
    "--timeout", metavar="S", type=click.FloatRange(min=0, min_open=True),
    help="Seconds to watch; the request itself goes on.",
)  # fmt: skip
@mesh_command
async def watch(session: Session, identity: str, *, timeout: float | None) -> None:  # noqa: ASYNC109
    """Show what happens to a request, from its beginning to its result.

    Anyone's request may be watched. The exit code is 1 when it ends without a result.
    """
    async with session.visit() as visitor:
        ledger = await check_ledger_online(visitor, patience=session.patience)
        source = MeshRecords(visitor, ledger, session.patience)
        request = await full_id(source, identity)
        async with watching(visitor, ledger, source, request) as news:
            await news.look()
            await follow(session, source, news, request, feedback=True, timeout=timeout)


async def full_id(source: MeshRecords, identity: str) -> UUID:
    """Return the uuid of the request that ``identity`` begins.

    Raises:
        CallRefusedError: There is none, or more than one.
    """
    reply = await source.query("query.request", {"id": identity})
    return UUID(str(reply["request"]["id"]))

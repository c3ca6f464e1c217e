"""``labmesh result``: what came of requests, and what nobody asked for."""

from __future__ import annotations

from typing import Any

import click

from labmesh.cli._format import one_line, short_ids, when
from labmesh.cli._records import collect, records
from labmesh.cli._result_view import show_result
from labmesh.cli._session import Session, record_command
from labmesh.cli._verbs import Verbs
from messages.envelope import validate
from messages.query import ResultView


@click.group(cls=Verbs)
def command() -> None:
    """Results.

    ID is a result's uuid, or a beginning of it that no other result has.
    """


@command.command("list")
@click.option("--request", metavar="ID", help="Only those of one request.")
@click.option("--quantity", metavar="NAME")
@click.option("--method", metavar="NAME")
@click.option("--campaign", metavar="NAME")
@click.option("--author", metavar="SITE/NODE", help="Only those of one node.")
@click.option(
    "--unsolicited/--solicited", default=None, help="Only those nobody, or somebody, asked for."
)
@click.option(
    "--limit", "-n", metavar="N", type=click.IntRange(min=1), default=20, show_default=True,
    help="At most N, the newest.",
)  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="All of them.")
@record_command
async def list_results(
    session: Session,
    *,
    request: str | None,
    quantity: str | None,
    method: str | None,
    campaign: str | None,
    author: str | None,
    unsolicited: bool | None,
    limit: int,
    everything: bool,
) -> None:
    """List results, the newest first."""
    filters: dict[str, Any] = {
        "request": request, "quantity": quantity, "method": method, "campaign": campaign,
        "author": author, "unsolicited": unsolicited, "newest_first": True,
    }  # fmt: skip
    async with records(session) as source:
        items = await collect(
            source, "query.results", "results", filters, None if everything else limit
        )
    if session.out.as_json:
        session.out.document(items)
        return
    views = [validate(ResultView, item, where="result") for item in items]
    ids = short_ids(view.id for view in views)
    requests = short_ids(view.request for view in views)
    session.out.table(
        ("result", "request", "capability", "campaign", "author", "outcome", "rating", "written",
         "data"),
        (
            (
                ids[str(v.id)], requests.get(str(v.request), ""), f"{v.quantity}/{v.method}",
                v.campaign, v.author,
                v.outcome if v.status == "original" else f"{v.outcome}, {v.status.value}",
                "" if v.rating is None else v.rating.rating, when(v.load_time),
                one_line(v.failure.message if v.failure else v.data, 50),
            )
            for v in views
        ),
        empty="no such results",
    )  # fmt: skip


@command.command("show")
@click.argument("identity", metavar="ID")
@record_command
async def show(session: Session, identity: str) -> None:
    """Show a result: data, quality, provenance."""
    async with records(session) as source:
        result = (await source.query("query.result", {"id": identity}))["result"]
    if session.out.as_json:
        session.out.document(result)
    else:
        show_result(session.out, validate(ResultView, result, where="result"))

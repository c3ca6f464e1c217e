"""``labmesh campaign``: requests and results that serve one objective."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import click

from labmesh.cli._campaign_proposals import PROPOSAL_COLUMNS, proposal_rows, proposals_of
from labmesh.cli._campaign_replay import replay
from labmesh.cli._format import duration, one_line, short_ids, when
from labmesh.cli._records import collect, records
from labmesh.cli._session import Session, record_command
from labmesh.cli._suggest import unknown
from labmesh.cli._verbs import Verbs
from messages.campaign import QUANTITY
from messages.envelope import validate
from messages.ledger import FINAL
from messages.query import RequestView, ResultView

_WIDEST = 60


@click.group(cls=Verbs)
def command() -> None:
    """Campaigns, counted from their requests and results."""


command.add_command(replay)


@dataclass(slots=True)
class Campaign:
    """What the ledger holds of one campaign."""

    name: str
    requests: list[RequestView] = field(default_factory=list)
    results: list[ResultView] = field(default_factory=list)

    @property
    def statuses(self) -> Counter[str]:
        """Requests by status."""
        return Counter(request.status.value for request in self.requests)

    @property
    def span(self) -> tuple[int, int]:
        """Wall times of the first and the last thing written, in ns."""
        times = [request.load_time for request in self.requests]
        times += [request.changed for request in self.requests]
        times += [result.load_time for result in self.results]
        return min(times), max(times)

    @property
    def open(self) -> int:
        """How many requests have not ended."""
        return sum(request.status not in FINAL for request in self.requests)

    def summary(self) -> dict[str, Any]:
        """Return the counts, for programs."""
        first, last = self.span
        return {
            "campaign": self.name,
            "requests": len(self.requests),
            "open": self.open,
            "statuses": dict(self.statuses),
            "results": len(self.results),
            "authors": sorted({request.author for request in self.requests}),
            "capabilities": sorted({f"{r.quantity}/{r.method}" for r in self.requests}),
            "first": first,
            "last": last,
        }


@command.command("list")
@record_command
async def list_campaigns(session: Session) -> None:
    """List the campaigns, the most recent last."""
    async with records(session) as source:
        requests = await collect(source, "query.requests", "requests", {}, None)
        results = await collect(source, "query.results", "results", {}, None)
    found = sorted(_grouped(requests, results).values(), key=lambda each: each.span[1])
    if session.out.as_json:
        session.out.document([each.summary() for each in found])
        return
    session.out.table(
        ("campaign", "requests", "open", "statuses", "results", "asked by", "first", "last"),
        (
            (
                each.name, len(each.requests), each.open, _in_words(each.statuses),
                len(each.results), ", ".join(sorted({r.author for r in each.requests})),
                when(each.span[0]), when(each.span[1]),
            )
            for each in found
        ),
        empty="no campaigns; requests name theirs with --campaign",
    )  # fmt: skip


@command.command("show")
@click.argument("name", metavar="CAMPAIGN")
@click.option("--limit", "-n", metavar="N", type=click.IntRange(min=1), default=20,
              show_default=True, help="At most N proposals and N results, the newest.")  # fmt: skip
@record_command
async def show(session: Session, name: str, *, limit: int) -> None:
    """Show a campaign: how far it is, why it asked for what, and its newest results."""
    mine = {"campaign": name}
    async with records(session) as source:
        requests = await collect(source, "query.requests", "requests", mine, None)
        results = await collect(source, "query.results", "results", mine, None)
        if not requests and not results:
            everything = await collect(source, "query.requests", "requests", {}, None)
            raise unknown("campaign", name, _grouped(everything, []), look="labmesh campaign list")
    campaign = _grouped(requests, results)[name]
    decisions = proposals_of(campaign.results)
    if session.out.as_json:
        session.out.document(
            {
                **campaign.summary(),
                "request_views": requests,
                "result_views": results,
                "proposals": [each.model_dump(mode="json") for each in decisions],
            }
        )
        return
    first, last = campaign.span
    session.out.heading(f"campaign {name}")
    session.out.pairs(
        (
            ("requests", f"{len(campaign.requests)}: {_in_words(campaign.statuses)}"),
            ("open", campaign.open),
            ("results", len(campaign.results)),
            ("asks for", ", ".join(campaign.summary()["capabilities"])),
            ("asked by", ", ".join(campaign.summary()["authors"])),
            ("first", when(first, zone=True)),
            ("last", f"{when(last, zone=True)}, {duration((last - first) / 1e9)} later"),
        )
    )
    if decisions:
        session.out.heading("\nnewest proposals, and why")
        statuses = {request.id: request.status.value for request in campaign.requests}
        session.out.table(
            PROPOSAL_COLUMNS, proposal_rows(decisions[-limit:][::-1], statuses), empty=""
        )
    answers = [result for result in campaign.results if result.quantity != QUANTITY]
    newest = answers[-limit:][::-1]
    ids = short_ids(result.id for result in newest)
    session.out.heading("\nnewest results")
    session.out.table(
        ("result", "author", "rating", "written", "parameters", "data"),
        (
            (
                ids[str(r.id)], r.author, "" if r.rating is None else r.rating.rating,
                when(r.load_time), one_line(r.parameters, _WIDEST),
                one_line(r.failure.message if r.failure else r.data, _WIDEST),
            )
            for r in newest
        ),
        empty="no results yet",
    )  # fmt: skip


def _grouped(requests: Iterable[Any], results: Iterable[Any]) -> dict[str, Campaign]:
    found: dict[str, Campaign] = {}
    for item in requests:
        request = validate(RequestView, item, where="request")
        if request.campaign:
            found.setdefault(request.campaign, Campaign(request.campaign)).requests.append(request)
    for item in results:
        result = validate(ResultView, item, where="result")
        if result.campaign:
            found.setdefault(result.campaign, Campaign(result.campaign)).results.append(result)
    return found


def _in_words(statuses: Counter[str]) -> str:
    return ", ".join(f"{count} {status}" for status, count in statuses.most_common())

"""``labmesh fair``: does a campaign meet the 28 requirements of FAIR data?"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from labmesh.cli._progress import progress
from labmesh.cli._record import record_of
from labmesh.cli._session import Session, record_command
from labmesh.cli._verbs import Verbs
from messages.errors import LabmeshError

if TYPE_CHECKING:
    from labmesh.cli._output import Output
    from labmesh.fair import Answer


@click.group(cls=Verbs)
def command() -> None:
    """Whether a campaign is findable, accessible, interoperable and reusable."""


@command.command("check")
@click.argument("campaign", metavar="CAMPAIGN")
@click.option(
    "--description", metavar="FILE", type=click.Path(path_type=Path),
    help="What a person says of the crate (docs/crate.md); nothing by default.",
)  # fmt: skip
@click.option(
    "--artifacts", metavar="DIR", type=click.Path(path_type=Path),
    help="Folder of the artifacts of a ledger file, if not beside it.",
)  # fmt: skip
@click.option("--only", multiple=True, type=click.IntRange(1, 28), metavar="N", help="Only these.")
@click.option("--commands", is_flag=True, help="Say with each the command that shows it.")
@record_command
async def check(
    session: Session,
    campaign: str,
    *,
    description: Path | None,
    artifacts: Path | None,
    only: tuple[int, ...],
    commands: bool,
) -> None:
    """Walk the 28 requirements of FAIR data and say which hold; exit code 1 where one fails.

    Each looks at the ledger, at the graph that its entries make, at a crate and at a copy of the
    ledger; both are written into a folder that is deleted at the end.
    """
    from labmesh.crate import read_description
    from labmesh.fair import Verdict, check_fair

    said = read_description(description) if description is not None else None
    async with record_of(session, artifacts=artifacts) as record:
        with (
            TemporaryDirectory(prefix="labmesh-fair-") as scratch,
            progress(session.out, "checked") as tell,
        ):
            answers = await check_fair(
                record, campaign, scratch=Path(scratch), description=said, only=only, tell=tell
            )
    _show(session.out, answers, commands=commands)
    failed = [each for each in answers if each.verdict is Verdict.FAILS]
    if failed:
        numbers = ", ".join(str(each.requirement.number) for each in failed)
        raise LabmeshError(
            f"{len(failed)} of {len(answers)} requirements fail: {numbers}",
            where=f"campaign {campaign}",
            remedy="each line above says what; docs/fair.md says what fulfils it",
        )


def _show(out: Output, answers: tuple[Answer, ...], *, commands: bool) -> None:
    if out.as_json:
        out.document([each.plain() for each in answers])
        return
    columns = ("no", "requirement", "verdict", "evidence", *(["command"] if commands else []))
    out.table(
        columns,
        (
            (
                each.requirement.number, each.requirement.words, each.verdict.value,
                ", ".join(f"{what}: {count}" for what, count in each.evidence.items()),
                *([each.command] if commands else []),
            )
            for each in answers
        ),
        empty="",
    )  # fmt: skip
    for title, told in (
        ("why", {a.requirement.number: a.why for a in answers if a.why}),
        (
            "what this does not show",
            {a.requirement.number: a.remains for a in answers if a.remains},
        ),
    ):
        if told:
            out.heading(f"\n{title}")
            out.pairs((f"{number:>2}", words) for number, words in told.items())
    counts = {v: sum(a.verdict.value == v for a in answers) for v in _ORDER}
    out.heading(
        "\n" + ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    )


_ORDER = ("holds", "fails", "cannot be shown here")

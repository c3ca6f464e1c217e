"""``labmesh artifact``: large files that belong to results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from labmesh.cli._artifact_get import get_artifacts
from labmesh.cli._artifact_verify import verify_artifacts
from labmesh.cli._format import short_ids, size, when
from labmesh.cli._records import collect, records
from labmesh.cli._session import Session, mesh_command, record_command
from labmesh.cli._verbs import Verbs
from messages.artifact import ArtifactView
from messages.envelope import validate

SHOWN = 16
"""Digits of a sha256 that a list shows: enough to tell a lab's artifacts apart, and to get one."""


@click.group(cls=Verbs)
def command() -> None:
    """Artifacts: time series, raw instrument files, images.

    One is named by its sha256, or by the first digits of it.
    """


@command.command("list")
@click.option("--result", metavar="ID", help="Only those of one result.")
@click.option("--missing", is_flag=True, help="Only those the ledger does not have, and why.")
@click.option(
    "--limit", "-n", metavar="N", type=click.IntRange(min=1), default=20, show_default=True,
    help="At most N, the newest.",
)  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="All of them.")
@record_command
async def list_artifacts(
    session: Session, /, *, result: str | None, missing: bool, limit: int, everything: bool
) -> None:
    """List artifacts, the newest first, and whether the ledger has them."""
    filters: dict[str, Any] = {"result": result, "missing": missing, "newest_first": True}
    async with records(session) as source:
        items = await collect(
            source, "query.artifacts", "artifacts", filters, None if everything else limit
        )
    if session.out.as_json:
        session.out.document(items)
        return
    views = [validate(ArtifactView, item, where="artifact") for item in items]
    results = short_ids(view.result for view in views)
    session.out.table(
        ("sha256", "name", "type", "size", "result", "author", "written", "state", "reason"),
        (
            (
                v.sha256[:SHOWN], v.name, v.media_type, size(v.size), results[str(v.result)],
                v.author, when(v.load_time), v.state, v.reason,
            )
            for v in views
        ),
        empty="no artifact is missing" if missing else "no such artifacts",
    )  # fmt: skip


@command.command("get")
@click.argument("what", metavar="SHA|RESULT")
@click.option(
    "--output", "-o", metavar="FILE", type=click.Path(path_type=Path),
    help="File or folder to write to; by default the artifact's own name, here.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@mesh_command
async def get(session: Session, /, what: str, *, output: Path | None, force: bool) -> None:
    """Fetch an artifact, or all artifacts of a result.

    From the broker node, else from their author. A file appears under its name when it is complete
    and fits its hash; until then it is NAME.part, and the same command goes on from there.
    """
    await get_artifacts(session, what, output, force=force)


@command.command("verify")
@click.option("--result", metavar="ID", help="Only those of one result.")
@mesh_command
async def verify(session: Session, /, *, result: str | None) -> None:
    """Compare the ledger's artifacts with their hashes; exit 1 where one is damaged or missing.

    The broker node reads every file. A damaged one is put into its folder's quarantine and fetched
    from its author again, if he still has it.
    """
    await verify_artifacts(session, result)

"""``labmesh eln``: campaigns into electronic lab notebooks, their entries into the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from labmesh.cli.extend import Session, Verbs, mesh_command, progress, record_command


@click.group(cls=Verbs)
def command() -> None:
    """Electronic lab notebooks: export a campaign, import entries, deploy to a server."""


@command.command("export")
@click.argument("campaign", metavar="CAMPAIGN")
@click.argument("file", metavar="FILE.eln", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--description", metavar="FILE", type=click.Path(path_type=Path),
    help="YAML of what a person must say: title, authors, licence.",
)  # fmt: skip
@click.option(
    "--plain", is_flag=True,
    help="Only RO-Crate 1.1's own context, which SampleDB insists on.",
)  # fmt: skip
@record_command
async def export_file(
    session: Session, /, *, campaign: str, file: Path, description: Path | None, plain: bool
) -> None:
    """Write a campaign into an .eln file, for eLabFTW, Kadi4Mat and others.

    One entry for each sample and each result, with its files. What is confidential stays here.
    """
    from nodes.eln._cli_work import record_of
    from nodes.eln._described import described
    from nodes.eln._export import export
    from nodes.eln._story import read_story

    words = described(description)
    async with record_of(session.ledger_file, session.visit) as record:
        with progress(session.out, f"reading campaign {campaign}") as tell:
            story = await read_story(record, campaign, tell)
        with progress(session.out, f"writing {file}") as tell:
            done = await export(record, story, file, words, plain=plain, tell=tell)
    if session.out.as_json:
        session.out.document(
            {
                "file": str(done.path), "sha256": done.sha256, "samples": done.samples,
                "results": done.results, "files": done.files, "withheld": story.withheld,
                "restricted": story.restricted, "missing": list(done.missing),
            }
        )  # fmt: skip
        return
    session.out.text(
        f"{done.path}: {done.samples} samples, {done.results} results, {done.files} files"
    )
    for number, what in (
        (story.withheld, "samples or results are confidential and left out"),
        (story.restricted, "results are restricted: their files are left out"),
        (len(done.missing), "files could not be had: labmesh artifact list --missing"),
    ):
        if number:
            session.out.remark(f"{number} {what}")


@command.command("import")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE.eln...", type=click.Path(path_type=Path)
)
@click.option("--campaign", metavar="NAME", help="The campaign that the entries belong to.")
@click.option("--dry-run", is_flag=True, help="Only say what would be told.")
@mesh_command
async def import_files(
    session: Session, /, *, files: tuple[Path, ...], campaign: str | None, dry_run: bool
) -> None:
    """Tell the ledger of the entries of .eln files, each with its files, source and licence.

    What was imported before, or came out of this ledger, is not told again.
    """
    from labmesh.client import requester
    from nodes.eln._import import import_file, licences_missing

    rows = []
    async with session.visit() as visitor, requester(visitor) as lab:
        for file in files:
            with progress(session.out, f"reading {file.name}") as tell:
                found = await import_file(
                    lab, file, campaign=campaign, dry_run=dry_run, tell=tell
                )  # fmt: skip
            rows += [(file, each) for each in found]
    if session.out.as_json:
        session.out.document(
            [
                {"file": str(file), "entry": each.entry, "name": each.name, "files": each.files,
                 "outcome": each.outcome, "result": each.result, "licence": each.licence}
                for file, each in rows
            ]
        )  # fmt: skip
        return
    session.out.table(
        ("entry", "files", "licence", "", "result"),
        [(each.name[:60], each.files, each.licence[:30], _SAID[each.outcome], each.result)
         for _, each in rows],
        empty="no entries",
    )  # fmt: skip
    silent = licences_missing([each for _, each in rows])
    if silent:
        session.out.remark(f"{silent} entries state no licence: ask their authors before reuse")


@command.command("deploy")
@click.argument("campaign", metavar="CAMPAIGN")
@click.option(
    "--system", type=click.Choice(["openbis", "elabftw"]), default="openbis", show_default=True,
    help="The kind of server.",
)  # fmt: skip
@click.option("--url", metavar="URL", required=True, help="https://host of the server.")
@click.option(
    "--token-file", metavar="FILE", default="",
    help="A file with the token, for your eyes only (mode 600); without it "
    "LABMESH_OPENBIS_TOKEN or LABMESH_ELABFTW_KEY.",
)  # fmt: skip
@click.option("--ca", metavar="FILE", default="", help="Certificate of whom to trust.")
@click.option("--space", metavar="CODE", default="LABMESH", show_default=True, help="Of openBIS.")
@click.option(
    "--project", metavar="CODE", default="CAMPAIGNS", show_default=True, help="Of openBIS."
)
@click.option(
    "--description", metavar="FILE", type=click.Path(path_type=Path),
    help="YAML of what a person must say: title, authors, licence (eLabFTW).",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Only show what would be created, as a tree.")
@record_command
async def deploy(
    session: Session, /, *, campaign: str, system: Literal["openbis", "elabftw"], url: str,
    token_file: str, ca: str, space: str, project: str, description: Path | None, dry_run: bool,
) -> None:  # fmt: skip
    """Write a campaign into an openBIS or eLabFTW server; again, only what is new.

    Both adapters have been exercised against stubs of the servers' protocols only.
    """
    from nodes.eln._cli_work import record_of
    from nodes.eln._described import described
    from nodes.eln._notebooks import make_notebook
    from nodes.eln._openbis_plan import plan
    from nodes.eln._story import read_story
    from nodes.eln._tree import tree_of

    notebook = make_notebook(
        system=system, folder=Path(), url=url, token_file=token_file, ca_file=ca, space=space,
        project=project, description=described(description),
    )  # fmt: skip
    async with record_of(session.ledger_file, session.visit) as record:
        with progress(session.out, f"reading campaign {campaign}") as tell:
            story = await read_story(record, campaign, tell)
        with progress(session.out, f"writing to {url}") as tell:
            done = await notebook.deploy(record, story, dry_run=dry_run, tell=tell)
    if session.out.as_json:
        session.out.document(done.model_dump(mode="json"))
        return
    if dry_run and system == "openbis":
        session.out.text("\n".join(tree_of(plan(story), space, project)))
    rows = [(each.kind, each.created, each.present) for each in done.written]
    head = ("what", "would be created" if dry_run else "created", "there already")
    session.out.table(head, rows, empty="nothing")
    session.out.remark(f"{system}: {done.verified}")
    if done.withheld:
        session.out.remark(f"{done.withheld} samples or results are confidential and left out")
    if done.restricted:
        session.out.remark(f"{done.restricted} results are restricted: their files are left out")


_SAID = {
    "told": "told", "known": "known before", "own": "of this ledger", "new": "would be told",
}  # fmt: skip

"""``labmesh crate``: a campaign as an RO-Crate, for people and archives anywhere."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from labmesh.cli._output import Output
from labmesh.cli._progress import progress
from labmesh.cli._records import database_option, ledger_place
from labmesh.cli._session import Session, json_command, record_command
from labmesh.cli._verbs import Verbs
from messages.errors import LabmeshError

if TYPE_CHECKING:
    from labmesh.crate import CrateSummary, Finding


@click.group(cls=Verbs)
def command() -> None:
    """Crates: a campaign with everything a stranger needs, in one folder or one .eln file."""


@command.command("write")
@click.argument("campaign")
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--description", "-d", metavar="FILE", type=click.Path(path_type=Path),
    help="YAML: title, authors, licence and what else a person must say (docs/crate.md).",
)  # fmt: skip
@click.option(
    "--artifacts", metavar="DIR", type=click.Path(path_type=Path),
    help="Folder of the artifacts, if not beside the ledger's file.",
)  # fmt: skip
@database_option
@record_command
async def write(
    session: Session, *, campaign: str, target: Path, description: Path | None,
    artifacts: Path | None, database_url: str | None,
) -> None:  # fmt: skip
    """Write the crate of CAMPAIGN into the folder TARGET, or into the file TARGET.eln.

    From the ledger's file or database, while the broker node runs or after. TARGET is there whole
    or not at all. Written again, it changes only where the campaign, or what it rests on, did.
    """
    from labmesh.crate import CrateDescription, read_description
    from labmesh.record import file_record

    said = read_description(description) if description else CrateDescription()
    record = file_record(ledger_place(session, database_url), artifacts)
    with progress(session.out, "crate") as tell:
        done = await _write(record, campaign, target, said, tell)
    _show(session.out, done, target)


async def _write(record: Any, campaign: str, target: Path, said: Any, tell: Any) -> CrateSummary:
    from tempfile import TemporaryDirectory

    from labmesh.crate import write_crate, zip_crate

    if target.suffix != ".eln":
        return await write_crate(record, campaign, target, said, tell=tell)
    with TemporaryDirectory(prefix="labmesh-crate-") as scratch:
        folder = Path(scratch) / target.stem
        done = await write_crate(record, campaign, folder, said, tell=tell)
        await asyncio.to_thread(zip_crate, folder, target)
        return done


@command.command("check")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--no-shapes", is_flag=True, help="Leave the shapes out, the slowest part.")
@json_command
def check(out: Output, *, path: Path, no_shapes: bool) -> None:
    """Check the crate PATH, a folder or an .eln file; the exit code is 1 where something is wrong.

    Hashes of all files, the chain of hashes, that everything is described and there, that the
    tables say what the ledger says, and the shapes. Compare the head with one noted elsewhere:
    whoever can write all of the files could have made another crate.
    """

    async def work() -> tuple[Finding, ...]:
        from labmesh.crate import check_crate

        with progress(out, "checked") as tell:
            return check_crate(path, shapes=not no_shapes, tell=tell)

    found = asyncio.run(work())
    if out.as_json:
        out.document(
            {
                "path": str(path),
                "sound": not found,
                "findings": [
                    {"check": each.check, "path": each.path, "what": each.what} for each in found
                ],
            }
        )
    else:
        for each in found:
            out.text(str(each))
    if found:
        count = f"{len(found)} findings" if len(found) > 1 else "one finding"
        raise LabmeshError(count, where=str(path), remedy="take another copy, or write it anew")
    if not out.as_json:
        out.text(f"{path}: all sound")


@command.command("schema")
def schema() -> None:
    """Print the JSON Schema of a description's file, for editors."""
    from labmesh.crate import description_schema

    json.dump(description_schema(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def _show(out: Output, done: CrateSummary, target: Path) -> None:
    offset, head = done.head
    changed = [each.path for each in done.files if each.changed]
    if out.as_json:
        out.document(
            {
                "path": str(target), "campaign": done.campaign, "title": done.title,
                "version": done.version, "head": {"offset": offset, "hash": head},
                "access": done.access, "entries": done.entries, "withheld": done.withheld,
                "missing": done.missing, "keywords": done.keywords, "changed": changed,
                "files": [
                    {"path": each.path, "sha256": each.sha256, "size": each.size}
                    for each in done.files
                ],
            }
        )  # fmt: skip
        return
    size = sum(each.size for each in done.files)
    out.text(f"{target}: {len(done.files)} files, {size / 1e6:.1f} MB, {len(changed)} changed")
    out.text(f"head {offset} {head.hex()}")
    for reason, count in done.withheld.items():
        out.remark(f"{count} bodies withheld: {reason.replace('_', ' ')}")
    if done.missing:
        out.remark(f"{len(done.missing)} artifacts could not be had: {', '.join(done.missing)}")

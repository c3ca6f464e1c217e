"""What the verbs of ``labmesh site`` have in common: the folder, and what has changed in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from labmesh.cli._output import Output

if TYPE_CHECKING:
    from labmesh.site import Changes, Description, SiteFolder

FOLDER: Final = click.option(
    "--folder", metavar="DIR", type=click.Path(path_type=Path),
    help="The site's folder (default: this one, or the only *-site in it).",
)  # fmt: skip


def read_site(folder: Path | None) -> tuple[SiteFolder, Description]:
    """Return the folder and the description of the site that is meant."""
    from labmesh.site import Description, SiteFolder

    found = SiteFolder.find(folder)
    return found, Description.read(found.root)


def changed(folder: SiteFolder, description: Description) -> Changes:
    """Bring the folder in line with a description, and a running MQTT broker with the folder."""
    from labmesh.site import apply, reload

    changes = apply(folder, description)
    reload(folder)
    return changes


def plain_changes(changes: Changes) -> dict[str, Any]:
    """Return what has changed as plain data."""
    return {
        "files": [{"file": str(each.file), "kind": each.kind} for each in changes.files],
        "accounts": list(changes.accounts),
        "renewed": list(changes.moved),
        "revoked": list(changes.gone),
        "certificate": changes.certificate,
        "restart": changes.restart,
    }


def show_changes(out: Output, folder: SiteFolder, changes: Changes, *, diffs: bool) -> None:
    """Show what changes, files with their differences where wanted."""
    for change in changes.files:
        out.text(f"{change.kind:8} {change.file.relative_to(folder.root)}")
        if diffs and change.diff and change.kind == "changed":
            for line in change.diff.splitlines()[2:]:
                out.text(f"    {line}")
    for name in changes.accounts:
        out.text(f"account  {folder.account(name).relative_to(folder.root)}")
    for name in changes.moved:
        out.text(f"renewed  {folder.account(name).relative_to(folder.root)}")
    for name in changes.gone:
        out.text(f"revoked  {name}")
    if changes.certificate:
        out.text(f"certificate of the MQTT broker: {changes.certificate}")


def say_restart(out: Output, folder: SiteFolder, changes: Changes) -> None:
    """Say so where a running MQTT broker has not taken everything over."""
    from labmesh.site import running

    if changes.restart and (pid := running(folder)) is not None:
        out.remark(
            f"restart the MQTT broker (pid {pid}): it takes ports and bridges over at its start"
        )

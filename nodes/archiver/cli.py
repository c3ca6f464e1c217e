"""``labmesh archive``: campaigns given to an archive, and what it calls them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from labmesh.cli.extend import Output, Session, Verbs, mesh_command, progress, when

if TYPE_CHECKING:
    from labmesh.client import LabClient


@click.group(cls=Verbs)
def command() -> None:
    """Campaigns in an archive: deposit what there is, list what was deposited."""


@command.command("deposit")
@click.argument("campaign", metavar="CAMPAIGN")
@click.option("--wait", "-w", is_flag=True, help="Wait until the archive has it, and show where.")
@click.option(
    "--timeout", metavar="S", type=click.FloatRange(min=0, min_open=True),
    help="Seconds to wait; the deposit itself goes on.",
)  # fmt: skip
@mesh_command
async def deposit(
    session: Session,
    /,
    *,
    campaign: str,
    wait: bool,
    timeout: float | None,  # noqa: ASYNC109
) -> None:
    """Have an archiver deposit what CAMPAIGN has so far; prints the request's id.

    Only what changed is uploaded. With nothing new there is no new version, and --wait shows the
    one there is.
    """
    from labmesh.client import requester
    from messages.archive import DEPOSIT, DepositInput

    asked = DepositInput(campaign=campaign)
    async with session.visit() as visitor, requester(visitor) as lab:
        if not wait:
            handle = await lab.submit(*DEPOSIT, asked, timeout=session.patience)
            if session.out.as_json:
                session.out.document({"request": str(handle.id)})
            else:
                session.out.text(str(handle.id))
            return
        with progress(session.out, f"archiving {campaign}") as tell:
            handle = await lab.submit(
                *DEPOSIT, asked, timeout=session.patience,
                on_feedback=lambda word: tell(round(100 * (word.fraction or 0.0)), 100),
            )  # fmt: skip
            view = await handle.result(timeout=timeout)
    _show(session.out, {"request": str(handle.id), **view.data})


@command.command("list")
@click.option("--campaign", metavar="NAME", help="Only of this campaign.")
@mesh_command
async def list_deposits(session: Session, /, *, campaign: str | None) -> None:
    """List the versions that were deposited, the newest first."""
    from labmesh.client import requester

    async with session.visit() as visitor, requester(visitor) as lab:
        found = await _deposits(lab, campaign)
    if session.out.as_json:
        session.out.document(found)
        return
    session.out.table(
        ("campaign", "version", "state", "record", "identifier", "deposited", "where"),
        [
            (each["campaign"], each["version"], each["state"], each["record"], each["pid"],
             when(each["load_time"]), each["url"] or each["archive"])
            for each in found
        ],
        empty="nothing has been deposited",
    )  # fmt: skip


async def _deposits(lab: LabClient, campaign: str | None) -> list[dict[str, Any]]:
    from messages.archive import DEPOSIT

    quantity, method = DEPOSIT
    found, seen = [], set()
    filters = {"quantity": quantity, "method": method, "newest_first": True}
    async for result in lab.results(**filters):
        data = result.data
        if not data or (campaign is not None and data["campaign"] != campaign):
            continue
        version = (data["archive"], data["record"], data["state"])
        if version in seen:
            continue  # a later look at the same version
        seen.add(version)
        found.append({"result": str(result.id), "load_time": result.load_time, **data})
    return found


def _show(out: Output, data: dict[str, Any]) -> None:
    if out.as_json:
        out.document(data)
        return
    linked = sum(each["linked"] for each in data["files"])
    out.pairs(
        [
            ("campaign", data["campaign"]), ("archive", data["archive"]),
            ("state", data["state"].replace("_", " ")),
            ("version", data["version"] + ("" if data["new"] else " (nothing new)")),
            ("record", data["record"]), ("identifier", data["pid"]), ("page", data["url"]),
            ("access", data["access"]), ("files", f"{len(data['files'])}, {linked} linked"),
            ("uploaded", f"{data['uploaded']} bytes"),
        ]
    )  # fmt: skip

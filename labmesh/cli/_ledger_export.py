"""``labmesh ledger export``: in the portable form, or as linked data."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Final

import click

from labmesh.cli._ledger_transfer import show_transferred, transfer
from labmesh.cli._progress import progress
from labmesh.cli._records import FileRecords, database_option, ledger_place, open_place, records
from labmesh.cli._session import Session, record_command
from messages.errors import ConfigurationError
from messages.model import JsonObject

MSGPACK: Final = "msgpack"
_FORMATS: Final = (MSGPACK, "jsonld", "turtle", "nquads")

Ask = Callable[[str, JsonObject], Awaitable[JsonObject]]


@click.command("export")
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default=MSGPACK,
    show_default=True,
    help="msgpack: the ledger itself; the others: what it says, as linked data.",
)
@click.option(
    "--confidential",
    is_flag=True,
    help="Also what is confidential. Else msgpack, which is the whole ledger, is refused where "
    "there is any; linked data tell of such entries only that they are there.",
)
@click.option("--force", is_flag=True, help="Replace a file of that name.")
@database_option
@record_command
async def export(
    session: Session,
    *,
    target: Path,
    form: str,
    confidential: bool,
    force: bool,
    database_url: str | None,
) -> None:
    """Write the ledger into the file TARGET in a form that outlives databases and Labmesh.

    By default a sequence of msgpack values, described in docs/ledger.md, from which a ledger is
    made again. jsonld, turtle and nquads are linked data in the terms of docs/semantics.md, of a
    ledger's file or of the mesh. Each is gzip'ed where the name ends in .gz.
    """
    if form == MSGPACK:
        source = ledger_place(session, database_url)
        with progress(session.out, "export") as tell:
            done = transfer().export(
                source, target, force=force, tell=tell, confidential=confidential
            )
        show_transferred(session.out, done)
        return
    _check_free(target, force=force)
    async with _asking(session, database_url) as ask:
        await _write(session, ask, target, form, confidential=confidential)


def _check_free(target: Path, *, force: bool) -> None:
    if target.exists() and not force:
        raise ConfigurationError(
            "there is something already", where=str(target), remedy="choose another name or --force"
        )


async def _write(
    session: Session, ask: Ask, target: Path, form: Any, *, confidential: bool
) -> None:
    from labmesh.access import AccessBook
    from labmesh.record import read_head, read_journal
    from labmesh.semantics import export_linked_data

    head = (await read_head(ask))[0]
    book = AccessBook()
    with progress(session.out, "export") as tell:
        if not confidential:
            # The last word on a thing counts, so all are heard before the first entry is told.
            async for entry in read_journal(ask, 0, head, ()):
                book.take(entry)
                tell(entry.offset + 1, 2 * (head + 1))
        begun = 0 if confidential else head + 1

        def told(count: int) -> None:
            tell(begun + count, begun + head + 1)

        try:
            done = await export_linked_data(
                read_journal(ask, 0, head, ()),
                target,
                form,
                may_leave=(lambda _: True) if confidential else book.may_leave,
                tell=told,
            )
        except OSError as error:
            raise ConfigurationError(
                f"cannot be written: {error.strerror}", where=str(target), remedy="check the path"
            ) from error
    if session.out.as_json:
        session.out.document(
            {"where": str(target), "entries": done.entries, "withheld": done.withheld}
        )
        return
    if done.withheld:
        session.out.remark(f"{done.withheld} entries are confidential: only their headers are told")
    session.out.text(f"{target}: {done.entries} entries")


@asynccontextmanager
async def _asking(session: Session, database_url: str | None) -> AsyncIterator[Ask]:
    """Give what answers the ledger's reading services: a database, a file, or the mesh."""
    if database_url is not None:
        with closing(open_place(ledger_place(session, database_url))) as file:
            yield FileRecords(file).query
        return
    async with records(session) as source:
        yield source.query

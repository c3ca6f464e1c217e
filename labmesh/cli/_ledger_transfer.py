"""``labmesh ledger backup|restore|import``, and what carries ledgers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol
from zipfile import is_zipfile

import click

from labmesh.cli._output import Output
from labmesh.cli._progress import Tell, progress
from labmesh.cli._records import database_option, ledger_place
from labmesh.cli._session import Session, json_command, record_command
from messages.errors import ConfigurationError

GROUP: Final = "labmesh.ledger_transfer"
"""Entry point group of what carries ledgers from place to place, a `Transfer`."""


class Transferred(Protocol):
    """What was carried over."""

    @property
    def where(self) -> str:
        """Where it is now."""
        ...

    @property
    def entries(self) -> int:
        """How many it has there."""
        ...

    @property
    def head(self) -> bytes:
        """The hash of the last one."""
        ...

    @property
    def found(self) -> int:
        """How many of them were there already."""
        ...

    @property
    def confidential(self) -> int:
        """Of how many campaigns, samples and results it holds what must not leave the site."""
        ...


class Transfer(Protocol):
    """Carries ledgers from place to place; ``tell`` hears of the progress."""

    def backup(self, source: str, target: Path, *, force: bool, tell: Tell) -> Transferred:
        """Write a ledger into a SQLite file."""
        ...

    def restore(self, source: Path, to: str, *, tell: Tell) -> Transferred:
        """Write a backup to where nothing is."""
        ...

    def export(
        self, source: str, target: Path, *, force: bool, tell: Tell, confidential: bool
    ) -> Transferred:
        """Write a ledger in the portable form."""
        ...

    def import_ledger(self, source: Path, to: str, *, tell: Tell) -> Transferred:
        """Write an exported ledger to a new place, or go on doing so."""
        ...


_TARGET: Final = click.argument("target", type=click.Path(path_type=Path))
_SOURCE: Final = click.argument("source", type=click.Path(path_type=Path))
_FORCE: Final = click.option("--force", is_flag=True, help="Replace a file of that name.")


@click.command("backup")
@_TARGET
@_FORCE
@database_option
@record_command
async def backup(session: Session, *, target: Path, force: bool, database_url: str | None) -> None:
    """Write the ledger into the SQLite file TARGET, while the broker node runs or after.

    What is written is the ledger at one moment, checked entry by entry. TARGET is there whole or
    not at all. Every command that takes --ledger-file reads it. It is whole: what is confidential
    is in it, too, and keeps to the site.
    """
    source = ledger_place(session, database_url)
    with progress(session.out, "backup") as tell:
        done = transfer().backup(source, target, force=force, tell=tell)
    show_transferred(session.out, done)
    if done.confidential:
        session.out.remark(
            f"it holds what is confidential ({done.confidential} declared): keep it at this site"
        )


@click.command("restore")
@_SOURCE
@click.argument("to")
@json_command
def restore(out: Output, *, source: Path, to: str) -> None:
    """Write the backup SOURCE to TO: the path of a new file, or the URL of an empty database.

    It is checked entry by entry. Refused where there is something already.
    """

    async def work() -> None:
        with progress(out, "restore") as tell:
            done = transfer().restore(source, to, tell=tell)
        show_transferred(out, done)

    asyncio.run(work())


@click.command("import")
@_SOURCE
@click.argument("to")
@json_command
def import_(out: Output, *, source: Path, to: str) -> None:
    """Write the exported ledger SOURCE to TO: the path of a SQLite file, or a database's URL.

    SOURCE may also be a campaign's crate, a folder or an .eln file, if it holds the ledger whole.
    Each entry is checked before it is written. An import that was interrupted goes on where it
    was: what is at TO has to be a beginning of the same ledger, or nothing.
    """

    async def work() -> None:
        with progress(out, "import") as tell, _exported(source, tell) as file:
            done = transfer().import_ledger(file, to, tell=tell)
        if done.found and not out.as_json:
            out.remark(f"{done.found} entries were there already")
        show_transferred(out, done)

    asyncio.run(work())


COMMANDS: Final = (backup, restore, import_)


@contextmanager
def _exported(source: Path, tell: Tell) -> Iterator[Path]:
    """Give an exported ledger: ``source`` itself, or what is in it if it is a crate."""
    # A named pipe can be read only once.
    if not source.is_dir() and not (source.is_file() and is_zipfile(source)):
        yield source
        return
    from labmesh.crate import write_ledger

    with TemporaryDirectory(prefix="labmesh-crate-") as scratch:
        file = Path(scratch) / "ledger.gz"
        write_ledger(source, file, tell=tell)
        yield file


def show_transferred(out: Output, done: Transferred) -> None:
    """Say where something is now."""
    if out.as_json:
        out.document(
            {
                "where": done.where,
                "entries": done.entries,
                "head": done.head,
                "found": done.found,
            }
        )
        return
    out.text(f"{done.where}: {done.entries} entries")
    out.text(f"head {done.entries - 1} {done.head.hex()}")


def transfer() -> Transfer:
    """Return what carries ledgers; an error where nothing is installed."""
    points = {point.name: point for point in entry_points(group=GROUP)}
    if not points:
        raise ConfigurationError(
            "nothing that carries ledgers is installed", remedy="install labmesh with its nodes"
        )
    point = points.get("default") or next(iter(points.values()))
    carrier: Transfer = point.load()
    return carrier

"""``labmesh ledger``: the record itself."""

from __future__ import annotations

from contextlib import closing

import click

from labmesh._passwords import hide_passwords
from labmesh.cli._format import duration, when
from labmesh.cli._ledger_export import export
from labmesh.cli._ledger_online import check_ledger_online
from labmesh.cli._ledger_query import query
from labmesh.cli._ledger_transfer import COMMANDS
from labmesh.cli._progress import progress
from labmesh.cli._records import (
    MeshRecords,
    database_option,
    ledger_place,
    open_place,
    records,
)
from labmesh.cli._session import Session, record_command
from labmesh.cli._tail import entry_of, follow_entries, last_entries, show_line
from labmesh.cli._verbs import Verbs
from messages.envelope import validate
from messages.errors import (
    CallTimeoutError,
    ConfigurationError,
    LabmeshError,
    NotConnectedError,
)
from messages.ledger import EntryKind, Head


@click.group(cls=Verbs)
def command() -> None:
    """The ledger: every request, result and change of status, in order, chained by hashes."""


for _member in (query, export, *COMMANDS):
    command.add_command(_member)


@command.command("tail")
@click.option(
    "--count", "-n", metavar="N", type=click.IntRange(min=0), default=10, show_default=True,
    help="The last N entries.",
)  # fmt: skip
@click.option("--follow", "-f", is_flag=True, help="Go on as entries are written.")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice([each.value for each in EntryKind]),
    help="Only these; may be repeated.",
)  # fmt: skip
@record_command
async def tail(session: Session, *, count: int, follow: bool, kinds: tuple[str, ...]) -> None:
    """Show the last entries, one a line; with -f the coming ones, too, without a gap."""
    async with records(session) as source:
        head = validate(Head, await source.query("ledger.head", {}), where="head").offset
        for entry in await last_entries(source, head, count, kinds):
            show_line(session.out, entry)
        if not follow:
            return
        if not isinstance(source, MeshRecords):
            raise LabmeshError(
                "a file cannot be followed", remedy="-f needs the mesh; start it, or leave -f out"
            )
        await follow_entries(session, source, head + 1, kinds)


@command.command("show")
@click.argument("offset", type=click.IntRange(min=0))
@record_command
async def show(session: Session, offset: int) -> None:
    """Show one entry whole."""
    async with records(session) as source:
        page = await source.query("journal.read", {"from": offset, "limit": 1})
    entries = [each for each in page["entries"] if each["offset"] == offset]
    if not entries:
        last = page["head"]["offset"]
        raise ConfigurationError(
            f"the ledger has no entry {offset}",
            remedy=f"its last is {last}" if last >= 0 else "it is empty",
        )
    if session.out.as_json:
        session.out.document(entries[0])
        return
    entry = entry_of(entries[0])
    session.out.heading(f"entry {entry.offset}")
    session.out.pairs(
        (
            ("uuid", entry.uuid),
            ("kind", entry.kind.value),
            ("type", entry.type),
            ("author", entry.author),
            ("stamp", when(entry.stamp, zone=True)),
            ("written", when(entry.load_time, zone=True)),
            ("schema", entry.schema_hash),
            ("previous", entry.prev_hash.hex()),
            ("hash", entry.hash.hex()),
        )
    )
    session.out.heading("\nbody")
    session.out.yaml(entry.body)


@command.command("head")
@record_command
async def head(session: Session) -> None:
    """Show the last offset and its hash: note them elsewhere, and nobody can rewrite the past."""
    async with records(session) as source:
        reply = await source.query("ledger.head", {})
    if session.out.as_json:
        session.out.document(reply)
    else:
        found = validate(Head, reply, where="head")
        session.out.pairs((("offset", found.offset), ("hash", found.hash.hex())))


@command.command("stats")
@record_command
async def stats(session: Session) -> None:
    """Count what the ledger holds."""
    async with records(session) as source:
        reply = await source.query("ledger.stats", {})
    if session.out.as_json:
        session.out.document(reply)
        return
    if isinstance(reply.get("uptime"), int | float):
        reply["uptime"] = duration(reply["uptime"])
    session.out.yaml(reply)


@command.command("verify")
@click.option(
    "--projections", is_flag=True, help="Compare the tables beside the journal with it, too."
)
@database_option
@record_command
async def verify(session: Session, *, projections: bool, database_url: str | None) -> None:
    """Check the ledger's chain of hashes; the exit code is 1 where it is broken.

    Compare the hash of the head with one you noted elsewhere: whoever can write the file could
    have written another chain, or cut its end off. With --projections the tables that follow from
    the journal are made once more in a scratch file and compared.
    """
    place = ledger_place(session, database_url)
    path, differs = hide_passwords(place), ""
    with closing(open_place(place)) as file:
        with progress(session.out, "entries checked") as tell:
            verdict = file.verify(tell)
        if projections and verdict.sound:
            with progress(session.out, "entries projected") as tell:
                differs = file.first_difference(tell)
    answer = {
        "file": path, "sound": verdict.sound, "entries": verdict.entries,
        "head": verdict.head, "bad": verdict.bad, "reason": verdict.reason,
    }  # fmt: skip
    if projections:
        answer["differs"] = differs
    if session.out.as_json:
        session.out.document(answer)
    elif verdict.sound:
        session.out.text(f"{path}: {verdict.entries} entries, all sound")
        session.out.text(f"head {verdict.entries - 1} {verdict.head.hex()}")
        if verdict.reason:
            session.out.remark(
                f"{verdict.reason}; stop the broker node, then labmesh ledger rebuild"
            )
        if projections and not differs:
            session.out.text("every table is what the journal makes of it")
    if not verdict.sound:
        raise LabmeshError(
            f"entry {verdict.bad} is not sound: {verdict.reason}",
            where=path,
            remedy=f"the {verdict.entries} entries before it are; keep the file, restore a backup",
        )
    if differs:
        raise LabmeshError(
            f"not what the journal makes of it: {differs}",
            where=path,
            remedy="the journal is sound: stop the broker node, then `labmesh ledger rebuild`",
        )


@command.command("rebuild")
@database_option
@record_command
async def rebuild(session: Session, *, database_url: str | None) -> None:
    """Write the ledger's tables anew from its journal; the broker node must not run.

    The journal itself is only read. Verify it first: what is rebuilt is as good as the journal.
    """
    place = ledger_place(session, database_url)
    path = hide_passwords(place)
    await _check_stopped(session)
    with closing(open_place(place)) as file:
        entries = file.rebuild()
    if session.out.as_json:
        session.out.document({"file": path, "entries": entries})
    else:
        session.out.text(f"{path}: tables rebuilt from {entries} entries")


async def _check_stopped(session: Session) -> None:
    """Refuse while the broker node is online; where no mesh answers, it is not.

    Raises:
        LabmeshError: It is online.
    """
    try:
        async with session.visit() as visitor:
            ledger = await check_ledger_online(visitor, patience=session.patience)
    except (ConfigurationError, NotConnectedError, CallTimeoutError):
        return
    raise LabmeshError(
        f"the broker node {ledger} is online, and writes the same tables",
        remedy=f"stop it first: labmesh lifecycle set {ledger} shutdown",
    )

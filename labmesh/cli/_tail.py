"""Entries of the ledger as they come: gapless, one a line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from labmesh.cli._format import clean, one_line, short_ids, when
from labmesh.cli._output import Output
from labmesh.cli._records import MeshRecords, Records
from labmesh.cli._session import Session
from messages.access import withheld, withheld_hash
from messages.envelope import Header, validate
from messages.ledger import Entry, EntryKind, Head
from messages.model import JsonObject
from messages.topics import Topic

_PAGE: Final = 100
_LOOK_AGAIN: Final = 5.0
"""Wall seconds without news of the head after which the ledger is asked for it."""


async def entries_between(
    source: Records, start: int, end: int, kinds: tuple[str, ...]
) -> AsyncIterator[Entry]:
    """Yield the entries from offset ``start`` to ``end``, both included, of some kinds or all."""
    chosen: dict[str, Any] = {"kinds": list(kinds)} if kinds else {}
    at: int | None = start
    while at is not None and at <= end:
        page = await source.query("journal.read", {"from": at, "limit": _PAGE, **chosen})
        for item in page["entries"]:
            if item["offset"] <= end:
                yield entry_of(item)
        at = page["next"]


def entry_of(item: JsonObject) -> Entry:
    """Return an entry as ``journal.read`` gives it; a withheld body is what stands for it.

    Raises:
        BodyError: It is none.
    """
    if item.get("body") is None and "body_hash" in item:
        rest = {name: value for name, value in item.items() if name != "body_hash"}
        item = {**rest, "body": withheld(item["body_hash"])}
    return validate(Entry, item, where="entry")


async def last_entries(
    source: Records, head: int, count: int, kinds: tuple[str, ...]
) -> list[Entry]:
    """Return the last ``count`` entries up to offset ``head``, of some kinds or all."""
    span = count if not kinds else max(count, _PAGE)
    while count > 0:
        start = max(head + 1 - span, 0)
        found = [entry async for entry in entries_between(source, start, head, kinds)]
        if len(found) >= count or start == 0:
            return found[-count:]
        # Entries of the kind are rare: look four times as far back.
        span *= 4
    return []


async def follow_entries(
    session: Session, source: MeshRecords, start: int, kinds: tuple[str, ...]
) -> None:
    """Show entries from ``start`` on as they are written, for ever.

    The retained head tells that there is something to read; entries come from the journal alone, so
    none is missed.
    """
    moved = asyncio.Event()
    known = start - 1

    def take(head: Head, _header: Header, _topic: Topic) -> None:
        nonlocal known
        known = max(known, head.offset)
        moved.set()

    mesh = source.visitor.mesh
    await mesh.on_message(mesh.topics.of(source.ledger, "head"), Head, take)
    at = start
    while True:
        moved.clear()
        if at <= known:
            end = known
            async for entry in entries_between(source, at, end, kinds):
                show_line(session.out, entry)
            at = end + 1
            continue
        try:
            async with asyncio.timeout(_LOOK_AGAIN):
                await moved.wait()
        except TimeoutError:
            reply = await source.query("ledger.head", {})
            known = max(known, int(reply["offset"]))


def show_line(out: Output, entry: Entry) -> None:
    """Print one entry: a line for people, or a line of JSON."""
    if out.as_json:
        out.json_line(entry.model_dump())
        return
    out.text(
        f"{entry.offset:>6} {when(entry.load_time)} {entry.kind.value:<13} {entry.author:<20} "
        f"{clean(_gist(entry))}".rstrip()
    )


def _gist(entry: Entry) -> str:
    body = entry.body
    if withheld_hash(body) is not None:
        return "withheld: it is confidential at the ledger's site"
    match entry.kind:
        case EntryKind.REQUEST:
            what = f"{body['quantity']}/{body['method']}"
            return f"{_id(entry.uuid)} {what} {one_line(body['parameters'])}"
        case EntryKind.RESULT:
            came = one_line(body["failure"]["message"] if body["failure"] else body["data"])
            return f"{_id(entry.uuid)} {body['outcome']} for {_id(body['request'])} {came}"
        case EntryKind.STATUS:
            change = f"{body['before']} -> {body['after']}"
            return f"{_id(body['request'])} {change} {one_line(body['message'])}"
        case EntryKind.OFFER:
            verb = "offers" if body["offer"] else "withdraws"
            return f"{body['node']} {verb} {body['quantity']}/{body['method']}"
        case EntryKind.CAPABILITY:
            return f"{body['quantity']}/{body['method']} version {body['version']}"
        case EntryKind.SAMPLE:
            return f"{body['sample']} {body['state']} {body['label']}"
        case EntryKind.RESULT_STATUS:
            return f"{_id(body['result'])} {body['status']} {one_line(body['reason'])}"


def _id(uuid: object) -> str:
    return "nobody" if uuid is None else short_ids([str(uuid)])[str(uuid)]

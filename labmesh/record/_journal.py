"""The journal, page by page, from whoever answers ``journal.read``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Any, Final

from labmesh.record._entry import JournalEntry
from messages.ledger import EntryKind
from messages.model import JsonObject

_PAGE: Final = 500
"""Entries asked for at a time, the most that the service gives; a page ends at 64 KiB anyway."""

Ask = Callable[[str, JsonObject], Awaitable[JsonObject]]
"""Calls one of the ledger's reading services."""


async def read_head(ask: Ask) -> tuple[int, bytes]:
    """Return the offset and hash of the last entry."""
    reply = await ask("ledger.head", {})
    return int(reply["offset"]), bytes(reply["hash"])


async def read_journal(
    ask: Ask, start: int, until: int | None, kinds: Collection[EntryKind]
) -> AsyncIterator[JournalEntry]:
    """Yield entries as `Record.entries` says."""
    end = (await read_head(ask))[0] if until is None else until
    chosen: dict[str, Any] = {"kinds": sorted(kind.value for kind in kinds)} if kinds else {}
    at: int | None = start
    while at is not None and at <= end:
        page = await ask("journal.read", {"from": at, "limit": _PAGE, **chosen})
        for item in page["entries"]:
            if item["offset"] > end:
                return
            yield JournalEntry.read(item)
        at = page["next"]

"""A request as it goes: changes of status and words of its worker, until it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from labmesh.cli._records import Records
from labmesh.client import Visitor
from messages.envelope import Header
from messages.errors import CallError
from messages.ids import NodeId
from messages.ledger import FINAL, Entry, EntryKind, Progress, ProgressKind, Status
from messages.topics import Topic

_LOOK_AGAIN: Final = 10.0
"""Wall seconds without news after which the ledger is asked, should an entry have been missed."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """A worker's word on its way."""

    worker: str
    fraction: float | None
    text: str

    def __str__(self) -> str:
        share = "" if self.fraction is None else f"{self.fraction:.0%} "
        return f"{share}{self.text}".strip()


@dataclass(frozen=True, slots=True)
class Change:
    """A change of status, as the log of ``query.request`` has it."""

    line: dict[str, Any]

    @property
    def after(self) -> Status:
        """The status it led to."""
        return Status(self.line["after"])


class Watch:
    """The news of one request.

    Args:
        source: Who knows its log.
        id: The request.
    """

    def __init__(self, source: Records, id: UUID) -> None:  # noqa: A002
        self._source = source
        self._id = id
        self._news: asyncio.Queue[Change | Feedback] = asyncio.Queue()
        self._seen: set[int] = set()
        self._worker: str | None = None

    def take_entry(self, entry: Entry, _header: Header, _topic: Topic) -> None:
        """Take an entry of the journal."""
        if entry.kind is EntryKind.STATUS and entry.body.get("request") == str(self._id):
            line = {**entry.body, "offset": entry.offset, "stamp": entry.stamp,
                    "load_time": entry.load_time}  # fmt: skip
            if self._is_new(line):
                self._news.put_nowait(Change(line))

    def take_progress(self, progress: Progress, _header: Header, topic: Topic) -> None:
        """Take its worker's word; who has not the order has no say in it."""
        ours = self._worker in (None, str(topic.author))
        if progress.kind is ProgressKind.FEEDBACK and ours:
            self._news.put_nowait(Feedback(str(topic.author), progress.fraction, progress.text))

    async def look(self) -> None:
        """Read the log, for what was before, and what was missed.

        Raises:
            CallError: The ledger does not answer, or knows no such request.
        """
        reply = await self._source.query("query.request", {"id": str(self._id)})
        # What came meanwhile is told in its place, after what was before it.
        waiting: list[Change | Feedback] = []
        while not self._news.empty():
            waiting.append(self._news.get_nowait())
        waiting.extend(Change(line) for line in reply["log"] if self._is_new(line))
        for event in sorted(waiting, key=_place):
            self._news.put_nowait(event)

    async def events(self) -> AsyncIterator[Change | Feedback]:
        """Yield the news; ends with the change that ends the request."""
        while True:
            try:
                async with asyncio.timeout(_LOOK_AGAIN):
                    event = await self._news.get()
            except TimeoutError:
                with suppress(CallError):
                    await self.look()
                continue
            yield event
            if isinstance(event, Change) and event.after in FINAL:
                return

    def _is_new(self, line: dict[str, Any]) -> bool:
        offset = line["offset"]
        new = offset not in self._seen
        self._seen.add(offset)
        self._worker = line.get("worker") or self._worker
        return new


def _place(event: Change | Feedback) -> float:
    return float(event.line["offset"]) if isinstance(event, Change) else float("inf")


@asynccontextmanager
async def watching(
    visitor: Visitor,
    ledger: NodeId,
    source: Records,
    id: UUID,  # noqa: A002
) -> AsyncIterator[Watch]:
    """Listen to the news of a request, whoever asked it, from now on."""
    mesh = visitor.mesh
    watch = Watch(source, id)
    entries = mesh.topics.of(ledger, "journal", "status", "+", "+")
    words = mesh.topics.of(None, "progress", ledger.site, ledger.node, str(id))
    subscriptions = [
        await mesh.on_message(entries, Entry, watch.take_entry),
        await mesh.on_message(words, Progress, watch.take_progress),
    ]
    try:
        yield watch
    finally:
        for subscription in subscriptions:
            await subscription.cancel()

"""Keeping the store up to date with the ledger, without a gap."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from labmesh.record import JournalEntry, Record
from messages.errors import LabmeshError, StoreError
from nodes.search._scribe import Described, Scribe, edition, ontology_text
from nodes.search._store import Place

_BATCH: Final = 100
"""Entries written in one transaction; a crash loses no more than the work on these."""

_IN_USE: Final = "lock"
"""What RocksDB says of a store that another process has open; another trouble is a damaged one."""

Tell = Callable[[int, int], Awaitable[None]]
"""Takes the offset that is reached, and that of the ledger's head."""


class Store(Protocol):
    """What a store is asked while it is filled."""

    async def ask(self, verb: str, **arguments: Any) -> Any:
        """Ask a verb of `nodes.search._desk.Desk`."""
        ...

    async def anew(self) -> None:
        """Empty it."""
        ...


class _DifferError(Exception):
    """Store and ledger are not of one history."""


class Follower:
    """Describes whatever the ledger has and the store has not.

    Args:
        record: The ledger.
        store: The store.
        in_thread: Runs a blocking function.
        on_rebuild: Told why the store is made anew.

    Attributes:
        place: How far the store is.
        head: The ledger's last offset at the last look.
        rebuilds: How often the store was made anew.
        withheld: Offsets of the entries in the store that may not leave the site.
        failed: Entries that could not be described.
    """

    def __init__(
        self,
        record: Record,
        store: Store,
        in_thread: Callable[..., Awaitable[Any]],
        on_rebuild: Callable[[str], None],
        on_failure: Callable[[int, str], None],
    ) -> None:
        self._record = record
        self._store = store
        self._in_thread = in_thread
        self._on_rebuild = on_rebuild
        self._on_failure = on_failure
        self._scribe = Scribe()
        self._heard = Place()
        self._fresh = True
        self.place = Place()
        self.head = -1
        self.rebuilds = 0
        self.withheld: set[int] = set()
        self._confidential: frozenset[tuple[str, str]] | None = None
        self.failed = 0

    async def catch_up(self, tell: Tell) -> None:
        """Describe everything up to the ledger's head.

        Raises:
            LabmeshError: The ledger or the store does not answer; nothing is lost, call it again.
        """
        try:
            await self._catch_up(tell)
        except _DifferError as why:
            await self.rebuild(str(why))
            await self._catch_up(tell)

    async def rebuild(self, why: str) -> None:
        """Empty the store; the next `catch_up` fills it again."""
        self._on_rebuild(why)
        self.rebuilds += 1
        self._fresh = True
        await self._store.anew()

    async def _catch_up(self, tell: Tell) -> None:
        if self._fresh:
            await self._open()
        self.head, chain = await self._record.head()
        if self.head < self.place.offset:
            raise _DifferError(f"the ledger ends at {self.head}, the store at {self.place.offset}")
        if self.head == self.place.offset:
            if self.head >= 0 and chain.hex() != self.place.hash:
                raise _DifferError(f"entry {self.head} of the ledger is another one")
            return
        await self._hear_up_to(self.head)
        batch: list[JournalEntry] = []
        last = self.place.hash
        async for entry in self._record.entries(self.place.offset + 1, self.head):
            if last and entry.prev_hash.hex() != last:
                raise _DifferError(f"entry {entry.offset} of the ledger follows another one")
            last = entry.hash.hex()
            batch.append(entry)
            if len(batch) == _BATCH or entry.offset == self.head:
                await self._take(batch)
                batch = []
                await tell(self.place.offset, self.head)

    async def _open(self) -> None:
        """Begin, or go on with, the store that is there."""
        try:
            state = await self._store.ask("state")
        except StoreError as error:
            if _IN_USE in error.what:
                raise
            await self.rebuild(error.what)
            state = await self._store.ask("state")
        self.place = Place(state["offset"], state["hash"], state["edition"])
        self._scribe, self._heard = Scribe(), Place()
        self.withheld, self.failed = set(state["withheld"]), 0
        self._confidential = None
        if self.place.edition != (now := await self._in_thread(edition)):
            if self.place.edition:
                self._on_rebuild("it was described with another vocabulary")
                self.rebuilds += 1
                await self._store.anew()
            text = await self._in_thread(ontology_text)
            await self._store.ask("found", ontology=text, edition=now)
            self.place, self.withheld = Place(edition=now), set()
        self._fresh = False

    async def _hear_up_to(self, head: int) -> None:
        """Hear every entry once, before what it says of others counts for any of them."""
        last = self._heard.hash
        async for entry in self._record.entries(self._heard.offset + 1, head):
            if last and entry.prev_hash.hex() != last:
                raise _DifferError(f"entry {entry.offset} of the ledger follows another one")
            last = entry.hash.hex()
            self._scribe.hear(entry)
            self._heard = Place(entry.offset, last)
            if entry.offset == self.place.offset and last != self.place.hash:
                raise _DifferError(f"entry {entry.offset} of the ledger is another one")
        if self._scribe.confidential != self._confidential:
            await self._classify()
            self._confidential = self._scribe.confidential

    async def _classify(self) -> None:
        """Compare what is in the store with what may leave the site by now."""
        if not self.withheld and not self._scribe.confidential:
            return
        async for entry in self._record.entries(0, self.place.offset):
            if self._scribe.may_leave(entry) == (entry.offset in self.withheld):
                raise _DifferError(
                    f"what may leave the site has changed, from entry {entry.offset}"
                )

    async def _take(self, batch: list[JournalEntry]) -> None:
        described: Described = await self._in_thread(self._scribe.describe, batch)
        place = Place(described.offset, described.hash, self.place.edition)
        try:
            await self._store.ask(
                "take", documents=described.documents, offset=place.offset, chain=place.hash,
                edition=place.edition,
            )  # fmt: skip
        except LabmeshError:
            self._fresh = True  # whether it was taken, the store itself knows
            raise
        self.place = place
        self.withheld |= {offset for offset, _, may_leave in described.documents if not may_leave}
        for offset, why in described.failed:
            self.failed += 1
            self._on_failure(offset, why)
        await asyncio.sleep(0)

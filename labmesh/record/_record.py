"""What every ledger that can be read has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Protocol

from labmesh.record._entry import JournalEntry
from messages.ledger import EntryKind


class Record(Protocol):
    """A ledger for reading, wherever it is."""

    async def head(self) -> tuple[int, bytes]:
        """Return the offset of the last entry (-1 when there is none) and its hash.

        Raises:
            LabmeshError: The ledger cannot be read.
        """
        ...

    def entries(
        self, start: int = 0, until: int | None = None, kinds: Collection[EntryKind] = ()
    ) -> AsyncIterator[JournalEntry]:
        """Yield entries in the ledger's order.

        Args:
            start: The first offset.
            until: The last one, included; None for the last there is when reading begins.
            kinds: Only of these; empty for all.

        Raises:
            LabmeshError: The ledger cannot be read.
        """
        ...

    async def artifact(self, sha256: str) -> Path | None:
        """Return a readable file with that content, which was checked; None: it cannot be had."""
        ...

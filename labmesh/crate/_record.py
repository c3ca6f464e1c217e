"""A crate as a ledger for reading."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator
from pathlib import Path

from labmesh.crate._folder import digest
from labmesh.crate._hashes import read_hashes
from labmesh.crate._segments import ADDED, Read, read_segment
from labmesh.crate._types import DATA
from labmesh.record import JournalEntry, Record
from messages.chain import GENESIS
from messages.ledger import EntryKind


class CrateRecord:
    """What a crate's folder holds, as a `labmesh.record.Record`.

    Args:
        folder: The crate's folder.

    Raises:
        LabmeshError: A body that was added later cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._added: dict[int, JournalEntry] = {}
        if (folder / ADDED).is_file():
            self._added = {each.offset: each for each in read_segment(folder / ADDED).entries}
        self._artifacts: dict[str, Path] | None = None

    @property
    def names(self) -> list[str]:
        """Names of the segments, in order."""
        return segment_names(self._folder)

    def segments(self) -> Iterator[Read]:
        """Yield the segments as they are written, in order.

        Raises:
            LabmeshError: One is damaged.
        """
        for name in self.names:
            yield read_segment(self._folder / name)

    def whole(self, entry: JournalEntry) -> JournalEntry:
        """Return an entry with its body, should that have been added later."""
        return self._added.get(entry.offset, entry) if entry.body is None else entry

    async def head(self) -> tuple[int, bytes]:
        """Return offset and hash of the last entry; as `Record.head`."""
        names = self.names
        if not names:
            return -1, GENESIS
        last = await asyncio.to_thread(read_segment, self._folder / names[-1])
        return last.entries[-1].offset, last.entries[-1].hash

    async def entries(
        self, start: int = 0, until: int | None = None, kinds: Collection[EntryKind] = ()
    ) -> AsyncIterator[JournalEntry]:
        """Yield entries; as `Record.entries`. Those of segments that are not here are left out."""
        for name in self.names:
            segment = await asyncio.to_thread(read_segment, self._folder / name)
            for entry in segment.entries:
                if until is not None and entry.offset > until:
                    return
                if entry.offset >= start and (not kinds or entry.kind in kinds):
                    yield self.whole(entry)

    async def artifact(self, sha256: str) -> Path | None:
        """Return an artifact's file in the crate; as `Record.artifact`."""
        if self._artifacts is None:
            listed = read_hashes(self._folder)
            self._artifacts = {
                found: self._folder / name
                for name, found in listed.items()
                if name.startswith(f"{DATA}/")
            }
        file = self._artifacts.get(sha256)
        if file is None or not file.is_file():
            return None
        return file if await asyncio.to_thread(digest, file) == sha256 else None


def segment_names(folder: Path) -> list[str]:
    """Return the names of a crate's segments, in order."""
    return sorted(each.name for each in folder.glob("ledger-[0-9]*.msgpack.gz"))


def crate_record(folder: Path) -> Record:
    """Return what a crate's folder holds as a `labmesh.record.Record`.

    Bodies that are withheld are None; offsets whose segment is not in the crate are left out.

    Raises:
        LabmeshError: A segment is damaged.
    """
    return CrateRecord(folder)

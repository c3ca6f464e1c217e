"""A ledger in a file or a database, read without its broker node."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Final

from labmesh.artifacts import ArtifactFolder
from labmesh.record._entry import JournalEntry
from labmesh.record._journal import Ask, read_head, read_journal
from labmesh.record._open import LedgerFile, opened
from messages.ledger import EntryKind
from messages.model import JsonObject

FOLDER: Final = "artifacts"
"""Folder of the artifacts, beside the ledger's file."""


class FileRecord:
    """A `Record` in a file or a database; the ledger is open only while something is read.

    Args:
        place: Path of the SQLite file or of the folder that holds it, or a database URL.
        artifacts: Folder of the artifacts; None for what lies beside a file, none of a database.
    """

    def __init__(self, place: str, artifacts: Path | None = None) -> None:
        self.place = place
        folder = artifacts or _beside(place)
        self._folder = ArtifactFolder(folder) if folder else None

    async def head(self) -> tuple[int, bytes]:
        """Return the last entry's offset and hash; as `Record.head`."""
        with opened(self.place) as file:
            return await read_head(_asking(file))

    async def entries(
        self, start: int = 0, until: int | None = None, kinds: Collection[EntryKind] = ()
    ) -> AsyncIterator[JournalEntry]:
        """Yield entries; as `Record.entries`."""
        with opened(self.place) as file:
            async for entry in read_journal(_asking(file), start, until, kinds):
                yield entry

    async def artifact(self, sha256: str) -> Path | None:
        """Return the artifact's file in the folder; as `Record.artifact`.

        Raises:
            ArtifactError: It is no sha256.
        """
        if self._folder is None:
            return None
        file = self._folder.file(sha256)
        return file if await asyncio.to_thread(self._folder.sound, sha256) else None


def file_record(place: str, artifacts: Path | None = None) -> FileRecord:
    """Return the ledger at a path or a database URL, as `FileRecord`.

    Raises:
        ConfigurationError: There is none, or nothing installed reads ledgers.
    """
    with opened(place):
        return FileRecord(place, artifacts)


def _beside(place: str) -> Path | None:
    if "://" in place:
        return None
    path = Path(place)
    return (path if path.is_dir() else path.parent) / FOLDER


def _asking(file: LedgerFile) -> Ask:
    async def ask(service: str, arguments: JsonObject) -> JsonObject:
        return await asyncio.to_thread(file.query, service, arguments)

    return ask

"""A ledger behind its broker node."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from pathlib import Path

from labmesh.artifacts import ArtifactFolder
from labmesh.client import LabClient
from labmesh.record._entry import JournalEntry
from labmesh.record._journal import read_head, read_journal
from labmesh.record._record import Record
from messages.errors import ArtifactError
from messages.ledger import EntryKind


class _MeshRecord:
    def __init__(self, client: LabClient, folder: Path) -> None:
        self._client = client
        self._folder = ArtifactFolder(folder)

    async def head(self) -> tuple[int, bytes]:
        return await read_head(self._client.query)

    async def entries(
        self, start: int = 0, until: int | None = None, kinds: Collection[EntryKind] = ()
    ) -> AsyncIterator[JournalEntry]:
        async for entry in read_journal(self._client.query, start, until, kinds):
            yield entry

    async def artifact(self, sha256: str) -> Path | None:
        file = self._folder.file(sha256)
        if await asyncio.to_thread(self._folder.sound, sha256):
            return file
        partial = self._folder.partial(sha256)
        try:
            await self._client.artifact(sha256, to=partial)
        except ArtifactError as error:
            if isinstance(error.__cause__, OSError):
                raise  # a full disk is no missing artifact
            return None
        await asyncio.to_thread(self._folder.adopt, sha256)
        return file


def mesh_record(client: LabClient, folder: Path) -> Record:
    """Return the ledger that a client speaks to.

    Args:
        client: Connected.
        folder: Where fetched artifacts are kept, named by their hash; what is there is not fetched
            again.
    """
    return _MeshRecord(client, folder)

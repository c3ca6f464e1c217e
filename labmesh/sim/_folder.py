"""An instrument's end of a folder, on which faults strike."""

from __future__ import annotations

import asyncio
from pathlib import Path

from labmesh.sim._faults import Faults
from labmesh.wire import FolderWire


class SimFolder:
    """A `FolderWire` whose `put` may lose, garble or cut what it writes.

    Args:
        folder: The instrument's end.
        written: Where its files appear.
        faults: What strikes.
    """

    def __init__(self, folder: FolderWire, written: Path, faults: Faults) -> None:
        self.address = folder.address
        self._folder = folder
        self._written = written
        self._faults = faults

    async def open(self) -> None:
        """Find the folder."""
        await self._folder.open()

    async def close(self) -> None:
        """Let go of the folder."""
        await self._folder.close()

    async def put(self, name: str, data: bytes) -> None:
        """Write a file, unless a fault strikes."""
        if self._faults.strike("no_answer"):
            return
        if self._faults.strike("garbage"):
            data = self._faults.garbage(len(data))
        if self._faults.strike("stall"):
            half = self._written / name
            await asyncio.to_thread(half.write_bytes, data[: len(data) // 2])
            await self._faults.cleared("stall")
            await asyncio.to_thread(half.write_bytes, data)
            return
        await self._folder.put(name, data)

    async def take(self, pattern: str, *, timeout: float) -> tuple[str, bytes]:  # noqa: ASYNC109
        """Take a file; errors as `FolderWire.take`."""
        return await self._folder.take(pattern, timeout=timeout)

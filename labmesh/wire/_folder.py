"""Instruments that speak in files: what is told is put into a folder, what is said is taken."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Final

from labmesh.wire._address import WireAddress
from messages.errors import ConfigurationError, WireError, WireTimeoutError

_LOOK: Final = 0.05
"""Wall seconds between two looks."""

_BEING_WRITTEN: Final = (".part", ".tmp", ".crdownload")


class LocalFolder:
    """A `FolderWire` on a folder that this computer sees (a share of the instrument's, say).

    Options of the address: ``put`` and ``take`` (subfolders to write to and to read from), ``done``
    (where taken files go, ``done``), ``stable`` (seconds without growth, 0.2).
    """

    def __init__(self, address: WireAddress) -> None:
        self.address = address.url
        root = Path(address.path)
        options = address.options
        self._to, self._from = root / options.get("put", "."), root / options.get("take", ".")
        self._done = self._from / options.get("done", "done")
        self._stable = address.number("stable", 0.2)
        self._open = False
        self._seen: dict[Path, tuple[tuple[int, int], float]] = {}

    async def open(self) -> None:
        """Find the folders; errors as `FolderWire.open`."""
        for folder in (self._to, self._from):
            if not folder.is_dir():
                raise WireError(
                    f"no folder {folder}",
                    where=self.address,
                    remedy="mount the instrument's share, or make the folder",
                )
            if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                raise WireError(
                    f"no permission for {folder}",
                    where=self.address,
                    remedy="this user must read and write there",
                )
        self._open = True

    async def close(self) -> None:
        """Let go of the folder."""
        self._open = False
        self._seen.clear()

    async def put(self, name: str, data: bytes) -> None:
        """Write a file at once; errors as `FolderWire.put`."""
        self._check(name)
        await asyncio.to_thread(self._put, name, data)

    def _put(self, name: str, data: bytes) -> None:
        target, temporary = self._to / name, self._to / f".{name}.part"
        if target.exists():
            raise WireError(
                f"there is a file {name} already",
                where=self.address,
                remedy="the instrument has not taken it yet; give another name",
            )
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(target)
        except OSError as error:
            raise WireError(
                f"{target} cannot be written: {error.strerror}", where=self.address
            ) from None

    async def take(self, pattern: str, *, timeout: float) -> tuple[str, bytes]:  # noqa: ASYNC109
        """Take a file; errors as `FolderWire.take`."""
        self._check(pattern)
        until = time.monotonic() + timeout
        while True:
            found = await asyncio.to_thread(self._take, pattern)
            if found is not None:
                return found
            if time.monotonic() >= until:
                growing = f"; {len(self._seen)} still growing" if self._seen else ""
                raise WireTimeoutError(
                    f"no file {pattern} within {timeout:g} s{growing}",
                    where=str(self._from),
                    remedy="is the instrument running, and does it export to this folder?",
                )
            await asyncio.sleep(_LOOK)

    def _take(self, pattern: str) -> tuple[str, bytes] | None:
        now = time.monotonic()
        try:
            found = [(path.stat(), path) for path in self._from.glob(pattern) if _whole(path)]
            here = {path for _, path in found}
            self._seen = {path: seen for path, seen in self._seen.items() if path in here}
            for stat, path in sorted(found, key=lambda each: (each[0].st_mtime_ns, each[1])):
                size = (stat.st_size, stat.st_mtime_ns)
                before = self._seen.get(path)
                if before is None or before[0] != size:
                    self._seen[path] = (size, now)
                    if self._stable:
                        continue
                elif now - before[1] < self._stable:
                    continue
                data = path.read_bytes()
                self._finish(path)
                del self._seen[path]
                return path.name, data
        except FileNotFoundError:
            return None  # somebody else took it; or the folder went: `open` says so
        except OSError as error:
            raise WireError(f"cannot read: {error.strerror}", where=str(self._from)) from None
        return None

    def _finish(self, path: Path) -> None:
        self._done.mkdir(exist_ok=True)
        target, number = self._done / path.name, 1
        while target.exists():
            number += 1
            target = self._done / f"{path.stem}-{number}{path.suffix}"
        path.rename(target)

    def _check(self, name: str) -> None:
        if not self._open:
            raise WireError("the folder is not open", where=self.address, remedy="open it first")
        if not name or "/" in name or "\\" in name or name.startswith("."):
            raise ConfigurationError(f"{name!r} is no name of a file", where=self.address)


def _whole(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and path.suffix not in _BEING_WRITTEN

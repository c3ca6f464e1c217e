"""From a holder's pieces to a file that fits its hash, resumed where an earlier attempt ended."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from labmesh.artifacts._folder import BLOCK
from labmesh.artifacts._pieces import Pieces
from messages.errors import ArtifactError

_TOGETHER: Final = 4
"""Pieces that are written at a time: going to another thread costs as much as hashing one."""

Progress = Callable[[int], None]
"""Told how many bytes are there."""


class WrongContentError(ArtifactError):
    """All bytes of one holder came, and do not fit the hash."""


async def download(
    pieces: Pieces,
    sha256: str,
    size: int,
    to: Path,
    *,
    thread: ThreadPoolExecutor,
    progress: Progress = lambda _: None,
) -> int:
    """Append what is missing to the file ``to``, make sure that it fits ``sha256``.

    Returns how many bytes an earlier attempt had left.

    What was there before counts only if the whole fits in the end: where it does not (a loss of
    power may have damaged it), everything is read once more from the beginning.

    Args:
        pieces: Of one holder.
        sha256: What the content must have.
        size: Its bytes.
        to: The partial file; kept when the transfer breaks off. Whoever calls gives it its name.
        thread: Where it is written and hashed.
        progress: Told how many bytes are there.

    Raises:
        WrongContentError: Both hashes are named; the wrong content is in ``to``.
        ArtifactError: As `Pieces.read`.
        CallTimeoutError: As `Pieces.read`.
        OSError: The file cannot be written (a full disk); what is there is kept.
    """
    loop = asyncio.get_running_loop()
    growing = await loop.run_in_executor(thread, partial(_Growing, to, size))
    try:
        while True:
            begun_at = growing.size
            progress(begun_at)
            came: list[bytes] = []
            try:
                async with aclosing(pieces.read(begun_at)) as content:
                    async for data in content:
                        came.append(data)
                        if len(came) == _TOGETHER:
                            whole = b"".join(came)
                            came.clear()
                            await loop.run_in_executor(thread, growing.append, whole)
                            progress(growing.size)
            finally:
                if came:
                    await loop.run_in_executor(thread, growing.append, b"".join(came))
                    progress(growing.size)
            found = growing.digest.hexdigest()
            if found == sha256:
                return begun_at
            if not begun_at:
                raise WrongContentError(
                    f"the content has sha256 {found}, its name is {sha256}",
                    remedy="this copy is damaged; another holder may have a sound one",
                )
            await loop.run_in_executor(thread, growing.restart)
    finally:
        await loop.run_in_executor(thread, growing.close)


class _Growing:
    """A partial file, open for appending, with the hash of what is in it."""

    def __init__(self, path: Path, size: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = path.open("a+b", buffering=0)
        self.size = 0
        self.digest = hashlib.sha256()
        self._file.seek(0)
        while block := self._file.read(BLOCK):
            self.digest.update(block)
            self.size += len(block)
        if self.size > size:
            self.restart()

    def append(self, data: bytes) -> None:
        """Write at the end; what a full disk left of it is taken back.

        Raises:
            OSError: It could not be written.
        """
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            self._file.truncate(self.size)
            raise
        self.digest.update(data)
        self.size += len(data)

    def restart(self) -> None:
        """Empty it."""
        self._file.truncate(0)
        self.size = 0
        self.digest = hashlib.sha256()

    def close(self) -> None:
        """Let it go."""
        self._file.close()

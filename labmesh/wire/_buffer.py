"""What has come over a line and nobody has read yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from messages.errors import WireError, WireTimeoutError

_LIMIT: Final = 64 * 2**20
"""Bytes that may wait unread; a line that babbles shall not eat the memory."""

_SHOWN: Final = 60


class InputBuffer:
    """Bytes between a line's reader and those who wait for them; closed at first.

    Args:
        where: The line's address, for messages.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._bytes = bytearray()
        self._news = asyncio.Event()
        self._closed = "the line is not open"

    @property
    def is_open(self) -> bool:
        """Whether more may come."""
        return not self._closed

    def open(self) -> None:
        """Begin anew, empty."""
        self._bytes.clear()
        self._closed = ""

    def close(self, why: str) -> None:
        """Nothing more will come; whoever waits is told ``why``."""
        if not self._closed:
            self._closed = why
            self._news.set()

    def feed(self, data: bytes) -> None:
        """Take what has come."""
        self._bytes += data
        if len(self._bytes) > _LIMIT:
            self.close(f"more than {_LIMIT >> 20} MiB came that nobody read")
        self._news.set()

    def discard(self) -> bytes:
        """Forget what waits; return it."""
        waiting = bytes(self._bytes)
        self._bytes.clear()
        return waiting

    def check(self) -> None:
        """Raise WireError where the line is closed."""
        if self._closed:
            raise WireError(self._closed, where=self._where, remedy="open it again")

    async def until(self, end: bytes, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """Return what came up to and including ``end``; errors as `ByteWire.read_until`."""

        def size() -> int | None:
            at = self._bytes.find(end)
            return None if at < 0 else at + len(end)

        return await self._take(size, timeout, f"no {end!r}")

    async def exactly(self, count: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """Return the next ``count`` bytes; errors as `ByteWire.read_until`."""
        return await self._take(
            lambda: count if len(self._bytes) >= count else None, timeout, f"not {count} bytes"
        )

    async def some(self, most: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """Return what waits, at least one byte and not more than ``most``."""
        return await self._take(lambda: min(len(self._bytes), most) or None, timeout, "not a byte")

    async def _take(
        self,
        size: Callable[[], int | None],
        timeout: float | None,  # noqa: ASYNC109
        wanted: str,
    ) -> bytes:
        try:
            async with asyncio.timeout(timeout):
                while (count := size()) is None:
                    self.check()
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            came = f"only {bytes(self._bytes[:_SHOWN])!r}" if self._bytes else "nothing"
            raise WireTimeoutError(
                f"{wanted} within {timeout:g} s, {came} came",
                where=self._where,
                remedy="is the instrument switched on, and does it speak with these settings?",
            ) from None
        data = bytes(self._bytes[:count])
        del self._bytes[:count]
        return data

"""A socket made of memory, between paho and an asyncio transport."""

from __future__ import annotations

from collections.abc import Callable


class MemorySocket:
    """What paho takes for its socket (its ``SocketLike`` protocol).

    asyncio owns the real one, so nothing here blocks, reads come in large pieces and writes leave
    in one call a turn of the event loop.
    """

    def __init__(self, write: Callable[[bytes], None], close: Callable[[], None]) -> None:
        self._write = write
        self._close = close
        self._input = bytearray()

    def feed(self, data: bytes) -> None:
        """Let the next `recv` find ``data``."""
        self._input += data

    def recv(self, size: int) -> bytes:
        """Return at most ``size`` bytes.

        Raises:
            BlockingIOError: There are none.
        """
        if not self._input:
            raise BlockingIOError
        data = bytes(self._input[:size])
        del self._input[:size]
        return data

    def send(self, data: bytes) -> int:
        """Pass all of ``data`` on."""
        self._write(bytes(data))
        return len(data)

    def close(self) -> None:
        """Close the real connection."""
        self._close()

    def fileno(self) -> int:
        """Return -1: there is nothing to select on."""
        return -1

    def setblocking(self, flag: bool) -> None:
        """Never blocks, whatever ``flag`` says."""

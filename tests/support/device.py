"""A device on a TCP port that answers lines, notes when each came, and can be held up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class LineDevice:
    """What a device has been told, through every connection.

    Attributes:
        port: Where it listens.
        lines: What came.
        mute: A line that begins so is not answered: it takes for ever.
    """

    def __init__(self) -> None:
        self.port = 0
        self.lines: list[str] = []
        self.mute = ""
        self._news = asyncio.Condition()
        self._writer: asyncio.StreamWriter | None = None

    async def until(self, line: str, *, count: int = 1, seconds: float = 20.0) -> None:
        """Return when a line has come ``count`` times."""
        async with asyncio.timeout(seconds), self._news:
            await self._news.wait_for(lambda: self.lines.count(line) >= count)

    async def answer(self) -> None:
        """Answer what was not answered, and everything from now on."""
        self.mute = ""
        if self._writer is not None:
            self._writer.write(b"ok\n")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        self._writer = writer
        with suppress(ConnectionError):
            async for raw in reader:
                line = raw.decode().strip()
                async with self._news:
                    self.lines.append(line)
                    self._news.notify_all()
                if line != "STOP" and not (self.mute and line.startswith(self.mute)):
                    writer.write(b"ok\n")
        writer.close()


@asynccontextmanager
async def line_device() -> AsyncIterator[LineDevice]:
    """Listen on a free port for as long as the block runs."""
    device = LineDevice()
    server = await asyncio.start_server(device.serve, "127.0.0.1", 0)
    device.port = server.sockets[0].getsockname()[1]
    try:
        yield device
    finally:
        server.close()

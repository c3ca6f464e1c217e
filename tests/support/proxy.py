"""A TCP proxy with faults, for the connection between a client and its MQTT broker."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

_HOST: Final = "127.0.0.1"
_CHUNK: Final = 65536
_RESET: Final = struct.pack("ii", 1, 0)  # linger on, 0 s: close() sends RST


class TcpProxy:
    """Forwards TCP connections to ``port`` on loopback and injects faults into them.

    Attributes:
        delay: Seconds by which every byte is late, each way; order is kept, rate is not limited.
    """

    def __init__(self, port: int, *, delay: float = 0.0) -> None:
        self.delay = delay
        self._target = port
        self._server: asyncio.Server | None = None
        self._port = 0
        self._links: set[_Link] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()

    async def __aenter__(self) -> Self:
        await self.accept()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self.refuse()
        await self.cut()

    @property
    def port(self) -> int:
        """Where to connect to; stays the same while refusing."""
        return self._port

    @property
    def url(self) -> str:
        """``mqtt://127.0.0.1:port``."""
        return f"mqtt://{_HOST}:{self._port}"

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._links)

    async def accept(self) -> None:
        """Accept connections (again)."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, _HOST, self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Refuse new connections (RST on SYN). Open ones live on."""
        if self._server is not None:
            self._server.close()
            self._server = None
            await asyncio.sleep(0)

    async def cut(self) -> None:
        """Reset every open connection on both sides; bytes under way are lost."""
        for link in list(self._links):
            link.reset()
        await asyncio.gather(*(link.task for link in list(self._links)), return_exceptions=True)

    def half_open(self) -> None:
        """Forward nothing more, in connections open and to come, without closing any."""
        self._flowing.clear()

    def heal(self) -> None:
        """End `half_open`; what was held back is delivered."""
        self._flowing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(_HOST, self._target)
        except OSError:
            _reset(writer)
            return
        task = asyncio.current_task()
        assert task is not None
        link = _Link(task, (writer, far_writer))
        self._links.add(link)
        try:
            async with asyncio.TaskGroup() as group:
                for source, sink in ((reader, far_writer), (far_reader, writer)):
                    group.create_task(self._pump(source, sink), name="proxy-pump")
        except* OSError:
            pass
        except* asyncio.CancelledError:
            pass
        finally:
            for end in link.ends:
                end.close()
            self._links.discard(link)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Forward until the source ends; each chunk is due ``delay`` after it arrived."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def send() -> None:
            data = b"."
            while data:
                due, data = await queue.get()
                await asyncio.sleep(due - loop.time())
                await self._flowing.wait()
                sink.write(data)
                await sink.drain()
            with suppress(OSError):
                sink.write_eof()

        sender = asyncio.create_task(send(), name="proxy-send")
        try:
            data = b"."
            while data:
                data = await source.read(_CHUNK)
                queue.put_nowait((loop.time() + self.delay, data))
            await sender
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)


class _Link:
    """One forwarded connection."""

    def __init__(
        self, task: asyncio.Task[None], ends: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    ) -> None:
        self.task = task
        self.ends = ends

    def reset(self) -> None:
        for end in self.ends:
            _reset(end)
        self.task.cancel()


def _reset(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        raw = writer.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()

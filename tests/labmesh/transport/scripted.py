"""An MQTT 5 peer that follows a test's script: for answers that no real one gives on demand."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

CONNECT, PUBLISH, SUBSCRIBE, PINGREQ, DISCONNECT = 1, 3, 8, 12, 14


@dataclass
class Packet:
    kind: int
    flags: int
    body: bytes

    @property
    def mid(self) -> int:
        """The packet identifier of a PUBLISH with QoS 1 or a SUBSCRIBE."""
        at = 0
        if self.kind == PUBLISH:
            at = 2 + int(struct.unpack_from("!H", self.body)[0])
        return int(struct.unpack_from("!H", self.body, at)[0])

    @property
    def dup(self) -> bool:
        return bool(self.flags & 8)

    @property
    def clean_start(self) -> bool:
        """Of a CONNECT: bit 1 of the flags behind name and version."""
        return bool(self.body[7] & 2)


@dataclass
class Peer:
    """One connection, seen from the server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    packets: list[Packet] = field(default_factory=list)

    def of(self, kind: int) -> list[Packet]:
        return [packet for packet in self.packets if packet.kind == kind]

    async def read(self) -> Packet | None:
        try:
            head = (await self.reader.readexactly(1))[0]
            size = shift = 0
            while True:
                byte = (await self.reader.readexactly(1))[0]
                size |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            packet = Packet(head >> 4, head & 15, await self.reader.readexactly(size))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        self.packets.append(packet)
        return packet

    async def read_all(self) -> None:
        while await self.read() is not None:
            pass

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def connack(self, code: int = 0, *, present: bool = False, properties: bytes = b"") -> None:
        body = bytes((present, code, len(properties))) + properties
        self.send(b"\x20" + bytes((len(body),)) + body)

    def puback(self, mid: int, code: int = 0) -> None:
        self.send(b"\x40\x03" + struct.pack("!HB", mid, code))

    def disconnect(self, code: int) -> None:
        self.send(bytes((0xE0, 2, code, 0)))


Script = Callable[[Peer], Awaitable[None]]


class ScriptedServer:
    """Runs ``script`` on every connection; keeps all of them in ``peers``."""

    def __init__(self, script: Script) -> None:
        self.peers: list[Peer] = []
        self._script = script
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"mqtt://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        peer = Peer(reader, writer)
        self.peers.append(peer)
        try:
            await self._script(peer)
            await writer.drain()
        except (asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()
            self._tasks.discard(task)

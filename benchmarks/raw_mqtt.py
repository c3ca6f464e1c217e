"""The smallest MQTT 5 client that can carry a benchmark: asyncio and nothing else.

It neither reconnects nor checks what it is told; both sides of `durable.py` use it, so that what
differs between two measurements is the subject alone.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from urllib.parse import urlsplit

_U16 = struct.Struct("!H")


class RawClient(asyncio.Protocol):
    """One connection, made by `connect`; ``on_publish(topic, payload, mid)`` gets what arrives."""

    def __init__(self, on_publish: Callable[[bytes, bytes, int], None]) -> None:
        self._on_publish = on_publish
        self._buffer = b""
        self._output: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[None] = self._loop.create_future()
        self._mid = 0

    @classmethod
    async def connect(
        cls,
        url: str,
        name: str,
        on_publish: Callable[[bytes, bytes, int], None],
        *,
        receive_maximum: int = 300,
    ) -> RawClient:
        """Return a connected client whose user name is ``name``."""
        parts = urlsplit(url)
        client = cls(on_publish)
        await asyncio.get_running_loop().create_connection(
            lambda: client, parts.hostname or "127.0.0.1", parts.port or 1883
        )
        identity, user = _text(f"{name}-raw"), _text(name)
        properties = b"\x21" + _U16.pack(receive_maximum)
        head = _text("MQTT") + bytes((5, 0x82)) + _U16.pack(600)
        body = head + bytes((len(properties),)) + properties + identity + user
        client.write(b"\x10" + _varint(len(body)) + body)
        await client._answer
        return client

    async def subscribe(self, pattern: str) -> None:
        """Subscribe with QoS 1."""
        self._answer = self._loop.create_future()
        body = _U16.pack(1) + b"\x00" + _text(pattern) + b"\x01"
        self.write(b"\x82" + _varint(len(body)) + body)
        await self._answer

    def publish(self, topic: bytes, payload: bytes) -> int:
        """Send a PUBLISH with QoS 1; return its packet identifier."""
        self._mid = mid = self._mid % 65535 + 1
        size = 2 + len(topic) + 3 + len(payload)
        self.write(
            b"".join(
                (b"\x32", _varint(size), _U16.pack(len(topic)), topic, _U16.pack(mid), b"\x00",
                 payload)
            )
        )  # fmt: skip
        return mid

    def acknowledge(self, mid: int) -> None:
        """Send a PUBACK."""
        self.write(b"\x40\x02" + _U16.pack(mid))

    def write(self, packet: bytes) -> None:
        """Send with whatever else this turn of the event loop brings."""
        if not self._output:
            self._loop.call_soon(self._flush)
        self._output.append(packet)

    def close(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()

    def _flush(self) -> None:
        output, self._output = self._output, []
        if self._transport is not None:
            self._transport.write(b"".join(output))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        """Cut into packets."""
        buffer = self._buffer + data if self._buffer else data
        position, available = 0, len(buffer)
        while available - position >= 2:
            size, start, shift = 0, position + 1, 0
            while start < available:
                byte = buffer[start]
                start += 1
                size |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            else:
                break
            end = start + size
            if end > available:
                break
            self._packet(buffer, position, start, end)
            position = end
        self._buffer = buffer[position:]

    def _packet(self, buffer: bytes, position: int, start: int, end: int) -> None:
        kind = buffer[position] >> 4
        if kind == 3:
            at = start + 2 + _U16.unpack_from(buffer, start)[0]
            topic = buffer[start + 2 : at]
            mid = 0
            if buffer[position] & 6:
                mid = _U16.unpack_from(buffer, at)[0]
                at += 2
            at += buffer[at] + 1  # properties shorter than 128 bytes: ours are
            self._on_publish(topic, buffer[at:end], mid)
        elif kind in {2, 9} and not self._answer.done():
            # The reason code: of a CONNACK its second byte, of a SUBACK its last.
            if buffer[start + 1 if kind == 2 else end - 1] >= 0x80:
                self._answer.set_exception(ConnectionError(f"refused: {buffer[start:end]!r}"))
            else:
                self._answer.set_result(None)


def _text(value: str) -> bytes:
    raw = value.encode()
    return _U16.pack(len(raw)) + raw


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)

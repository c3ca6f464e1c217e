"""Bytes over TCP."""

from __future__ import annotations

import asyncio
import socket
from typing import Final

from labmesh.wire._address import WireAddress
from labmesh.wire._buffer import InputBuffer
from labmesh.wire._urgent import write_at_once
from messages.errors import WireError

_PATIENCE: Final = 5.0
"""Wall seconds to wait for a connection."""

_GOODBYE: Final = 1.0
"""Wall seconds that the other end has to take what was sent before a close."""


class TcpWire:
    """A `ByteWire` over TCP, without Nagle's delay."""

    def __init__(self, address: WireAddress) -> None:
        self.address = address.url
        self._host, self._port = address.host, address.port
        self._input = InputBuffer(address.url)
        self._line: _Line | None = None

    async def open(self) -> None:
        """Connect; errors as `ByteWire.open`."""
        if self._input.is_open:
            return
        await self.close()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_PATIENCE):
                _, line = await loop.create_connection(
                    lambda: _Line(self._input), self._host, self._port
                )
        except ConnectionRefusedError:
            raise WireError(
                "nothing listens there",
                where=self.address,
                remedy="switch the instrument on, start its simulator, or correct the port",
            ) from None
        except TimeoutError:
            raise WireError(
                f"no connection within {_PATIENCE:g} s",
                where=self.address,
                remedy="is the instrument on the network? ping it",
            ) from None
        except OSError as error:
            raise WireError(
                f"no connection: {error.strerror or error}",
                where=self.address,
                remedy="check the host name and the network",
            ) from None
        self._line = line

    async def close(self) -> None:
        """Close the connection."""
        self._input.close("the line was closed")
        if self._line is not None:
            line, self._line = self._line, None
            line.transport.close()
            try:
                async with asyncio.timeout(_GOODBYE):
                    await asyncio.shield(line.gone)
            except TimeoutError:
                line.transport.abort()

    async def write(self, data: bytes) -> None:
        """Send; errors as `ByteWire.write`."""
        self._input.check()
        if self._line is not None:
            self._line.transport.write(data)
            await self._line.drained()

    def write_now(self, data: bytes) -> None:
        """Send from any thread; errors as `UrgentBytes.write_now`."""
        self._input.check()
        if self._line is not None:
            made: socket.socket = self._line.transport.get_extra_info("socket")
            write_at_once(made.fileno(), data, where=self.address)

    async def read_until(self, end: bytes, *, timeout: float) -> bytes:  # noqa: ASYNC109
        """Read; errors as `ByteWire.read_until`."""
        return await self._input.until(end, timeout)

    async def read_exactly(self, count: int, *, timeout: float) -> bytes:  # noqa: ASYNC109
        """Read; errors as `ByteWire.read_until`."""
        return await self._input.exactly(count, timeout)

    async def discard_input(self) -> None:
        """Forget what nobody has read."""
        await asyncio.sleep(0)
        self._input.discard()


class _Line(asyncio.Protocol):
    """Feeds an `InputBuffer` from a connection."""

    transport: asyncio.Transport

    def __init__(self, input_: InputBuffer) -> None:
        self._input = input_
        self._may_write = asyncio.Event()
        self._may_write.set()
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        made: socket.socket = transport.get_extra_info("socket")
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._input.open()

    def data_received(self, data: bytes) -> None:
        self._input.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        why = f"the connection broke: {exc}" if exc else "the instrument closed the connection"
        self._input.close(why)
        self._may_write.set()
        if not self.gone.done():
            self.gone.set_result(None)

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    async def drained(self) -> None:
        await self._may_write.wait()

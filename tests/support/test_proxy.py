"""The proxy's faults are what they claim to be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.support import TcpProxy

HOST = "127.0.0.1"


@asynccontextmanager
async def echo() -> AsyncIterator[int]:
    """A server that sends back what it gets; yields its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(1024):
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class Caller:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, data: bytes) -> bytes:
        self.writer.write(data)
        async with asyncio.timeout(10):
            return await self.reader.readexactly(len(data))


@asynccontextmanager
async def call(port: int) -> AsyncIterator[Caller]:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        yield Caller(reader, writer)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def test_it_forwards_both_ways_and_the_end() -> None:
    async with echo() as port, TcpProxy(port) as proxy, call(proxy.port) as caller:
        assert await caller.ask(b"hello") == b"hello"
        assert proxy.connections == 1
        caller.writer.write_eof()
        assert await caller.reader.read() == b""


async def test_a_cut_resets_what_is_open_and_nothing_else() -> None:
    async with echo() as port, TcpProxy(port) as proxy:
        async with call(proxy.port) as caller:
            await caller.ask(b"hello")
            await proxy.cut()
            with pytest.raises(ConnectionResetError):
                await caller.reader.readexactly(1)
        assert proxy.connections == 0
        async with call(proxy.port) as caller:
            assert await caller.ask(b"again") == b"again"


async def test_refusing_keeps_what_is_open_and_the_port() -> None:
    async with echo() as port, TcpProxy(port) as proxy, call(proxy.port) as caller:
        await caller.ask(b"hello")
        before = proxy.port
        await proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(HOST, proxy.port)
        assert await caller.ask(b"still") == b"still"
        await proxy.accept()
        assert proxy.port == before
        async with call(proxy.port) as another:
            assert await another.ask(b"again") == b"again"


async def test_half_open_swallows_until_healed() -> None:
    async with echo() as port, TcpProxy(port) as proxy, call(proxy.port) as caller:
        await caller.ask(b"hello")
        proxy.half_open()
        caller.writer.write(b"abc")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await caller.reader.readexactly(1)
        proxy.heal()
        async with asyncio.timeout(10):
            assert await caller.reader.readexactly(3) == b"abc"


async def test_a_delay_keeps_the_order() -> None:
    loop = asyncio.get_running_loop()
    async with echo() as port, TcpProxy(port, delay=0.05) as proxy, call(proxy.port) as caller:
        start = loop.time()
        assert await caller.ask(b"one") == b"one"
        assert loop.time() - start >= 0.1
        for part in (b"a", b"b", b"c"):
            caller.writer.write(part)
            await caller.writer.drain()
        assert await caller.reader.readexactly(3) == b"abc"


async def test_a_target_that_is_gone_is_a_reset() -> None:
    async with echo() as port:
        pass
    async with TcpProxy(port) as proxy, call(proxy.port) as caller:
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await caller.reader.readexactly(1)

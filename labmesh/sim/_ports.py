"""Real ports for simulators: TCP listeners, pseudo-terminals, folders."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from labmesh.wire import InputBuffer, LocalFolder, WireAddress
from messages.errors import WireError

Connected = Callable[[InputBuffer, Callable[[bytes], Awaitable[None]], str], Awaitable[None]]
"""Serves a line from its input, its way back and the name of its other end; returns at its end."""

_PIECE: Final = 65536
_TAKEN: Final = 1.0
"""Wall seconds in which somebody must read a pseudo-terminal that is full; a real line forgets."""


class TcpPort:
    """A listener on a TCP port.

    Attributes:
        number: On which it listens; the same again after a power cut.
    """

    def __init__(self, host: str, number: int, whose: str, connected: Connected) -> None:
        self.host, self.number = host, number
        self._whose = whose
        self._connected = connected
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen.

        Raises:
            WireError: The port is taken, or may not be used.
        """
        try:
            self._server = await asyncio.start_server(self._serve, self.host, self.number)
        except OSError as error:
            raise WireError(
                f"port {self.number} of {self._whose}: {_why(error)}",
                where=self.host,
                remedy=_remedy(error, self.number),
            ) from None
        self.number = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Listen no more, and break every connection."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        lines = set(self._lines)
        for line in lines:
            line.cancel()
        await asyncio.gather(*lines, return_exceptions=True)

    @property
    def connections(self) -> int:
        """How many are connected."""
        return len(self._lines)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        me = asyncio.current_task()
        if me is None or self._server is None:
            writer.close()
            return
        self._lines.add(me)
        made: socket.socket = writer.get_extra_info("socket")
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = "{}:{}".format(*writer.get_extra_info("peername")[:2])
        input_ = InputBuffer(peer)
        input_.open()

        async def send(data: bytes) -> None:
            try:
                writer.write(data)
                await writer.drain()
            except OSError as error:
                raise WireError(f"the connection broke: {error}", where=peer) from None

        reading = asyncio.create_task(_pump(reader, input_))
        try:
            await self._connected(input_, send, peer)
        except asyncio.CancelledError:
            # A task of the stream server's own that ends as cancelled would be logged.
            writer.transport.abort()
        finally:
            reading.cancel()
            input_.close("the line was closed")
            writer.close()
            self._lines.discard(me)


async def _pump(reader: asyncio.StreamReader, input_: InputBuffer) -> None:
    try:
        while data := await reader.read(_PIECE):
            input_.feed(data)
        input_.close("the other end closed the connection")
    except OSError as error:
        input_.close(f"the connection broke: {error}")


def _why(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "something listens there already"
    if error.errno == errno.EACCES:
        return "ports below 1024 are for root"
    return error.strerror or str(error)


def _remedy(error: OSError, number: int) -> str:
    if error.errno == errno.EACCES:
        return f"give another port, {number + 10000} say, and name it in the driver's address"
    return f"`ss -ltnp sport = :{number}` shows who; end that one, or give another port (0: any)"


class SerialPort:
    """A pseudo-terminal that stays for as long as it is open, with a link that is easy to name.

    Attributes:
        path: What a driver opens: the link where there is one.
    """

    def __init__(self, link: Path | None) -> None:
        self._link = link
        self._ends: tuple[int, int] | None = None
        self._claim: socket.socket | None = None
        self.input = InputBuffer("pty")
        self.path = ""

    async def open(self) -> None:
        """Make the pseudo-terminal.

        Raises:
            WireError: The link cannot be made, or something else has its name.
        """
        if not hasattr(os, "openpty"):
            raise WireError(
                "this system has no pseudo-terminals",
                where=str(self._link or ""),
                remedy="run simulators of serial instruments on Linux or macOS",
            )
        import tty  # noqa: PLC0415 - Windows has none

        ours, theirs = os.openpty()
        tty.setraw(theirs)
        self._ends = ours, theirs
        name = os.ttyname(theirs)
        self.path, self.input = name, InputBuffer(name)
        if self._link is not None:
            try:
                self._make_link(self._link, name)
            except BaseException:
                os.close(ours)
                os.close(theirs)
                self._ends = None
                raise
            self.path = str(self._link)
        os.set_blocking(ours, False)
        self.input.open()
        asyncio.get_running_loop().add_reader(ours, self._ready, ours)

    def _make_link(self, link: Path, target: str) -> None:
        try:
            if link.exists() and not link.is_symlink():
                raise WireError(
                    f"{link} is something else than a link", where=str(link),
                    remedy="give another name for the link",
                )  # fmt: skip
            self._claim = _claim(link)
            if self._claim is None:
                raise WireError(
                    f"another simulator serves {link}", where=str(link),
                    remedy="end that one, or give another link",
                )  # fmt: skip
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)  # of a simulator that was killed
            link.symlink_to(target)
        except OSError as error:
            raise WireError(
                f"the link cannot be made: {error.strerror}", where=str(link),
                remedy="give a link in a folder that you may write to",
            ) from None  # fmt: skip

    async def close(self) -> None:
        """Remove pseudo-terminal and link."""
        self.input.close("the port is gone")
        if self._ends is None:
            return
        (ours, theirs), self._ends = self._ends, None
        asyncio.get_running_loop().remove_reader(ours)
        if self._link is not None and self._link.is_symlink():
            with contextlib.suppress(OSError):
                if str(self._link.readlink()) == os.ttyname(theirs):
                    self._link.unlink()
        os.close(ours)
        os.close(theirs)
        if self._claim is not None:
            self._claim.close()

    def power(self, on: bool) -> None:
        """Forget what came while there was no power."""
        self.input.close("no power")
        if on:
            self.input.open()

    def _ready(self, ours: int) -> None:
        try:
            data = os.read(ours, _PIECE)
        except (BlockingIOError, OSError):
            return
        if self.input.is_open:
            self.input.feed(data)

    async def send(self, data: bytes) -> None:
        """Send; where nobody reads, bytes are lost, as on a real line."""
        left = memoryview(data)
        while left and self._ends is not None:
            ours = self._ends[0]
            try:
                left = left[os.write(ours, left) :]
            except BlockingIOError:
                if not await _writable(ours):
                    return
            except OSError:
                return


async def _writable(number: int) -> bool:
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_writer(number, ready.set)
    try:
        async with asyncio.timeout(_TAKEN):
            await ready.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_writer(number)
    return True


def _claim(link: Path) -> socket.socket | None:
    """Return the claim to a link for as long as this process lives; None: another one has it.

    A name of Linux' abstract namespace, which no crash leaves behind.
    """
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    if not sys.platform.startswith("linux"):
        return claim
    name = hashlib.sha256(os.fsencode(link.absolute())).hexdigest()
    try:
        claim.bind(f"\0labmesh-sim-{name}")
    except OSError:
        claim.close()
        return None
    return claim


class FolderPort:
    """A folder, seen from the instrument: it takes what drivers put, and puts what they take."""

    def __init__(self, path: Path, settings: str) -> None:
        self.path = path
        options = WireAddress.parse(f"folder://{path}?{settings}").options
        self._tell, self._say = options.get("put", "."), options.get("take", ".")

    @property
    def written(self) -> Path:
        """Where the instrument's files appear."""
        return self.path / self._say

    async def open(self) -> LocalFolder:
        """Make the folders and return the instrument's end.

        Raises:
            WireError: They cannot be made.
        """
        try:
            for name in (self._tell, self._say):
                (self.path / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WireError(
                f"the folder cannot be made: {error.strerror}", where=str(self.path)
            ) from None
        address = WireAddress.parse(
            f"folder://{self.path}?put={self._say}&take={self._tell}&done=.taken&stable=0"
        )
        folder = LocalFolder(address)
        await folder.open()
        return folder

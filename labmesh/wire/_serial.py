"""Bytes over a serial port or a pseudo-terminal."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import serial

from labmesh.wire._address import WireAddress
from labmesh.wire._buffer import InputBuffer
from labmesh.wire._urgent import write_at_once
from messages.errors import ConfigurationError, WireError

_PIECE: Final = 65536
_PSEUDO: Final = ("/dev/pts/", "/dev/ttys0")
"""Names of pseudo-terminals on Linux and macOS."""

_WRITABLE: Final = 5.0
"""Wall seconds after which a port that takes no byte counts as broken."""


@dataclass(frozen=True, slots=True)
class SerialSettings:
    """How a port speaks: ``9600 8N1``."""

    path: str
    baud: int
    bytes: int
    parity: str
    stop: float

    @classmethod
    def of(cls, address: WireAddress, *, baud: int) -> SerialSettings:
        """Return the settings of an address.

        Raises:
            ConfigurationError: A setting that no port has.
        """
        parity = address.options.get("parity", "N").upper()
        size, stop = address.whole("bytes", 8), address.number("stop", 1)
        if (
            parity not in serial.Serial.PARITIES
            or size not in {5, 6, 7, 8}
            or stop not in {1, 1.5, 2}
        ):
            raise ConfigurationError(
                f"no port speaks {size}{parity}{stop:g}",
                where=address.url,
                remedy="bytes=5 to 8, parity=N, E, O, M or S, stop=1, 1.5 or 2",
            )
        settings = cls(address.path, address.whole("baud", baud), size, parity, stop)
        # A pseudo-terminal is kept at eight bits without parity, and refuses anything else.
        if os.path.realpath(address.path).startswith(_PSEUDO):
            return cls(settings.path, settings.baud, 8, "N", 1)
        return settings


def port_error(path: str, address: str, error: Exception) -> WireError:
    """Return what an operator must know of a port that could not be opened."""
    number = getattr(error, "errno", None)
    if number == errno.ENOENT or not Path(path).exists():
        ports = ", ".join(sorted(map(str, Path("/dev/serial/by-id").glob("*")))[:8])
        found = f"these are there: {ports}" if ports else "no USB serial adapter is plugged in"
        return WireError(f"no port {path}", where=address, remedy=f"plug it in; {found}")
    if number == errno.EACCES:
        return WireError(
            f"no permission for {path}",
            where=address,
            remedy="sudo usermod -aG dialout $USER, then log in again",
        )
    if number in {errno.EBUSY, errno.EAGAIN} or "lock" in str(error):
        return WireError(
            f"{path} is in use by another program",
            where=address,
            remedy=f"`lsof {path}` shows which: end that one first",
        )
    return WireError(f"{path} cannot be opened: {error}", where=address)


class SerialWire:
    """A `ByteWire` over a serial port, opened for this process alone."""

    _can_wait = os.name == "posix"
    """Whether an event loop can wait for a serial port; elsewhere a thread does."""

    def __init__(self, address: WireAddress) -> None:
        self.address = address.url
        self._where = address
        self._settle = address.number("settle", 0)
        self._settings = SerialSettings.of(address, baud=9600)
        self._input = InputBuffer(address.url)
        self._port: Any = None
        self._thread: threading.Thread | None = None

    async def open(self) -> None:
        """Open the port; errors as `ByteWire.open`."""
        if self._input.is_open:
            return
        await self.close()
        # A link may lead elsewhere by now: to a pseudo-terminal, say.
        self._settings = SerialSettings.of(self._where, baud=9600)
        try:
            self._port = await asyncio.to_thread(self._make)
        except (serial.SerialException, OSError, ValueError) as error:
            raise port_error(self._settings.path, self.address, error) from None
        self._input.open()
        self._listen()
        if self._settle:
            # A board that restarts when its port is opened says nothing sensible before.
            await asyncio.sleep(self._settle)
            self._input.discard()

    def _make(self) -> Any:
        settings = self._settings
        return serial.Serial(
            settings.path, settings.baud, bytesize=settings.bytes, parity=settings.parity,
            stopbits=settings.stop, timeout=0.2, write_timeout=_WRITABLE, exclusive=True,
        )  # fmt: skip

    def _listen(self) -> None:
        loop, port = asyncio.get_running_loop(), self._port
        if self._can_wait:
            loop.add_reader(port.fileno(), self._ready)
        else:
            self._thread = threading.Thread(
                target=self._read_for_ever, args=(loop, port), name=self.address, daemon=True
            )
            self._thread.start()

    def _ready(self) -> None:
        try:
            data = os.read(self._port.fileno(), _PIECE)
        except BlockingIOError:
            return
        except OSError as error:
            self._lost(error.strerror or str(error))
            return
        if data:
            self._input.feed(data)
        else:
            self._lost("the device is gone")

    def _lost(self, why: str) -> None:
        self._input.close(f"the port is lost: {why}")
        if self._thread is None and self._port is not None:
            with contextlib.suppress(OSError, ValueError, serial.SerialException):
                asyncio.get_running_loop().remove_reader(self._port.fileno())

    def _read_for_ever(self, loop: asyncio.AbstractEventLoop, port: Any) -> None:
        try:
            while port.is_open:
                data = port.read(max(port.in_waiting, 1))
                if data:
                    loop.call_soon_threadsafe(self._input.feed, data)
        except (serial.SerialException, OSError, TypeError, RuntimeError) as error:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._input.close, f"the port is lost: {error}")

    async def close(self) -> None:
        """Close the port."""
        self._input.close("the line was closed")
        port, self._port = self._port, None
        if port is None:
            return
        if self._thread is None:
            with contextlib.suppress(OSError, ValueError, serial.SerialException):
                asyncio.get_running_loop().remove_reader(port.fileno())
            port.close()
        else:
            thread, self._thread = self._thread, None
            await asyncio.to_thread(port.close)
            await asyncio.to_thread(thread.join, 1.0)

    async def write(self, data: bytes) -> None:
        """Send; errors as `ByteWire.write`."""
        self._input.check()
        try:
            if self._thread is not None:
                await asyncio.to_thread(self._port.write, data)
            else:
                await self._write_all(data)
        except (OSError, serial.SerialException) as error:
            self._lost(str(error))
            raise WireError(f"the port is lost: {error}", where=self.address) from None

    def write_now(self, data: bytes) -> None:
        """Send from any thread; errors as `UrgentBytes.write_now`."""
        self._input.check()
        if self._thread is None:
            write_at_once(self._port.fileno(), data, where=self.address)
            return
        try:
            self._port.write(data)
        except (OSError, serial.SerialException) as error:
            raise WireError(f"the port is lost: {error}", where=self.address) from None

    async def _write_all(self, data: bytes) -> None:
        left, number = memoryview(data), self._port.fileno()
        while left:
            try:
                left = left[os.write(number, left) :]
            except BlockingIOError:
                await self._writable(number)

    async def _writable(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_writer(number, ready.set)
        try:
            async with asyncio.timeout(_WRITABLE):
                await ready.wait()
        except TimeoutError:
            raise OSError(errno.EIO, f"takes no byte for {_WRITABLE:g} s") from None
        finally:
            loop.remove_writer(number)

    async def read_until(self, end: bytes, *, timeout: float) -> bytes:  # noqa: ASYNC109
        """Read; errors as `ByteWire.read_until`."""
        return await self._input.until(end, timeout)

    async def read_exactly(self, count: int, *, timeout: float) -> bytes:  # noqa: ASYNC109
        """Read; errors as `ByteWire.read_until`."""
        return await self._input.exactly(count, timeout)

    async def discard_input(self) -> None:
        """Forget what nobody has read, in the system's buffer, too."""
        if self._port is not None and self._thread is None and self._input.is_open:
            self._ready_all()
        self._input.discard()

    def _ready_all(self) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(self._port.fileno(), _PIECE):
                self._input.feed(data)

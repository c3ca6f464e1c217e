"""Wires in memory, for tests of drivers and simulators without a port."""

from __future__ import annotations

import asyncio
import fnmatch
from collections.abc import Callable, Sequence

from labmesh.wire._buffer import InputBuffer
from messages.errors import WireError, WireRefusedError, WireTimeoutError


class MemoryWire:
    """One end of a line in memory; what is written here is read at the other end.

    Attributes:
        address: ``memory:a`` or ``memory:b``.
        written: Everything that was written here.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.written = bytearray()
        self.input = InputBuffer(address)
        self.other: MemoryWire | None = None

    async def open(self) -> None:
        """Open this end."""
        if not self.input.is_open:
            self.input.open()

    async def close(self) -> None:
        """Close this end; the other one reads no more."""
        self.input.close("the line was closed")
        if self.other is not None:
            self.other.input.close("the other end closed the line")

    async def write(self, data: bytes) -> None:
        """Send; errors as `ByteWire.write`."""
        self.write_now(data)

    def write_now(self, data: bytes) -> None:
        """Send; errors as `UrgentBytes.write_now`. The memory belongs to one event loop."""
        self.input.check()
        self.written += data
        if self.other is not None and self.other.input.is_open:
            self.other.input.feed(data)

    async def read_until(self, end: bytes, *, timeout: float) -> bytes:  # noqa: ASYNC109
        """Read; errors as `ByteWire.read_until`."""
        return await self.input.until(end, timeout)

    async def read_exactly(self, count: int, *, timeout: float) -> bytes:  # noqa: ASYNC109
        """Read; errors as `ByteWire.read_until`."""
        return await self.input.exactly(count, timeout)

    async def discard_input(self) -> None:
        """Forget what nobody has read."""
        self.input.discard()


def pair() -> tuple[MemoryWire, MemoryWire]:
    """Return the two ends of a line in memory, both open."""
    a, b = MemoryWire("memory:a"), MemoryWire("memory:b")
    a.other, b.other = b, a
    a.input.open()
    b.input.open()
    return a, b


class MemoryModbus:
    """A Modbus unit in memory: dictionaries by address, absent ones are refused with code 2.

    Args:
        on_write: Called after each write with the kind (``coil`` or ``register``), address, value.
    """

    def __init__(self, on_write: Callable[[str, int, int], None] | None = None) -> None:
        self.address = "memory:modbus"
        self.coils: dict[int, bool] = {}
        self.discrete_inputs: dict[int, bool] = {}
        self.holding_registers: dict[int, int] = {}
        self.input_registers: dict[int, int] = {}
        self._on_write = on_write

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    async def read_coils(self, address: int, count: int = 1) -> list[bool]:
        """Read; errors as `ModbusWire.read_coils`."""
        return [bool(self._at(self.coils, address + i)) for i in range(count)]

    async def read_discrete_inputs(self, address: int, count: int = 1) -> list[bool]:
        """Read; errors as `ModbusWire.read_coils`."""
        return [bool(self._at(self.discrete_inputs, address + i)) for i in range(count)]

    async def read_holding_registers(self, address: int, count: int = 1) -> list[int]:
        """Read; errors as `ModbusWire.read_coils`."""
        return [self._at(self.holding_registers, address + i) for i in range(count)]

    async def read_input_registers(self, address: int, count: int = 1) -> list[int]:
        """Read; errors as `ModbusWire.read_coils`."""
        return [self._at(self.input_registers, address + i) for i in range(count)]

    async def write_coil(self, address: int, value: bool) -> None:
        """Write; errors as `ModbusWire.read_coils`."""
        self._at(self.coils, address)
        self.coils[address] = value
        self._tell("coil", address, int(value))

    async def write_registers(self, address: int, values: Sequence[int]) -> None:
        """Write; errors as `ModbusWire.read_coils`."""
        for offset, value in enumerate(values):
            self._at(self.holding_registers, address + offset)
            self.holding_registers[address + offset] = value
            self._tell("register", address + offset, value)

    def _tell(self, kind: str, address: int, value: int) -> None:
        if self._on_write is not None:
            self._on_write(kind, address, value)

    def _at(self, table: dict[int, int] | dict[int, bool], address: int) -> int:
        if address not in table:
            raise WireRefusedError(f"no address {address:#06x}", where=self.address, code=2)
        return table[address]


class MemoryFolder:
    """A folder in memory: `put` fills ``told``, `take` empties ``said``."""

    def __init__(self) -> None:
        self.address = "memory:folder"
        self.told: dict[str, bytes] = {}
        self.said: dict[str, bytes] = {}
        self._news = asyncio.Event()

    def say(self, name: str, data: bytes) -> None:
        """Let the instrument write a file."""
        self.said[name] = data
        self._news.set()

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    async def put(self, name: str, data: bytes) -> None:
        """Put; errors as `FolderWire.put`."""
        if name in self.told:
            raise WireError(f"there is a file {name} already", where=self.address)
        self.told[name] = data

    async def take(self, pattern: str, *, timeout: float) -> tuple[str, bytes]:  # noqa: ASYNC109
        """Take; errors as `FolderWire.take`."""
        try:
            async with asyncio.timeout(timeout):
                while (name := next(iter(fnmatch.filter(self.said, pattern)), None)) is None:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise WireTimeoutError(f"no file {pattern}", where=self.address) from None
        return name, self.said.pop(name)

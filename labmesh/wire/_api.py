"""The wire seam: three kinds of line, each a small Protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias, runtime_checkable


class ByteWire(Protocol):
    """A line that carries bytes both ways: a serial port, a TCP connection.

    One task writes and reads at a time, except where a protocol has a stream of its own: then one
    task may read while others write. Time-outs are wall seconds.

    Attributes:
        address: As given, for messages.
    """

    address: str

    async def open(self) -> None:
        """Open the line; nothing happens when it is open, a line that was lost is opened anew.

        Raises:
            WireError: Absent, forbidden or busy; says which, and the remedy.
        """
        ...

    async def close(self) -> None:
        """Close the line; nothing happens when it is closed."""
        ...

    async def write(self, data: bytes) -> None:
        """Send ``data``.

        Raises:
            WireError: The line is closed or lost.
        """
        ...

    async def read_until(self, end: bytes, *, timeout: float) -> bytes:  # noqa: ASYNC109
        """Return what came up to and including ``end``.

        Raises:
            WireTimeoutError: It did not come within ``timeout`` seconds; what came stays unread.
            WireError: The line is closed or lost.
        """
        ...

    async def read_exactly(self, count: int, *, timeout: float) -> bytes:  # noqa: ASYNC109
        """Return the next ``count`` bytes; errors as `read_until`."""
        ...

    async def discard_input(self) -> None:
        """Forget what has come and nobody has read, before a new question."""
        ...


class ModbusWire(Protocol):
    """Registers and coils of one Modbus unit, by TCP or RTU. Addresses count from 0 as on the wire.

    No call is ever sent twice: a write may have moved something.

    Attributes:
        address: As given, for messages.
    """

    address: str

    async def open(self) -> None:
        """Open the line; errors as `ByteWire.open`."""
        ...

    async def close(self) -> None:
        """Close the line; nothing happens when it is closed."""
        ...

    async def read_coils(self, address: int, count: int = 1) -> list[bool]:
        """Return coils (function 1).

        Raises:
            WireTimeoutError: No answer in time (option ``timeout`` of the address, 1 s).
            WireRefusedError: The unit answered with an exception; ``code`` is its number.
            WireError: The line is closed or lost, or the answer is not Modbus.
        """
        ...

    async def read_discrete_inputs(self, address: int, count: int = 1) -> list[bool]:
        """Return discrete inputs (function 2); errors as `read_coils`."""
        ...

    async def read_holding_registers(self, address: int, count: int = 1) -> list[int]:
        """Return holding registers (function 3), 0 to 65535; errors as `read_coils`."""
        ...

    async def read_input_registers(self, address: int, count: int = 1) -> list[int]:
        """Return input registers (function 4), 0 to 65535; errors as `read_coils`."""
        ...

    async def write_coil(self, address: int, value: bool) -> None:
        """Set a coil (function 5); errors as `read_coils`."""
        ...

    async def write_registers(self, address: int, values: Sequence[int]) -> None:
        """Set holding registers at once (function 16); errors as `read_coils`."""
        ...


@runtime_checkable
class UrgentBytes(Protocol):
    """A `ByteWire` that an emergency stop can write to past everything: locks, queues, the loop."""

    def write_now(self, data: bytes) -> None:
        """Hand ``data`` to the system at once, from any thread, whatever the event loop does.

        Raises:
            WireError: The line is closed or lost, or takes no byte.
        """
        ...


@runtime_checkable
class UrgentModbus(Protocol):
    """A `ModbusWire` that an emergency stop can write to; nobody waits for the answer."""

    def write_coil_now(self, address: int, value: bool) -> None:
        """Set a coil (function 5) from any thread; errors as `UrgentBytes.write_now`."""
        ...

    def write_registers_now(self, address: int, values: Sequence[int]) -> None:
        """Set holding registers (function 16) from any thread; errors as the coil's."""
        ...


class FolderWire(Protocol):
    """A folder through which an instrument that speaks in files is told and heard.

    Attributes:
        address: As given, for messages.
    """

    address: str

    async def open(self) -> None:
        """Find the folder.

        Raises:
            WireError: Absent or forbidden; says which, and the remedy.
        """
        ...

    async def close(self) -> None:
        """Let go of the folder."""
        ...

    async def put(self, name: str, data: bytes) -> None:
        """Write a file; the instrument sees it whole or not at all.

        Raises:
            WireError: There is one of that name, or it cannot be written.
        """
        ...

    async def take(self, pattern: str, *, timeout: float) -> tuple[str, bytes]:  # noqa: ASYNC109
        """Return name and content of the oldest file that fits, once it has ceased to grow.

        The file moves to the subfolder ``done`` and is not taken again.

        Raises:
            WireTimeoutError: None within ``timeout`` seconds.
            WireError: The folder is gone, or the file cannot be read.
        """
        ...


Wire: TypeAlias = ByteWire | ModbusWire | FolderWire

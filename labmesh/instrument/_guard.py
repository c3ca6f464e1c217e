"""Wires that an emergency stop has to itself: nothing else passes until a person has reset it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from labmesh.instrument._gate import Gate, now_stopping
from labmesh.wire import ByteWire, FolderWire, ModbusWire, UrgentBytes, UrgentModbus
from messages.errors import ConfigurationError, WireError

W = TypeVar("W", ByteWire, ModbusWire, FolderWire)


def guarded(wire: W, gate: Gate, *, reads: bool = False) -> W:
    """Return a wire by which a driver sends nothing while the gate is closed.

    What a driver's ``halt`` writes passes. From the stop's own thread it goes past the event loop.

    Args:
        wire: Serial, TCP, Modbus or a folder.
        gate: The instrument's.
        reads: Modbus alone: let questions pass, too (a sensor that shall be watched).
    """
    found: Any
    if hasattr(wire, "write_coil"):
        found = GuardedModbus(wire, gate, reads=reads)
    elif hasattr(wire, "read_until"):
        found = GuardedBytes(wire, gate)
    elif hasattr(wire, "put"):
        found = GuardedFolder(wire, gate)
    else:
        raise ConfigurationError(f"{type(wire).__name__} is no wire")
    guarded_wire: W = found
    return guarded_wire


class _Guarded:
    """What all kinds have in common."""

    def __init__(self, wire: Any, gate: Gate) -> None:
        self._wire = wire
        self._gate = gate
        self.address: str = wire.address

    async def open(self) -> None:
        """Open the wire."""
        await self._wire.open()

    async def close(self) -> None:
        """Close the wire."""
        await self._wire.close()

    def _no_way(self) -> WireError:
        return WireError(
            "an emergency stop cannot write to this kind of wire from its thread",
            where=self.address,
        )


class GuardedBytes(_Guarded):
    """A `ByteWire`."""

    async def write(self, data: bytes) -> None:
        """Send, unless a stop is engaged and this is not the stop."""
        if now_stopping() == "at once":
            if not isinstance(self._wire, UrgentBytes):
                raise self._no_way()
            self._wire.write_now(data)
            return
        with self._gate.passing(self.address):
            await self._wire.write(data)

    async def read_until(self, end: bytes, *, timeout: float) -> bytes:  # noqa: ASYNC109
        """Read."""
        self._in_the_loop()
        answer: bytes = await self._wire.read_until(end, timeout=timeout)
        return answer

    async def read_exactly(self, count: int, *, timeout: float) -> bytes:  # noqa: ASYNC109
        """Read."""
        self._in_the_loop()
        answer: bytes = await self._wire.read_exactly(count, timeout=timeout)
        return answer

    async def discard_input(self) -> None:
        """Discard what came; nothing happens in the stop's own thread."""
        if now_stopping() != "at once":
            await self._wire.discard_input()

    def _in_the_loop(self) -> None:
        """Refuse to wait in the stop's thread for what only the event loop can bring."""
        if now_stopping() == "at once":
            raise AnswerLaterError("answers are read when the event loop is free")


class GuardedModbus(_Guarded):
    """A `ModbusWire`."""

    def __init__(self, wire: Any, gate: Gate, *, reads: bool) -> None:
        super().__init__(wire, gate)
        self._reads = reads

    async def read_coils(self, address: int, count: int = 1) -> list[bool]:
        """Read, unless a stop is engaged."""
        return await self._read("read_coils", address, count)

    async def read_discrete_inputs(self, address: int, count: int = 1) -> list[bool]:
        """Read, unless a stop is engaged."""
        return await self._read("read_discrete_inputs", address, count)

    async def read_holding_registers(self, address: int, count: int = 1) -> list[int]:
        """Read, unless a stop is engaged."""
        return await self._read("read_holding_registers", address, count)

    async def read_input_registers(self, address: int, count: int = 1) -> list[int]:
        """Read, unless a stop is engaged."""
        return await self._read("read_input_registers", address, count)

    async def write_coil(self, address: int, value: bool) -> None:
        """Write, unless a stop is engaged and this is not the stop."""
        if now_stopping() == "at once":
            self._urgent.write_coil_now(address, value)
            return
        with self._gate.passing(self.address):
            await self._wire.write_coil(address, value)

    async def write_registers(self, address: int, values: Sequence[int]) -> None:
        """Write, unless a stop is engaged and this is not the stop."""
        if now_stopping() == "at once":
            self._urgent.write_registers_now(address, values)
            return
        with self._gate.passing(self.address):
            await self._wire.write_registers(address, values)

    @property
    def _urgent(self) -> UrgentModbus:
        if isinstance(self._wire, UrgentModbus):
            return self._wire
        raise self._no_way()

    async def _read(self, function: str, address: int, count: int) -> list[Any]:
        if now_stopping() == "at once":
            raise AnswerLaterError("answers are read when the event loop is free")
        ask = getattr(self._wire, function)
        if self._reads:
            return list(await ask(address, count))
        with self._gate.passing(self.address):
            return list(await ask(address, count))


class GuardedFolder(_Guarded):
    """A `FolderWire`."""

    async def put(self, name: str, data: bytes) -> None:
        """Write a file, unless a stop is engaged."""
        with self._gate.passing(self.address):
            await self._wire.put(name, data)

    async def take(self, pattern: str, *, timeout: float) -> tuple[str, bytes]:  # noqa: ASYNC109
        """Take a file."""
        answer: tuple[str, bytes] = await self._wire.take(pattern, timeout=timeout)
        return answer


class AnswerLaterError(WireError):
    """A stop in its own thread cannot wait for an answer; the event loop asks again."""

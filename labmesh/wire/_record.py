"""Wires that write down what passes over them."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from labmesh.wire._api import ByteWire, FolderWire, ModbusWire, UrgentBytes, UrgentModbus, Wire
from labmesh.wire._session import Kind, Recorder, shown
from messages.errors import WireError, WireRefusedError, WireTimeoutError

T = TypeVar("T")
W = TypeVar("W", bound=Wire)


class _Recorded(Generic[W]):
    """Opens the record with the wire and closes it with the wire."""

    _kind: Kind

    def __init__(self, wire: W, path: Path) -> None:
        self.address = wire.address
        self._wire = wire
        self._path = path
        self._recorder: Recorder | None = None

    async def open(self) -> None:
        """Open wire and record."""
        if self._recorder is None:
            self._recorder = Recorder(self._path, self._kind, self.address)
        await self._wire.open()
        self._note("open")

    async def close(self) -> None:
        """Close wire and record."""
        await self._wire.close()
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.note("close")
            recorder.close()

    def _note(self, do: str, **values: Any) -> None:
        if self._recorder is not None:
            self._recorder.note(do, **values)


class RecordedBytes(_Recorded[ByteWire]):
    """A `ByteWire` that records: what was written, and what was *read*, in that order."""

    _kind: Kind = "bytes"

    async def write(self, data: bytes) -> None:
        """Send and record."""
        self._note("write", **shown(data))
        await self._wire.write(data)

    def write_now(self, data: bytes) -> None:
        """Send and record; errors as `UrgentBytes.write_now`."""
        if not isinstance(self._wire, UrgentBytes):
            raise WireError("no emergency stop can write to it", where=self.address)
        self._wire.write_now(data)
        self._note("write", **shown(data))

    async def read_until(self, end: bytes, *, timeout: float) -> bytes:  # noqa: ASYNC109
        """Read and record."""
        return await self._read(self._wire.read_until(end, timeout=timeout))

    async def read_exactly(self, count: int, *, timeout: float) -> bytes:  # noqa: ASYNC109
        """Read and record."""
        return await self._read(self._wire.read_exactly(count, timeout=timeout))

    async def _read(self, reading: Awaitable[bytes]) -> bytes:
        try:
            data = await reading
        except WireTimeoutError as error:
            self._note("timeout", error=error.what)
            raise
        except WireError as error:
            self._note("lost", error=error.what)
            raise
        if data:
            self._note("read", **shown(data))
        return data

    async def discard_input(self) -> None:
        """Discard and record that."""
        await self._wire.discard_input()
        self._note("discard")


class RecordedModbus(_Recorded[ModbusWire]):
    """A `ModbusWire` that records each call with its answer."""

    _kind: Kind = "modbus"

    async def read_coils(self, address: int, count: int = 1) -> list[bool]:
        """Read and record."""
        return await self._call(
            "read_coils", self._wire.read_coils(address, count), address=address, count=count
        )

    async def read_discrete_inputs(self, address: int, count: int = 1) -> list[bool]:
        """Read and record."""
        call = self._wire.read_discrete_inputs(address, count)
        return await self._call("read_discrete_inputs", call, address=address, count=count)

    async def read_holding_registers(self, address: int, count: int = 1) -> list[int]:
        """Read and record."""
        call = self._wire.read_holding_registers(address, count)
        return await self._call("read_holding_registers", call, address=address, count=count)

    async def read_input_registers(self, address: int, count: int = 1) -> list[int]:
        """Read and record."""
        call = self._wire.read_input_registers(address, count)
        return await self._call("read_input_registers", call, address=address, count=count)

    async def write_coil(self, address: int, value: bool) -> None:
        """Write and record."""
        call = self._wire.write_coil(address, value)
        await self._call("write_coil", call, address=address, value=value)

    async def write_registers(self, address: int, values: Sequence[int]) -> None:
        """Write and record."""
        call = self._wire.write_registers(address, values)
        await self._call("write_registers", call, address=address, values=list(values))

    def write_coil_now(self, address: int, value: bool) -> None:
        """Write; errors as `UrgentModbus.write_coil_now`."""
        self._urgent.write_coil_now(address, value)

    def write_registers_now(self, address: int, values: Sequence[int]) -> None:
        """Write; errors as `UrgentModbus.write_registers_now`."""
        self._urgent.write_registers_now(address, values)

    @property
    def _urgent(self) -> UrgentModbus:
        if isinstance(self._wire, UrgentModbus):
            return self._wire
        raise WireError("no emergency stop can write to it", where=self.address)

    async def _call(self, function: str, call: Awaitable[T], **arguments: Any) -> T:
        try:
            answer = await call
        except WireTimeoutError as error:
            self._note(function, **arguments, timeout=error.what)
            raise
        except WireRefusedError as error:
            self._note(function, **arguments, refused=error.what, code=error.code)
            raise
        except WireError as error:
            self._note(function, **arguments, lost=error.what)
            raise
        self._note(function, **arguments, answer=answer)
        return answer


class RecordedFolder(_Recorded[FolderWire]):
    """A `FolderWire` that records what was put and taken."""

    _kind: Kind = "folder"

    async def put(self, name: str, data: bytes) -> None:
        """Put and record."""
        self._note("put", name=name, **shown(data))
        await self._wire.put(name, data)

    async def take(self, pattern: str, *, timeout: float) -> tuple[str, bytes]:  # noqa: ASYNC109
        """Take and record."""
        try:
            name, data = await self._wire.take(pattern, timeout=timeout)
        except WireTimeoutError as error:
            self._note("take", pattern=pattern, timeout=error.what)
            raise
        self._note("take", pattern=pattern, name=name, **shown(data))
        return name, data

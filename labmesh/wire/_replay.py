"""Recorded sessions in place of an instrument: what differs from the record is an error."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from labmesh.wire._session import Event, Kind, Session, read_session
from messages.errors import WireError, WireRefusedError, WireTimeoutError

_SILENT: Final = frozenset({"open", "close", "note"})


class _Replay:
    """Steps through the events of a session."""

    _kind: Kind

    def __init__(self, path: Path) -> None:
        self.path = path
        self.address = f"replay://{path}"
        self._session: Session | None = None
        self._events: list[Event] = []
        self._next = 0

    async def open(self) -> None:
        """Read the record, the first time; a driver that reconnects goes on where it was.

        Raises:
            WireError: It is no record, or one of another kind of wire.
        """
        if self._session is not None:
            return
        session = await asyncio.to_thread(read_session, self.path)
        if session.kind != self._kind:
            raise WireError(
                f"is the record of a {session.kind} wire, not of a {self._kind} wire",
                where=str(self.path),
            )
        self._session = session
        self._events = [each for each in session.events if each["do"] not in _SILENT]

    async def close(self) -> None:
        """Do nothing; `remaining` says what was not played."""

    @property
    def remaining(self) -> int:
        """How many events of the record have not been played; 0 once the driver has done it all."""
        return len(self._events) - self._next

    def _peek(self) -> Event | None:
        if self._session is None:
            raise WireError("the line is not open", where=self.address, remedy="open it first")
        return self._events[self._next] if self._next < len(self._events) else None

    def _differs(self, does: str, recorded: Event | None) -> WireError:
        t = f" (at {recorded['t']:.3f} s)" if recorded is not None and "t" in recorded else ""
        what = _words(recorded) if recorded is not None else "nothing more"
        return WireError(
            f"the driver differs from the record: it {does}, recorded is {what}{t}",
            where=f"{self.path}, event {self._next + 1}",
            remedy="where the driver is right, record the session anew",
        )


class ReplayBytes(_Replay):
    """A `ByteWire` that answers as recorded.

    What the driver writes is compared byte for byte, however it is cut into pieces. A time-out
    that was recorded comes at once.
    """

    _kind: Kind = "bytes"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._input = bytearray()
        self._rest = b""
        self._written = asyncio.Event()

    async def write(self, data: bytes) -> None:
        """Compare with the record.

        Raises:
            WireError: Something else was recorded; shows both.
        """
        left = data
        while left:
            event = self._to_write()
            if event is None:
                raise self._differs(f"writes {left!r}", self._peek())
            recorded = self._rest or event["data"]
            size = min(len(recorded), len(left))
            if recorded[:size] != left[:size]:
                raise self._differs(f"writes {left!r}", event)
            left, self._rest = left[size:], recorded[size:]
            if not self._rest:
                self._next += 1
        self._written.set()

    def _to_write(self) -> Event | None:
        """Return the next recorded write; what was read before it becomes readable."""
        while (event := self._peek()) is not None:
            if event["do"] == "write":
                return event
            self._advance(event)
        return None

    def _advance(self, event: Event) -> None:
        if event["do"] == "read":
            self._input += event["data"]
        self._next += 1

    async def read_until(self, end: bytes, *, timeout: float) -> bytes:  # noqa: ASYNC109
        """Answer as recorded; errors as recorded, too."""

        def size() -> int | None:
            at = self._input.find(end)
            return None if at < 0 else at + len(end)

        return await self._read(size, f"reads until {end!r}", timeout)

    async def read_exactly(self, count: int, *, timeout: float) -> bytes:  # noqa: ASYNC109
        """Answer as recorded; errors as recorded, too."""
        return await self._read(
            lambda: count if len(self._input) >= count else None, f"reads {count} bytes", timeout
        )

    async def _read(self, size: Any, does: str, timeout: float) -> bytes:  # noqa: ASYNC109
        while (count := size()) is None:
            event = self._peek()
            if event is None:
                raise self._differs(does, None)
            if event["do"] == "write":
                # A stream of its own is read while another task writes.
                await self._wait_for_write(does, event, timeout)
                continue
            self._advance(event)
            if event["do"] == "timeout":
                raise WireTimeoutError(event["error"], where=self.address)
            if event["do"] == "lost":
                raise WireError(event["error"], where=self.address)
        data = bytes(self._input[:count])
        del self._input[:count]
        return data

    async def _wait_for_write(self, does: str, event: Event, timeout: float) -> None:  # noqa: ASYNC109
        self._written.clear()
        try:
            async with asyncio.timeout(timeout):
                await self._written.wait()
        except TimeoutError:
            raise self._differs(does, event) from None

    async def discard_input(self) -> None:
        """Forget what was recorded before the next write and has not been read."""
        while (event := self._peek()) is not None and event["do"] == "discard":
            self._next += 1
        self._input.clear()


class ReplayModbus(_Replay):
    """A `ModbusWire` that answers as recorded."""

    _kind: Kind = "modbus"

    async def read_coils(self, address: int, count: int = 1) -> list[bool]:
        """Answer as recorded."""
        return [bool(v) for v in self._call("read_coils", address=address, count=count)]

    async def read_discrete_inputs(self, address: int, count: int = 1) -> list[bool]:
        """Answer as recorded."""
        return [bool(v) for v in self._call("read_discrete_inputs", address=address, count=count)]

    async def read_holding_registers(self, address: int, count: int = 1) -> list[int]:
        """Answer as recorded."""
        return [int(v) for v in self._call("read_holding_registers", address=address, count=count)]

    async def read_input_registers(self, address: int, count: int = 1) -> list[int]:
        """Answer as recorded."""
        return [int(v) for v in self._call("read_input_registers", address=address, count=count)]

    async def write_coil(self, address: int, value: bool) -> None:
        """Compare with the record."""
        self._call("write_coil", address=address, value=value)

    async def write_registers(self, address: int, values: Sequence[int]) -> None:
        """Compare with the record."""
        self._call("write_registers", address=address, values=list(values))

    def _call(self, function: str, **arguments: Any) -> Any:
        event = self._peek()
        asked = {"do": function, **arguments}
        if event is None or {name: event.get(name) for name in asked} != asked:
            raise self._differs(f"does {_words(asked)}", event)
        self._next += 1
        if "timeout" in event:
            raise WireTimeoutError(event["timeout"], where=self.address)
        if "refused" in event:
            raise WireRefusedError(event["refused"], where=self.address, code=event.get("code", 0))
        if "lost" in event:
            raise WireError(event["lost"], where=self.address)
        return event["answer"]


class ReplayFolder(_Replay):
    """A `FolderWire` that answers as recorded."""

    _kind: Kind = "folder"

    async def put(self, name: str, data: bytes) -> None:
        """Compare with the record."""
        event = self._peek()
        if event is None or event["do"] != "put" or event["name"] != name:
            raise self._differs(f"puts {name}", event)
        if event["data"] != data:
            raise self._differs(f"puts {name} with {data!r}", event)
        self._next += 1

    async def take(self, pattern: str, *, timeout: float) -> tuple[str, bytes]:  # noqa: ASYNC109
        """Answer as recorded."""
        event = self._peek()
        if event is None or event["do"] != "take" or event["pattern"] != pattern:
            raise self._differs(f"takes {pattern}", event)
        self._next += 1
        if "timeout" in event:
            raise WireTimeoutError(event["timeout"], where=self.address)
        return event["name"], event["data"]


def _words(event: Event) -> str:
    """Return an event for an error's text."""
    if "data" in event:
        name = f" {event['name']} with" if "name" in event else ""
        return f"{event['do']}{name} {event['data']!r}"
    told = {k: v for k, v in event.items() if k not in {"t", "do"}}
    return " ".join([event["do"], *(f"{name}={value}" for name, value in told.items())])

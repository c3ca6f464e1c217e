"""Records of sessions with an instrument: JSON lines, readable to the last whole one.

The first line says what it is: ``{"labmesh_wire": 1, "kind": "bytes", "address": ..., "started":
...}``. Each other line is one event with ``t``, seconds since then; ``docs/wires.md`` has a table.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, TextIO

from messages.errors import WireError

FORMAT: Final = 1

Kind = Literal["bytes", "modbus", "folder"]

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Session:
    """A recorded session.

    Attributes:
        kind: Of the wire.
        address: Of the wire that was recorded.
        started: When, UTC.
        events: In their order, each with ``t`` and ``do``.
        whole: Whether the last line was whole; it is not where the recorder was killed.
    """

    kind: Kind
    address: str
    started: datetime
    events: tuple[Event, ...]
    whole: bool


class Recorder:
    """Writes a session, one line an event, handed to the system at once.

    A file that exists is continued, so that a node which starts again loses nothing.

    Args:
        path: The file.
        kind: Of the wire.
        address: Of the wire.

    Raises:
        WireError: The file cannot be written, or is something else.
    """

    def __init__(self, path: Path, kind: Kind, address: str) -> None:
        self._path = path
        self._began = time.monotonic()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = not path.exists() or not path.stat().st_size
            if not fresh:
                self._continue(kind)
            self._file: TextIO | None = path.open("a", encoding="utf-8")
        except OSError as error:
            raise WireError(
                f"the record cannot be written: {error.strerror}", where=str(path)
            ) from None
        started = datetime.now(UTC).isoformat(timespec="milliseconds")
        head = {"labmesh_wire": FORMAT, "kind": kind, "address": address, "started": started}
        self._write(head)

    def _continue(self, kind: Kind) -> None:
        """Cut a line that a killed recorder left half written."""
        if read_session(self._path).kind != kind:
            raise WireError(
                "is the record of another kind of wire", where=str(self._path),
                remedy="record to another file",
            )  # fmt: skip
        text = self._path.read_bytes()
        with self._path.open("r+b") as file:
            file.truncate(text.rfind(b"\n") + 1)

    def note(self, do: str, **values: Any) -> None:
        """Write an event."""
        self._write({"t": round(time.monotonic() - self._began, 6), "do": do, **values})

    def _write(self, line: Mapping[str, Any]) -> None:
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._file.flush()
        except OSError as error:
            # A full disk must not stop an instrument in mid-action.
            self.close()
            self.trouble = f"the record ends here: {error.strerror}"

    trouble: str = ""

    def close(self) -> None:
        """Close the file."""
        file, self._file = self._file, None
        if file is not None:
            file.close()


def read_session(path: Path) -> Session:
    """Read a recorded session; what follows a line cut short is left out.

    Raises:
        WireError: No such file, no record, or a whole line of it is damaged.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise WireError(f"no record: {error.strerror}", where=str(path)) from None
    whole = not lines.pop()
    events: list[Event] = []
    head: Event | None = None
    for number, line in enumerate(lines, 1):
        event = _parse(line, f"{path}:{number}")
        if "labmesh_wire" in event:
            head = head or _head(event, f"{path}:{number}")
        elif head is None:
            break
        else:
            events.append(event)
    if head is None:
        raise WireError(
            "is not the record of a wire", where=str(path), remedy="make one with record="
        )
    started = datetime.fromisoformat(head["started"])
    return Session(head["kind"], head["address"], started, tuple(events), whole)


def _parse(line: bytes, where: str) -> Event:
    try:
        event = json.loads(line)
    except ValueError as error:
        raise WireError(f"a damaged record: {error}", where=where) from None
    if not isinstance(event, dict) or not ("labmesh_wire" in event or "do" in event):
        raise WireError("is not an event of a record", where=where)
    if "hex" in event:
        try:
            event["data"] = bytes.fromhex(event["hex"])
        except (TypeError, ValueError):
            raise WireError("hex is not a row of bytes", where=where) from None
    return event


def _head(event: Event, where: str) -> Event:
    if event["labmesh_wire"] != FORMAT:
        raise WireError(
            f"format {event['labmesh_wire']}, this program reads {FORMAT}", where=where,
            remedy="read it with the version that wrote it",
        )  # fmt: skip
    try:
        datetime.fromisoformat(event["started"])
        known = event["kind"] in {"bytes", "modbus", "folder"} and isinstance(event["address"], str)
    except (KeyError, TypeError, ValueError):
        known = False
    if not known:
        raise WireError("the first line is not that of a record", where=where)
    return event


def shown(data: bytes) -> dict[str, str]:
    """Return bytes for a record: in hex, and as text for those who read it."""
    return {"hex": data.hex(), "text": data.decode("ascii", "backslashreplace")}

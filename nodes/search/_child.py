"""The process that has the triple store: ``python -m nodes.search._child FOLDER MEMORY``.

It reads frames from its standard input and answers each on its standard output: four bytes of
length, then msgpack ``[number, verb, arguments]``, answered by ``[number, value, error]``. It is
killed when a query takes too long; nothing that it was told to keep is lost by that.
"""

from __future__ import annotations

import os
import resource
import struct
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgpack

from messages.errors import LabmeshError, StoreError
from nodes.search._desk import Desk
from nodes.search._store import TripleStore

_READERS: Final = 4
"""Queries at a time; more wait."""

_LENGTH: Final = struct.Struct(">I")


def read_frame(source: BinaryIO) -> Any:
    """Return the next value; None at the end."""
    head = source.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(head)
    return msgpack.unpackb(source.read(size))


def frame(value: Any) -> bytes:
    """Return a value with its length before it."""
    packed: bytes = msgpack.packb(value)
    return _LENGTH.pack(len(packed)) + packed


def error_of(error: LabmeshError) -> dict[str, str]:
    """Return what an error says, to be raised again at the other end."""
    return {"what": error.what, "where": error.where, "remedy": error.remedy}


def main(folder: Path, memory: int, source: BinaryIO, sink: BinaryIO) -> int:
    """Serve until the input ends; return the exit code."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, resource.RLIM_INFINITY))
    lock = threading.Lock()

    def say(number: int, value: Any, error: dict[str, str] | None) -> None:
        with lock:
            sink.write(frame([number, value, error]))
            sink.flush()

    try:
        desk = Desk(TripleStore(folder))
    except StoreError as error:
        say(0, None, error_of(error))
        return 1
    say(0, desk.state(), None)

    def serve(number: int, verb: Callable[..., Any], arguments: dict[str, Any]) -> None:
        try:
            say(number, verb(**arguments), None)
        except LabmeshError as error:
            say(number, None, error_of(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the asker must hear of it
            say(
                number,
                None,
                {"what": f"{type(error).__name__}: {error}", "where": "", "remedy": ""},
            )

    with ThreadPoolExecutor(1) as writer, ThreadPoolExecutor(_READERS) as readers:
        while (asked := read_frame(source)) is not None:
            number, verb, arguments = asked
            pool = writer if verb == "take" else readers
            pool.submit(serve, number, getattr(desk, verb), arguments)
    return 0


if __name__ == "__main__":
    # Whatever prints, a library say, must not come between the frames.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), sys.stdin.buffer, output))

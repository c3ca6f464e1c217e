"""The gate between drivers and wires: closed by an emergency stop, opened by a person."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Literal

from messages.errors import EmergencyStopError

Stopping = Literal["", "at once", "in order"]
"""Who writes: nobody of the stop's; the stop, from its own thread; the stop, from the loop."""

_STOPPING: ContextVar[Stopping] = ContextVar("stopping", default="")

REMEDY: Final = "look at the instrument, then reset it: labmesh estop reset"


class Gate:
    """Whether anything but a stop may be sent; any thread may ask, close and open it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._why = ""

    @property
    def closed(self) -> str:
        """Why it is closed, or empty."""
        return self._why

    def close(self, why: str) -> None:
        """Let nothing pass but a stop."""
        with self._lock:
            self._why = why or "emergency stop"

    def open(self) -> None:
        """Let everything pass."""
        with self._lock:
            self._why = ""

    def check(self, where: str = "") -> None:
        """Do nothing while it is open.

        Raises:
            EmergencyStopError: It is closed.
        """
        if self._why:
            raise EmergencyStopError(self._why, where=where, remedy=REMEDY)


@contextmanager
def stopping(how: Stopping) -> Iterator[None]:
    """Be the stop itself: what is written in the block passes a closed gate."""
    token = _STOPPING.set(how)
    try:
        yield
    finally:
        _STOPPING.reset(token)


def now_stopping() -> Stopping:
    """Tell who writes."""
    return _STOPPING.get()

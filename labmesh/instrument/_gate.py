"""The gate between drivers and wires: closed by an emergency stop, opened by a person."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Literal

from messages.errors import EmergencyStopError

Stopping = Literal["", "at once", "in order"]
"""Who writes: nobody of the stop's; the stop, from its own thread; the stop, from the loop."""

_STOPPING: ContextVar[Stopping] = ContextVar("stopping", default="")


_SETTLE: Final = 0.002
"""Wall seconds in which a write that is on its way from driver to system gets there."""


class Gate:
    """Whether anything but a stop may be sent; any thread may ask, close and open it.

    Args:
        who: The instrument, for the remedy.
    """

    def __init__(self, who: str) -> None:
        self.remedy: Final = (
            f"look at the instrument, then: labmesh estop reset {who} --by YOUR_NAME"
        )
        self._lock = threading.Lock()
        self._why = ""
        self._under_way = 0

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
            raise EmergencyStopError(self._why, where=where, remedy=self.remedy)

    @contextmanager
    def passing(self, where: str) -> Iterator[None]:
        """Let what the block writes pass, or a stop by whoever is the stop; errors as `check`."""
        with self._lock:
            if not now_stopping():
                self.check(where)
            self._under_way += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1

    def settle(self) -> None:
        """Let a write that had passed before the gate was closed go out first; blocks a moment."""
        until = time.monotonic() + _SETTLE
        while self._under_way and time.monotonic() < until:
            time.sleep(_SETTLE / 10)


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

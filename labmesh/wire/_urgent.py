"""Bytes for a line past its queue: what an emergency stop writes, from a thread of its own."""

from __future__ import annotations

import os
import select
import time
from typing import Final

from messages.errors import WireError

_PATIENCE: Final = 0.05
"""Wall seconds that a line has to take a stop: others wait for theirs behind it."""


def write_at_once(number: int, data: bytes, *, where: str) -> None:
    """Write all of ``data`` to a file descriptor; any thread may.

    Raises:
        WireError: The line is lost, or takes no byte.
    """
    left, until = memoryview(data), time.monotonic() + _PATIENCE
    try:
        while left:
            try:
                left = left[os.write(number, left) :]
            except BlockingIOError:
                wait = until - time.monotonic()
                if wait <= 0 or not select.select([], [number], [], wait)[1]:
                    raise WireError(f"takes no byte for {_PATIENCE:g} s", where=where) from None
    except (OSError, ValueError) as error:
        raise WireError(f"the line is lost: {error}", where=where) from None


def crc16(data: bytes) -> bytes:
    """Return the check of a Modbus RTU frame (Modbus over Serial Line 1.02, section 6.2.2)."""
    check = 0xFFFF
    for byte in data:
        check ^= byte
        for _ in range(8):
            check = (check >> 1) ^ 0xA001 if check & 1 else check >> 1
    return check.to_bytes(2, "little")

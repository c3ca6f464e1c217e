"""The balance under the vial: 22-byte lines as Sartorius prints them, 115200 8N1."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from labmesh.clock import Clock
from labmesh.wire import ByteWire, WireError

PRINT: Final = b"\x1bP\r\n"
"""Asks for one reading (Sartorius SBI: ESC P)."""
TARE: Final = b"\x1bT\r\n"
"""Takes what lies on the balance as zero (ESC T)."""
LINE: Final = 22
"""Bytes of a reading with its identification, CR and LF included."""
_UNITS: Final = {"g": 1e-3, "mg": 1e-6, "kg": 1.0}
_SETTLING: Final = 1.0
"""Seconds between two readings while the balance swings."""


@dataclass(frozen=True, slots=True)
class Weight:
    """A reading.

    Attributes:
        mass: kg.
        stable: Whether the balance was at rest: only then it prints a unit.
    """

    mass: float
    stable: bool


def format_weight(mass: float, *, stable: bool = True) -> bytes:
    """Return the 22 bytes of a reading of ``mass`` kg: name, sign at byte 6, value at 7 to 15."""
    grams = mass * 1e3
    sign = b"-" if grams < 0 else b"+"
    value = f"{abs(grams):9.4f}".encode("ascii")
    if len(value) > 9:
        raise ValueError(f"{grams:g} g is more than the balance shows")
    unit = b"g  " if stable else b"   "
    return b"N     " + sign + value + b" " + unit + b"\r\n"


def parse_weight(line: bytes, where: str = "") -> Weight:
    """Return the reading of a line.

    Raises:
        WireError: It is garbled, or the balance shows an error.
    """
    garbled = WireError(
        f"{line!r} is no reading of the balance", where=where,
        remedy="look at the balance's display and at its interface's settings: 22 characters",
    )  # fmt: skip
    if len(line) != LINE or not line.endswith(b"\r\n") or line[6:7] not in (b"+", b"-", b" "):
        raise garbled
    unit = line[17:20].decode("ascii", "replace").strip()
    try:
        value = float(line[7:16])
    except ValueError:
        raise garbled from None
    if unit and unit not in _UNITS:
        raise garbled
    sign = -1.0 if line[6:7] == b"-" else 1.0
    return Weight(sign * value * _UNITS.get(unit or "g", 1e-3), stable=bool(unit))


class Balance:
    """Weighs what stands on it.

    Args:
        wire: The serial line; None for a dry run.
        clock: Time of the experiment.
        patience: Seconds of the experiment to wait for a reading at rest.
        answer_timeout: Wall seconds to wait for a line.
    """

    def __init__(
        self, wire: ByteWire | None, *, clock: Clock, patience: float = 60.0,
        answer_timeout: float = 5.0,
    ) -> None:  # fmt: skip
        self._wire = wire
        self._clock = clock
        self._patience = patience
        self._timeout = answer_timeout
        self._lock = asyncio.Lock()

    async def connect(self) -> None:
        """Open the wire."""
        if self._wire is not None:
            await self._wire.open()

    async def close(self) -> None:
        """Close the wire."""
        if self._wire is not None:
            await self._wire.close()

    async def tare(self) -> None:
        """Take what stands there as zero; the balance does not confirm it."""
        if self._wire is None:
            return
        async with self._lock:
            await self._wire.write(TARE)
        await self._clock.sleep(_SETTLING)

    async def weigh(self) -> float | None:
        """Return kg, at rest; None in a dry run.

        Raises:
            WireError: A line is garbled, or the balance does not come to rest.
            WireTimeoutError: It does not answer.
        """
        if self._wire is None:
            return None
        waited = 0.0
        async with self._lock:
            while True:
                await self._wire.discard_input()
                await self._wire.write(PRINT)
                line = await self._wire.read_until(b"\r\n", timeout=self._timeout)
                weight = parse_weight(line, self._wire.address)
                if weight.stable:
                    return weight.mass
                if waited >= self._patience:
                    raise WireError(
                        f"the balance does not come to rest within {self._patience:g} s",
                        where=self._wire.address,
                        remedy="look for draught and vibration",
                    )
                await self._clock.sleep(_SETTLING)
                waited += _SETTLING

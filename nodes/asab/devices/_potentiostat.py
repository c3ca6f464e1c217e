"""The potentiostat that measures impedance: an EmStat Pico or EmStat4 by MethodSCRIPT."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from labmesh.clock import Clock
from labmesh.wire import ByteWire, WireError, WireRefusedError
from messages.errors import EmergencyStopError
from nodes.asab.devices._method_script import (
    FREQUENCY,
    IMAGINARY,
    REAL,
    decode,
    impedance_script,
)

HIGHEST: Final = 200e3
"""Hz; the highest frequency of the EmStat Pico."""
LOWEST: Final = 0.016
"""Hz; its lowest."""

_DRAINED: Final = 2.0
"""Wall seconds in which an aborted script must end."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """An impedance spectrum.

    Attributes:
        frequency: Hz, descending.
        impedance: Ohm, complex; the imaginary part of a capacitor is negative.
    """

    frequency: NDArray[np.float64]
    impedance: NDArray[np.complex128]


class Potentiostat:
    """Takes impedance spectra. 230400 8N1.

    Args:
        wire: The serial line; None for a dry run.
        clock: Time of the experiment.
        amplitude: V, rms.
        highest: Hz.
        lowest: Hz.
        points: Of a spectrum.
        answer_timeout: Wall seconds to wait for the next line. It covers the lowest frequency.
    """

    def __init__(
        self,
        wire: ByteWire | None,
        *,
        clock: Clock,
        amplitude: float = 0.010,
        highest: float = HIGHEST,
        lowest: float = 100.0,
        points: int = 41,
        answer_timeout: float = 20.0,
    ) -> None:
        if not LOWEST <= lowest < highest <= HIGHEST:
            raise ValueError(f"frequencies lie between {LOWEST:g} and {HIGHEST:g} Hz, descending")
        self._wire = wire
        self._clock = clock
        self._script = impedance_script(amplitude, highest, lowest, points)
        self._points = points
        self._timeout = answer_timeout
        self._lock = asyncio.Lock()

    async def connect(self) -> str:
        """Open the wire; return the firmware's name for itself, empty in a dry run."""
        if self._wire is None:
            return ""
        await self._wire.open()
        async with self._lock:
            await self._wire.discard_input()
            await self._wire.write(b"t\n")
            answer = await self._wire.read_until(b"*\n", timeout=self._timeout)
        if not answer.startswith(b"t"):
            raise WireError(
                f"answered {answer!r} to a question for its firmware", where=self._wire.address,
                remedy="is this the potentiostat's port?",
            )  # fmt: skip
        return answer[1:].decode("ascii", "replace").strip("*\n").split("\n")[0].strip()

    async def close(self) -> None:
        """Close the wire."""
        if self._wire is not None:
            await self._wire.close()

    async def spectrum(self) -> Spectrum:
        """Take one spectrum; a dry run returns an empty one.

        Raises:
            WireRefusedError: The device refused the script; has its error code.
            WireError: What came is garbled, or points are missing.
            WireTimeoutError: It fell silent.
        """
        if self._wire is None:
            return Spectrum(np.empty(0), np.empty(0, complex))
        async with self._lock:
            await self._wire.discard_input()
            await self._wire.write(self._script.encode("ascii"))
            try:
                rows = await self._rows()
            except BaseException:
                await self._abort()
                raise
        if len(rows) != self._points:
            raise WireError(
                f"{len(rows)} points came instead of {self._points}", where=self._wire.address,
                remedy="the script was broken off; try again",
            )  # fmt: skip
        return Spectrum(np.array([f for f, _ in rows]), np.array([z for _, z in rows]))

    async def halt(self) -> None:
        """Abort the script at once, past everything that waits; it ends with the cell off."""
        if self._wire is not None:
            await self._wire.write(b"Z\n")

    async def _rows(self) -> list[tuple[float, complex]]:
        rows: list[tuple[float, complex]] = []
        where = self._wire.address if self._wire is not None else ""
        while (line := await self._line()) != "\n":
            self._check_error(line)
            if line.startswith("P"):
                values = decode(line, where)
                if not {FREQUENCY, REAL, IMAGINARY} <= values.keys():
                    raise WireError(f"package without impedance: {line!r}", where=where)
                rows.append((values[FREQUENCY], complex(values[REAL], values[IMAGINARY])))
        return rows

    async def _abort(self) -> None:
        """End a script that went wrong, so that the next one does not find its rest."""
        with suppress(WireError, EmergencyStopError, TimeoutError):
            await self.halt()
            async with asyncio.timeout(_DRAINED):
                while self._wire is not None:
                    line = await self._wire.read_until(b"\n", timeout=_DRAINED)
                    if line == b"Z\n":
                        return

    async def _line(self) -> str:
        if self._wire is None:
            return "\n"
        data = await self._wire.read_until(b"\n", timeout=self._timeout)
        return data.decode("ascii", "replace")

    def _check_error(self, line: str) -> None:
        _, mark, rest = line.partition("!")
        if mark and self._wire is not None:
            raise WireRefusedError(
                f"the potentiostat refused the script: error {rest.strip()}",
                where=self._wire.address,
                remedy="PalmSens' list of MethodSCRIPT error codes says why",
            )

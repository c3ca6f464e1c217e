"""Density and viscosity: an Anton Paar DMA with Lovis, by files."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from labmesh.clock import Clock, Patience
from labmesh.wire import FolderWire, WireTimeoutError
from nodes.asab.devices._lims import Row, check_list, read_table, sample_list

_LOOK: Final = 1.0
"""Wall seconds for which a folder is watched before the order is looked at again."""


@dataclass(frozen=True, slots=True)
class DensityTable:
    """The rows of a result file.

    Attributes:
        rows: As read.
        name: Of the file.
        raw: Its bytes.
    """

    rows: tuple[Row, ...]
    name: str = ""
    raw: bytes = b""

    @property
    def densities(self) -> NDArray[np.float64]:
        """The valid ones in kg/m3."""
        return _valid([row.density for row in self.rows])

    @property
    def viscosities(self) -> NDArray[np.float64]:
        """The valid ones in Pa.s."""
        return _valid([row.viscosity for row in self.rows])

    def share(self, values: NDArray[np.float64]) -> float:
        """Return which part of the rows is among ``values``."""
        return len(values) / len(self.rows) if self.rows else 0.0


class Densimeter:
    """Asks for a measurement by a file, and waits for the file with its result.

    Args:
        wire: The folder shared with the instrument; None for a dry run.
        clock: Time of the experiment.
        patience: Seconds of the experiment to wait for a result.
    """

    def __init__(self, wire: FolderWire | None, *, clock: Clock, patience: float = 3600.0) -> None:
        self._wire = wire
        self._clock = clock
        self._patience = patience
        self._lock = asyncio.Lock()

    async def connect(self) -> None:
        """Find the folder."""
        if self._wire is not None:
            await self._wire.open()

    async def close(self) -> None:
        """Let go of the folder."""
        if self._wire is not None:
            await self._wire.close()

    async def measure(
        self, sample: str, method: str, *, standing: Callable[[], None] = lambda: None
    ) -> DensityTable:
        """Measure what is in the cell; a dry run returns a table without rows.

        Args:
            sample: Its name on the instrument, unlike any before.
            method: Name of a method that the instrument knows; it holds the temperature.
            standing: Called now and then; may raise.

        Raises:
            ValueError: A name that the instrument does not take.
            WireTimeoutError: No result within the patience.
            WireError: The folder is gone, or the result is garbled.
        """
        asked = sample_list(sample, method)
        if self._wire is None:
            return DensityTable(())
        async with self._lock:
            await self._wire.put(f"{sample}.lims", asked)
            name, raw = await self._take(f"{sample}_{method}_*.csv", standing)
        return DensityTable(tuple(read_table(raw, name)), name, raw)

    async def check(self, check: str) -> None:
        """Ask for one of the instrument's own checks (with water, say); it keeps the outcome.

        Args:
            check: Its name on the instrument.
        """
        if self._wire is not None:
            async with self._lock:
                await self._wire.put(f"check-{self._clock.now()}.lims", check_list(check))

    async def _take(self, pattern: str, standing: Callable[[], None]) -> tuple[str, bytes]:
        patience = Patience(self._clock, self._patience)
        while True:
            standing()
            try:
                return await self._wire.take(pattern, timeout=_LOOK)  # type: ignore[union-attr]
            except WireTimeoutError:
                if patience.over:
                    raise


def _valid(values: list[float]) -> NDArray[np.float64]:
    return np.array([value for value in values if math.isfinite(value)], dtype=float)

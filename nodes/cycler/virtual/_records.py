"""Records of many channels, collected while rounds go on and handed out by channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from nodes.cycler.virtual._engine import Engine

Rows = NDArray[np.float64]
"""Records of one channel, shape (n, len(COLUMNS))."""

COLUMNS: Final = (
    "test_time", "step_time", "current", "voltage", "temperature",
    "charged", "discharged", "energy_in", "energy_out", "step", "cycle",
)  # fmt: skip
"""s, s, A, V, K, A.h, A.h, W.h, W.h; the accumulators begin anew with each cycle."""

_ROUNDS: Final = 256
"""Rounds between two times the buffer is emptied."""


class Recorder:
    """A buffer of rounds by columns by channels."""

    def __init__(self, count: int) -> None:
        self._buffer = np.empty((_ROUNDS, len(COLUMNS), count))
        self._due = np.zeros((_ROUNDS, count), dtype=bool)
        self._filled = 0
        self._rows: dict[int, list[Rows]] = {}

    def add(self, which: Any, due: NDArray[np.bool_], engine: Engine) -> None:
        """Note the present state of the channels that are due."""
        row = self._buffer[self._filled]
        row[0], row[1], row[2] = engine.time, engine.step_time, engine.current
        row[3], row[4] = engine.bank.voltage, engine.bank.temperature
        row[5], row[6] = engine.charged, engine.discharged
        row[7], row[8] = engine.energy_in, engine.energy_out
        row[9], row[10] = engine.step_number, engine.cycle
        mask = self._due[self._filled]
        mask[:] = False
        mask[which] = due
        self._filled += 1
        if self._filled == _ROUNDS:
            self._empty()

    def _empty(self) -> None:
        due = self._due[: self._filled]
        for channel in np.flatnonzero(due.any(axis=0)):
            rows = self._buffer[: self._filled, :, channel][due[:, channel]]
            self._rows.setdefault(int(channel), []).append(rows)
        self._filled = 0

    def taken(self) -> dict[int, Rows]:
        """Return what was collected since the last call."""
        self._empty()
        rows = {channel: np.concatenate(parts) for channel, parts in self._rows.items()}
        self._rows = {}
        return rows

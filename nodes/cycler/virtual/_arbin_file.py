"""Raw files as Arbin's MITS Pro exports them: text, in parts ``TEST_Channel_N_Wb_1.csv`` and so on.

Columns, spelling, the byte order mark and the tab before the date are those of exported files that
are public (PyProBE's ``sample_data_arbin.csv``, MITS Pro 8). What real exports lack is said in the
file's name: tests of the virtual cycler begin with ``virtual``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from nodes.cycler.virtual._records import COLUMNS, Rows

_HEADER: Final = (
    "\ufeffData Point,Date Time,Test Time (s),Step Time (s),Cycle Index,Step Index,Current (A),"
    "Voltage (V),Charge Capacity (Ah),Discharge Capacity (Ah),Charge Energy (Wh),"
    "Discharge Energy (Wh),Aux_Temperature_1 (C)\n"
)

_AT: Final = {name: place for place, name in enumerate(COLUMNS)}

_DIGITS: Final = {
    "test_time": 4, "step_time": 4, "current": 10, "voltage": 7, "charged": 12, "discharged": 12,
    "energy_in": 12, "energy_out": 12,
}  # fmt: skip
"""Digits behind the point: more than a real cycler has, so that a file is as good as the model."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a test's files are written and on the disk.

    Attributes:
        part: Number of the part that is written now, from 1.
        size: Its bytes.
        rows: Its records.
        records: Of all parts.
    """

    part: int = 1
    size: int = 0
    rows: int = 0
    records: int = 0

    def plain(self) -> dict[str, int]:
        """Return it as a map, for a checkpoint."""
        return asdict(self)


class ArbinFiles:
    """The raw files of one test.

    Args:
        folder: Where they are.
        stem: ``TEST_Channel_N``.
        rows_per_part: Records after which the next part begins.
        position: Where to go on; what lies behind it (of a process that was killed) is cut off.
    """

    def __init__(
        self, folder: Path, stem: str, rows_per_part: int, position: Position | None = None
    ) -> None:
        self._folder = folder
        self._stem = stem
        self._limit = rows_per_part
        self.position = position or Position()
        self._repair()

    def parts(self) -> tuple[Path, ...]:
        """Return the files that are there, in their order."""
        return tuple(self._file(part) for part in range(1, self.position.part + 1))

    def append(self, rows: Rows, begun: int, offset: float) -> None:
        """Write records and have them on the disk.

        Args:
            rows: Columns as `COLUMNS`.
            begun: Wall time of the test's begin, ns UTC; the files say UTC.
            offset: Seconds that the cycler's clock is ahead of the test time.
        """
        while len(rows):
            room = self._limit - self.position.rows
            if room <= 0:
                self.position = Position(self.position.part + 1, 0, 0, self.position.records)
                room = self._limit
            self._write(rows[:room], begun, offset)
            rows = rows[room:]

    def _write(self, rows: Rows, begun: int, offset: float) -> None:
        at = self.position
        text = _text(rows, at.records, begun, offset)
        if not at.size:
            text = _HEADER.encode() + text
        with self._file(at.part).open("ab") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        self.position = Position(at.part, size, at.rows + len(rows), at.records + len(rows))

    def _repair(self) -> None:
        """Cut off what was written after the checkpoint: those records come again."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for part in self._later():
            part.unlink()
        current = self._file(self.position.part)
        if not self.position.size:
            current.unlink(missing_ok=True)
        elif current.stat().st_size > self.position.size:
            with current.open("r+b") as file:
                file.truncate(self.position.size)

    def _later(self) -> Iterator[Path]:
        part = self.position.part + 1
        while self._file(part).exists():
            yield self._file(part)
            part += 1

    def _file(self, part: int) -> Path:
        return self._folder / f"{self._stem}_Wb_{part}.csv"


def _text(rows: Rows, before: int, begun: int, offset: float) -> bytes:
    def column(name: str) -> Any:
        return np.round(rows[:, _AT[name]], _DIGITS.get(name, 4))

    start = np.datetime64(datetime.fromtimestamp(begun / 1e9, UTC).replace(tzinfo=None), "ms")
    millis = np.round((rows[:, _AT["test_time"]] + offset) * 1e3).astype("timedelta64[ms]")
    table = pl.DataFrame(
        {
            "point": np.arange(before + 1, before + 1 + len(rows)),
            "date": pl.Series(start + millis).dt.strftime("\t%m/%d/%Y %H:%M:%S%.3f"),
            "test_time": column("test_time"),
            "step_time": column("step_time"),
            "cycle": rows[:, _AT["cycle"]].astype(np.int64),
            "step": rows[:, _AT["step"]].astype(np.int64),
            "current": column("current"),
            "voltage": column("voltage"),
            "charged": column("charged"),
            "discharged": column("discharged"),
            "energy_in": column("energy_in"),
            "energy_out": column("energy_out"),
            "temperature": np.round(rows[:, _AT["temperature"]] - 273.15, 4),
        }
    )
    buffer = BytesIO()
    table.write_csv(buffer, include_header=False, quote_style="never")
    return buffer.getvalue()

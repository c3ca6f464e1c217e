"""Cycles in a cycler's table (Battery Data Format, SI units): charges, times, rates, curves.

The table is one of whatever cycler: currents that charge are positive, elapsed time in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.exceptions import PolarsError

from messages.errors import LabmeshError

Vector = NDArray[np.float64]

_NEEDED: Final = ("test_time_second", "voltage_volt", "current_ampere")
_CONSTANT: Final = 0.05
"""A current within this share of the step's own counts as constant."""
_LEAST: Final = 0.01
"""A cycle discharges more than this share of the table's largest discharge; else it is none."""


class TableError(LabmeshError):
    """A table from which nothing can be learned about a cell's cycles."""


@dataclass(frozen=True)
class CycleTable:
    """The discharges of a cell, in their order; arrays have one value a cycle.

    Attributes:
        table: Rows of all of them: number (from 1), time, voltage, current.
        number: Of each cycle, as the instrument counts, or counted here.
        discharge: Capacity, A.h.
        ended: Elapsed time at the end of the discharge, s.
        charge_current: Mean current of the charge, each coulomb counting alike, A; NaN where
            nothing was charged.
        discharge_current: Constant current of the discharge, A, positive.
    """

    table: pl.DataFrame
    number: NDArray[np.int64]
    discharge: Vector
    ended: Vector
    charge_current: Vector
    discharge_current: Vector

    def curve(self, number: int) -> tuple[Vector, Vector]:
        """Return voltage, ascending, and charge drawn down to it, A.h, of the constant current.

        Empty where there is no such discharge.
        """
        rows = self.table.filter(pl.col("number") == number, pl.col("current") < 0)
        place = np.flatnonzero(self.number == number)
        if rows.height < 3 or not place.size:
            return np.empty(0), np.empty(0)
        time, current, voltage = (rows[name].to_numpy() for name in ("time", "current", "voltage"))
        constant = -self.discharge_current[place[0]]
        kept = np.abs(current - constant) <= _CONSTANT * abs(constant)
        time, current, voltage = time[kept], current[kept], voltage[kept]
        if time.size < 3:
            return np.empty(0), np.empty(0)
        drawn = np.concatenate(
            [[0.0], np.cumsum(-np.diff(time) * (current[1:] + current[:-1]) / 2)]
        )
        falling = np.minimum.accumulate(voltage)
        new = np.concatenate([[True], falling[1:] < falling[:-1]])
        return falling[new][::-1], (drawn / 3600)[new][::-1]


def read_table(path: Path) -> pl.DataFrame:
    """Read a table of the Battery Data Format, Parquet or CSV with machine-readable names.

    Raises:
        TableError: It is none.
    """
    try:
        with path.open("rb") as opened:
            parquet = opened.read(4) == b"PAR1"
        return pl.read_parquet(path) if parquet else pl.read_csv(path, infer_schema_length=10_000)
    except (PolarsError, OSError, ValueError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise TableError(
            f"it is no table: {first}",
            where=str(path),
            remedy="labmesh cycler read FILE -o TABLE.parquet makes one of a cycler's file",
        ) from error


def cycles_of(table: pl.DataFrame) -> CycleTable:
    """Return the cycles of a table.

    Raises:
        TableError: It lacks a column, or nothing was discharged.
    """
    missing = [name for name in _NEEDED if name not in table.columns]
    if missing:
        raise TableError(
            f"the table has no {', '.join(missing)}",
            where="table",
            remedy="give one of the Battery Data Format: labmesh cycler read FILE -o TABLE.parquet",
        )
    rows = _rows(table)
    if rows.is_empty():
        raise TableError("the table has no row with time, voltage and current", where="table")
    sums = rows.group_by("number", maintain_order=True).agg(
        pl.col("out").sum().alias("discharge"),
        pl.col("time").filter(pl.col("current") < 0).last().alias("ended"),
        (pl.col("in_square").sum() / pl.col("in").sum()).alias("charge_current"),
        pl.col("current").abs().filter(pl.col("current") < 0).median().alias("discharge_current"),
    )
    largest = sums["discharge"].max()
    if not isinstance(largest, float) or not largest > 0:
        raise TableError("nothing was discharged in the table", where="table")
    sums = sums.filter(pl.col("discharge") > _LEAST * largest, pl.col("ended").is_not_null())
    return CycleTable(
        table=rows,
        number=sums["number"].to_numpy(),
        discharge=sums["discharge"].to_numpy(),
        ended=sums["ended"].to_numpy(),
        charge_current=sums["charge_current"].fill_null(np.nan).to_numpy(),
        discharge_current=sums["discharge_current"].fill_null(np.nan).to_numpy(),
    )


def _rows(table: pl.DataFrame) -> pl.DataFrame:
    """Return sound rows: number of the cycle, and the charge drawn since the row before."""
    time, voltage, current = (pl.col(name).cast(pl.Float64, strict=False) for name in _NEEDED)
    counted = "cycle_count" in table.columns and table["cycle_count"].n_unique() > 1
    number = pl.col("cycle_count").cast(pl.Int64, strict=False) if counted else pl.lit(0)
    rows = table.select(
        number.alias("number"), time.alias("time"), voltage.alias("voltage"),
        current.alias("current"),
    ).filter(
        pl.col("time").is_finite(), pl.col("voltage").is_finite(), pl.col("current").is_finite(),
        pl.col("number").is_not_null(),
    )  # fmt: skip
    before, since = pl.col("current").shift(1), pl.col("time").diff()
    together = (pl.col("current") < 0) & (before <= 0) & (since > 0)
    inwards = (pl.col("current") > 0) & (before >= 0) & (since > 0)
    mean = (pl.col("current") + before) / 2
    rows = rows.with_columns(
        pl.when(together).then(-since * mean / 3600).otherwise(0.0).alias("out"),
        pl.when(inwards).then(since * mean).otherwise(0.0).alias("in"),
        pl.when(inwards).then(since * mean**2).otherwise(0.0).alias("in_square"),
    )
    return rows if counted else _counted(rows)


def _counted(rows: pl.DataFrame) -> pl.DataFrame:
    """Number cycles: a new one begins when charging follows a discharge."""
    sign = rows["current"].sign().to_numpy()
    moved = sign[sign != 0]
    begins = np.zeros(len(sign), dtype=np.int64)
    places = np.flatnonzero(sign != 0)
    begins[places[1:][(moved[1:] > 0) & (moved[:-1] < 0)]] = 1
    return rows.with_columns(pl.Series("number", np.cumsum(begins) + 1))

"""Charge and energy between records: by the integral of the current, and by the vendor's counters.

All arrays have one value a record, for the interval that the record ends; the first is zero. A.h
and W.h; charging and discharging apart, both not negative.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nodes.cycler.files._recording import Accumulators

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Increments:
    """Charge (and energy, where it is known) per record.

    Args:
        charge: Charged.
        discharge: Discharged.
        charge_energy: Of the vendor's counter, if it counts energy.
        discharge_energy: The same.
        before: What the counter had counted before the first record, charged and discharged: the
            file begins within a cycle. It is in the first record's increment.
    """

    charge: Floats
    discharge: Floats
    charge_energy: Floats | None = None
    discharge_energy: Floats | None = None
    before: float = 0.0


def column(table: pl.DataFrame, name: str) -> Floats | None:
    """A column as floats, nulls and infinities as NaN; None when missing or null throughout."""
    if name not in table.columns or table[name].null_count() == table.height:
        return None
    values = table[name].cast(pl.Float64).to_numpy()
    return values if np.isfinite(values).all() else np.where(np.isfinite(values), values, np.nan)


def integrate(table: pl.DataFrame, *, is_mean: bool) -> Increments | None:
    """The integral of the current over the elapsed time; None without a current or a time.

    Trapezoids, charging or discharging by the sign of the mean current; or, where a current is the
    mean over its interval, that mean times the interval. Time that runs backwards counts for
    nothing.
    """
    time, current = column(table, "test_time_second"), column(table, "current_ampere")
    if time is None or current is None:
        return None
    hours = intervals(time) / 3600
    mean = np.nan_to_num(current)
    if not is_mean:
        mean[1:] = (mean[1:] + mean[:-1]) / 2
    return Increments(np.maximum(mean, 0.0) * hours, np.maximum(-mean, 0.0) * hours)


def intervals(time: Floats) -> Floats:
    """Seconds since the record before; zero at first, and where time is unknown or runs back."""
    between = np.zeros(len(time))
    if len(time) > 1:
        between[1:] = np.nan_to_num(np.diff(time))
    return np.maximum(between, 0.0)


def bounds(table: pl.DataFrame) -> tuple[float, float] | None:
    """Least and most A.h that can have flowed, charged and discharged together.

    Between two records the current lies between theirs; what the coarse recording of a changing
    current leaves open is the difference. Gaps (`is_gap`) are left out. None without a current or a
    time.
    """
    time, current = column(table, "test_time_second"), column(table, "current_ampere")
    if time is None or current is None:
        return None
    between = intervals(time)[1:]
    hours = np.where(is_gap(between), 0.0, between) / 3600
    size = np.abs(np.nan_to_num(current))
    least = np.minimum(size[1:], size[:-1])
    turned = np.sign(np.nan_to_num(current[1:])) * np.sign(np.nan_to_num(current[:-1])) < 0
    least[turned] = 0.0
    return float((least * hours).sum()), float((np.maximum(size[1:], size[:-1]) * hours).sum())


def is_gap(between: Floats) -> NDArray[np.bool_]:
    """Which intervals are so much longer than the others that records must be missing."""
    usual = float(np.median(between)) if len(between) else 0.0
    return between > max(600.0, 100 * usual)


def count(
    table: pl.DataFrame, accumulators: Accumulators | None, integral: Increments | None
) -> Increments | None:
    """What the vendor's counters say; None where there are none.

    Args:
        table: Canonical columns.
        accumulators: Which of them count, and when they begin again.
        integral: What the current says, to tell a counter that goes on in a new step from one that
            begins again.
    """
    if accumulators is None:
        return None
    resets = accumulators.resets
    # A cycle's counter says what the cycle has had, also before the file's first record.
    reader = _Counter(
        new_step=new_step(table) if resets == "step" else None,
        first=resets in {"cycle", "schedule"},
        signs=_signs(table),
    )
    if accumulators.charge and accumulators.discharge:
        charge = reader.rises(
            column(table, accumulators.charge), integral.charge if integral else None
        )
        discharge = reader.rises(
            column(table, accumulators.discharge), integral.discharge if integral else None
        )
        if charge is None or discharge is None:
            return None
        energies = [
            reader.rises(column(table, name), None) if name else None
            for name in (accumulators.charge_energy, accumulators.discharge_energy)
        ]
        before = float(charge[:1].sum() + discharge[:1].sum())
        return Increments(charge, discharge, energies[0], energies[1], before)
    if accumulators.net:
        changes = reader.changes(column(table, accumulators.net))
        if changes is None:
            return None
        return Increments(np.maximum(changes, 0), np.maximum(-changes, 0))
    expected = integral.charge + integral.discharge if integral else None
    rises = reader.rises(column(table, accumulators.throughput), expected)
    if rises is None:
        return None
    return Increments(
        np.where(reader.signs > 0, rises, 0.0), np.where(reader.signs < 0, rises, 0.0)
    )


def new_step(table: pl.DataFrame) -> NDArray[np.bool_]:
    """Where a step begins: by its count, its id or type, or its time that starts again."""
    new = np.zeros(table.height, dtype=bool)
    for name in ("step_count", "step_id", "step_type", "cycle_count"):
        if name in table.columns:
            new |= table.select((pl.col(name) != pl.col(name).shift(1)).fill_null(False))[
                name
            ].to_numpy()
    step_time = column(table, "step_time_second")
    if step_time is not None and len(step_time) > 1:
        new[1:] |= np.diff(step_time) < 0
    return new


def _signs(table: pl.DataFrame) -> Floats:
    """Sign of the current."""
    current = column(table, "current_ampere")
    if current is None:
        return np.zeros(table.height)
    return np.sign(np.nan_to_num(current))


@dataclass(frozen=True)
class _Counter:
    """How counters of a table are read."""

    new_step: NDArray[np.bool_] | None
    first: bool
    signs: Floats

    def rises(self, values: Floats | None, expected: Floats | None) -> Floats | None:
        """Increments of a counter that only rises, and begins again when it falls (or at a step).

        At a step's first record it may already stand above where the step before ended, or go on
        from there: what is nearer to the expected increment is taken.
        """
        if values is None:
            return None
        values = _carried(values)
        rises = np.zeros(len(values))
        if not len(values):
            return rises
        rises[1:] = np.diff(values)
        again = rises < 0
        if self.new_step is not None:
            nearer = (
                np.ones(len(values), dtype=bool)
                if expected is None
                else np.abs(values - expected) <= np.abs(rises - expected)
            )
            again |= self.new_step & nearer
        rises = np.where(again, values, rises)
        rises[0] = values[0] if self.first else 0.0
        return np.maximum(rises, 0.0)

    def changes(self, values: Floats | None) -> Floats | None:
        """Increments of a signed counter; what contradicts the current's sign is a reset."""
        if values is None:
            return None
        values = _carried(values)
        changes = np.zeros(len(values))
        if not len(values):
            return changes
        changes[1:] = np.diff(values)
        if self.new_step is not None:
            turned = (changes * self.signs < 0) & (np.abs(values) < np.abs(values - changes))
            fresh = np.where(values * self.signs >= 0, values, 0.0)
            changes = np.where(self.new_step | turned, fresh, changes)
        changes[0] = values[0] if self.first else 0.0
        return changes


def _carried(values: Floats) -> Floats:
    """Gaps filled with the value before; a gap at the beginning is zero."""
    if np.isfinite(values).all():
        return values
    index = np.where(np.isfinite(values), np.arange(len(values)), 0)
    carried = values[np.maximum.accumulate(index)]
    return np.nan_to_num(carried)

"""Charge and energy between records: by the integral of the current, and by the vendor's counters.

All arrays have one value a record, for the interval that the record ends; the first is zero. A.h
and W.h; charging and discharging apart, both not negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nodes.cycler.files._recording import Accumulators

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Increments:
    """Charge (and energy, where it is known) per record."""

    charge: Floats
    discharge: Floats
    charge_energy: Floats | None = None
    discharge_energy: Floats | None = None


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


def count(table: pl.DataFrame, accumulators: Accumulators | None) -> Increments | None:
    """What the vendor's counters say; None where there are none."""
    if accumulators is None:
        return None
    new_step = _new_step(table) if accumulators.resets == "step" else None
    first = accumulators.resets != "never"
    if accumulators.charge and accumulators.discharge:
        pair = [
            _rises(column(table, name), new_step, first=first)
            for name in (accumulators.charge, accumulators.discharge)
        ]
        if pair[0] is None or pair[1] is None:
            return None
        energies = [
            _rises(column(table, name), new_step, first=first) if name else None
            for name in (accumulators.charge_energy, accumulators.discharge_energy)
        ]
        if energies[0] is None or energies[1] is None:
            return Increments(pair[0], pair[1])
        return Increments(pair[0], pair[1], *energies)
    signs = _signs(table)
    if accumulators.net:
        changes = _changes(column(table, accumulators.net), new_step, signs, first=first)
        if changes is None:
            return None
        return Increments(np.maximum(changes, 0), np.maximum(-changes, 0))
    rises = _rises(column(table, accumulators.throughput), new_step, first=first)
    if rises is None:
        return None
    return Increments(np.where(signs > 0, rises, 0.0), np.where(signs < 0, rises, 0.0))


def _new_step(table: pl.DataFrame) -> NDArray[Any]:
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


def _signs(table: pl.DataFrame) -> NDArray[Any]:
    """Sign of the current, that of a record at rest taken from the one before in its step."""
    current = column(table, "current_ampere")
    if current is None:
        return np.zeros(table.height)
    return np.sign(np.nan_to_num(current))


def _rises(values: Floats | None, new_step: NDArray[Any] | None, *, first: bool) -> Floats | None:
    """Increments of a counter that only rises, and begins again when it falls (or at a step)."""
    if values is None:
        return None
    values = _carried(values)
    rises = np.zeros(len(values))
    if not len(values):
        return rises
    rises[1:] = np.diff(values)
    again = rises < 0
    if new_step is not None:
        # A step's first record may already stand above where the step before ended.
        again |= new_step
    rises = np.where(again, values, rises)
    rises[0] = values[0] if first else 0.0
    return np.maximum(rises, 0.0)


def _changes(
    values: Floats | None, new_step: NDArray[Any] | None, signs: NDArray[Any], *, first: bool
) -> Floats | None:
    """Increments of a signed counter; what contradicts the current's sign is a reset."""
    if values is None:
        return None
    values = _carried(values)
    changes = np.zeros(len(values))
    if not len(values):
        return changes
    changes[1:] = np.diff(values)
    if new_step is not None:
        again = new_step | ((changes * signs < 0) & (np.abs(values) < np.abs(values - changes)))
        fresh = np.where(values * signs >= 0, values, 0.0)
        changes = np.where(again, fresh, changes)
    changes[0] = values[0] if first else 0.0
    return changes


def _carried(values: Floats) -> Floats:
    """Gaps filled with the value before; a gap at the beginning is zero."""
    if np.isfinite(values).all():
        return values
    index = np.where(np.isfinite(values), np.arange(len(values)), 0)
    carried = values[np.maximum.accumulate(index)]
    return np.nan_to_num(carried)

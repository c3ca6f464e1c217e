"""Differential capacity dQ/dV of one half of a cycle, on a grid of voltages."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import polars as pl

from messages.errors import LabmeshError
from nodes.cycler.files._charge import Floats, Increments, column, count, integrate
from nodes.cycler.files._recording import Accumulators

GRID: Final = 0.005
"""V between two points."""

_MOST_POINTS: Final = 100_000


def differential_capacity(
    table: pl.DataFrame,
    *,
    cycle: int | None = None,
    branch: Literal["charge", "discharge"] = "charge",
    grid: float = GRID,
    smooth: float = 2 * GRID,
) -> pl.DataFrame:
    """DQ/dV in A.h/V on even voltages: positive while charging, negative while discharging.

    Charge is counted by the table's counters, or by the integral of the current. The branch is made
    monotone: a voltage that turns back counts where it stood furthest, so that its area is kept.
    What flows while the voltage stands at the branch's end (the constant-voltage step) is left out.

    Args:
        table: Canonical columns.
        cycle: Which one; None: all records.
        branch: Which half.
        grid: V between two points.
        smooth: Standard deviation of the Gaussian in V; 0: none.

    Returns:
        Columns ``voltage_volt`` and ``differential_capacity_ah_per_volt``; empty where nothing
        flowed.

    Raises:
        LabmeshError: Neither current nor capacity is in the table, or the grid is absurd.
    """
    integral = integrate(table, is_mean=False)
    increments = count(table, Accumulators.of(table), integral) or integral
    if increments is None:
        raise LabmeshError(
            "dQ/dV needs a current or a capacity, and the file holds neither",
            remedy="choose a file that was recorded while a current flowed",
        )
    amount, voltage = _branch(table, increments, cycle, branch)
    if not len(voltage) or np.ptp(voltage) < 2 * grid:
        return _frame(np.empty(0), np.empty(0))
    if grid <= 0 or np.ptp(voltage) / grid > _MOST_POINTS:
        raise LabmeshError(
            f"a grid of {grid} V makes too many points", remedy=f"choose e.g. {GRID} V"
        )
    sign = 1.0 if branch == "charge" else -1.0
    reached = np.maximum.accumulate(sign * voltage)
    end = reached[-1]
    # Where the voltage stands at its end, charge flows at one voltage: no derivative there.
    moving = reached < end - grid / 2
    passed = np.cumsum(amount)
    turns = np.flatnonzero(np.diff(reached, prepend=reached[0] - 1.0) > 0)
    turns = turns[moving[turns]]
    if len(turns) < 2:
        return _frame(np.empty(0), np.empty(0))
    # At each voltage that is reached for the first time: the charge that had flowed when it was.
    edges = np.arange(reached[turns[0]], reached[turns[-1]], grid)
    at = np.interp(edges, reached[turns], passed[turns])
    slope = np.diff(at) / grid
    middle = edges[:-1] + grid / 2
    slope = _smoothed(slope, smooth / grid)
    order = np.argsort(sign * middle)
    return _frame((sign * middle)[order], (sign * slope)[order])


def _branch(
    table: pl.DataFrame, increments: Increments, cycle: int | None, branch: str
) -> tuple[Floats, Floats]:
    amount = increments.charge if branch == "charge" else increments.discharge
    chosen = np.asarray(amount) > 0
    if cycle is not None and "cycle_count" in table.columns:
        chosen &= (table["cycle_count"] == cycle).fill_null(value=False).to_numpy()
    voltage = column(table, "voltage_volt")
    if voltage is None:
        return np.empty(0), np.empty(0)
    return amount[chosen], voltage[chosen]


def _smoothed(values: Floats, deviation: float) -> Floats:
    """A Gaussian over points; at the ends the weights that are there are made to sum to one."""
    if deviation <= 0 or len(values) < 3:
        return values
    reach = min(int(4 * deviation) + 1, len(values) - 1)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    middle = slice(reach, reach + len(values))
    padded = np.convolve(values, weights)[middle]
    return np.asarray(padded / np.convolve(np.ones(len(values)), weights)[middle])


def _frame(voltage: Floats, slope: Floats) -> pl.DataFrame:
    return pl.DataFrame({"voltage_volt": voltage, "differential_capacity_ah_per_volt": slope})

"""Features of early cycles that predict the end of life: the last cycle against the tenth.

The variance of Q_x(V) - Q_10(V) is that of K. A. Severson et al., Nature Energy 4 (2019) 383, DOI
10.1038/s41560-019-0356-8, with the last cycle in the place of the hundredth.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from messages.cycling import CyclingFeatures
from nodes.cycler.files import CyclerData

_TENTH: Final = 10
_POINTS: Final = 1000


def features(data: CyclerData) -> CyclingFeatures:
    """Return what can be said.

    Nothing where the tenth cycle or a later one is missing or has no discharge.
    """
    whole = data.cycles.filter(
        pl.col("discharge_capacity_ah") > 0, pl.col("charge_capacity_ah") > 0
    )
    tenth, later = whole.filter(pl.col("cycle") == _TENTH), whole.filter(pl.col("cycle") > _TENTH)
    if tenth.is_empty() or later.is_empty():
        return CyclingFeatures()
    before, after = tenth.row(0, named=True), later.row(-1, named=True)
    found = {
        "delta_coulombic_efficiency": after["coulombic_efficiency"]
        - before["coulombic_efficiency"],
        "voltage_gap_charge_discharge": _gap(after) - _gap(before),
    }
    spread = _variance(data.table, before["cycle"], after["cycle"])
    if spread > 0:
        found["capacity_vector_variance"] = math.log10(spread)
    known = {name: float(value) for name, value in found.items() if math.isfinite(value)}
    return CyclingFeatures.model_validate(known)


def _gap(cycle: dict[str, Any]) -> float:
    return float(cycle["mean_charge_voltage_volt"] - cycle["mean_discharge_voltage_volt"])


def _variance(table: pl.DataFrame, before: int, after: int) -> float:
    """Return the variance of the discharged charge over the voltages that both cycles pass."""
    curves = [_discharge(table, number) for number in (before, after)]
    if any(len(voltage) < 3 for voltage, _ in curves):
        return 0.0
    low, high = max(v[0] for v, _ in curves), min(v[-1] for v, _ in curves)
    if not high > low:
        return 0.0
    grid = np.linspace(low, high, _POINTS)
    one, other = (np.interp(grid, voltage, charge) for voltage, charge in curves)
    return float(np.var(other - one))


def _discharge(table: pl.DataFrame, cycle: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return voltages, ascending, and the charge discharged down to each, A.h."""
    part = table.filter(pl.col("cycle_count") == cycle, pl.col("current_ampere") < 0)
    time, current, voltage = (
        part[name].to_numpy() for name in ("test_time_second", "current_ampere", "voltage_volt")
    )
    charge = np.concatenate([[0.0], np.cumsum(np.diff(time) * -(current[1:] + current[:-1]) / 2)])
    order = np.argsort(voltage, kind="stable")
    return voltage[order], (charge / 3600)[order]

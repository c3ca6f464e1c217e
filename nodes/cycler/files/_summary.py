"""One line a cycle: capacities, energies, efficiencies, mean voltages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nodes.cycler.files._charge import (
    Floats,
    Increments,
    bounds,
    column,
    count,
    integrate,
    intervals,
)
from nodes.cycler.files._recording import Recording

AGREE: Final = 0.0075
"""Vendor counter and integral agree when no cycle differs by more than this share of its charge.
Of the collected files, counters that are sound differ by up to 0.6 %, by coarse recording."""

SIGNIFICANT: Final = 0.01
"""Cycles with less than this share of the largest cycle's charge are not compared."""

COARSE: Final = 0.05
"""Share of the charge that the records must leave open for the counter to be right against them."""

Basis = Literal["vendor", "integral", "none"]


@dataclass(frozen=True)
class Summary:
    """What the cycles were.

    Args:
        cycles: One line a cycle (`CYCLE_COLUMNS`).
        basis: Where charge_capacity_ah and discharge_capacity_ah come from.
        why: Why from there, in words.
        deviation: Largest difference of counter and integral in a cycle, as a share; None where one
            of them is missing or nothing flowed.
        vendor_total: Charged and discharged A.h by the vendor's counter; None without one.
        before: A.h that the counter held before the first record.
        integral_total: The same by the integral of the current.
    """

    cycles: pl.DataFrame
    basis: Basis
    why: str
    deviation: float | None
    vendor_total: tuple[float, float] | None
    integral_total: tuple[float, float] | None
    before: float = 0.0


CYCLE_COLUMNS: Final = {
    "cycle": "1",
    "records": "1",
    "start_time_second": "s",
    "duration_second": "s",
    "charge_capacity_ah": "A.h",
    "discharge_capacity_ah": "A.h",
    "charge_energy_wh": "W.h",
    "discharge_energy_wh": "W.h",
    "coulombic_efficiency": "1",
    "energy_efficiency": "1",
    "mean_charge_voltage_volt": "V",
    "mean_discharge_voltage_volt": "V",
    "voltage_min_volt": "V",
    "voltage_max_volt": "V",
    "charge_capacity_vendor_ah": "A.h",
    "discharge_capacity_vendor_ah": "A.h",
    "charge_capacity_integral_ah": "A.h",
    "discharge_capacity_integral_ah": "A.h",
}
"""Columns of a summary and their UCUM units. An efficiency is what was discharged over what was
charged in the cycle; a mean voltage is energy over capacity."""


def summarise(recording: Recording) -> Summary:
    """The cycles of a recording, in the order in which they begin.

    A file without cycle numbers is one cycle. An efficiency or a mean voltage that would divide by
    nothing is null.
    """
    table = recording.table
    numbers, of = _cycles(table)
    groups = len(numbers)
    integral = integrate(table, is_mean=recording.current_is_mean)
    vendor = count(table, recording.accumulators, integral)
    deviation = _deviation(vendor, integral, of, groups)
    basis, why = _choose(recording, vendor, integral, deviation)
    chosen = {"vendor": vendor, "integral": integral, "none": None}[basis]
    frame: dict[str, Any] = {"cycle": numbers, "records": np.bincount(of, minlength=groups)}
    frame |= _spans(table, of, groups)
    frame |= _amounts(table, chosen, of, groups)
    for name, each in (("vendor", vendor), ("integral", integral)):
        frame[f"charge_capacity_{name}_ah"] = _sums(each.charge if each else None, of, groups)
        frame[f"discharge_capacity_{name}_ah"] = _sums(each.discharge if each else None, of, groups)
    cycles = pl.DataFrame(
        {name: frame[name] for name in CYCLE_COLUMNS},
        schema_overrides={
            name: pl.Int64 if name in {"cycle", "records"} else pl.Float64 for name in CYCLE_COLUMNS
        },
    ).with_columns(pl.col(pl.Float64).fill_nan(None))
    before = vendor.before if vendor else 0.0
    return Summary(cycles, basis, why, deviation, _total(vendor), _total(integral), before)


def _cycles(table: pl.DataFrame) -> tuple[NDArray[Any], NDArray[Any]]:
    """The cycles' numbers as they begin, and which of them each record belongs to."""
    if "cycle_count" not in table.columns or not table["cycle_count"].count():
        return np.ones(min(1, table.height), dtype=np.int64), np.zeros(table.height, dtype=np.int64)
    filled = table["cycle_count"].fill_null(strategy="forward").fill_null(strategy="backward")
    values = filled.to_numpy()
    numbers, first, of = np.unique(values, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return numbers[order], rank[of]


def _sums(values: Floats | None, of: NDArray[Any], groups: int) -> Any:
    return [None] * groups if values is None else np.bincount(of, values, groups)


def _spans(table: pl.DataFrame, of: NDArray[Any], groups: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    time = column(table, "test_time_second")
    if time is None:
        found["start_time_second"] = found["duration_second"] = [None] * groups
    else:
        start = np.full(groups, np.inf)
        np.minimum.at(start, of, np.where(np.isfinite(time), time, np.inf))
        found["start_time_second"] = np.where(np.isfinite(start), start, np.nan)
        found["duration_second"] = np.bincount(of, intervals(time), groups)
    voltage = table["voltage_volt"].to_numpy()
    for name, worst, better in (("min", np.inf, np.minimum), ("max", -np.inf, np.maximum)):
        limit = np.full(groups, worst)
        better.at(limit, of, voltage)
        found[f"voltage_{name}_volt"] = limit
    return found


def _amounts(
    table: pl.DataFrame, chosen: Increments | None, of: NDArray[Any], groups: int
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    voltage = table["voltage_volt"].to_numpy()
    middle = voltage.copy()
    middle[1:] = (voltage[1:] + voltage[:-1]) / 2
    for side in ("charge", "discharge"):
        amount = getattr(chosen, side) if chosen else None
        energy = getattr(chosen, f"{side}_energy") if chosen else None
        if amount is not None and energy is None:
            energy = amount * middle
        capacity, wh = _sums(amount, of, groups), _sums(energy, of, groups)
        found[f"{side}_capacity_ah"], found[f"{side}_energy_wh"] = capacity, wh
        found[f"mean_{side}_voltage_volt"] = _ratio(wh, capacity)
    found["coulombic_efficiency"] = _ratio(
        found["discharge_capacity_ah"], found["charge_capacity_ah"]
    )
    found["energy_efficiency"] = _ratio(found["discharge_energy_wh"], found["charge_energy_wh"])
    return found


def _ratio(over: Any, under: Any) -> Any:
    if isinstance(over, list) or isinstance(under, list):
        return [None] * len(over)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.abs(under) > 1e-15, over / under, np.nan)


def _deviation(
    vendor: Increments | None, integral: Increments | None, of: NDArray[Any], groups: int
) -> float | None:
    if vendor is None or integral is None or not groups:
        return None
    sides = []
    for side in ("charge", "discharge"):
        # What a counter had counted before the first record is no contradiction.
        counted = getattr(vendor, side).copy()
        counted[:1] = 0.0
        sides.append((_sums(counted, of, groups), _sums(getattr(integral, side), of, groups)))
    largest = np.max([value for pair in sides for value in pair], axis=0)
    compared = largest > SIGNIFICANT * max(float(largest.max()), 1e-15)
    if not compared.any():
        return None
    apart = np.max([np.abs(a - b) for a, b in sides], axis=0)
    return float((apart[compared] / largest[compared]).max())


def _choose(
    recording: Recording,
    vendor: Increments | None,
    integral: Increments | None,
    deviation: float | None,
) -> tuple[Basis, str]:
    counters = recording.accumulators
    if vendor is None and integral is None:
        return "none", "the file holds neither a current with its time nor a capacity"
    if vendor is None or counters is None:
        return "integral", "integral of the current: the file holds no capacity counter"
    if integral is None:
        return "vendor", "the instrument's counter: the file holds no current to integrate"
    if not counters.trusted:
        return "integral", "integral of the current: the capacity counter is known to be unsound"
    if counters.measured:
        return "vendor", "the charge that the instrument measured between records"
    if deviation is not None and deviation > AGREE:
        if _is_coarse(recording, vendor):
            return "vendor", (
                "the instrument's counter: the current is recorded too rarely to be integrated, "
                "and allows what was counted"
            )
        apart = f"up to {deviation:.1%} of a cycle's charge"
        return "integral", f"integral of the current: the instrument's counter differs by {apart}"
    return "vendor", "the instrument's counter, which the integral of the current confirms"


def _is_coarse(recording: Recording, vendor: Increments) -> bool:
    """Whether the records leave the charge open by more than `COARSE`, the counter within that."""
    open_to = bounds(recording.table)
    if open_to is None:
        return False
    least, most = open_to
    counted = sum(_total(vendor) or (0.0, 0.0)) - vendor.before
    return most - least > COARSE * (most + least) / 2 and least <= counted <= most


def _total(increments: Increments | None) -> tuple[float, float] | None:
    if increments is None:
        return None
    return float(increments.charge.sum()), float(increments.discharge.sum())

"""The checks that every file goes through. A failure is told, the table is left as it was read."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl

from nodes.cycler.files._charge import Floats, column, intervals, new_step
from nodes.cycler.files._check import Check, failed, not_checked, passed, unit_suspect, warned
from nodes.cycler.files._recording import Recording
from nodes.cycler.files._summary import Summary

CLOSE: Final = 0.02
"""Counter against integral, and elapsed against wall time: the share by which they may differ."""

LARGEST_VOLTAGE: Final = 100.0
LARGEST_CURRENT: Final = 10_000.0
"""V and A of a cell or a module; more is a unit gone wrong."""

_ALTERNATING: Final = "Impedance: the recorded current is a mean over alternating current."


def check(recording: Recording, summary: Summary) -> tuple[Check, ...]:
    """Every check, in a fixed order."""
    table = recording.table
    if not table.height:
        return (failed("records", "The file holds no records."),)
    return (
        passed("records", f"{table.height} records, {summary.cycles.height} cycles."),
        _charge(recording, summary),
        _balance(summary),
        _elapsed(table),
        _clock(table),
        _steps(table),
        _cycles(table),
        _sign(table),
        _power(table),
        _sizes(table),
    )


def _charge(recording: Recording, summary: Summary) -> Check:
    name = "charge"
    if summary.vendor_total is None or summary.integral_total is None:
        return not_checked(name, f"Not both a counter and a current: {summary.why}.")
    if summary.deviation is None:
        return not_checked(name, "No charge flowed.")
    if "frequency_hertz" in recording.table.columns:
        return not_checked(name, _ALTERNATING)
    if recording.current_is_mean and recording.accumulators and recording.accumulators.measured:
        return not_checked(name, "The current is derived from the counter itself.")
    counted = sum(summary.vendor_total) - summary.before
    integrated = sum(summary.integral_total)
    both = f"counter {counted:.6g} A.h, integral of the current {integrated:.6g} A.h in all"
    ratio = counted / integrated if integrated > 0 else 0.0
    if suspect := unit_suspect(ratio):
        return failed(name, f"Current, time or capacity has a wrong unit by {suspect}: {both}.")
    if summary.deviation > CLOSE:
        worst = f"they differ by up to {summary.deviation:.1%} of a cycle's charge"
        return warned(name, f"Counter and integral disagree: {both}; {worst}.")
    if summary.before > 0.001 * max(counted, integrated):
        held = f"the counter held {summary.before:.6g} A.h at the first record"
        return warned(name, f"The file begins within a cycle: {held}.")
    return passed(name, f"Within {summary.deviation:.2%} in every cycle: {both}.")


def _balance(summary: Summary) -> Check:
    """A cell gives about what it took, or the file does not hold its whole cycles."""
    name = "balance"
    total = summary.integral_total if summary.basis == "integral" else summary.vendor_total
    if total is None or min(total) <= 0:
        return not_checked(name, "The file does not both charge and discharge.")
    charged, discharged = total
    words = f"{charged:.6g} A.h charged, {discharged:.6g} A.h discharged."
    if max(total) > 5 * min(total):
        return warned(name, f"Charge and discharge are far apart: {words}")
    return passed(name, words)


def _elapsed(table: pl.DataFrame) -> Check:
    name = "time"
    time = column(table, "test_time_second")
    if time is None:
        return failed(name, "The file holds no time.")
    missing = int(np.isnan(time).sum())
    steps = np.diff(time[np.isfinite(time)])
    back = int((steps < 0).sum())
    if back:
        worst = -float(steps.min())
        return failed(name, f"Elapsed time runs backwards {back} times, by up to {worst:.6g} s.")
    if missing:
        return warned(name, f"{missing} of {len(time)} records have no elapsed time.")
    if len(steps) and float(time[-1] - time[0]) > 0:
        middle = float(np.median(steps))
        if middle > 86_400:
            return failed(name, f"Records are {middle / 3600:.4g} h apart: wrong unit of time?")
        gaps = np.flatnonzero(steps > max(3600.0, 1000 * middle))
        if len(gaps):
            where = f"the first of {steps[gaps[0]]:.6g} s after {time[gaps[0]]:.6g} s"
            words = f"Records are missing: {len(gaps)} gaps, {where}"
            return warned(name, f"{words}; an integral over them means nothing.")
    return passed(name, f"Never backwards, {float(time[-1] - time[0]):.6g} s in all.")


def _wall(table: pl.DataFrame) -> Floats | None:
    unix = column(table, "unix_time_second")
    if unix is not None:
        return unix
    if "local_time" not in table.columns or not table["local_time"].count():
        return None
    stamps = table["local_time"].dt.timestamp("us").cast(pl.Float64) / 1e6
    return stamps.fill_null(np.nan).to_numpy()


def _clock(table: pl.DataFrame) -> Check:
    name = "clock"
    wall, time = _wall(table), column(table, "test_time_second")
    if wall is None or time is None:
        return not_checked(name, "The file does not hold both elapsed and wall time.")
    there = np.isfinite(wall) & np.isfinite(time)
    wall, time = wall[there], time[there]
    if len(wall) < 2 or float(time[-1] - time[0]) <= 0:
        return not_checked(name, "Too few dates to compare with the elapsed time.")
    jumps = np.diff(wall) - np.diff(time)
    resolution = 1.0 if np.all(wall == np.round(wall)) else 0.1
    back = np.diff(wall) < -resolution
    if back.any():
        worst = -float(np.diff(wall).min())
        words = f"The clock was set back {int(back.sum())} times, by up to {worst:.6g} s"
        return warned(name, f"{words}; elapsed time is used.")
    ratio = float(wall[-1] - wall[0]) / float(time[-1] - time[0])
    said = f"wall {wall[-1] - wall[0]:.6g} s, elapsed {time[-1] - time[0]:.6g} s"
    if suspect := unit_suspect(ratio):
        return failed(name, f"Elapsed time or dates have a wrong unit by {suspect}: {said}.")
    apart = abs(float(jumps.sum()))
    if apart <= max(CLOSE * float(time[-1] - time[0]), 5 * resolution):
        return passed(name, f"{said[0].upper()}{said[1:]}.")
    pauses = jumps[jumps > max(60.0, 3 * float(np.median(np.diff(time))))]
    allowed = CLOSE * float(time[-1] - time[0]) + 5 * resolution
    if len(pauses) and abs(float(jumps.sum() - pauses.sum())) <= allowed:
        words = f"The test paused {len(pauses)} times, {pauses.sum():.6g} s in all"
        return warned(name, f"{words}: {said}.")
    return failed(name, f"Elapsed and wall time disagree: {said}.")


def _steps(table: pl.DataFrame) -> Check:
    """Within a step, its own time must run as the elapsed time does."""
    name = "step_time"
    step, time = column(table, "step_time_second"), column(table, "test_time_second")
    if step is None or time is None:
        return not_checked(name, "The file does not hold both times.")
    between, within = np.diff(time), np.diff(step)
    same = (within > 0) & (between > 0) & ~new_step(table)[1:]
    if not same.any():
        return not_checked(name, "No step has two records.")
    ratio = float(np.median(within[same] / between[same]))
    if suspect := unit_suspect(ratio):
        return failed(name, f"Step and test time differ by {suspect}.")
    if abs(ratio - 1) > CLOSE:
        return warned(name, f"Step time runs {ratio:.4g} times as fast as test time.")
    return passed(name, "Step and test time run alike.")


def _cycles(table: pl.DataFrame) -> Check:
    name = "cycles"
    if "cycle_count" not in table.columns or not table["cycle_count"].count():
        return not_checked(name, "The file numbers no cycles: it is summarised as one.")
    back = int((table["cycle_count"].drop_nulls().diff() < 0).sum())
    if back:
        return warned(name, f"The cycle number falls {back} times.")
    return passed(name, "The cycle number never falls.")


def _sign(table: pl.DataFrame) -> Check:
    """While a current charges the voltage rises, over each run of records with one direction."""
    name = "sign"
    current = column(table, "current_ampere")
    if current is None:
        return not_checked(name, "The file records no current.")
    if "frequency_hertz" in table.columns:
        return not_checked(name, _ALTERNATING)
    current = np.nan_to_num(current)
    least = 1e-3 * float(np.abs(current).max())
    signs = np.where(np.abs(current) > least, np.sign(current), 0.0)
    if "step_type" in table.columns:
        # Where the voltage is imposed, it says nothing about the current's sign.
        signs[(table["step_type"] == "potentiostatic").fill_null(value=False).to_numpy()] = 0.0
    if not signs.any():
        return not_checked(name, "No current flowed while the voltage was free.")
    new = np.ones(len(signs), dtype=bool)
    new[1:] = signs[1:] != signs[:-1]
    for each in ("step_count", "step_id"):
        if each in table.columns:
            changed: Any = (table[each] != table[each].shift(1)).fill_null(False).to_numpy()
            new |= changed
    starts = np.flatnonzero(new)
    ends = np.append(starts[1:], len(signs)) - 1
    voltage = table["voltage_volt"].to_numpy()
    moves = (voltage[ends] - voltage[starts]) * signs[starts]
    right, wrong = float(moves[moves > 0].sum()), -float(moves[moves < 0].sum())
    if right + wrong < 0.01:
        return not_checked(name, "The voltage hardly moved while current flowed.")
    one_way = bool((signs >= 0).all() or (signs <= 0).all())
    if wrong > 0.9 * right or (one_way and wrong > 0.3 * right):
        side = "charging" if (signs >= 0).all() else "charging and discharging"
        words = f"The voltage moves against the current while {side}, "
        words += f"{wrong:.4g} V against {right:.4g} V"
        if len(starts) < 4:
            return warned(name, f"{words}: look whether the current's sign is right.")
        return failed(name, f"{words}: the current's sign is missing or turned round.")
    if wrong > 0.25 * (right + wrong):
        return warned(
            name,
            f"The voltage moves against the current by {wrong:.4g} V of {right + wrong:.4g} V.",
        )
    return passed(name, "The voltage rises while charging and falls while discharging.")


def _power(table: pl.DataFrame) -> Check:
    name = "power"
    power, current = column(table, "power_watt"), column(table, "current_ampere")
    if power is None or current is None:
        return not_checked(name, "The file holds no power beside its current.")
    product = np.abs(np.nan_to_num(current) * table["voltage_volt"].to_numpy())
    told = np.abs(np.nan_to_num(power))
    if product.sum() <= 0 or told.sum() <= 0:
        return not_checked(name, "No power flowed.")
    ratio = float(told.sum() / product.sum())
    if suspect := unit_suspect(ratio):
        return failed(name, f"Power is not current times voltage, by {suspect}.")
    if abs(ratio - 1) > CLOSE:
        return warned(name, f"Power is {ratio:.4g} times current times voltage.")
    return passed(name, "Power is current times voltage.")


def _sizes(table: pl.DataFrame) -> Check:
    name = "sizes"
    voltage = float(np.abs(table["voltage_volt"].to_numpy()).max())
    if voltage > LARGEST_VOLTAGE:
        return failed(name, f"{voltage:.6g} V are no cell's: millivolts taken for volts?")
    current = column(table, "current_ampere")
    if current is not None:
        highest = float(np.abs(np.nan_to_num(current)).max())
        if highest > LARGEST_CURRENT:
            return failed(name, f"{highest:.6g} A are no cell's: milliamperes taken for amperes?")
    time = column(table, "test_time_second")
    if time is not None and float(intervals(time).sum()) > 50 * 365.25 * 86_400:
        return failed(name, "The test would have lasted more than 50 years: wrong unit of time?")
    return passed(name, "Voltage, current and duration are those of a cell.")

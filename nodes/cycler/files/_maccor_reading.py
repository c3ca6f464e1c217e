"""What Maccor's headers leave open: the sign of the current, and hidden minutes and millivolts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nodes.cycler.files._assemble import Draft, Match
from nodes.cycler.files._clock import read_dates
from nodes.cycler.files._recording import Accumulators, Metadata, Recording, Remark
from nodes.cycler.files._source import Source
from nodes.cycler.files._times import parse_date

_SECONDS: Final = {"s": 1.0, "min": 60.0, "h": 3600.0}

FLAT_V: Final = 1e-3
"""A step whose voltage moves less tells nothing of the current's direction."""

HIGH_V: Final = 50.0
"""Above this a cell's "Volts" are suspected to be millivolts; Maccor's cell testers end at 20 V."""


def maccor_recording(
    source: Source, draft: Draft, matches: Mapping[str, Match], about: Metadata
) -> Recording:
    """The recording, with what the header does not say decided by evidence.

    Raises:
        UnreadableFileError: The time's unit or the current's sign can be read in several ways.
    """
    remarks = list(draft.remarks)
    table, units = draft.table, dict(draft.units)
    time_is_open = not matches["test_time_second"].named and (
        "test_time_second" not in draft.clocks
    )
    dated = read_dates(draft.dates, None if time_is_open else table["test_time_second"])
    if time_is_open:
        unit, words = _time_unit(source, table, dated.local)
        times = [c for c in ("test_time_second", "step_time_second") if c in table.columns]
        table = table.with_columns(pl.col(c) * _SECONDS[unit] for c in times)
        units |= dict.fromkeys(times, unit)
        remarks = [r for r in remarks if r.code != "units_not_named" or "Time" not in r.words]
        remarks.append(Remark("note", "time_unit_inferred", words))
        if any(each.code == "day_month_ambiguous" for each in dated.remarks):
            dated = read_dates(draft.dates, table["test_time_second"])
    table, said = _volts(source, table, units)
    remarks += said
    state = table.drop_in_place("state") if "state" in table.columns else None
    table, said = _signed(source, table, state)
    remarks += said
    table = dated.onto(table)
    if state is not None:
        table = table.hstack([state.alias("step_type")])
    counters, said = _counters(table)
    remarks += said
    start = parse_date(about.start_time_text) if dated.local is None else None
    about = replace(about, units=units, unread=draft.unread, start_time=start)
    return Recording(table, about, counters, remarks=(*remarks, *dated.remarks))


def _counters(table: pl.DataFrame) -> tuple[Accumulators | None, list[Remark]]:
    """Maccor's counters count both directions, and reset where the schedule says."""
    if "step_cumulative_capacity_ah" not in table.columns:
        return None, []
    energy = "step_cumulative_energy_wh"
    counters = Accumulators(
        "schedule",
        throughput="step_cumulative_capacity_ah",
        throughput_energy=energy if energy in table.columns else "",
    )
    held, since = table["step_cumulative_capacity_ah"][0], 0.0
    if "step_time_second" in table.columns:
        since = table["step_time_second"][0] or 0.0
        hole = _hole(table)
        if hole is not None:
            return replace(counters, trusted=False), [hole]
    if not held or not since:
        return counters, []
    words = (
        f"The records begin {since:.6g} s into a step: what the counter held then "
        f"({held:.6g} A.h) is not counted."
    )
    return replace(counters, resets="never"), [Remark("note", "begins_within_step", words)]


def _time_unit(source: Source, table: pl.DataFrame, local: pl.Series | None) -> tuple[str, str]:
    time = table["test_time_second"].to_numpy()
    votes: dict[str, str] = {}
    by_counter = _ratio_to_counter(table, time)
    if by_counter is not None:
        unit = _nearest(by_counter)
        if unit:
            votes[unit] = (
                "the current times it agrees with the growth of the capacity counter "
                f"({by_counter:.3g} s a unit)"
            )
    if local is not None and local.count() > 1:
        passed = (local[-1] - local[0]).total_seconds()
        span = float(time[-1] - time[0])
        # Dates are written to the second.
        if span > 0 and passed >= 30:
            unit = _nearest(passed / span)
            if unit:
                votes[unit] = f"{span:.6g} units pass while the dates advance by {passed:.6g} s"
    if len(votes) == 1:
        unit, why = next(iter(votes.items()))
        return unit, f"The header does not say the unit of the time; it is {unit}: {why}."
    raise source.refuse(
        "the time column's unit is not named, and "
        + (
            f"the evidence is at odds ({'; '.join(votes.values())})"
            if votes
            else "neither dates nor the capacity counter tell it"
        ),
        remedy="export with the unit in the header (Test (Sec)), or with DPt Time",
    )


def _ratio_to_counter(table: pl.DataFrame, time: NDArray[np.float64]) -> float | None:
    """Seconds that one unit of time must be for I dt to give the counter's growth."""
    if "step_cumulative_capacity_ah" not in table.columns:
        return None
    counter = table["step_cumulative_capacity_ah"].to_numpy()
    current = np.abs(table["current_ampere"].to_numpy())
    grown, passed = np.diff(counter), np.diff(time)
    mean = (current[1:] + current[:-1]) / 2
    # Only within a step, and where the current is steady.
    steps = table["step_id"].rle_id().to_numpy() if "step_id" in table.columns else np.zeros(1)
    steady = np.abs(np.diff(current)) < 0.02 * np.maximum(current[1:], 1e-12)
    use = steady & (np.diff(steps) == 0) & (grown > 0) & (passed > 0) & (mean > 0)
    if not use.any():
        return None
    return float(np.median(grown[use] * 3600 / (mean[use] * passed[use])))


def _nearest(seconds: float) -> str:
    for unit, size in _SECONDS.items():
        if 0.8 < seconds / size < 1.25:
            return unit
    return ""


def _volts(
    source: Source, table: pl.DataFrame, units: dict[str, str]
) -> tuple[pl.DataFrame, list[Remark]]:
    """Some exports in mA name a column Volts that holds millivolts."""
    volts = table["voltage_volt"].abs()
    high = volts.quantile(0.5)
    if high is None or high <= HIGH_V or units.get("voltage_volt") != "V":
        return table, []
    ratio = _energy_ratio(table)
    if ratio is not None and 500 < ratio < 2000:
        words = (
            f"The column named in V holds numbers about {high:.5g}, but energy over capacity is "
            f"{1 / ratio:.4g} of them in V: they are millivolts."
        )
        units["voltage_volt"] = "mV"
        remark = Remark("warning", "voltage_in_millivolt", words)
        return table.with_columns(pl.col("voltage_volt") / 1000), [remark]
    if ratio is not None and 0.5 < ratio < 2:
        return table, []
    raise source.refuse(
        f"the column named in V holds numbers about {high:.5g}, and nothing in the file tells "
        "whether these are volts or millivolts",
        remedy="export with voltages in V",
    )


def _energy_ratio(table: pl.DataFrame) -> float | None:
    """The voltage column over the mean voltage that the energy and capacity counters show."""
    needed = ("step_cumulative_capacity_ah", "step_cumulative_energy_wh")
    if not all(name in table.columns for name in needed):
        return None
    charge = np.diff(table[needed[0]].to_numpy())
    energy = np.diff(table[needed[1]].to_numpy())
    volts = np.abs(table["voltage_volt"].to_numpy())[1:]
    use = (charge > 0) & (energy > 0)
    if not use.any():
        return None
    return float((volts[use] * charge[use]).sum() / energy[use].sum())


def _signed(
    source: Source, table: pl.DataFrame, state: pl.Series | None
) -> tuple[pl.DataFrame, list[Remark]]:
    current = table["current_ampere"]
    has_negative = bool((current < 0).any())
    if has_negative:
        return table, _contradictions(current, state)
    if not (current > 0).any():
        return table, []
    if state is not None and state.is_in(["C", "D"]).any():
        sign = pl.when(state == "D").then(-1.0).otherwise(1.0)
        words = "The current is unsigned; it is negative where the state is D (discharge)."
        remarks = [Remark("note", "sign_from_state", words)]
        open_ones = int(((current > 0) & ~state.is_in(["C", "D"]).fill_null(value=False)).sum())
        if open_ones:
            seen = sorted(set(state.filter(current > 0).drop_nulls().to_list()) - {"C", "D"})
            words = (
                f"{open_ones} records have a current in a state that is neither C nor D "
                f"({', '.join(seen)}): their sign is not known, they are left positive."
            )
            remarks.append(Remark("error", "sign_unknown", words))
        return table.with_columns(current_ampere=pl.col("current_ampere") * sign), remarks
    return table, _unknown_sign(source, table)


def _contradictions(current: pl.Series, state: pl.Series | None) -> list[Remark]:
    if state is None:
        return []
    wrong = int((((state == "D") & (current > 0)) | ((state == "C") & (current < 0))).sum())
    moving = int((current != 0).sum())
    if wrong <= 0.01 * moving:
        return []
    words = f"The sign of the current is against the state (C, D) in {wrong} of {moving} records."
    return [Remark("error", "sign_against_state", words)]


def _unknown_sign(source: Source, table: pl.DataFrame) -> list[Remark]:
    """No state and no negative current: how the voltage answers is the only evidence."""
    rising, falling = _answers(table)
    words = (
        "The file has no state column and no negative current: whether it charges or discharges "
        "cannot be known"
    )
    if falling:
        raise source.refuse(
            f"{words}, and the voltage falls in {falling} of {rising + falling} steps that carry "
            "current, as in a discharge",
            remedy="export with the State (Md) column, or with signed current",
        )
    seen = f"it rises in all {rising} steps that carry current" if rising else "it tells nothing"
    words = f"{words}. The current is taken to charge; the voltage: {seen}."
    return [Remark("error", "sign_unknown", words)]


def _answers(table: pl.DataFrame) -> tuple[int, int]:
    """In how many steps with current the voltage rises, and in how many it falls."""
    steps = (
        table.with_columns(run=pl.struct("step_id", "cycle_count").rle_id())
        if {"step_id", "cycle_count"} <= set(table.columns)
        else table.with_columns(run=pl.lit(0))
    )
    moved = (
        steps.filter(pl.col("current_ampere") > 0)
        .group_by("run")
        .agg(moved=pl.col("voltage_volt").last() - pl.col("voltage_volt").first())["moved"]
    )
    return int((moved > FLAT_V).sum()), int((moved < -FLAT_V).sum())


def _hole(table: pl.DataFrame) -> Remark | None:
    """A stretch that the export left out: after it a step is already under way."""
    passed = table["test_time_second"].diff()
    usual = passed.median()
    if not isinstance(usual, float) or usual <= 0:
        return None
    under_way = (passed > 100 * usual) & (table["step_time_second"] > 10 * usual)
    jumped = under_way & (table["step_time_second"].diff() < passed - usual)
    if not jumped.any():
        return None
    at = int(jumped.arg_max() or 0)
    words = (
        f"Records are missing between {table['test_time_second'][at - 1]:.6g} s and "
        f"{table['test_time_second'][at]:.6g} s: the capacity counter counts on there, so "
        "capacities are the integral of what the file shows."
    )
    return Remark("warning", "records_missing", words)

"""The checks find what is wrong with a table, and say it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from nodes.cycler.files import Accumulators, Check, Metadata, Recording, read_cycler_file
from nodes.cycler.files._checks import check
from nodes.cycler.files._summary import summarise
from tests.nodes.cycler.files.reference import DATA


def _cell() -> pl.DataFrame:
    """Two cycles of a cell: an hour at 1 A up, an hour at 1 A down, recorded every 10 s."""
    time = np.arange(0.0, 14_401.0, 10.0)
    phase = (time // 3600).astype(int)
    current = np.where(phase % 2 == 0, 1.0, -1.0)
    charged = np.where(phase % 2 == 0, time % 3600, 3600 - time % 3600) / 3600
    return pl.DataFrame(
        {
            "test_time_second": time,
            "voltage_volt": 3.0 + charged,
            "current_ampere": current,
            "unix_time_second": 1.7e9 + time,
            "cycle_count": np.minimum(phase // 2, 1) + 1,
            "step_time_second": time % 3600,
            "step_id": pl.Series(phase).cast(pl.String),
            "power_watt": (3.0 + charged) * current,
            "step_charging_capacity_ah": np.where(current > 0, time % 3600, 0.0) / 3600,
            "step_discharging_capacity_ah": np.where(current < 0, time % 3600, 0.0) / 3600,
        }
    )


def _checked(table: pl.DataFrame) -> dict[str, Check]:
    recording = Recording(table, Metadata("test", "Test"), Accumulators.of(table))
    return {each.name: each for each in check(recording, summarise(recording))}


def test_a_sound_table_passes_every_check() -> None:
    failed = {n: c.words for n, c in _checked(_cell()).items() if c.outcome != "passed"}
    assert not failed


TIME, CURRENT = pl.col("test_time_second"), pl.col("current_ampere")

WRONG: list[tuple[str, pl.Expr, str, str, str]] = [
    ("current 1000 times too small", CURRENT / 1000, "charge", "error", "factor of 1000"),
    ("hours for seconds", TIME / 3600, "charge", "error", "factor of 3600"),
    ("hours for seconds, by the clock", TIME / 3600, "clock", "error", "factor of 3600"),
    ("minutes in step time", pl.col("step_time_second") / 60, "step_time", "error", "factor of 60"),
    ("turned sign", -CURRENT, "sign", "error", "sign is missing or turned round"),
    ("no sign", CURRENT.abs(), "sign", "error", "sign is missing"),
    ("millivolts", pl.col("voltage_volt") * 1000, "sizes", "error", "millivolts taken for volts"),
    ("time that jumps back", (TIME - 500 * (TIME > 9000)).alias("test_time_second"), "time",
     "error", "runs backwards 1 times, by up to 490 s"),
    ("a clock set back", pl.col("unix_time_second") - 300 * (TIME > 9000), "clock", "warning",
     "set back 1 times"),
    ("a pause", pl.col("unix_time_second") + 7200 * (TIME > 9000), "clock", "warning",
     "paused 1 times, 7200 s"),
    ("another power", pl.col("power_watt") / 1000, "power", "error", "factor of 1000"),
    ("cycles that fall", pl.col("cycle_count") * -1, "cycles", "warning", "falls 1 times"),
    ("a counter that counts too little", pl.col("step_discharging_capacity_ah") * 0.9, "charge",
     "warning", "differ by up to 10.0%"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "name", "severity", "words"),
    [pytest.param(*rest, id=title) for title, *rest in WRONG],
)
def test_what_is_wrong_is_found_and_said(
    change: pl.Expr, name: str, severity: str, words: str
) -> None:
    found = _checked(_cell().with_columns(change))[name]
    assert (found.outcome, found.severity) == ("failed", severity)
    assert words in found.words


def test_a_counter_apart_from_the_current_is_not_reported() -> None:
    table = _cell().with_columns(pl.col("step_discharging_capacity_ah") * 0.9)
    summary = summarise(Recording(table, Metadata("", ""), Accumulators.of(table)))
    assert summary.basis == "integral"
    assert "differs by up to 10.0%" in summary.why
    assert summary.cycles["discharge_capacity_vendor_ah"][0] == pytest.approx(0.9, rel=5e-3)
    assert summary.cycles["discharge_capacity_ah"][0] == pytest.approx(1.0, rel=5e-3)


def test_efficiencies_and_mean_voltages() -> None:
    table = _cell()
    cycles = summarise(Recording(table, Metadata("", ""), Accumulators.of(table))).cycles
    assert cycles["cycle"].to_list() == [1, 2]
    assert cycles["coulombic_efficiency"][0] == pytest.approx(1.0, rel=5e-3)
    assert cycles["mean_charge_voltage_volt"][1] == pytest.approx(3.5, abs=0.01)
    assert cycles["duration_second"][1] == pytest.approx(7200, abs=10)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("arbin_example.bdf.csv", "1000 times the current in A"),
        (
            "SINTEF__SLPBA842124HV__2024-10-23__Rate_25degC__Neware__Time_Bug.bdf.csv",
            "time runs backwards",
        ),
    ],
    ids=["unit trap", "time trap"],
)
def test_published_files_with_wrong_units_are_flagged(file: str, words: str) -> None:
    data = read_cycler_file(DATA / "bdf" / file, format="bdf_csv")
    found = [each.words for each in data.failures if each.severity == "error"]
    said = [each.words for each in data.remarks if each.severity == "error"]
    assert any(words in each for each in (*found, *said))

"""Cycles and features from tables, of virtual cells and of several vendors' real files."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.cell import CellInfo
from nodes.cycler._features import features as published_by_the_cycler
from nodes.cycler.files import CyclerData, read_cycler_file
from nodes.degradation._cell import CellData, cell_data
from nodes.degradation._features import GAIN, LEAST, SECOND, VARIANCE, difference
from nodes.degradation._known import NotPredictableError
from nodes.degradation._predict import predict
from nodes.degradation._published_models import published_models
from nodes.degradation._table import TableError, cycles_of, read_table
from tests.nodes.cycler.files.reference import DATA
from tests.nodes.degradation.cells import virtual_table

FILES = {
    "maccor": ("maccor/maccor_three.txt", 15),
    "neware csv": ("neware_csv/nw_regular_export_ife_example.csv", 20),
    "neware ndax": ("neware_nda/nw4-120-1-6-53.ndax", 55),
    "arbin": ("arbin_text/arbin_example.csv", 2),
    "biologic": ("biologic_mpr/jdb11-1_e1_s3_squidTest_data_C15.mpr", 6),
}
"""Real files with several cycles, and how many discharges of some size they hold at least."""


@cache
def real(name: str) -> CyclerData:
    return read_cycler_file(DATA / FILES[name][0], timezone="UTC")


@pytest.mark.parametrize("name", FILES)
def test_cycles_of_vendors_files_are_those_the_cycler_reads(name: str) -> None:
    data, cycles = real(name), cycles_of(real(name).table)
    assert cycles.number.size >= FILES[name][1]
    theirs = dict(data.cycles.select("cycle", "discharge_capacity_ah").iter_rows())
    ours = np.array([theirs[int(number)] for number in cycles.number], dtype=float)
    assert np.median(np.abs(cycles.discharge / ours - 1)) < 0.02
    assert (np.diff(cycles.ended) > 0).all()
    voltage, charge = cycles.curve(int(cycles.number[1]))
    assert (np.diff(voltage) > 0).all()
    assert (np.diff(charge) < 0).all()
    assert charge[0] <= 1.02 * cycles.discharge[1]


@pytest.mark.parametrize("name", FILES)
def test_every_vendors_cell_is_answered_or_refused_in_words(name: str) -> None:
    cell = cell_data(None, table=cycles_of(real(name).table), chemistry="?|?")
    if cell.capacity.size - cell.formation < 10:
        with pytest.raises(NotPredictableError, match="too few"):
            predict(cell, published_models(), CellInfo())
        return
    said = predict(cell, published_models(), CellInfo()).prediction
    assert said.in_domain is False
    assert said.rating.rating <= 2
    assert said.interval_low is not None
    assert said.interval_high is not None
    assert said.interval_low <= said.end_of_life.value <= said.interval_high


def virtual_cell(**said: Any) -> CellData:
    return cell_data(None, table=cycles_of(virtual_table()), chemistry="NMC811|graphite", **said)


def test_formation_and_rates_are_found_in_the_currents() -> None:
    cell = virtual_cell()
    assert cell.formation == 2
    assert "the first 2 cycles ran at another rate" in " ".join(cell.remarks)
    assert cell.charge_rate is not None
    assert 1.2 < cell.charge_rate < 2 * 7.7e-3 / cell.reference  # 2 C, and the voltage held
    assert virtual_cell(formation=1).formation == 1


def test_features_are_those_of_the_cycler_where_both_can_say_them() -> None:
    table = virtual_table()
    curves = cycles_of(table)
    between = difference(curves, 30, None)
    assert between is not None
    cycles = pl.DataFrame(
        {
            "cycle": curves.number, "discharge_capacity_ah": curves.discharge,
            "charge_capacity_ah": curves.discharge, "coulombic_efficiency": 1.0,
            "mean_charge_voltage_volt": 3.8, "mean_discharge_voltage_volt": 3.6,
        }
    )  # fmt: skip

    class Read:
        def __init__(self) -> None:
            self.table, self.cycles = table, cycles

    theirs = published_by_the_cycler(Read()).capacity_vector_variance  # type: ignore[arg-type]
    assert np.log10(np.var(between)) == pytest.approx(theirs, abs=0.05)


def test_features_count_charges_in_amperehours_or_shares() -> None:
    cell = virtual_cell()
    plain, shares = cell.features(30), cell.features(30, per=cell.reference)
    assert plain.keys() == shares.keys() == {VARIANCE, LEAST, SECOND, GAIN}
    assert shares[SECOND] == pytest.approx(plain[SECOND] / cell.reference)
    assert shares[VARIANCE] == pytest.approx(plain[VARIANCE] - 2 * np.log10(cell.reference))
    assert cell.features(31) == {}


def test_what_the_request_says_wins() -> None:
    cell = replace(virtual_cell(), given={VARIANCE: -9.0})
    assert cell.features(30)[VARIANCE] == -9.0


def test_cycles_are_counted_where_the_table_does_not() -> None:
    table = virtual_table()
    plain, counted = cycles_of(table.drop("cycle_count")), cycles_of(table)
    assert plain.number.tolist() == list(range(1, 31))
    assert plain.discharge == pytest.approx(counted.discharge, rel=1e-3)


def test_a_table_is_read_from_parquet_and_csv(tmp_path: Path) -> None:
    table = virtual_table().head(50)
    table.write_parquet(tmp_path / "a.parquet")
    table.write_csv(tmp_path / "a.csv")
    assert read_table(tmp_path / "a.parquet").equals(table)
    assert read_table(tmp_path / "a.csv").columns == table.columns


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (pl.DataFrame({"voltage_volt": [3.0]}), "no test_time_second, current_ampere"),
        (virtual_table().head(0), "no row with time, voltage and current"),
        (virtual_table().with_columns(current_ampere=pl.lit(None)), "no row with time"),
        (virtual_table().with_columns(pl.col("current_ampere").abs()), "nothing was discharged"),
        (virtual_table().with_columns(voltage_volt=pl.lit(float("nan"))), "no row with time"),
    ],
)
def test_a_table_of_no_use_is_refused_in_words(table: pl.DataFrame, words: str) -> None:
    with pytest.raises(TableError, match=words):
        cycles_of(table)


def test_what_is_no_table_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"PAR1 is not enough")
    for path in (tmp_path / "x", tmp_path / "absent", tmp_path):
        with pytest.raises(TableError, match="it is no table"):
            read_table(path)


Column = st.lists(st.one_of(st.floats(-5, 5), st.none(), st.just(float("nan"))), min_size=1,
                  max_size=30)  # fmt: skip


@given(Column, Column, Column, st.booleans())
@settings(max_examples=20, deadline=None)
def test_whatever_a_table_holds_it_is_read_or_refused(
    time: list[Any], voltage: list[Any], current: list[Any], counted: bool
) -> None:
    size = min(len(time), len(voltage), len(current))
    columns = {
        "test_time_second": time[:size], "voltage_volt": voltage[:size],
        "current_ampere": current[:size],
    }  # fmt: skip
    table = pl.DataFrame(columns, strict=False, schema=dict.fromkeys(columns, pl.Float64))
    if counted:
        table = table.with_columns(cycle_count=pl.int_range(pl.len()) // 3)
    try:
        cell = cell_data(None, table=cycles_of(table), chemistry="LFP|graphite")
        predict(cell, published_models(), CellInfo())
    except (TableError, NotPredictableError):
        return

"""Two files of one measurement give one table."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from nodes.cycler.files import read_cycler_file
from tests.nodes.cycler.files.reference import DATA


@pytest.mark.parametrize(
    "name", ["cp", "gcpl.issue_149", "gcpl.issue_211", "gcpl.issue_226.I", "mb.issue_95"]
)
def test_an_mpr_equals_ec_labs_own_text_export(name: str) -> None:
    binary = read_cycler_file(DATA / "biologic_mpr" / f"{name}.mpr")
    text = read_cycler_file(DATA / "biologic_mpt" / f"{name}.mpt")
    assert binary.table.height == text.table.height
    for column, allowed in (
        ("test_time_second", 1e-6),
        ("voltage_volt", 1e-6),
        ("current_ampere", 1e-9),
    ):
        one, other = binary.table[column].to_numpy(), text.table[column].to_numpy()
        np.testing.assert_allclose(one, other, rtol=2e-6, atol=allowed, err_msg=column)
    # EC-Lab counts its cycles from 0, or from 1 in newer versions.
    first = text.table["cycle_count"][0] - binary.table["cycle_count"][0]
    assert (text.table["cycle_count"] - binary.table["cycle_count"] == first).all()
    assert binary.metadata.start_time == text.metadata.start_time
    for column in ("charge_capacity_ah", "discharge_capacity_ah"):
        np.testing.assert_allclose(binary.cycles[column], text.cycles[column], rtol=1e-6)


def test_a_neware_archive_equals_its_csv_export() -> None:
    binary = read_cycler_file(DATA / "neware_nda" / "interp-test.ndax")
    text = read_cycler_file(DATA / "neware_csv" / "interp-test.csv")
    np.testing.assert_allclose(
        binary.table["voltage_volt"], text.table["voltage_volt"], atol=6e-5, rtol=0
    )
    np.testing.assert_allclose(
        binary.table["test_time_second"], text.table["test_time_second"], atol=1e-3, rtol=0
    )


def test_the_parts_of_one_measurement_say_that_they_go_on() -> None:
    rest, cycling = (
        read_cycler_file(DATA / "biologic_mpr" / f"250116_kigr_gen6_01_0{n}_GCPL_CD8.mpr")
        for n in (1, 2)
    )
    assert rest.metadata.start_time == cycling.metadata.start_time
    end = rest.table.select(pl.col("test_time_second").last()).item()
    assert cycling.table["test_time_second"][0] == pytest.approx(end, abs=10)

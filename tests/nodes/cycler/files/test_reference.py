"""Every collected file gives the numbers of reference.csv, or a deviation that is explained."""

from __future__ import annotations

import pytest

from nodes.cycler.files import CyclerData, read_cycler_file
from tests.nodes.cycler.files.reference import DEVIATIONS, NOT_YET, Reference, references


def _id(reference: Reference) -> str:
    return reference.file


READ = [each for each in references() if not each.file.startswith(NOT_YET)]


def test_no_file_is_left_out() -> None:
    assert not NOT_YET
    assert len(READ) == 64
    assert {each.file for each in READ} >= {file for file, _ in DEVIATIONS}


@pytest.mark.parametrize("reference", READ, ids=_id)
def test_a_file_gives_its_reference_numbers(reference: Reference) -> None:
    data = read_cycler_file(reference.path)
    table = data.table
    assert table.height == reference.number("rows")
    assert data.metadata.sha256 == reference.values["sha256"]
    if not table.height:
        return
    assert table["voltage_volt"].min() == pytest.approx(reference.number("v_min"), abs=1e-5)
    assert table["voltage_volt"].max() == pytest.approx(reference.number("v_max"), abs=1e-5)
    cycles = reference.number("cycles")
    if cycles is not None:
        assert table["cycle_count"].n_unique() == cycles
    current, time = table["current_ampere"].drop_nulls(), table["test_time_second"].drop_nulls()
    for column, values in (
        ("i_min_mA", [current.min()]),
        ("i_max_mA", [current.max()]),
        ("duration_s", [(time[-1] - time[0]) / 1000 if len(time) else None]),
        ("q_dis_total_mAh", [total[1] for total in _totals(data)]),
        ("q_chg_total_mAh", [total[0] for total in _totals(data)]),
    ):
        expected = reference.number(column)
        if expected is not None:
            near = pytest.approx(expected / 1000, rel=1e-3, abs=1e-12)
            assert any(value == near for value in values), f"{column}: {values}"
    for kind in ("", "integral_"):
        first, last = _first_and_last(data, "discharge_capacity", kind.rstrip("_"))
        for value, column in ((first, "first"), (last, "last")):
            expected = reference.number(f"q_dis_{kind}{column}_mAh")
            if expected is not None:
                assert value is not None
                assert value * 1000 == pytest.approx(expected, rel=1e-3), f"{kind}{column}"


def _totals(data: CyclerData) -> list[tuple[float, float]]:
    totals = (data.summary.integral_total, data.summary.vendor_total)
    return [total for total in totals if total is not None]


def _first_and_last(
    data: CyclerData, amount: str, basis: str
) -> tuple[float, float] | tuple[None, None]:
    """Of the cycles that discharged more than 1e-9 mAh, as reference.csv defines it."""
    column = f"{amount}_{basis}_ah" if basis else f"{amount}_ah"
    values = data.cycles[column].drop_nulls()
    values = values.filter(values > 1e-12)
    return (values[0], values[-1]) if len(values) else (None, None)

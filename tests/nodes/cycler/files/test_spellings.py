"""The same test in many vendors' spellings is the same table: units, sign, time, date, encoding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from nodes.cycler.files import read_cycler_file
from tests.nodes.cycler.files import spellings
from tests.nodes.cycler.files.spellings import BEGUN, RECORDS, Sheet, workbook

TEXTS = {
    "arbin_csv": (spellings.arbin_mits8, spellings.arbin_milli),
    "maccor_text": (spellings.maccor_unsigned, spellings.maccor_minutes),
    "neware_csv": (spellings.neware_chinese,),
    "neware_nested_csv": (spellings.neware_layers,),
    "biologic_mpt": (spellings.biologic_bare,),
    "novonix_csv": (spellings.novonix_old,),
    "basytec_txt": (spellings.basytec_hours,),
    "pec_csv": (spellings.pec_seconds,),
    "bdf_csv": (spellings.bdf_labels,),
}

CASES = [(name, write) for name, writers in TEXTS.items() for write in writers]


def same(path: Path, name: str) -> None:
    data = read_cycler_file(path)
    table = data.table
    assert data.metadata.format == name
    for column, expected, tolerance in (
        ("test_time_second", [r.time for r in RECORDS], 1e-4),
        ("voltage_volt", [r.volts for r in RECORDS], 1e-9),
        ("current_ampere", [r.amps for r in RECORDS], 1e-9),
    ):
        assert table[column].to_list() == pytest.approx(expected, abs=tolerance)
    assert table["cycle_count"].to_list() == [r.cycle for r in RECORDS]
    assert table["step_id"].to_list() == [str(r.step) for r in RECORDS]
    if "local_time" in table.columns:
        assert table["local_time"][0] == BEGUN
        assert table["local_time"][-1] == RECORDS[-1].date
    cycles = data.cycles
    assert cycles["charge_capacity_ah"].to_list() == pytest.approx([1 / 6, 1 / 6], rel=1e-3)
    assert cycles["discharge_capacity_ah"].to_list() == pytest.approx([1 / 12, 1 / 12], rel=1e-3)
    assert not [remark for remark in data.remarks if remark.severity != "note"]
    assert not [check for check in data.checks if check.severity == "error"]


@pytest.mark.parametrize(("name", "write"), CASES, ids=[f"{n}-{w.__name__}" for n, w in CASES])
def test_a_text_spelling_gives_the_same_table(
    tmp_path: Path, name: str, write: Callable[[], bytes]
) -> None:
    path = tmp_path / "export.txt"
    path.write_bytes(write())
    same(path, name)


def test_workbooks_give_the_same_table(tmp_path: Path) -> None:
    same(workbook(tmp_path / "a.xlsx", {"Sheet1": spellings.landt_sheet()}), "landt_xlsx")
    same(workbook(tmp_path / "b.xlsx", {"record": spellings.neware_sheet()}), "neware_xlsx")
    parts: dict[str, Sheet] = {
        "unit": [["nothing"]],
        "record_2": spellings.neware_sheet(20),
        "record_1": spellings.neware_sheet(0, 20),
    }
    same(workbook(tmp_path / "c.xlsx", parts), "neware_xlsx")
    channel: dict[str, Sheet] = {
        "Global_Info": [["Channel", "Schedule File Name", "Creator"], [8.0, "cc.sdu", "ben"]],
        "Channel_8_2": spellings.arbin_sheet(30),
        "Channel_8_1": spellings.arbin_sheet(0, 30),
    }
    same(workbook(tmp_path / "d.xlsx", channel), "arbin_xlsx")


def test_bdf_is_read_back_from_parquet(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "test_time_second": [r.time for r in RECORDS],
            "voltage_volt": [r.volts for r in RECORDS],
            "current_ampere": [r.amps for r in RECORDS],
            "cycle_count": [r.cycle for r in RECORDS],
            "step_id": [str(r.step) for r in RECORDS],
        }
    )
    path = tmp_path / "table.bdf.parquet"
    frame.write_parquet(path)
    same(path, "bdf_parquet")


def test_columns_may_stand_in_any_order(tmp_path: Path) -> None:
    lines = [line.split(",") for line in spellings.arbin_mits8().decode().split("\r\n") if line]
    path = tmp_path / "export.csv"
    path.write_text("\n".join(",".join(reversed(line)) for line in lines) + "\n")
    same(path, "arbin_csv")

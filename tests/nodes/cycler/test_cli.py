"""``labmesh cycler``: what an operator sees."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from tests.labmesh.cli._lab import Command
from tests.nodes.cycler.files.reference import DATA

MPR = DATA / "biologic_mpr" / "250116_kigr_gen6_01_02_GCPL_CD8.mpr"
NDA = DATA / "neware_nda" / "nda_v8.nda"


@pytest.fixture
def labmesh(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
            tmp_path: Path) -> Command:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    return Command(capsys)


def test_a_file_is_read_and_said(labmesh: Command) -> None:
    shown = labmesh.text("cycler", "read", str(MPR))
    assert "biologic_mpr, BioLogic BT-Lab 1.79" in shown
    assert "(local time, no zone)" in shown
    assert "the charge that the instrument measured" in shown
    assert "interval_current: The file holds no current" in shown
    assert next(line for line in shown.splitlines() if line.startswith("0 ")).split()[1:3] == [
        "2.35011",
        "1.78959",
    ]


def test_tables_are_written_with_their_metadata(labmesh: Command, tmp_path: Path) -> None:
    answer = labmesh("cycler", "read", str(MPR), str(NDA), "-o", "out", "--json").json
    assert [Path(each["parquet"]).name for each in answer] == [
        f"{MPR.stem}.parquet",
        "nda_v8.parquet",
    ]
    assert pl.read_parquet(tmp_path / "out" / "nda_v8.parquet").height == 21
    beside = json.loads((tmp_path / "out" / "nda_v8-metadata.json").read_text())
    assert beside["url"] == "nda_v8.parquet"
    assert answer[1]["cycles"][0]["discharge_capacity_ah"] == pytest.approx(0.3081808e-3)


def test_one_bad_file_does_not_stop_the_others(labmesh: Command, tmp_path: Path) -> None:
    bad = tmp_path / "notes.txt"
    bad.write_text("to do: cycle the cells\n")
    answer = labmesh("cycler", "read", str(bad), str(NDA))
    assert answer.code == 1
    assert "no format recognises this file; it begins with 'to do" in answer.err
    assert "neware_nda" in answer.out


def test_strict_tells_a_script_what_the_checks_found(labmesh: Command) -> None:
    file = str(DATA / "neware_nda" / "empty.ndax")
    assert labmesh("cycler", "read", file).code == 0
    assert labmesh("cycler", "read", file, "--strict").code == 3


def test_a_format_may_be_named(labmesh: Command) -> None:
    answer = labmesh("cycler", "read", str(NDA), "--format", "neware")
    assert answer.code == 1
    assert "there is no format 'neware'" in answer.err
    assert "neware_nda" in answer.err
    answer = labmesh("cycler", "read", str(NDA), "--format", "biologic_mpr")
    assert answer.code == 1
    answer = labmesh("cycler", "read", str(NDA), "--timezone", "Mars/Olympus")
    assert "there is no time zone 'Mars/Olympus'" in answer.err


def test_formats(labmesh: Command) -> None:
    names = {each["format"] for each in labmesh("cycler", "formats", "--json").json}
    assert {"neware_nda", "neware_ndax", "arbin_res", "biologic_mpr"} <= names


def test_a_file_is_drawn(labmesh: Command, tmp_path: Path) -> None:
    parquet = tmp_path / "cell.parquet"
    assert labmesh("cycler", "read", str(MPR), "-o", str(parquet)).code == 0
    assert labmesh("cycler", "plot", str(parquet), "--json").json == {
        "file": "cell.png",
        "records": 3791,
        "cycles": [0, 1, 2],
    }
    assert (tmp_path / "cell.png").read_bytes().startswith(b"\x89PNG")
    answer = labmesh("cycler", "plot", str(parquet), "--cycles", "first")
    assert answer.code == 2
    assert "no numbers of cycles" in answer.err

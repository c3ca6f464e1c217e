"""What a read file becomes: Parquet with CSVW, dQ/dV, a picture, a result for the ledger."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from messages.cycling_data import CyclingDataOutput
from messages.errors import LabmeshError
from nodes.cycler.files import (
    CyclerData,
    UnreadableFileError,
    differential_capacity,
    read_cycler_file,
    read_parquet,
    report,
    write_parquet,
)
from nodes.cycler.files._plot import draw
from tests.nodes.cycler.files.reference import DATA

FILE = DATA / "neware_nda" / "nw4-120-6-1-36.ndax"


@pytest.fixture(scope="module")
def data() -> CyclerData:
    return read_cycler_file(FILE, timezone="Europe/Zurich")


def test_parquet_says_by_itself_what_it_is(data: CyclerData, tmp_path: Path) -> None:
    path = tmp_path / "cell.parquet"
    document = write_parquet(data, path)
    first = path.read_bytes()
    write_parquet(data, path)
    assert path.read_bytes() == first
    table, said = read_parquet(path)
    assert table.equals(data.table)
    assert said == document == json.loads(json.dumps(document))
    columns = {column["name"]: column for column in said["tableSchema"]["columns"]}
    assert columns["current_ampere"] == {
        "name": "current_ampere",
        "titles": "Current / A",
        "datatype": "double",
        "required": True,
        "propertyUrl": "https://w3id.org/battery-data-alliance/ontology/battery-data-format"
        "#current_ampere",
        "schema:unitCode": "A",
    }
    assert said["labmesh:startTime"] == "2025-02-06T09:59:55+00:00"
    assert said["prov:wasDerivedFrom"]["schema:sha256"] == data.metadata.sha256


def test_what_is_no_table_of_ours_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1 and nothing")
    with pytest.raises(UnreadableFileError, match="not a Parquet file"):
        read_parquet(path)
    pl.DataFrame({"a": [1]}).write_parquet(path)
    with pytest.raises(UnreadableFileError, match="no column voltage_volt"):
        read_parquet(path)


@pytest.mark.parametrize("branch", ["charge", "discharge"])
def test_the_area_under_dqdv_is_the_capacity(data: CyclerData, branch: str) -> None:
    curve = differential_capacity(data.table, cycle=3, branch=branch, smooth=0.0)  # type: ignore[arg-type]
    area = float(curve["differential_capacity_ah_per_volt"].sum()) * 0.005
    capacity = float(data.cycles[f"{branch}_capacity_ah"][2])
    # What flows at the end voltage of the charge belongs to no voltage.
    share = 1.0 if branch == "discharge" else 0.87
    assert abs(area) == pytest.approx(share * capacity, rel=0.02)
    assert np.sign(area) == (1 if branch == "charge" else -1)
    assert curve["voltage_volt"].is_sorted()


def test_dqdv_of_a_file_without_charge_is_refused() -> None:
    data = read_cycler_file(DATA / "biologic_mpr" / "test_C01.mpr")
    with pytest.raises(LabmeshError, match="needs a current or a capacity"):
        differential_capacity(data.table)


def test_the_result_for_the_ledger(data: CyclerData) -> None:
    result = report(data)
    assert result.summary.cycle.tolist() == [1, 2, 3, 4, 5]
    assert result.summary.discharge_capacity[0] == pytest.approx(0.03830239)
    assert result.files.raw[0].sha256 == data.metadata.sha256
    assert result.started == data.metadata.start_time
    assert result.consistent
    assert CyclingDataOutput.model_validate(result.model_dump()).records == 7257


def test_a_result_does_not_invent_capacities() -> None:
    result = report(read_cycler_file(DATA / "biologic_mpr" / "test_C01.mpr"))
    assert result.summary.cycle.size == 0
    assert "no_current" in {finding.code for finding in result.findings}


def test_the_picture(data: CyclerData, tmp_path: Path) -> None:
    path = tmp_path / "cell.png"
    assert draw(data.table, path, title="a $cell", cycles=[2, 5]) == [2, 5]
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(LabmeshError, match=r"no cycles \[9\]"):
        draw(data.table, path, title="", cycles=[9])
    assert [each.name for each in tmp_path.iterdir()] == ["cell.png"]

"""A run's folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from messages.errors import StoreError
from messages.formulation_algebra import formulation_from
from nodes.dynamics import DynamicsParameters, RunFolder, make_plan
from nodes.dynamics._store import Record

PLAN = make_plan(formulation_from(1.0, 0.3), 298.15, "quick", DynamicsParameters())
OTHER = make_plan(formulation_from(1.0, 0.3), 300.0, "quick", DynamicsParameters())


def record(value: float) -> Record:
    return Record({"volume": np.array([value])}, "<State/>", {"phase": "density"})


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.begin(PLAN)
    folder.begin(PLAN)
    folder.write(0, record(1.5))
    found = folder.read(0)
    assert found.arrays["volume"].tolist() == [1.5]
    assert (found.state, found.about) == ("<State/>", {"phase": "density"})
    assert folder.plan() == PLAN


def test_segments_count_up_to_the_first_gap(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(PLAN)
    for number in (0, 1, 3):
        folder.write(number, record(number))
    (tmp_path / "segment-00002.npz.new").write_bytes(b"half")
    assert folder.done == 2
    assert not folder.complete
    assert [r.arrays["volume"][0] for r in folder.records()] == [0, 1]


def test_a_damaged_segment_is_named(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(PLAN)
    folder.write(0, record(1))
    (tmp_path / "segment-00000.npz").write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(StoreError, match="cannot be read") as error:
        folder.read(0)
    assert "segment-00000.npz" in error.value.where
    assert "computed again" in error.value.remedy


def test_another_plan_in_the_folder_is_refused(tmp_path: Path) -> None:
    RunFolder(tmp_path).begin(PLAN)
    with pytest.raises(StoreError, match="another run"):
        RunFolder(tmp_path).begin(OTHER)
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(StoreError, match="cannot be used"):
        RunFolder(tmp_path).begin(PLAN)


def test_two_processes_never_compute_one_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(PLAN)
    with (
        folder.locked(),
        pytest.raises(StoreError, match="another process computes this run"),
        RunFolder(tmp_path).locked(patience=0.0),
    ):
        pass
    with folder.locked(patience=0.0):
        pass

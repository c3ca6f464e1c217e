"""Every collected file gives the numbers of reference.csv, or a deviation that is explained."""

from __future__ import annotations

import pytest

from nodes.cycler.files import read_cycler_file
from tests.nodes.cycler.files.reference import NOT_YET, Reference, references


def _id(reference: Reference) -> str:
    return reference.file


READ = [each for each in references() if not each.file.startswith(NOT_YET)]


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

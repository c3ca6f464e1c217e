"""BioLogic's layout: other versions of it, unknown columns, cut and shifted files."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from nodes.cycler.files import UnreadableFileError, read_cycler_file
from tests.nodes.cycler.files.reference import DATA

GCPL = DATA / "biologic_mpr" / "250116_kigr_gen6_01_01_GCPL_CD8.mpr"


def _file(numbers: list[int], records: bytes, count: int, *, version: int, date: str) -> bytes:
    """A file of one data module, as EC-Lab before 11.50 writes it."""
    begin = {0: 100, 2: 405, 3: 406}[version]
    head = struct.pack("<IB", count, len(numbers))
    head += struct.pack(f"<{len(numbers)}{'B' if version == 0 else 'H'}", *numbers)
    body = head.ljust(begin, b"\0") + records
    name = b"VMP data".ljust(10) + b"VMP data".ljust(25)
    module = b"MODULE" + name + struct.pack("<II", len(body), version) + date.encode()
    return b"BIO-LOGIC MODULAR FILE\x1a".ljust(0x34, b" ") + module + body


def _records(extra: int = 0) -> bytes:
    """Flags, time, [something], Ewe, dq: three records of 10 s at 1 mA."""
    lines = [
        struct.pack("<Bd", 0x01, 10.0 * n) + b"?" * extra
        + struct.pack("<fd", 3.5 + n / 10, 0.0 if n == 0 else 10 / 3600)
        for n in range(3)
    ]  # fmt: skip
    return b"".join(lines)


@pytest.mark.parametrize("version", [0, 2, 3])
def test_older_layouts(tmp_path: Path, version: int) -> None:
    path = tmp_path / "old.mpr"
    path.write_bytes(_file([1, 4, 6, 7], _records(), 3, version=version, date="05/06/12"))
    data = read_cycler_file(path)
    np.testing.assert_allclose(data.table["voltage_volt"], [3.5, 3.6, 3.7], rtol=1e-6)
    np.testing.assert_allclose(data.table["current_ampere"], [0, 1e-3, 1e-3], rtol=1e-9)
    assert data.metadata.start_time is None
    assert data.metadata.start_time_text == "2012-05-06"


def test_one_unknown_column_is_left_out_and_said(tmp_path: Path) -> None:
    path = tmp_path / "new.mpr"
    path.write_bytes(_file([1, 4, 999, 6, 7], _records(6), 3, version=3, date="05/06/12"))
    data = read_cycler_file(path)
    np.testing.assert_allclose(data.table["voltage_volt"], [3.5, 3.6, 3.7], rtol=1e-6)
    said = {remark.code: remark.words for remark in data.remarks}
    assert said["unknown_columns"] == "EC-Lab's column 999 (6 bytes) is not known and left out."


def test_two_unknown_columns_before_the_voltage_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "newer.mpr"
    path.write_bytes(_file([1, 4, 998, 999, 6, 7], _records(8), 3, version=3, date="05/06/12"))
    with pytest.raises(UnreadableFileError, match=r"none is a voltage Ewe.*as text \(.mpt\)"):
        read_cycler_file(path)


def test_records_of_another_length_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.mpr"
    path.write_bytes(_file([1, 4, 6, 8], _records(), 3, version=3, date="05/06/12"))
    with pytest.raises(UnreadableFileError, match="do not have the length of their columns"):
        read_cycler_file(path)


def test_a_cut_file_gives_what_is_there_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "cut.mpr"
    path.write_bytes(GCPL.read_bytes()[:17_000])
    data = read_cycler_file(path)
    whole = read_cycler_file(GCPL)
    assert 0 < data.table.height < 392
    np.testing.assert_array_equal(
        data.table["voltage_volt"], whole.table["voltage_volt"][: data.table.height]
    )
    assert (
        f"{data.table.height} of 392 records are there"
        in {remark.code: remark.words for remark in data.remarks}["truncated"]
    )


def test_shifted_records_are_said(tmp_path: Path) -> None:
    path = tmp_path / "shifted.mpr"
    content = GCPL.read_bytes()
    path.write_bytes(content[:10_000] + content[10_100:])
    codes = {remark.code: remark.severity for remark in read_cycler_file(path).remarks}
    assert codes["damaged"] == "error"

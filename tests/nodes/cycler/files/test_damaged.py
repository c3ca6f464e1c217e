"""Whatever the bytes are: a file is read, or refused with a sentence; nothing else happens."""

from __future__ import annotations

import random
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from messages.errors import LabmeshError
from nodes.cycler.files import FORMATS, UnreadableFileError, read_cycler_file
from tests.nodes.cycler.files.reference import NOT_YET, references

SMALL = [
    each.path
    for each in references()
    if int(each.values["bytes"]) < 60_000 and not each.file.startswith(NOT_YET)
]


def _read(path: Path, form: str | None = None) -> None:
    with suppress(LabmeshError):
        read_cycler_file(path, format=form)


@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_are_read_or_refused(tmp_path: Path, seed: int) -> None:
    random_ = random.Random(seed)
    for path in SMALL:
        data = bytearray(path.read_bytes())
        kind = random_.choice(("cut", "flip", "zero", "insert", "head"))
        at = random_.randrange(len(data))
        if kind == "cut":
            data = data[:at]
        elif kind == "flip":
            for _ in range(20):
                data[random_.randrange(len(data))] ^= 1 << random_.randrange(8)
        elif kind == "zero":
            data[at : at + 200] = bytes(len(data[at : at + 200]))
        elif kind == "insert":
            data[at:at] = random_.randbytes(50)
        else:
            for _ in range(20):
                data[random_.randrange(min(2000, len(data)))] = random_.randrange(256)
        damaged = tmp_path / path.name
        damaged.write_bytes(bytes(data) or b"\n")
        _read(damaged)
        damaged.unlink()


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.one_of(st.binary(min_size=1, max_size=400), st.text(min_size=1).map(str.encode)))
def test_arbitrary_bytes_are_refused_by_every_format(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(data)
    _read(path)
    for each in FORMATS:
        if each.name != "arbin_res":  # a process each time: one example is below
            _read(path, each.name)


def test_a_wrong_suffix_does_not_mislead(tmp_path: Path) -> None:
    by_format: dict[str, Path] = {}
    for path in SMALL:
        by_format.setdefault(read_cycler_file(path).metadata.format, path)
    for name, path in by_format.items():
        moved = tmp_path / f"{path.stem}.dat"
        moved.write_bytes(path.read_bytes())
        assert read_cycler_file(moved).metadata.format == name


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("empty.csv", b"", "empty"),
        ("blank.txt", b"\n\n\n", "no format recognises"),
        ("text.csv", b"a,b,c\n1,2,3\n", "begins with 'a,b,c'"),
        ("noise.mpr", bytes(range(256)) * 4, "no format recognises"),
        ("long.csv", b"x" * 3_000_000, "no format recognises"),
        ("jet.res", b"\x00\x01\x00\x00Standard Jet DB\x00" + bytes(5000), "cannot be exported"),
        ("short.mpr", b"BIO-LOGIC MODULAR FILE\x1a" + b" " * 25 + bytes(4), "VMP data is missing"),
        ("head.nda", b"NEWARE20200325\x1d\x00", "reading failed"),
    ],
)
def test_what_is_no_cycler_file_is_refused_in_words(
    tmp_path: Path, name: str, data: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(UnreadableFileError, match=words) as raised:
        read_cycler_file(path)
    assert name in str(raised.value)


def test_an_archive_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.ndax"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.ndc", bytes(100 * 2**20))
    with pytest.raises(UnreadableFileError, match="would unpack to 104857600 bytes"):
        read_cycler_file(path)


def test_what_two_formats_recognise_is_refused_with_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nodes.cycler.files._read.FORMATS", (FORMATS[0], FORMATS[0], FORMATS[1]))
    nda = next(path for path in SMALL if path.name == "nda_v8.nda")
    with pytest.raises(UnreadableFileError, match=r"ambiguous.*and.*say which"):
        read_cycler_file(nda)

"""Workbooks through python-calamine: an .xls in a process of its own, an .xlsx after a look at it.

A damaged .xls can make the library ask for terabytes, which ends the whole process; so can an .xlsx
with a cell in the last corner of its sheet.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from python_calamine import CalamineWorkbook

Cell = str | float | bool | datetime | date | time | timedelta | None
Rows = Sequence[Sequence[Cell]]

OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MAX_SHEETS: Final = 64
MAX_CELLS: Final = 100_000_000
MAX_SHEET_BYTES: Final = 2**30
_MEMORY: Final = 4 * 2**30
_SECONDS: Final = 120.0

_CHILD: Final = r"""
import datetime, json, sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]),) * 2)
except (ImportError, ValueError, OSError):
    pass
from python_calamine import CalamineWorkbook
def plain(cell):
    if isinstance(cell, datetime.timedelta):
        return {"timedelta": cell.total_seconds()}
    return {type(cell).__name__: cell.isoformat()}
with open(sys.argv[1], "rb") as opened:
    book = CalamineWorkbook.from_filelike(opened)
for name in book.sheet_names[:64]:
    rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    print(json.dumps([name, rows], default=plain))
"""


@dataclass(frozen=True)
class Book:
    """A workbook: its sheets, and how to get the rows of one."""

    sheet_names: list[str]
    rows: Callable[[str], Rows]


def open_xls(path: Path) -> Book:
    """An .xls; its rows are kept until the next one is opened.

    Raises:
        ValueError: It is damaged.
    """
    status = path.stat()
    sheets = _apart(path, status.st_size, status.st_mtime_ns)
    return Book(list(sheets), lambda name: sheets[name])


@lru_cache(maxsize=1)
def _apart(path: Path, *_seen: int) -> dict[str, Rows]:
    command = [sys.executable, "-I", "-c", _CHILD, str(path.absolute()), str(_MEMORY)]
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"it could not be read in {_SECONDS:.0f} s") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["nothing said"]
        raise ValueError(f"it is damaged ({said[-1][:200]})")
    lines = done.stdout.decode("utf-8").splitlines()
    return dict(json.loads(line, object_hook=_cell) for line in lines)


def _cell(kept: dict[str, Any]) -> Cell:
    (kind, value), *_ = kept.items()
    if kind == "timedelta":
        return timedelta(seconds=value)
    kinds: dict[str, Callable[[str], Cell]] = {
        "datetime": datetime.fromisoformat,
        "date": date.fromisoformat,
        "time": time.fromisoformat,
    }
    return kinds[kind](value)


def open_xlsx(data: bytes) -> Book:
    """An .xlsx.

    Raises:
        ValueError: It is damaged, or spans more cells than a computer holds.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry in archive.infolist():
            if entry.filename.startswith("xl/worksheets/") and entry.filename.endswith(".xml"):
                if entry.file_size > MAX_SHEET_BYTES:
                    raise ValueError(f"{entry.filename} unpacks to {entry.file_size} bytes")
                _measure(entry.filename, archive.read(entry))
    with calm():
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))

    def rows(name: str) -> Rows:
        with calm():
            return list(book.get_sheet_by_name(name).to_python(skip_empty_area=False))

    return Book(list(book.sheet_names[:MAX_SHEETS]), rows)


_FAR: Final = re.compile(rb"""r\s*=\s*["'](?:[A-Z]{3}|[A-Z]{0,2}\d{6})""")
"""A cell or row beyond column ZZ or row 99 999; else a sheet has 70 million cells at most."""

_COLUMN: Final = re.compile(rb"""\br\s*=\s*["']([A-Z]{1,3})\d""")
_ROW: Final = re.compile(rb"""\br\s*=\s*["'][A-Z]{0,3}(\d{1,9})["']""")


def _measure(name: str, xml: bytes) -> None:
    if _FAR.search(xml) is None:
        return
    widest = max((_number(letters) for letters in set(_COLUMN.findall(xml))), default=1)
    lines = max((int(number) for number in _ROW.findall(xml)), default=1)
    if widest * lines > MAX_CELLS:
        raise ValueError(f"{name} spans {widest} columns and {lines} rows")


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


@contextmanager
def calm() -> Iterator[None]:
    """Calamine panics on some damaged workbooks, past every ``except Exception``."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise ValueError(f"it is damaged ({error})") from error

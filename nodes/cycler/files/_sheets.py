"""Spreadsheets (xls, xlsx): which sheets they have, how these begin, and their rows.

Recognition must be quick whatever the size, so of an xlsx only the beginning of each sheet's XML is
looked at (ECMA-376 part 1, sections 18.3 and 18.4); all of it is read by python-calamine.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from html import unescape
from pathlib import Path
from typing import Final

import polars as pl
from python_calamine import CalamineError

from nodes.cycler.files._source import Head, Source
from nodes.cycler.files._workbook import MAX_SHEETS, OLE, Book, Cell, Rows, open_xls, open_xlsx

PEEK_ROWS: Final = 12
PEEK_BYTES: Final = 64 * 1024
MAX_STRINGS: Final = 4 * 2**20
MAX_XLS_BYTES: Final = 64 * 2**20

_DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    CalamineError,
    OSError,
    ValueError,
    KeyError,
    EOFError,
    NotImplementedError,
    RuntimeError,
)


@dataclass(frozen=True)
class Sheet:
    """The first rows of a sheet, as text; dates are the numbers that spreadsheets keep."""

    name: str
    rows: tuple[tuple[str, ...], ...]


def peek(head: Head) -> tuple[Sheet, ...]:
    """How the sheets of a workbook begin; none when it is no (readable) workbook."""
    if head.path is None:
        return ()
    if "xl/workbook.xml" in head.members or head.data.startswith(OLE):
        return _peeked(head.path, head.size, head.data[:512])
    return ()


@lru_cache(maxsize=4)
def _peeked(path: Path, size: int, begin: bytes) -> tuple[Sheet, ...]:
    try:
        if begin.startswith(OLE):
            return tuple(_xls(path)) if size <= MAX_XLS_BYTES else ()
        with zipfile.ZipFile(path) as archive:
            return tuple(_xlsx(archive))
    except _DAMAGE:
        return ()


def _xls(path: Path) -> Iterator[Sheet]:
    book = open_xls(path)
    for name in book.sheet_names:
        rows = book.rows(name)[:PEEK_ROWS]
        yield Sheet(name, tuple(tuple(text_of(cell) for cell in row) for row in rows))


def _xlsx(archive: zipfile.ZipFile) -> Iterator[Sheet]:
    with archive.open("xl/workbook.xml") as opened:
        book = opened.read(1 << 20).decode("utf-8", errors="replace")
    targets = {}
    if "xl/_rels/workbook.xml.rels" in archive.namelist():
        with archive.open("xl/_rels/workbook.xml.rels") as opened:
            for relation in re.findall(
                r"<[^>]*Relationship\s[^>]*>", opened.read(1 << 20).decode()
            ):
                found = _attribute(relation, "Id"), _attribute(relation, "Target")
                targets[found[0]] = found[1]
    strings: list[str] | None = None
    for number, tag in enumerate(re.findall(r"<(?:\w+:)?sheet\s[^>]*>", book)[:MAX_SHEETS], 1):
        target = targets.get(_attribute(tag, "r:id"), f"worksheets/sheet{number}.xml")
        member = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        with archive.open(member) as opened:
            xml = opened.read(PEEK_BYTES).decode("utf-8", errors="replace")
        if strings is None and 't="s"' in xml:
            strings = _strings(archive)
        yield Sheet(unescape(_attribute(tag, "name")), tuple(_rows(xml, strings or [])))


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'\s{name}="([^"]*)"', tag)
    return found.group(1) if found else ""


def _strings(archive: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    with archive.open("xl/sharedStrings.xml") as opened:
        xml = opened.read(MAX_STRINGS).decode("utf-8", errors="replace")
    items = re.findall(r"<(?:\w+:)?si>(.*?)</(?:\w+:)?si>", xml, re.DOTALL)
    return [_inner(item) for item in items]


def _inner(xml: str) -> str:
    parts = re.findall(r"<(?:\w+:)?t(?:\s[^>]*)?>(.*?)</(?:\w+:)?t>", xml, re.DOTALL)
    return unescape("".join(parts))


_CELL: Final = re.compile(r"<(?:\w+:)?c\s([^>]*?)(?:/>|>(.*?)</(?:\w+:)?c>)", re.DOTALL)


def _rows(xml: str, strings: Sequence[str]) -> Iterator[tuple[str, ...]]:
    found = re.findall(r"<(?:\w+:)?row[\s>].*?</(?:\w+:)?row>", xml, re.DOTALL)
    for row in found[:PEEK_ROWS]:
        cells: list[str] = []
        for attributes, inner in _CELL.findall(row):
            place = re.search(r'r="([A-Z]+)\d+"', attributes)
            column = _column(place.group(1)) if place else len(cells)
            if column > 4000:
                break
            cells += [""] * (column - len(cells))
            value = re.search(r"<(?:\w+:)?v[^>]*>(.*?)</(?:\w+:)?v>", inner, re.DOTALL)
            text = unescape(value.group(1)) if value else _inner(inner)
            if 't="s"' in attributes:
                index = int(text) if text.isdigit() else -1
                text = strings[index] if 0 <= index < len(strings) else ""
            cells.append(text)
        yield tuple(cells)


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def text_of(cell: Cell) -> str:
    """A cell as text; whole numbers without a point."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell)


def open_book(source: Source) -> Book:
    """The workbook.

    Raises:
        UnreadableFileError: It is damaged, protected or too large.
    """
    try:
        return open_xls(source.path) if source.data.startswith(OLE) else open_xlsx(source.data)
    except _DAMAGE as error:
        raise source.refuse(
            f"the workbook cannot be opened: {error}",
            remedy="open it in a spreadsheet program, save it without password, or export again",
        ) from error


def sheet_rows(source: Source, book: Book, name: str) -> Rows:
    """All rows of a sheet.

    Raises:
        UnreadableFileError: The sheet is damaged.
    """
    try:
        return book.rows(name)
    except _DAMAGE as error:
        raise source.refuse(f"sheet {name!r} cannot be read: {error}") from error


def cells_as_series(cells: Sequence[Cell]) -> pl.Series:
    """A column of cells: numbers where all are, dates where all are, else text; blanks are null."""
    if type(cells[0]) is float:
        with suppress(TypeError):
            return pl.Series(cells, dtype=pl.Float64, strict=True)
    there = [cell for cell in cells if cell is not None and cell != ""]
    blank_free = [None if cell == "" else cell for cell in cells]
    if all(isinstance(cell, (int, float)) for cell in there):
        return pl.Series(blank_free, dtype=pl.Float64, strict=False)
    if all(_is_number_as_date(cell) for cell in there):
        return pl.Series([_serial(cell) for cell in blank_free], dtype=pl.Float64)
    if all(isinstance(cell, date) for cell in there):
        return pl.Series([_midnight(cell) for cell in blank_free], dtype=pl.Datetime("us"))
    if all(isinstance(cell, timedelta) for cell in there):
        return pl.Series([_seconds(cell) for cell in blank_free], dtype=pl.Float64)
    return pl.Series([None if cell is None else text_of(cell).strip() for cell in blank_free])


def _midnight(cell: Cell) -> Cell:
    """A date with its time of day, which some exports leave out at midnight."""
    if isinstance(cell, date) and not isinstance(cell, datetime):
        return datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001
    return cell


def _seconds(cell: Cell) -> float | None:
    return cell.total_seconds() if isinstance(cell, timedelta) else None


def _is_number_as_date(cell: Cell) -> bool:
    """Numbers in cells that some exports format as dates: 3.54 V shows as 1900-01-03 12:58."""
    if isinstance(cell, date):
        return cell.year <= 1900
    return isinstance(cell, (time, int, float))


def _serial(cell: Cell) -> float | None:
    if isinstance(cell, datetime):
        # Day 1 of spreadsheets is 1900-01-01 up to day 60, which never was.
        return (cell - datetime(1899, 12, 31)).total_seconds() / 86400  # noqa: DTZ001
    if isinstance(cell, date):
        return float((cell - date(1899, 12, 31)).days)
    if isinstance(cell, time):
        seconds = cell.hour * 3600 + cell.minute * 60 + cell.second + cell.microsecond / 1e6
        return seconds / 86400
    return float(cell) if isinstance(cell, (int, float)) else None

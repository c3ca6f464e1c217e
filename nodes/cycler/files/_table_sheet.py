"""A table on a sheet of a workbook, read by rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from nodes.cycler.files._assemble import Draft, Rule, assemble, match
from nodes.cycler.files._grid import Grid
from nodes.cycler.files._recording import Remark
from nodes.cycler.files._sheets import (
    Sheet,
    cells_as_series,
    sheet_rows,
    text_of,
)
from nodes.cycler.files._source import Source
from nodes.cycler.files._workbook import Book, Cell

Accepts = Callable[[list[str]], bool]


def header_row(rows: Sequence[Sequence[str]], accepts: Accepts) -> int | None:
    """Which row names the columns asked for."""
    for number, row in enumerate(rows):
        if accepts([text.strip() for text in row]):
            return number
    return None


def sheets_with(sheets: Sequence[Sheet], accepts: Accepts) -> list[Sheet]:
    """The sheets on which a table begins."""
    return [sheet for sheet in sheets if header_row(sheet.rows, accepts) is not None]


def read_sheet(
    source: Source,
    book: Book,
    name: str,
    rules: Sequence[Rule],
    accepts: Accepts,
) -> tuple[Draft, Sequence[Sequence[Cell]]]:
    """The table of a sheet, and the rows above it.

    Raises:
        UnreadableFileError: It has no such table, no records, or too much is damaged.
    """
    rows = sheet_rows(source, book, name)
    begin = header_row([[text_of(cell) for cell in row] for row in rows[:60]], accepts)
    if begin is None:
        raise source.refuse("no row names the columns that are needed", at=f"sheet {name!r}")
    headers = [text_of(cell).strip() for cell in rows[begin]]
    records = [row for row in rows[begin + 1 :] if row.count("") < len(row)]
    if not records:
        raise source.refuse(
            "the header was recognised, but no record follows it", at=f"sheet {name!r}"
        )
    width = len(headers)
    padded = (row if len(row) == width else [*row, *[None] * (width - len(row))] for row in records)
    columns = list(zip(*padded, strict=False))
    grid = Grid(headers, lambda index: cells_as_series(columns[index]), len(records))
    return assemble(source, grid, match(headers, rules)), rows[:begin]


def placed(draft: Draft, name: str) -> Draft:
    """The draft with its remarks naming their sheet."""
    said = [Remark(r.severity, r.code, f"Sheet {name!r}: {r.words}") for r in draft.remarks]
    return replace(draft, remarks=said)

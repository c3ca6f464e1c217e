"""Maccor exports as workbooks: sheets ``Data``, ``Data 2`` ... of one test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

import polars as pl

from nodes.cycler.files._assemble import Draft, key, match
from nodes.cycler.files._maccor import MACCOR_RULES, has_preamble, is_after_preamble, is_maccor
from nodes.cycler.files._maccor_reading import maccor_recording
from nodes.cycler.files._recording import Metadata, Recording, Remark
from nodes.cycler.files._sheets import Sheet, open_book, peek, text_of
from nodes.cycler.files._source import Head, Recognition, Source
from nodes.cycler.files._table_sheet import header_row, placed, read_sheet
from nodes.cycler.files._workbook import Cell


@dataclass(frozen=True)
class MaccorXls:
    """Maccor's workbooks."""

    name: str = "maccor_xls"
    vendor: str = "Maccor"
    title: str = "Maccor workbook (.xls, .xlsx)"
    suffixes: tuple[str, ...] = (".xls", ".xlsx")

    def recognise(self, head: Head) -> Recognition | None:
        """By its words for the columns, below its preamble."""
        for sheet in peek(head):
            if _is_data(sheet):
                words = [f"sheet {sheet.name!r} names Maccor's columns"]
                if has_preamble([row[0] for row in sheet.rows if row]):
                    words.append("its first row is Maccor's preamble")
                return Recognition(0.8 + 0.1 * (len(words) - 1), tuple(words))
        return None

    def read(self, source: Source) -> Recording:
        """Read all data sheets as one test."""
        book = open_book(source)
        names = [sheet.name for sheet in peek(source.head) if _is_data(sheet)]
        if not names:
            raise source.refuse("no sheet names Maccor's columns")
        drafts: list[Draft] = []
        about = Metadata(self.name, self.vendor)
        for name in names:
            draft, above = read_sheet(source, book, name, MACCOR_RULES, is_after_preamble)
            drafts.append(placed(draft, name) if len(names) > 1 else draft)
            if name == names[0]:
                about = _said(about, above)
        first = drafts[0]
        remarks = [remark for draft in drafts for remark in draft.remarks]
        if len(names) > 1:
            words = f"Sheets {', '.join(names)} are read as one test."
            remarks.append(Remark("note", "parts_joined", words))
        dates = [draft.dates for draft in drafts if draft.dates is not None]
        whole = replace(
            first,
            table=pl.concat([draft.table for draft in drafts], how="diagonal_relaxed"),
            dates=pl.concat(dates) if dates and len(dates) == len(drafts) else None,
            remarks=remarks,
        )
        headers = next(sheet for sheet in peek(source.head) if sheet.name == names[0])
        row = header_row(headers.rows, is_after_preamble) or 0
        return maccor_recording(source, whole, match(headers.rows[row], MACCOR_RULES), about)


def _is_data(sheet: Sheet) -> bool:
    preamble = has_preamble([row[0] for row in sheet.rows if row])
    return header_row(sheet.rows, is_after_preamble if preamble else is_maccor) is not None


def _said(about: Metadata, rows: Sequence[Sequence[Cell]]) -> Metadata:
    facts: dict[str, Cell] = {}
    for row in rows:
        for label, value in pairwise(row):
            if isinstance(label, str) and value not in {None, ""}:
                facts.setdefault(key(label), value)
    start = facts.get("dateoftest")
    return replace(
        about,
        start_time=start if isinstance(start, datetime) else None,
        start_time_text=text_of(start),
        cell=_clean(facts.get("filename")),
        protocol=_clean(facts.get("procedure")),
    )


def _clean(cell: Cell) -> str:
    return text_of(cell).replace("\x00", "").strip()

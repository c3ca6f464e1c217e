"""Neware BTS exports as workbooks: one or more sheets of records beside cycles and steps."""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from nodes.cycler.files._neware_columns import NEWARE_RULES, is_neware, neware_recording
from nodes.cycler.files._recording import Metadata, Recording, Remark
from nodes.cycler.files._sheets import open_book, peek
from nodes.cycler.files._source import Head, Recognition, Source
from nodes.cycler.files._table_sheet import placed, read_sheet, sheets_with


@dataclass(frozen=True)
class NewareXlsx:
    """Neware's workbooks."""

    name: str = "neware_xlsx"
    vendor: str = "Neware"
    title: str = "Neware BTS workbook (.xlsx, .xls)"
    suffixes: tuple[str, ...] = (".xlsx", ".xls")

    def recognise(self, head: Head) -> Recognition | None:
        """By its words for the columns of records."""
        found = sheets_with(peek(head), is_neware)
        if not found:
            return None
        evidence = [f"sheet {found[0].name!r} names Neware's columns of records"]
        if found[0].name.lower().startswith("record"):
            return Recognition(0.9, (*evidence, "the sheet's name is that of BTSDA's records"))
        return Recognition(0.8, tuple(evidence))

    def read(self, source: Source) -> Recording:
        """Read all sheets of records, in the order of their record numbers."""
        names = [sheet.name for sheet in sheets_with(peek(source.head), is_neware)]
        if not names:
            raise source.refuse("no sheet names Neware's columns of records")
        book = open_book(source)
        drafts = []
        for name in names:
            draft, _ = read_sheet(source, book, name, NEWARE_RULES, is_neware)
            drafts.append(placed(draft, name) if len(names) > 1 else draft)
        drafts.sort(key=lambda draft: _first_record(draft.table))
        remarks = [remark for draft in drafts for remark in draft.remarks]
        if len(names) > 1:
            words = f"Sheets {', '.join(names)} are read as one test."
            remarks.append(Remark("note", "parts_joined", words))
        dates = [draft.dates for draft in drafts if draft.dates is not None]
        whole = replace(
            drafts[0],
            table=pl.concat([draft.table for draft in drafts], how="diagonal_relaxed"),
            dates=pl.concat(dates) if dates and len(dates) == len(drafts) else None,
            remarks=remarks,
        )
        about = Metadata(self.name, self.vendor, units=whole.units, unread=whole.unread)
        return neware_recording(whole, about)


def _first_record(table: pl.DataFrame) -> float:
    first = table["record_index"][0] if "record_index" in table.columns else None
    return float(first) if first is not None else 0.0

"""Arbin MITS exports as workbooks: one or more ``Channel_n_m`` sheets beside ``Global_Info``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from nodes.cycler.files._arbin import ARBIN_RULES, arbin_recording, is_arbin
from nodes.cycler.files._recording import Metadata, Recording, Remark
from nodes.cycler.files._sheets import open_book, peek, sheet_rows, text_of
from nodes.cycler.files._source import Head, Recognition, Source
from nodes.cycler.files._table_sheet import placed, read_sheet, sheets_with
from nodes.cycler.files._workbook import Cell


@dataclass(frozen=True)
class ArbinXlsx:
    """Arbin's spreadsheet export."""

    name: str = "arbin_xlsx"
    vendor: str = "Arbin"
    title: str = "Arbin MITS workbook (.xlsx, .xls)"
    suffixes: tuple[str, ...] = (".xlsx", ".xls")

    def recognise(self, head: Head) -> Recognition | None:
        """By the words for its columns on a sheet's first row."""
        sheets = peek(head)
        found = sheets_with(sheets, is_arbin)
        if not found:
            return None
        evidence = [f"sheet {found[0].name!r} names Arbin's columns"]
        if any(sheet.name.replace(" ", "_").lower() == "global_info" for sheet in sheets):
            return Recognition(0.9, (*evidence, "there is a sheet 'Global_Info'"))
        return Recognition(0.8, tuple(evidence))

    def read(self, source: Source) -> Recording:
        """Read all channel sheets as one test; two channels in one workbook are refused."""
        book = open_book(source)
        names = [sheet.name for sheet in sheets_with(peek(source.head), is_arbin)]
        if not names:
            raise source.refuse("no sheet names Arbin's columns")
        channels = {_channel(name) for name in names}
        if len(channels) > 1:
            raise source.refuse(
                f"the workbook holds {len(channels)} channels ({', '.join(sorted(channels))})",
                remedy="export each channel into a workbook of its own",
            )
        names.sort(key=_number)
        drafts = []
        for name in names:
            draft, _ = read_sheet(source, book, name, ARBIN_RULES, is_arbin)
            drafts.append(placed(draft, name) if len(names) > 1 else draft)
        remarks = [remark for draft in drafts for remark in draft.remarks]
        if len(names) > 1:
            words = f"Sheets {', '.join(names)} are read as one test."
            remarks.append(Remark("note", "parts_joined", words))
        about = Metadata(self.name, self.vendor)
        for sheet in book.sheet_names:
            if sheet.replace(" ", "_").lower() == "global_info":
                about = _info(about, sheet_rows(source, book, sheet))
        return arbin_recording(drafts, about, remarks)


def _channel(sheet: str) -> str:
    """``Channel_1-008_2`` is the second part of channel ``1-008``."""
    return re.sub(r"_\d+$", "", sheet) if sheet.count("_") > 1 else sheet


def _number(sheet: str) -> tuple[int, str]:
    found = re.search(r"_(\d+)$", sheet)
    return (int(found.group(1)) if found else 0, sheet)


def _info(about: Metadata, rows: Sequence[Sequence[Cell]]) -> Metadata:
    for headers, values in pairwise(rows):
        names = [text_of(cell).strip() for cell in headers]
        if "Channel" not in names or "Schedule File Name" not in names:
            continue
        said = {name: text_of(cell).strip() for name, cell in zip(names, values, strict=False)}
        return replace(
            about,
            channel=said.get("Channel", ""),
            protocol=said.get("Schedule File Name", ""),
            operator=said.get("Creator", ""),
            comment=said.get("Comments", ""),
            software=said.get("Software Version", ""),
        )
    return about

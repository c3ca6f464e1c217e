"""Arbin MITS exports: CSV with and without units, split into ``_Wb_n`` parts or not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from nodes.cycler.files._assemble import Draft, Rule, key
from nodes.cycler.files._bdf import is_bdf
from nodes.cycler.files._clock import read_dates
from nodes.cycler.files._recording import Metadata, Recording, Remark
from nodes.cycler.files._source import Head, Recognition, Source
from nodes.cycler.files._table_text import find_header, has_columns, head_lines, read_table

# Units of columns that name none: those of Arbin's own data base (MITS Pro manual, "Data columns").
ARBIN_RULES: Final = (
    Rule("test_time_second", ("Test_Time",), "s"),
    Rule("voltage_volt", ("Voltage",), "V"),
    Rule("current_ampere", ("Current",), "A"),
    Rule("date", ("Date_Time", "DateTime"), kind="text"),
    Rule("cycle_count", ("Cycle_Index",), "1"),
    Rule("step_id", ("Step_Index",)),
    Rule("step_time_second", ("Step_Time",), "s"),
    Rule("record_index", ("Data_Point",), "1"),
    Rule("schedule_charging_capacity_ah", ("Charge_Capacity",), "Ah"),
    Rule("schedule_discharging_capacity_ah", ("Discharge_Capacity",), "Ah"),
    Rule("schedule_charging_energy_wh", ("Charge_Energy",), "Wh"),
    Rule("schedule_discharging_energy_wh", ("Discharge_Energy",), "Wh"),
    Rule("power_watt", ("Power",), "W"),
    Rule("dc_internal_resistance_ohm", ("Internal_Resistance",), "Ohm"),
    Rule("ac_internal_resistance_ohm", ("ACR",), "Ohm"),
    Rule("temperature_t1_celsius", ("Aux_Temperature_1", "Temperature", "Cell_Temperature"), "C"),
    Rule("temperature_t2_celsius", ("Aux_Temperature_2",), "C"),
    Rule("temperature_t3_celsius", ("Aux_Temperature_3",), "C"),
    Rule("ambient_temperature_celsius", ("Environment_Temperature",), "C"),
)

_STATISTICS: Final = {"vmaxoncyclev", "coulombicefficiency", "chargetimes", "chargetime"}
"""Columns of the files with one line a cycle or step, which lie beside those with records."""

_PART: Final = re.compile(r"^(?P<stem>.*_Wb_)(?P<number>\d+)(?P<suffix>\.csv)$", re.IGNORECASE)


def is_arbin(names: Sequence[str]) -> bool:
    """Whether these columns' names are Arbin's: its words for time, cycle and counters."""
    needed = ("test_time_second", "voltage_volt", "current_ampere")
    return (
        # Written so by Arbin alone; programs that convert files like lower case.
        any(name.startswith(("Test_Time", "Test Time", "TestTime")) for name in names)
        and has_columns(names, ARBIN_RULES, *needed)
        and not {key(name) for name in names} & _STATISTICS
        and not is_bdf(names)
        and (
            has_columns(names, ARBIN_RULES, "schedule_charging_capacity_ah")
            or has_columns(names, ARBIN_RULES, "record_index", "step_id")
        )
    )


def parts_of(path: Path) -> list[Path]:
    """All parts of the test that a file belongs to, in order; the file alone when it is whole.

    MITS splits a long test into ``NAME_Wb_1.CSV``, ``NAME_Wb_2.CSV`` and so on in one folder.
    """
    found = _PART.match(path.name)
    if found is None:
        return [path]
    parts = {}
    for each in path.parent.iterdir() if path.parent.is_dir() else ():
        other = _PART.match(each.name)
        if other and other["stem"].lower() == found["stem"].lower():
            parts[int(other["number"])] = each
    return [parts[number] for number in sorted(parts)] or [path]


@dataclass(frozen=True)
class ArbinCsv:
    """Arbin's text export."""

    name: str = "arbin_csv"
    vendor: str = "Arbin"
    title: str = "Arbin MITS text export (.csv)"
    suffixes: tuple[str, ...] = (".csv", ".txt")

    def recognise(self, head: Head) -> Recognition | None:
        """By the words for its columns on one of the first lines."""
        found = find_header(head_lines(head, 5), is_arbin)
        if found is None:
            return None
        words = f"line {found.line + 1} names Arbin's columns ({', '.join(found.names[:4])} ...)"
        return Recognition(0.8, (words,))

    def read(self, source: Source) -> Recording:
        """Read the file, and with it the other parts of its test."""
        parts = parts_of(source.path)
        drafts, encoding, remarks = [], "", []
        for part in parts:
            opened = source if part == source.path else Source.open(part, timezone=source.timezone)
            read = read_table(opened, ARBIN_RULES, is_arbin)
            drafts.append(read.draft)
            encoding = encoding or read.encoding
            remarks += read.draft.remarks
        remarks += _joined(parts, drafts)
        about = Metadata(self.name, self.vendor, encoding=encoding, extra=_shas(parts, source))
        return arbin_recording(drafts, about, remarks)


def arbin_recording(
    drafts: Sequence[Draft], about: Metadata, remarks: Sequence[Remark]
) -> Recording:
    """One recording of the parts of a test, whatever kind of file they came from."""
    first = drafts[0]
    dates = [each.dates for each in drafts if each.dates is not None]
    table, whole = first.table, first.dates
    if len(drafts) > 1:
        table = pl.concat([each.table for each in drafts], how="diagonal_relaxed")
        whole = pl.concat(dates) if len(dates) == len(drafts) else None
    dated = read_dates(whole, table["test_time_second"])
    metadata = replace(
        about, start_time_text=_first_text(dates), units=first.units, unread=first.unread
    )
    table = dated.onto(table)
    return Recording(table, metadata, remarks=(*remarks, *dated.remarks))


def _first_text(dates: Sequence[pl.Series]) -> str:
    for each in dates:
        there = [value for value in each.head(100).to_list() if value is not None]
        if there:
            return str(there[0]).strip()
    return ""


def _joined(parts: Sequence[Path], drafts: Sequence[Draft]) -> list[Remark]:
    if len(parts) < 2:
        return []
    found = [_PART.match(part.name) for part in parts]
    numbers = [int(each["number"]) for each in found if each]
    remarks = [
        Remark(
            "note",
            "parts_joined",
            f"{len(parts)} parts of one test ({parts[0].name} ...) are read as one.",
        )
    ]
    missing = sorted(set(range(1, numbers[-1] + 1)) - set(numbers))
    if missing:
        words = f"Parts {', '.join(map(str, missing))} of this test are not in the folder."
        remarks.append(Remark("error", "parts_missing", words))
    for before, after, part in zip(drafts, drafts[1:], parts[1:], strict=False):
        last, first = before.table["test_time_second"][-1], after.table["test_time_second"][0]
        if last is not None and first is not None and first < last:
            words = (
                f"{part.name} begins at {first:.3f} s, before the end of the part in front of it "
                f"({last:.3f} s): do they belong together?"
            )
            remarks.append(Remark("error", "parts_overlap", words))
    return remarks


def _shas(parts: Sequence[Path], source: Source) -> dict[str, str]:
    return (
        {}
        if len(parts) < 2
        else {
            f"sha256 of {part.name}": Source.open(part).sha256
            for part in parts
            if part != source.path
        }
    )

"""Landt (LAND, LANHE) exports: named units in the headers, csv or workbook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nodes.cycler.files._assemble import Draft, Rule
from nodes.cycler.files._clock import read_dates
from nodes.cycler.files._recording import Metadata, Recording, Remark
from nodes.cycler.files._sheets import open_book, peek
from nodes.cycler.files._signs import signed_by_step_type
from nodes.cycler.files._source import Head, Recognition, Source
from nodes.cycler.files._table_sheet import read_sheet, sheets_with
from nodes.cycler.files._table_text import find_header, has_columns, head_lines, read_table

_RULES: Final = (
    Rule(
        "test_time_second", ("test_time_s", "TestTime/Sec", "TestTime/Sec."), "s", unit_in_name=True
    ),
    Rule("test_time_second", ("TestTime", "Test-Time"), kind="duration", needs_unit=True),
    Rule("voltage_volt", ("voltage_V",), "V", unit_in_name=True),
    Rule("voltage_volt", ("Voltage",), needs_unit=True),
    Rule("current_ampere", ("current_A",), "A", unit_in_name=True),
    Rule("current_ampere", ("Current",), needs_unit=True),
    Rule("date", ("date_time_iso_string", "SysTime", "System Time"), kind="text"),
    Rule("cycle_count", ("cycle_index", "Cycle-Index"), "1"),
    Rule("step_id", ("step_index", "Step-Index")),
    Rule("step_type", ("step_name", "Step-Type", "Step-State", "State"), kind="text"),
    Rule(
        "step_time_second", ("step_time_s", "StepTime/Sec", "StepTime/Sec."), "s", unit_in_name=True
    ),
    Rule("step_time_second", ("StepTime", "Step-Time"), kind="duration", needs_unit=True),
    # The export's "channel_index" counts the records.
    Rule("record_index", ("channel_index", "Record", "Index"), "1"),
    Rule("step_charging_capacity_ah", ("charge_capacity_Ah",), "Ah", unit_in_name=True),
    Rule("step_discharging_capacity_ah", ("discharge_capacity_Ah",), "Ah", unit_in_name=True),
    Rule("step_charging_energy_wh", ("charge_energy_Wh",), "Wh", unit_in_name=True),
    Rule("step_discharging_energy_wh", ("discharge_energy_Wh",), "Wh", unit_in_name=True),
    Rule("step_cumulative_capacity_ah", ("Capacity",), needs_unit=True),
    Rule("step_cumulative_energy_wh", ("Energy",), needs_unit=True),
    Rule("temperature_t1_celsius", ("temperature_1_C",), "C", unit_in_name=True),
    Rule("temperature_t2_celsius", ("temperature_2_C",), "C", unit_in_name=True),
    Rule("temperature_t3_celsius", ("temperature_3_C",), "C", unit_in_name=True),
)

_SNAKE: Final = {"test_time_s", "current_A", "voltage_V"}
_SLASHED: Final = ({"TestTime/Sec", "TestTime/Sec."}, {"Current/mA", "Current/A"})

COARSE: Final = 4
"""A current with at most so many different values (by size) is only known to a step of them."""


def is_landt(names: Sequence[str]) -> bool:
    """Whether these columns' names are Landt's, letter by letter: units are part of them."""
    plain = set(names)
    if not plain >= _SNAKE and any(plain.isdisjoint(words) for words in _SLASHED):
        return False
    return has_columns(names, _RULES, "test_time_second", "voltage_volt", "current_ampere")


@dataclass(frozen=True)
class LandtCsv:
    """Landt's text export."""

    name: str = "landt_csv"
    vendor: str = "Landt"
    title: str = "Landt text export (.csv, .txt)"
    suffixes: tuple[str, ...] = (".csv", ".txt")

    def recognise(self, head: Head) -> Recognition | None:
        """By its words for the columns, which carry their units."""
        found = find_header(head_lines(head, 40), is_landt)
        if found is None:
            return None
        names = ", ".join(found.names[:5])
        return Recognition(0.85, (f"line {found.line + 1} names Landt's columns ({names} ...)",))

    def read(self, source: Source) -> Recording:
        """Read the table."""
        read = read_table(source, _RULES, is_landt)
        about = Metadata(self.name, self.vendor, encoding=read.encoding)
        return _recording(read.draft, about)


@dataclass(frozen=True)
class LandtXlsx:
    """Landt's workbook."""

    name: str = "landt_xlsx"
    vendor: str = "Landt"
    title: str = "Landt workbook (.xlsx, .xls)"
    suffixes: tuple[str, ...] = (".xlsx", ".xls")

    def recognise(self, head: Head) -> Recognition | None:
        """By its words for the columns, which carry their units."""
        found = sheets_with(peek(head), is_landt)
        if not found:
            return None
        return Recognition(0.85, (f"sheet {found[0].name!r} names Landt's columns",))

    def read(self, source: Source) -> Recording:
        """Read the one sheet of records."""
        found = sheets_with(peek(source.head), is_landt)
        if len(found) != 1:
            raise source.refuse(
                f"{len(found)} sheets name Landt's columns, not one",
                remedy="export one channel into one sheet",
            )
        draft, _ = read_sheet(source, open_book(source), found[0].name, _RULES, is_landt)
        return _recording(draft, Metadata(self.name, self.vendor))


def _recording(draft: Draft, about: Metadata) -> Recording:
    table, said = signed_by_step_type(draft.table)
    dated = read_dates(draft.dates, table["test_time_second"])
    remarks = [*draft.remarks, *said, *dated.remarks]
    sizes = table["current_ampere"].abs().round(9).unique().drop_nulls()
    flowing = sizes.filter(sizes > 0)
    if 0 < flowing.len() <= COARSE and table.height > 100:
        values = ", ".join(f"{value:g}" for value in flowing.sort().to_list())
        words = (
            f"The export rounds the current to few values ({values} A): integrals of it are no "
            "better than that, and counters that the instrument kept may differ."
        )
        remarks.append(Remark("warning", "coarse_current", words))
    first = draft.dates.drop_nulls().head(1).to_list() if draft.dates is not None else []
    metadata = Metadata(
        about.format,
        about.vendor,
        encoding=about.encoding,
        start_time_text=str(first[0]).strip() if first else "",
        units=draft.units,
        unread=draft.unread,
    )
    return Recording(dated.onto(table), metadata, remarks=tuple(remarks))

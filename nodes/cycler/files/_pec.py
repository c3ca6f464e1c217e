"""PEC exports (LifeTest): a preamble of ``Label:,value`` lines, then one line a record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nodes.cycler.files._assemble import Rule
from nodes.cycler.files._clock import read_dates
from nodes.cycler.files._recording import Metadata, Recording
from nodes.cycler.files._source import Head, Recognition, Source
from nodes.cycler.files._table_text import find_header, has_columns, head_lines, read_table, split

_CLOCK: Final = " (Hours in hh:mm:ss.xxx)"
_RULES: Final = (
    Rule("test_time_second", ("Total Time", f"Total Time{_CLOCK}"), kind="duration"),
    Rule("voltage_volt", ("Voltage",)),
    Rule("current_ampere", ("Current",)),
    Rule("date", ("Real Time",), kind="text"),
    Rule("cycle_count", ("Cycle",), "1"),
    Rule("step_id", ("Step",)),
    Rule("step_type", ("Instruction Name",), kind="text"),
    Rule("step_time_second", ("Step Time", f"Step Time{_CLOCK}"), kind="duration"),
    Rule("cycle_charging_capacity_ah", ("Charge Capacity",)),
    Rule("cycle_discharging_capacity_ah", ("Discharge Capacity",)),
    # An older version writes "Charge Capacity (mWh)" for the energy.
    Rule("cycle_charging_energy_wh", ("Charge Energy", "Charge Capacity")),
    Rule("cycle_discharging_energy_wh", ("Discharge Energy", "Discharge Capacity")),
    Rule("internal_resistance_ohm", ("Internal Resistance 1",)),
    Rule("dc_internal_resistance_ohm", ("DC Internal Resistance",)),
    Rule("ac_internal_resistance_ohm", ("AC Internal Resistance",)),
    Rule("surface_temperature_celsius", ("Cell surface temperature", "Temp", "Temp (°C)"), "C"),
    Rule("ambient_temperature_celsius", ("Ambient temperature", "Station Temperature"), "C"),
    Rule("test", ("Test",), kind="text"),
    Rule("cell", ("Cell",), kind="text"),
)


def is_pec(names: Sequence[str]) -> bool:
    """Whether these columns' names are PEC's."""
    return {"Rack", "Shelf", "Position"} <= set(names) and has_columns(
        names, _RULES, "test_time_second", "voltage_volt", "current_ampere", "test", "cell"
    )


@dataclass(frozen=True)
class Pec:
    """PEC's text export."""

    name: str = "pec_csv"
    vendor: str = "PEC"
    title: str = "PEC LifeTest export (.csv)"
    suffixes: tuple[str, ...] = (".csv",)

    def recognise(self, head: Head) -> Recognition | None:
        """By its words for the columns: test, cell, rack, shelf, position."""
        found = find_header(head_lines(head), is_pec, separators=(",", ";"))
        if found is None:
            return None
        words = f"line {found.line + 1} names PEC's columns (Rack, Shelf, Position, Total Time ...)"
        return Recognition(0.9, (words,))

    def read(self, source: Source) -> Recording:
        """Read the records of the one cell; several cells in one file are refused."""
        read = read_table(source, _RULES, is_pec, separators=(",", ";"))
        table = read.draft.table
        tests, cells = table["test"].n_unique(), table["cell"].n_unique()
        if tests > 1 or cells > 1:
            raise source.refuse(
                f"the file holds {cells} cells and {tests} tests",
                remedy="export each cell into a file of its own",
            )
        table = table.drop("test", "cell")
        dated = read_dates(read.draft.dates, table["test_time_second"])
        said = _said(read.preamble, read.header.separator)
        metadata = Metadata(
            self.name,
            self.vendor,
            cell=said.get("LotID", "") if "Cell ID" not in said else said["Cell ID"],
            protocol=said.get("TestRegime Name", ""),
            operator=said.get("Requestor", ""),
            start_time_text=said.get("Start Time", ""),
            encoding=read.encoding,
            units=read.draft.units,
            unread=read.draft.unread,
            extra={label: said[label] for label in ("Test", "Chemistry") if said.get(label)},
        )
        return Recording(
            dated.onto(table),
            metadata,
            remarks=(*read.draft.remarks, *dated.remarks),
        )


def _said(preamble: Sequence[str], separator: str) -> dict[str, str]:
    said: dict[str, str] = {}
    for line in preamble:
        fields = split(line, separator)
        if len(fields) > 1 and fields[1] and fields[0].endswith(":"):
            said[fields[0].rstrip(": ")] = fields[1]
    return said

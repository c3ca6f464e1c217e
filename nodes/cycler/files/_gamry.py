"""Gamry Framework data (.DTA): a preamble of tagged lines, then one or more tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import polars as pl

from nodes.cycler.files._assemble import Rule, assemble, match, positions
from nodes.cycler.files._grid import read_grid
from nodes.cycler.files._recording import Metadata, Recording, Remark
from nodes.cycler.files._source import Head, Recognition, Source
from nodes.cycler.files._table_text import head_lines
from nodes.cycler.files._text import decode, has_decimal_comma
from nodes.cycler.files._times import is_day_month_open, parse_date

# Gamry Framework help, "Data column names": Vf is the measured voltage, Im the measured current.
_RULES: Final = (
    Rule("record_index", ("Pt",), "1", exact=True),
    Rule("test_time_second", ("T", "Time"), "s", exact=True),
    Rule("voltage_volt", ("Vf", "Vdc"), "V", exact=True),
    Rule("current_ampere", ("Im", "Idc"), "A", exact=True),
    Rule("frequency_hertz", ("Freq",), "Hz", exact=True),
    Rule("real_impedance_ohm", ("Zreal",), "Ohm", exact=True),
    Rule("imaginary_impedance_ohm", ("Zimag",), "Ohm", exact=True),
    Rule("absolute_impedance_ohm", ("Zmod",), "Ohm", exact=True),
    Rule("phase_degree", ("Zphz",), "deg", exact=True),
    Rule("cycle_count", ("Cycle",), "1", exact=True),
    Rule("temperature_t1_celsius", ("Temp",), "C", exact=True),
)


@dataclass(frozen=True)
class _Table:
    name: str
    line: int
    names: list[str]
    units: list[str]
    rows: list[str]
    announced: int | None
    joined: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gamry:
    """Gamry's data files."""

    name: str = "gamry_dta"
    vendor: str = "Gamry"
    title: str = "Gamry Framework data (.dta)"
    suffixes: tuple[str, ...] = (".dta",)

    def recognise(self, head: Head) -> Recognition | None:
        """By EXPLAIN on the first line and TAG on the second."""
        lines = head_lines(head, 3)
        if len(lines) > 1 and lines[0].strip() == "EXPLAIN" and lines[1].startswith("TAG\t"):
            tag = lines[1].split("\t")[1].strip()
            return Recognition(1.0, (f"it begins with EXPLAIN and TAG {tag}",))
        return None

    def read(self, source: Source) -> Recording:
        """Read the first TABLE that has a voltage; the others are named in a remark."""
        decoded = decode(source.data)
        text = decoded.text.replace("\r\n", "\n").replace("\r", "\n")
        lines = text.split("\n")
        tables = _tables(lines)
        found = next((table for table in tables if _has_voltage(table)), None)
        if found is None:
            raise source.refuse(
                f"it was recognised as Gamry data with {len(tables)} tables, but none of them "
                "has records with time and voltage",
                remedy="the experiment may have been aborted before its first point",
            )
        said = _labels(lines[: tables[0].line])
        return self._recording(source, _with_cycles(found, tables), tables, said, decoded.encoding)

    def _recording(
        self,
        source: Source,
        found: _Table,
        tables: Sequence[_Table],
        said: dict[str, str],
        encoding: str,
    ) -> Recording:
        matches = match(found.names, _RULES)
        numeric, textual = positions(matches)
        cells = [row.split("\t") for row in found.rows[:60]]
        comma = has_decimal_comma(row[i] for row in cells for i in numeric if i < len(row))
        grid = read_grid(
            source, "\n".join(found.rows).encode(), found.names, first_line=0, separator="\t",
            numeric=numeric, textual=textual, decimal_comma=comma,
        )  # fmt: skip
        draft = assemble(source, grid, matches)
        remarks = [r for r in draft.remarks if r.code != "units_not_named"]
        remarks += _said_of_tables(found, tables, draft.table.height)
        table = draft.table
        if "current_ampere" not in table.columns:
            words = f"Table {found.name} records no current (open circuit)."
            remarks.append(Remark("note", "no_current", words))
            table = table.with_columns(current_ampere=pl.lit(None, pl.Float64))
        else:
            remarks.append(_convention(said.get("CONVENTION", "1")))
        written = f"{said.get('DATE', '')} {said.get('TIME', '')}".strip()
        started = parse_date(written)
        if started is not None and is_day_month_open([written]) and started.day != started.month:
            words = (
                f"The date {written} does not tell day from month; the month is taken to come "
                f"first ({started:%Y-%m-%d})."
            )
            remarks.append(Remark("warning", "day_month_ambiguous", words))
        units: dict[str, str] = {
            column: found.units[each.index].strip()
            for column, each in matches.items()
            if each.index < len(found.units) and found.units[each.index].strip() != "#"
        }
        facts: dict[str, Any] = {
            "protocol": said.get("TITLE", said.get("TAG", "")),
            "instrument": said.get("PSTAT", ""),
            "start_time": started,
            "start_time_text": written,
            "units": units,
            "unread": tuple(name for name in draft.unread if name),
            "encoding": encoding,
        }
        return Recording(table, Metadata(self.name, self.vendor, **facts), remarks=tuple(remarks))


def _convention(number: str) -> Remark:
    # Convention 1, Gamry's default, counts anodic (oxidising) currents positive.
    if number == "1":
        words = "Anodic current is positive (Gamry's convention 1); it is taken as charging."
        return Remark("note", "anodic_is_charge", words)
    words = (
        f"Gamry's current convention is {number}, not 1 (anodic positive): the current is left as "
        "it is, and may have the opposite sign."
    )
    return Remark("error", "sign_unknown", words)


def _tables(lines: Sequence[str]) -> list[_Table]:
    starts = []
    for number, line in enumerate(lines):
        fields = line.split("\t")
        if len(fields) > 1 and fields[1].strip() == "TABLE" and fields[0].strip():
            starts.append((number, fields))
    tables = []
    for number, fields in starts:
        if number + 2 >= len(lines):
            continue
        rows = []
        for line in lines[number + 3 :]:
            # A row begins with a tab; anything else is a tag that ends the table.
            if not line.startswith("\t") or not line.strip():
                break
            rows.append(line)
        count = fields[2].strip() if len(fields) > 2 else ""
        tables.append(
            _Table(
                fields[0].strip(),
                number,
                [name.strip() for name in lines[number + 1].split("\t")],
                lines[number + 2].split("\t"),
                rows,
                int(count) if count.isdigit() else None,
            )
        )
    return tables


def _with_cycles(found: _Table, tables: Sequence[_Table]) -> _Table:
    """Cyclic voltammetry writes CURVE1, CURVE2 ...: one table a cycle, of one experiment."""
    if not re.fullmatch(r"CURVE\d+", found.name):
        return found
    cycles = [
        each
        for each in tables
        if re.fullmatch(r"CURVE\d+", each.name) and each.names == found.names and each.rows
    ]
    if len(cycles) < 2:
        return found
    rows = [f"{row}\t{number}" for number, each in enumerate(cycles, 1) for row in each.rows]
    return replace(
        found,
        names=[*found.names, "Cycle"],
        rows=rows,
        announced=None,
        joined=tuple(each.name for each in cycles),
    )


def _has_voltage(table: _Table) -> bool:
    return bool(table.rows) and {"test_time_second", "voltage_volt"} <= set(
        match(table.names, _RULES)
    )


def _said_of_tables(found: _Table, tables: Sequence[_Table], height: int) -> list[Remark]:
    remarks = []
    others = [
        f"{each.name} ({len(each.rows)} points)"
        for each in tables
        if each.name not in {found.name, *found.joined}
    ]
    if found.joined:
        words = f"Tables {', '.join(found.joined)} are read as the cycles of one test."
        remarks.append(Remark("note", "parts_joined", words))
    if others:
        words = f"The table {found.name} is read; the file also holds {', '.join(others)}."
        remarks.append(Remark("warning", "tables_unread", words))
    # Chrono techniques announce the points of the whole experiment, which may stop earlier.
    if found.announced is not None and height != found.announced:
        words = f"{found.announced} points are announced for {found.name}, {height} are there."
        remarks.append(Remark("warning", "fewer_points_than_announced", words))
    return remarks


def _labels(preamble: Sequence[str]) -> dict[str, str]:
    said: dict[str, str] = {}
    for line in preamble:
        fields = line.split("\t")
        if len(fields) > 2 and fields[0] not in said:
            said[fields[0]] = fields[2].strip()
        elif len(fields) == 2 and fields[0] == "TAG":
            said["TAG"] = fields[1].strip()
    return said

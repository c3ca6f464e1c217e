"""Novonix exports: ``[Summary]``, ``[Protocol]`` (text or JSON) and ``[Data]``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from nodes.cycler.files._assemble import Rule
from nodes.cycler.files._clock import read_dates
from nodes.cycler.files._recording import Metadata, Recording
from nodes.cycler.files._source import Head, Recognition, Source
from nodes.cycler.files._table_text import find_header, has_columns, head_lines, read_table
from nodes.cycler.files._times import parse_date

_RULES: Final = (
    Rule("test_time_second", ("Run Time", "Run-Time", "Runtime")),
    Rule("voltage_volt", ("Potential", "Voltage")),
    Rule("current_ampere", ("Current",)),
    Rule("date", ("Date and Time",), kind="text"),
    Rule("cycle_count", ("Cycle Number",), "1"),
    Rule("step_id", ("Step Number",)),
    Rule("step_type", ("Step Type",), kind="text"),
    Rule("step_time_second", ("Step Time",)),
    Rule("step_net_capacity_ah", ("Capacity",)),
    Rule("step_net_energy_wh", ("Energy",)),
    Rule("power_watt", ("Power",)),
    Rule("temperature_t1_celsius", ("Temperature", "Temperature (°C)"), "C"),
    Rule("ambient_temperature_celsius", ("Circuit Temperature", "Circuit Temperature (°C)"), "C"),
)


def is_novonix(names: Sequence[str]) -> bool:
    """Whether these columns' names are Novonix's."""
    return "Date and Time" in names and has_columns(
        names, _RULES, "test_time_second", "voltage_volt", "current_ampere", "cycle_count"
    )


@dataclass(frozen=True)
class Novonix:
    """Novonix's text export."""

    name: str = "novonix_csv"
    vendor: str = "Novonix"
    title: str = "Novonix export (.csv)"
    suffixes: tuple[str, ...] = (".csv",)

    def recognise(self, head: Head) -> Recognition | None:
        """By its preamble, or by its words for the columns."""
        lines = head_lines(head)
        begin = "\n".join(lines[:4]).lower()
        if "[summary]" in begin and "novonix" in begin:
            return Recognition(1.0, ("it begins with [Summary] and the name Novonix",))
        found = find_header(lines, is_novonix, separators=(",",))
        if found is None:
            return None
        return Recognition(0.8, (f"line {found.line + 1} names Novonix's columns",))

    def read(self, source: Source) -> Recording:
        """Read the section of data."""
        read = read_table(source, _RULES, is_novonix, separators=(",",))
        table = read.draft.table
        dated = read_dates(read.draft.dates, table["test_time_second"])
        preamble = "\n".join(read.preamble)
        metadata = Metadata(
            self.name,
            self.vendor,
            encoding=read.encoding,
            units=read.draft.units,
            unread=read.draft.unread,
            **_said(preamble),
        )
        return Recording(
            dated.onto(table),
            metadata,
            remarks=(*read.draft.remarks, *dated.remarks),
        )


_SAID: Final = (
    ("channel", r"^Channel:\s*(\S.*)"),
    ("cell", r"^Cell:\s*(\S.*)"),
    ("comment", r"^Description:\s*(\S.*)"),
    ("protocol", r"^Protocol:[ \t]*(\S.*)"),
    ("start_time_text", r"^Started:\s*(\S.*)"),
    ("software", r"^Version:\s*(\S.*)"),
)


def _said(preamble: str) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for fact, pattern in _SAID:
        found = re.search(pattern, preamble, re.MULTILINE)
        if found:
            facts[fact] = found.group(1).strip()
    capacity = re.search(r"^Capacity \(Ah\):\s*([\d.]+)", preamble, re.MULTILINE)
    if capacity:
        facts["nominal_capacity_ah"] = float(capacity.group(1))
    if "start_time_text" in facts:
        facts["start_time"] = parse_date(facts["start_time_text"])
    kind = re.search(r"Novonix (U?HPC)", preamble)
    if kind:
        facts["instrument"] = f"Novonix {kind.group(1)}"
    return facts

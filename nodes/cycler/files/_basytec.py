"""Basytec text exports: a preamble of lines with a tilde, and the header in the last of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from nodes.cycler.files._assemble import Rule
from nodes.cycler.files._recording import Metadata, Recording
from nodes.cycler.files._source import Head, Recognition, Source
from nodes.cycler.files._table_text import find_header, has_columns, head_lines, read_table
from nodes.cycler.files._times import parse_date

_RULES: Final = (
    Rule("test_time_second", ("~Time", "Time", "~Time[h:min:s]"), kind="duration"),
    Rule("voltage_volt", ("U", "Voltage")),
    Rule("current_ampere", ("I", "Current")),
    Rule("record_index", ("DataSet",), "1"),
    Rule("step_time_second", ("t-Step", "t-Step[h:min:s]"), kind="duration"),
    Rule("step_id", ("Line",)),
    Rule("step_type", ("Command",), kind="text"),
    Rule("cycle_count", ("Cyc-Count",), "1"),
    Rule("cycle_charging_capacity_ah", ("Ah-Cyc-Charge",), "Ah", unit_in_name=True),
    Rule("cycle_discharging_capacity_ah", ("Ah-Cyc-Discharge",), "Ah", unit_in_name=True),
    Rule("cycle_charging_energy_wh", ("Wh-Cyc-Charge",), "Wh", unit_in_name=True),
    Rule("cycle_discharging_energy_wh", ("Wh-Cyc-Discharge",), "Wh", unit_in_name=True),
    Rule("net_capacity_ah", ("Ah",), "Ah"),
    Rule("net_energy_wh", ("Wh",), "Wh"),
    Rule("step_net_capacity_ah", ("Ah-Step",), "Ah", unit_in_name=True),
    Rule("step_net_energy_wh", ("Wh-Step",), "Wh", unit_in_name=True),
    Rule("power_watt", ("P",)),
    Rule("dc_internal_resistance_ohm", ("R-DC",), "Ohm"),
    Rule("ac_internal_resistance_ohm", ("R-AC",), "Ohm"),
    Rule("temperature_t1_celsius", ("T1", "T1[°C]"), "C"),
    Rule("temperature_t2_celsius", ("T2", "T2[°C]"), "C"),
)


def is_basytec(names: Sequence[str]) -> bool:
    """Whether these columns' names are Basytec's."""
    return any(name in {"DataSet", "t-Step[s]", "Command", "Ah-Step"} for name in names) and (
        has_columns(names, _RULES, "test_time_second", "voltage_volt", "current_ampere")
    )


@dataclass(frozen=True)
class Basytec:
    """Basytec's text export."""

    name: str = "basytec_txt"
    vendor: str = "Basytec"
    title: str = "Basytec text export (.txt)"
    suffixes: tuple[str, ...] = (".txt", ".csv", ".dat")

    def recognise(self, head: Head) -> Recognition | None:
        """By its preamble, or by its words for the columns."""
        lines = head_lines(head, 60)
        if lines and re.match(r"~\s*Resultfile from Basytec", lines[0], re.IGNORECASE):
            return Recognition(1.0, (f"line 1 is {lines[0].strip()[:60]!r}",))
        found = find_header(lines, is_basytec)
        if found is None:
            return None
        return Recognition(0.8, (f"line {found.line + 1} names Basytec's columns",))

    def read(self, source: Source) -> Recording:
        """Read the records below the tilde lines."""
        read = read_table(source, _RULES, is_basytec)
        metadata = Metadata(
            self.name,
            self.vendor,
            encoding=read.encoding,
            units=read.draft.units,
            unread=read.draft.unread,
            **_said("\n".join(read.preamble)),
        )
        return Recording(read.draft.table, metadata, remarks=tuple(read.draft.remarks))


_SAID: Final = (
    ("comment", r"^~Name of Test:\s*(\S.*)"),
    ("cell", r"^~Battery:\s*(\S.*)"),
    ("protocol", r"^~Testplan:\s*(\S.*)"),
    ("channel", r"^~Testchannel:\s*(\S.*)"),
    ("operator", r"^~Operator \(Test\):\s*(\S.*)"),
    ("start_time_text", r"^~Start of Test:\s*(\S.*)"),
)


def _said(preamble: str) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for fact, pattern in _SAID:
        found = re.search(pattern, preamble, re.MULTILINE)
        if found:
            facts[fact] = found.group(1).strip()
    if "start_time_text" in facts:
        facts["start_time"] = parse_date(facts["start_time_text"])
    return facts

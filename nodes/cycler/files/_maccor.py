"""Maccor exports as text: raw (.001, .052), MIMS text in several models, csv."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from nodes.cycler.files._assemble import Rule, key
from nodes.cycler.files._maccor_reading import maccor_recording
from nodes.cycler.files._recording import Metadata, Recording
from nodes.cycler.files._source import Head, Recognition, Source
from nodes.cycler.files._table_text import find_header, has_columns, head_lines, read_table

MACCOR_RULES: Final = (
    Rule("test_time_second", ("TestTime", "Test"), "s", kind="duration"),
    Rule("step_time_second", ("StepTime",), "s", kind="duration"),
    Rule("step_time_second", ("Step",), kind="duration", needs_unit=True),
    Rule("voltage_volt", ("Volts",), "V", unit_in_name=True),
    Rule("voltage_volt", ("mVolts",), "mV", unit_in_name=True),
    Rule("voltage_volt", ("Voltage",), "V"),
    Rule("current_ampere", ("Amps",), "A", unit_in_name=True),
    Rule("current_ampere", ("mAmps",), "mA", unit_in_name=True),
    Rule("current_ampere", ("uAmps",), "uA", unit_in_name=True),
    Rule("current_ampere", ("Current",), "A"),
    Rule("step_cumulative_capacity_ah", ("Amp-hr", "Cap.", "Capacity"), "Ah"),
    Rule("step_cumulative_capacity_ah", ("mAmp-hr",), "mAh"),
    Rule("step_cumulative_energy_wh", ("Watt-hr", "Ener.", "Energy"), "Wh"),
    Rule("step_cumulative_energy_wh", ("mWatt-hr",), "mWh"),
    Rule("cycle_count", ("Cyc#", "Cycle C", "Cycle", "Cycle#"), "1"),
    Rule("step_id", ("Step",)),
    Rule("record_index", ("Rec#", "Rec"), "1"),
    Rule("date", ("DPt Time",), kind="text"),
    Rule("state", ("State", "Md"), kind="text"),
    Rule("ac_internal_resistance_ohm", ("ACImp/Ohms", "ACImp", "ACR"), "Ohm"),
    Rule("dc_internal_resistance_ohm", ("DCIR/Ohms", "DCIR"), "Ohm"),
    Rule("temperature_t1_celsius", ("Temp 1", "Temperature Cell"), "C"),
    Rule("temperature_t2_celsius", ("Temp 2",), "C"),
    Rule("ambient_temperature_celsius", ("EV Temp", "Temperature Chamber"), "C"),
)

_OWN: Final = {"es", "dpttime", "state", "md", "amphr", "watthr", "mamphr", "cyclec", "cyclep"}
"""Words for columns that Maccor's software uses and hardly anyone else; three of them are asked for
(two when the preamble is Maccor's)."""

_PREAMBLE: Final = re.compile(
    r"^\W*(today.{0,2}s date|date of test:?|tester\W+maccor|procedure\W)", re.IGNORECASE
)


def is_maccor(names: Sequence[str], *, own: int = 3) -> bool:
    """Whether these columns' names are those of Maccor's exports."""
    keys = {key(name) for name in names}
    return len(keys & _OWN) >= own and has_columns(
        names, MACCOR_RULES, "test_time_second", "voltage_volt", "current_ampere", "step_id"
    )


def is_after_preamble(names: Sequence[str]) -> bool:
    """As `is_maccor`, where the lines above are known to be Maccor's."""
    return is_maccor(names, own=1)


def has_preamble(lines: Sequence[str]) -> bool:
    """Whether one of the first lines is from Maccor's preamble."""
    return any(_PREAMBLE.match(line) for line in lines[:12])


@dataclass(frozen=True)
class MaccorText:
    """Maccor's text exports."""

    name: str = "maccor_text"
    vendor: str = "Maccor"
    title: str = "Maccor text export (.txt, .csv, .001 ...)"
    suffixes: tuple[str, ...] = (".txt", ".csv", *(f".{n:03d}" for n in range(1, 1000)))

    def recognise(self, head: Head) -> Recognition | None:
        """By its words for the columns, and by its preamble."""
        lines = head_lines(head, 80)
        said = has_preamble(lines)
        found = find_header(lines, is_after_preamble if said else is_maccor)
        if found is None:
            return None
        names = ", ".join(name for name in found.names[:6] if name)
        words = [f"line {found.line + 1} names Maccor's columns ({names} ...)"]
        if said:
            words.append("the preamble speaks of the date of test or the procedure")
        return Recognition(0.95 if said else 0.8, tuple(words))

    def read(self, source: Source) -> Recording:
        """Read the file; what the header leaves open is told by consistency, or refused."""
        accepts = is_after_preamble if has_preamble(head_lines(source.head, 80)) else is_maccor
        read = read_table(source, MACCOR_RULES, accepts)
        about = Metadata(
            self.name, self.vendor, encoding=read.encoding, **_said("\n".join(read.preamble))
        )
        return maccor_recording(source, read.draft, read.matches, about)


_SAID: Final = (
    ("start_time_text", r"(?:Date of Test|Started)\s*:?[\s,]*([^\t\n]+?)\s*(?:\t|$|Filename)"),
    ("protocol", r"Procedure\s*:?[\s,]*([^\t\n]+?)\s*(?:\t|$|Comment)"),
    ("cell", r"^Name\s*:?[\s,]*([^\t\n]+)"),
    ("cell", r"Filename\s*:?[\s,]*([^\t\n]+?)\s*(?:\t|$|Procedure)"),
    ("channel", r"Channel\s*:?[\s,]*([^\t\n]+)"),
    ("instrument", r"^Tester[\t ]+(?!Channel)([^\t\n]+)"),
    ("comment", r"(?:Comment/Barcode|Description)\s*:?[\t ,]*([^\t\n]+)"),
)


def _said(preamble: str) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for name, pattern in _SAID:
        found = re.search(pattern, preamble, re.MULTILINE)
        if found and name not in facts:
            printable = "".join(c for c in found.group(1) if c.isprintable() and c != "\ufffd")
            # Memory that follows the text in the file; Latin-1 shows it as this letter.
            facts[name] = printable.rstrip("ÿ \x00").strip(' ",')
    return {name: text for name, text in facts.items() if text}

"""BioLogic EC-Lab and BT-Lab text exports (.mpt, .txt), with or without their preamble."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import polars as pl

from nodes.cycler.files._assemble import Match, Rule
from nodes.cycler.files._clock import read_dates
from nodes.cycler.files._recording import Metadata, Recording, Remark
from nodes.cycler.files._source import Head, Recognition, Source
from nodes.cycler.files._table_text import find_header, head_lines, read_table
from nodes.cycler.files._times import is_day_month_open, parse_date

# Names as in the EC-Lab software's manual, section "ASCII text file" (of columns, without unit).
_RULES: Final = (
    Rule("voltage_volt", ("Ewe", "<Ewe>", "Ecell", "<Ecell>"), exact=True),
    Rule("current_ampere", ("I", "<I>"), exact=True),
    Rule("step_time_second", ("step time",), exact=True),
    Rule("cycle_count", ("cycle number", "z cycle"), "1", exact=True),
    Rule("step_id", ("Ns",), exact=True),
    Rule("cycle_charging_capacity_ah", ("Q charge",), exact=True),
    Rule("cycle_discharging_capacity_ah", ("Q discharge",), exact=True),
    Rule("cycle_charging_energy_wh", ("Energy charge",), exact=True),
    Rule("cycle_discharging_energy_wh", ("Energy discharge",), exact=True),
    Rule("power_watt", ("P",), exact=True),
    Rule("internal_resistance_ohm", ("R",), exact=True),
    Rule("frequency_hertz", ("freq",), exact=True),
    Rule("real_impedance_ohm", ("Re(Z)",), exact=True),
    Rule("imaginary_impedance_ohm", ("-Im(Z)",), exact=True),
    Rule("absolute_impedance_ohm", ("|Z|",), exact=True),
    Rule("phase_degree", ("Phase(Z)",), exact=True),
    Rule("temperature_t1_celsius", ("Temperature", "Temperature/°C", "T/°C"), "C"),
    Rule("mode", ("mode",), exact=True),
    Rule("changes", ("Ns changes",), exact=True),
    Rule("half", ("half cycle",), exact=True),
    # Charge between two records: what GCPL exports without a current hold instead.
    Rule("step_net_capacity_ah", ("dq", "dQ"), exact=True),
)
_ELAPSED: Final = Rule("test_time_second", ("time",), exact=True)
_ABSOLUTE: Final = Rule("date", ("time/s", "time"), kind="text", exact=True)

_MODES: Final = {1.0: "galvanostatic", 2.0: "potentiostatic", 3.0: "rest"}
_SIGNATURE: Final = re.compile(r"^(EC|BT)-L[Aa][Bb] ASCII FILE")
_VOLTAGES: Final = {"Ewe/V", "Ecell/V", "<Ewe>/V", "<Ewe/V>", "<Ecell>/V", "Ewe/mV", "Ecell/mV"}


def is_biologic(names: Sequence[str]) -> bool:
    """Whether these columns' names are EC-Lab's: time/s and one of its voltages."""
    return "time/s" in names and not _VOLTAGES.isdisjoint(names)


@dataclass(frozen=True)
class BiologicText:
    """EC-Lab's and BT-Lab's text exports."""

    name: str = "biologic_mpt"
    vendor: str = "BioLogic"
    title: str = "BioLogic EC-Lab or BT-Lab text (.mpt, .txt)"
    suffixes: tuple[str, ...] = (".mpt", ".txt", ".csv", ".tsv")

    def recognise(self, head: Head) -> Recognition | None:
        """By its first line, or, without preamble, by its words for the columns."""
        lines = head_lines(head)
        if lines and _SIGNATURE.match(lines[0].lstrip("\ufeff")):
            return Recognition(1.0, (f"line 1 is {lines[0].strip()!r}",))
        found = find_header(lines[:3], is_biologic)
        if found is None:
            return None
        words = f"line {found.line + 1} names EC-Lab's columns (time/s and Ewe/V or Ecell/V)"
        return Recognition(0.8, (words,))

    def read(self, source: Source) -> Recording:
        """Read the table; where no current was exported it is derived from the charge."""
        elapsed = not _is_absolute(head_lines(source.head))
        read = read_table(source, (_ELAPSED if elapsed else _ABSOLUTE, *_RULES), is_biologic)
        remarks = list(read.draft.remarks)
        preamble = "\n".join(read.preamble)
        about, started = _said(self.name, preamble, remarks)
        if "Ewe" in read.matches["voltage_volt"].header and "Ece/V" in read.header.names:
            words = "The voltage is Ewe, against the reference electrode; Ece was recorded too."
            remarks.append(Remark("note", "voltage_is_ewe", words))
        table, mean = _current(read.draft.table, read.matches, remarks)
        table = _counts(_step_time(table, remarks), remarks)
        if "imaginary_impedance_ohm" in table.columns:
            table = table.with_columns(-pl.col("imaginary_impedance_ohm"))
        if read.draft.dates is not None:
            span = table["step_time_second"] if "step_time_second" in table.columns else None
            dated = read_dates(read.draft.dates, span)
            table = dated.onto(table)
            remarks += dated.remarks
        elif started is not None:
            since = (pl.col("test_time_second") * 1e6).cast(pl.Int64, strict=False)
            table = table.with_columns(local_time=pl.lit(started) + pl.duration(microseconds=since))
        about = replace(
            about,
            encoding=read.encoding,
            units=read.draft.units,
            unread=read.draft.unread,
        )
        return Recording(table, about, remarks=tuple(remarks), current_is_mean=mean)


def _is_absolute(lines: Sequence[str]) -> bool:
    """BT-Lab can write dates into the column that it still calls time/s."""
    header = find_header(lines, is_biologic)
    if header is None:
        return False
    fields = next((line for line in lines[header.line + 1 :] if line.strip()), "").split(
        header.separator
    )
    index = header.names.index("time/s")
    return index < len(fields) and bool(re.search(r"[/:]", fields[index]))


def _current(
    table: pl.DataFrame, matches: dict[str, Match], remarks: list[Remark]
) -> tuple[pl.DataFrame, bool]:
    """The current, and whether it is a mean over the interval before each record."""
    change = (
        table.drop_in_place("step_net_capacity_ah")
        if "step_net_capacity_ah" in table.columns
        else None
    )
    current = matches.get("current_ampere")
    if current is not None:
        mean = current.header.strip().startswith("<I>")
        if mean:
            words = "The current is <I>, its mean over the interval before each record."
            remarks.append(Remark("note", "mean_current", words))
        return table, mean
    if change is None or "test_time_second" not in table.columns:
        remarks.append(Remark("note", "no_current", "The file records no current."))
        return table, False
    words = (
        "The file holds no current: it is derived from the charge between two records (dq over "
        "the time between them), as EC-Lab derives <I>."
    )
    remarks.append(Remark("note", "interval_current", words))
    table = table.with_columns(dq=change)
    passed = pl.col("test_time_second").diff()
    derived = pl.when(passed > 0).then(pl.col("dq") * 3600 / passed)
    table = table.with_columns(current_ampere=derived.forward_fill().fill_null(0.0))
    return table.drop("dq"), True


def _step_time(table: pl.DataFrame, remarks: list[Remark]) -> pl.DataFrame:
    """EC-Lab's step time is left out where it does not begin with the step, as in most exports."""
    if not {"step_time_second", "test_time_second"} <= set(table.columns):
        return table
    passed = table.select(
        within=pl.col("step_time_second").diff(), between=pl.col("test_time_second").diff()
    )
    forth = passed.filter((pl.col("within") > 0) & (pl.col("between") > 0))
    apart = (forth["within"] - forth["between"]).abs().sum()
    if float(apart) <= 0.01 * float(forth["between"].sum()):
        return table
    words = "The column step time/s does not begin anew with each step: it is not read."
    remarks.append(Remark("note", "step_time_unread", words))
    return table.drop("step_time_second")


def _counts(table: pl.DataFrame, remarks: list[Remark]) -> pl.DataFrame:
    made: list[pl.Expr] = []
    own = [name for name in ("mode", "changes", "half") if name in table.columns]
    if "mode" in own and table["mode"].dtype.is_numeric():
        words = pl.col("mode").replace_strict(_MODES, default=None, return_dtype=pl.String)
        made.append(words.alias("step_type"))
    if "changes" in own and table["changes"].dtype.is_numeric():
        made.append((pl.col("changes") == 1).cast(pl.Int64).cum_sum().alias("step_count"))
    if "half" in own and "cycle_count" not in table.columns:
        made.append((pl.col("half").cast(pl.Int64, strict=False) // 2).alias("cycle_count"))
        words_ = "Cycles are counted from EC-Lab's half cycles: two make one."
        remarks.append(Remark("note", "half_cycles", words_))
    return table.with_columns(made).drop(own)


_SAID: Final = (
    ("start_time_text", r"Acquisition started on\s*:\s*(.+)"),
    ("channel", r"Run on channel\s*:\s*(\S+)"),
    ("instrument", r"Device\s*:\s*(.+)"),
    ("software", r"((?:EC|BT)-L[Aa][Bb] for windows v\S+)"),
    ("cell", r"^\s*File\s*:\s*(.+)"),
    ("operator", r"^User\s*:[ \t]*(\S.*)"),
    ("comment", r"^Comments\s*:[ \t]*(\S.*)"),
)


def _said(name: str, preamble: str, remarks: list[Remark]) -> tuple[Metadata, datetime | None]:
    facts: dict[str, Any] = {}
    for fact, pattern in _SAID:
        found = re.search(pattern, preamble, re.MULTILINE)
        if found:
            facts[fact] = found.group(1).strip()
    lines = [line.strip() for line in preamble.split("\n")]
    if lines and _SIGNATURE.match(lines[0].lstrip("\ufeff")):
        technique = [line for line in lines[2:6] if line and ":" not in line]
        facts["protocol"] = technique[0] if technique else ""
    for fact, pattern, by in (
        ("nominal_capacity_ah", r"Battery capacity\s*:\s*([\d.,]+)\s*mA\.h", 1e-3),
        ("active_mass_kg", r"Mass of active material\s*:\s*([\d.,]+)\s*mg", 1e-6),
    ):
        found = re.search(pattern, preamble)
        # EC-Lab writes 0.000 mA.h and 0.001 mg where nobody entered one.
        value = float(found.group(1).replace(",", ".")) if found else 0.0
        if value > 0.0011:
            facts[fact] = value * by
    written = facts.get("start_time_text", "")
    started = parse_date(written)
    if started is not None and started.day != started.month and is_day_month_open([written]):
        words = f"EC-Lab writes the month first: {written} is taken as {started:%Y-%m-%d}."
        remarks.append(Remark("note", "day_month_by_vendor", words))
    return Metadata(name, "BioLogic", start_time=started, **facts), started

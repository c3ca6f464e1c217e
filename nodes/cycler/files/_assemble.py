"""From a vendor's columns to the canonical ones: names, units, and what could not be read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal

import polars as pl

from nodes.cycler.files._columns import BY_NAME
from nodes.cycler.files._grid import DAMAGED_SHARE, Grid
from nodes.cycler.files._recording import Remark
from nodes.cycler.files._source import Source
from nodes.cycler.files._times import parse_durations
from nodes.cycler.files._units import factor, parse_header

NOT_A_VALUE: Final = ("N/A", "n/a", "NA", "NaN", "nan", "--", "-", "NULL", "null", "inf", "-inf")
Kind = Literal["number", "duration", "text"]

ESSENTIAL: Final = ("test_time_second", "voltage_volt", "current_ampere")


@dataclass(frozen=True)
class Rule:
    """Where a canonical column comes from.

    Args:
        column: Canonical name; ``date`` for the date and time of a record.
        names: Headers without their unit, best first; compared as `key` makes them.
        unit: What the vendor's documentation says the column is in when the header names no unit;
            empty where the header must say it.
        kind: ``duration`` reads ``0d 00:01:00.00`` too.
        exact: Compare the names as they are written.
        needs_unit: Only a header that names a unit fits: Maccor's ``Step (Sec)`` beside ``Step``.
        unit_in_name: The name itself says the unit: ``mAmps``.
        labelled: Only a header with its unit after a slash between blanks fits: ``Current / A``.
    """

    column: str
    names: tuple[str, ...]
    unit: str = ""
    kind: Kind = "number"
    exact: bool = False
    needs_unit: bool = False
    unit_in_name: bool = False
    labelled: bool = False

    def rank(self, header: str) -> int | None:
        """How well a header without unit fits: 0 is best, None not at all."""
        wanted = self.names if self.exact else _keys(self.names)
        seen = header if self.exact else key(header)
        return wanted.index(seen) if seen in wanted else None


@dataclass(frozen=True)
class Match:
    """A header that a rule claims, and its unit: the one it names, or the vendor's."""

    rule: Rule
    index: int
    header: str
    unit: str
    named: bool = True


@dataclass
class Draft:
    """A table in the making.

    Args:
        table: Canonical columns, and text that a vendor's reader needs by the names of its rules.
        units: As the header or the vendor says them.
        unread: Columns without a rule.
        dates: Of the records, as written.
        clocks: Columns that were written as durations (``0d 00:01:00.00``), so that their unit is
            known whatever the header says.
        remarks: What was left out or taken for granted.
    """

    table: pl.DataFrame
    units: dict[str, str] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    dates: pl.Series | None = None
    clocks: frozenset[str] = frozenset()
    remarks: list[Remark] = field(default_factory=list)


@lru_cache(maxsize=4096)
def key(name: str) -> str:
    """A header's name for comparisons: lower case, letters (Chinese too) and digits only."""
    return re.sub(r"[\W_]+", "", name.lower())


@lru_cache(maxsize=1024)
def _keys(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(key(name) for name in names)


def match(headers: Sequence[str], rules: Sequence[Rule]) -> dict[str, Match]:
    """Which header each rule takes; a rule's best name wins, then the leftmost column."""
    found: dict[str, tuple[int, Match]] = {}
    for index, text in enumerate(headers):
        header = parse_header(text)
        for rule in rules:
            rank = rule.rank(header.name)
            if rank is None or not _fits(rule, header.unit):
                continue
            if rule.labelled and " / " not in text:
                continue
            known = found.get(rule.column)
            if known is None or rank < known[0]:
                unit = header.unit or rule.unit
                said = bool(header.unit) or rule.unit_in_name
                found[rule.column] = rank, Match(rule, index, text, unit, said)
            break
    return {column: each for column, (_, each) in found.items()}


def _fits(rule: Rule, unit: str) -> bool:
    if rule.needs_unit and not unit:
        return False
    if rule.column not in BY_NAME or rule.kind == "text" or not unit:
        return True
    wanted = BY_NAME[rule.column].unit
    return wanted in {"1", ""} or _factor(unit, wanted) is not None


def _factor(unit: str, wanted: str) -> float | None:
    # A degree sign is the first letter that a wrong encoding loses.
    if wanted == "Cel" and len(unit) <= 3 and unit.endswith("C"):
        return 1.0
    return factor(unit, wanted)


def positions(matches: dict[str, Match]) -> tuple[list[int], list[int]]:
    """The columns to be read as numbers, and those to be read as text."""
    numeric: list[int] = []
    textual: list[int] = []
    for column, each in matches.items():
        plain = column in BY_NAME and BY_NAME[column].dtype in {pl.Float64, pl.Int64}
        is_number = plain and each.rule.kind == "number"
        (numeric if is_number else textual).append(each.index)
    return numeric, textual


def assemble(source: Source, grid: Grid, matches: dict[str, Match]) -> Draft:
    """The canonical columns of a grid; records whose essential values are damaged are left out.

    Raises:
        UnreadableFileError: A unit is unknown, or too many values are damaged.
    """
    columns: dict[str, pl.Series] = {}
    damaged = pl.repeat(False, grid.height, dtype=pl.Boolean, eager=True)
    examples: list[str] = []
    clocks: set[str] = set()
    remarks: list[Remark] = list(grid.remarks)
    for column, each in matches.items():
        raw = grid.column(each.index)
        if column not in BY_NAME or each.rule.kind == "text":
            columns[column] = _whole_numbers(raw) if column == "step_id" else raw
            continue
        values, bad = _numbers(raw, each.rule.kind, decimal_comma=grid.decimal_comma)
        is_clock = each.rule.kind == "duration" and _has_colon(raw)
        if is_clock:
            clocks.add(column)
        if bad is not None and bad.any():
            seen = raw.filter(bad)[0]
            words = f"{each.header!r}: {int(bad.sum())} values are no numbers, such as {seen!r}"
            if column in ESSENTIAL:
                damaged = damaged | bad
                examples.append(words)
            else:
                remarks.append(Remark("warning", "unreadable_values", f"{words}; left empty."))
        columns[column] = values if is_clock else _converted(source, values, each)
    table = pl.DataFrame({name: values.alias(name) for name, values in columns.items()})
    count = int(damaged.sum())
    if count:
        words = f"{count} of {grid.height} records are damaged ({'; '.join(examples)})"
        if count > max(1.0, DAMAGED_SHARE * grid.height):
            raise source.refuse(words, remedy="export or copy the file again")
        remarks.append(Remark("error", "damaged_records", f"{words}; they are left out."))
        table = table.filter(~damaged)
    dates = table.drop_in_place("date") if "date" in table.columns else None
    units = {name: each.unit for name, each in matches.items() if each.unit not in {"", "1"}}
    unnamed = [
        name
        for name in ESSENTIAL
        if name in matches and not matches[name].named and name not in clocks
    ]
    if unnamed:
        said = ", ".join(f"{matches[name].header!r} in {matches[name].unit}" for name in unnamed)
        words = f"The header names no units; the vendor's own are taken: {said}."
        remarks.append(Remark("note", "units_not_named", words))
    return Draft(table, units, _unread(grid.headers, matches), dates, frozenset(clocks), remarks)


def _whole_numbers(raw: pl.Series) -> pl.Series:
    """Numbers of steps as text without a point, however the file writes them."""
    text = raw.cast(pl.String)
    return text.str.replace(r"^(-?\d+)\.0*$", "${1}")


def _has_colon(raw: pl.Series) -> bool:
    if raw.dtype != pl.String:
        # Cells of a spreadsheet that hold durations.
        return False
    return bool(raw.drop_nulls().head(100).str.contains(":", literal=True).any())


def _numbers(
    raw: pl.Series, kind: str, *, decimal_comma: bool
) -> tuple[pl.Series, pl.Series | None]:
    if raw.dtype.is_numeric():
        return raw.cast(pl.Float64).fill_nan(None), None
    text = raw.cast(pl.String).str.strip_chars()
    plain = text.str.replace(",", ".", literal=True) if decimal_comma else text
    if kind == "duration":
        found = parse_durations(plain)
    else:
        found = plain.cast(pl.Float64, strict=False).fill_nan(None)
    there = text.is_not_null() & (text != "") & ~text.is_in(NOT_A_VALUE)
    return found, (there & found.is_null()).fill_null(value=False)


def _converted(source: Source, values: pl.Series, each: Match) -> pl.Series:
    wanted = BY_NAME[each.rule.column].unit
    if wanted in {"1", ""}:
        return values
    by = _factor(each.unit, wanted) if each.unit else None
    if by is None:
        raise source.refuse(
            f"column {each.header!r} is a {each.rule.column.split('_')[0]}, but its unit is not "
            "named and cannot be told",
            remedy="export it with units in the header",
        )
    return values if by == 1.0 else values * by


def _unread(headers: Sequence[str], matches: dict[str, Match]) -> tuple[str, ...]:
    taken = {each.index for each in matches.values()}
    return tuple(text.strip() for i, text in enumerate(headers) if i not in taken and text.strip())

"""From a vendor's columns to the canonical ones: names, units, and what could not be read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal

import polars as pl

from nodes.cycler.files._columns import BY_NAME
from nodes.cycler.files._grid import Grid
from nodes.cycler.files._recording import Remark
from nodes.cycler.files._source import Source
from nodes.cycler.files._units import factor, parse_header
from nodes.cycler.files._values import Damages, as_numbers, has_colon, is_free, whole_numbers

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
    for each in matches.values():
        (numeric if each.rule.kind == "number" else textual).append(each.index)
    return numeric, textual


def assemble(source: Source, grid: Grid, matches: dict[str, Match]) -> Draft:
    """The canonical columns of a grid; records whose essential values are damaged are left out.

    Raises:
        UnreadableFileError: A unit is unknown, or too many values are damaged.
    """
    columns: dict[str, pl.Series] = {}
    factors: dict[str, float] = {}
    damages = Damages(source, grid.height)
    clocks: set[str] = set()
    for column, each in matches.items():
        raw = grid.column(each.index)
        if each.rule.kind == "text" or is_free(column, raw):
            columns[column] = raw
            continue
        if raw.dtype.is_numeric():
            columns[column] = raw
        else:
            is_clock = each.rule.kind == "duration" and has_colon(raw)
            columns[column], bad = as_numbers(
                raw, is_duration=each.rule.kind == "duration", decimal_comma=grid.decimal_comma
            )
            damages.add(each.header, raw, bad, essential=column in ESSENTIAL)
            if is_clock:
                clocks.add(column)
                continue
        factors[column] = _scale(source, each)
    table = pl.DataFrame([values.alias(name) for name, values in columns.items()])
    # All of a factor at once: each operation of polars has its price.
    named: dict[float, list[str]] = {}
    for name, by in factors.items():
        named.setdefault(by, []).append(name)
    table = table.with_columns(
        pl.col(names).cast(pl.Float64).fill_nan(None) * by for by, names in named.items()
    )
    if "step_id" in factors:
        place = table.get_column_index("step_id")
        table.replace_column(place, whole_numbers(table["step_id"]))
    table = damages.without(table)
    dates = table.drop_in_place("date") if "date" in table.columns else None
    units = {name: each.unit for name, each in matches.items() if each.unit not in {"", "1"}}
    unnamed = [
        name
        for name in ESSENTIAL
        if name in matches and not matches[name].named and name not in clocks
    ]
    remarks = [*grid.remarks, *damages.remarks]
    if unnamed:
        said = ", ".join(f"{matches[name].header!r} in {matches[name].unit}" for name in unnamed)
        words = f"The header names no units; the vendor's own are taken: {said}."
        remarks.append(Remark("note", "units_not_named", words))
    return Draft(table, units, _unread(grid.headers, matches), dates, frozenset(clocks), remarks)


def _scale(source: Source, each: Match) -> float:
    column = BY_NAME.get(each.rule.column)
    if column is None or column.unit in {"1", ""}:
        return 1.0
    by = _factor(each.unit, column.unit) if each.unit else None
    if by is None:
        raise source.refuse(
            f"column {each.header!r} is a {each.rule.column.split('_')[0]}, but its unit is not "
            "named and cannot be told",
            remedy="export it with units in the header",
        )
    return by


def _unread(headers: Sequence[str], matches: dict[str, Match]) -> tuple[str, ...]:
    taken = {each.index for each in matches.values()}
    return tuple(text.strip() for i, text in enumerate(headers) if i not in taken and text.strip())

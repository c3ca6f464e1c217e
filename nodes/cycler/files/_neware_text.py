"""Neware BTS exports as text: flat, or nested as cycles, steps and records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from nodes.cycler.files._assemble import Rule, assemble, match, positions
from nodes.cycler.files._grid import read_grid
from nodes.cycler.files._neware_columns import (
    NEWARE_RULES,
    is_neware,
    neware_recording,
    own_words,
)
from nodes.cycler.files._recording import Metadata, Recording, Remark
from nodes.cycler.files._source import Head, Recognition, Source
from nodes.cycler.files._table_text import (
    find_header,
    has_columns,
    head_lines,
    lines_of,
    read_table,
    split,
)
from nodes.cycler.files._text import decode

_ORDINAL: Final = "labmesh step ordinal"


@dataclass(frozen=True)
class NewareText:
    """Neware's flat text export."""

    name: str = "neware_csv"
    vendor: str = "Neware"
    title: str = "Neware BTS text export (.csv, .txt)"
    suffixes: tuple[str, ...] = (".csv", ".txt")

    def recognise(self, head: Head) -> Recognition | None:
        """By its words for the columns on one of the first lines."""
        found = find_header(head_lines(head, 12), is_neware)
        if found is None:
            return None
        seen = ", ".join(sorted(own_words(found.names))[:4])
        return Recognition(0.8, (f"line {found.line + 1} has Neware's columns ({seen} ...)",))

    def read(self, source: Source) -> Recording:
        """Read the one table."""
        read = read_table(source, NEWARE_RULES, is_neware)
        about = Metadata(
            self.name,
            self.vendor,
            encoding=read.encoding,
            units=read.draft.units,
            unread=read.draft.unread,
        )
        return neware_recording(read.draft, about)


@dataclass(frozen=True)
class _Levels:
    """The three header lines of a nested export."""

    separator: str
    cycle: list[str]
    step: list[str]
    record: list[str]
    line: int


@dataclass(frozen=True)
class NewareNested:
    """Neware's layered text export: each cycle's line, each step's, and their records."""

    name: str = "neware_nested_csv"
    vendor: str = "Neware"
    title: str = "Neware BTS layered export (.csv, .txt, .xls as text)"
    suffixes: tuple[str, ...] = (".csv", ".txt", ".xls")

    def recognise(self, head: Head) -> Recognition | None:
        """By three header lines, each further to the right."""
        levels = _levels(head_lines(head, 12))
        if levels is None:
            return None
        words = f"lines {levels.line + 1} to {levels.line + 3} name cycles, steps and records"
        return Recognition(0.9, (words,))

    def read(self, source: Source) -> Recording:
        """Read the records, each with the cycle and step that it stands under."""
        decoded = decode(source.data)
        levels = _levels(lines_of(decoded.utf8[: 1 << 16].decode("utf-8", errors="replace"), 12))
        if levels is None:
            raise source.refuse("the three header lines of a layered export are not there")
        body, steps = _flattened(decoded.utf8, levels)
        headers = [_ORDINAL, *levels.record[1:]]
        rules = (Rule("ordinal", (_ORDINAL,), kind="text"), *NEWARE_RULES)
        matches = match(headers, rules)
        numeric, textual = positions(matches)
        grid = read_grid(
            source, body, headers, first_line=0, separator=levels.separator,
            numeric=numeric, textual=textual,
        )  # fmt: skip
        draft = assemble(source, grid, matches)
        draft.unread = tuple(name for name in draft.unread if name != _ORDINAL)
        ordinal = draft.table.drop_in_place("ordinal").cast(pl.Int64)
        draft.table = draft.table.with_columns(*steps[ordinal].get_columns())
        about = Metadata(
            self.name,
            self.vendor,
            encoding=decoded.encoding,
            units=draft.units,
            unread=draft.unread,
        )
        recording = neware_recording(draft, about)
        orphans = int((ordinal == 0).sum())
        if orphans:
            words = f"{orphans} records stand before the first cycle or step."
            said = Remark("error", "records_without_step", words)
            return replace(recording, remarks=(*recording.remarks, said))
        return recording


def _levels(lines: Sequence[str]) -> _Levels | None:
    for number in range(max(0, len(lines) - 2)):
        for separator in ("\t", ","):
            cycle, step, record = (split(line, separator) for line in lines[number : number + 3])
            # What the layers have before their first name tells them apart.
            if len(record) < 5 or (_indent(cycle), _indent(step), _indent(record)) != (0, 1, 2):
                continue
            if has_columns(
                record, NEWARE_RULES, "voltage_volt", "current_ampere", "record_index"
            ) and has_columns(cycle, NEWARE_RULES, "cycle_count"):
                return _Levels(separator, cycle, step, record, number)
    return None


def _indent(names: Sequence[str]) -> int:
    return next((i for i, name in enumerate(names) if name), len(names))


def _flattened(utf8: bytes, levels: _Levels) -> tuple[bytes, pl.DataFrame]:
    """The records' lines with the ordinal of their step in front, and the steps."""
    separator = levels.separator.encode()
    lines = utf8.split(b"\n")[levels.line + 3 :]
    records: list[bytes] = []
    cycles: list[int | None] = [None]
    ids: list[str | None] = [None]
    kinds: list[str | None] = [None]
    cycle: int | None = None
    found = match(levels.step, NEWARE_RULES)
    width = len([name for name in levels.cycle if name])
    indent, prefix = separator * 2, b"0"
    for line in lines:
        if line.startswith(indent):
            records.append(prefix + line)
            continue
        if not line.strip():
            continue
        fields = split(line.decode(errors="replace"), levels.separator)
        if not line.startswith(separator):
            cycle = int(fields[0]) if fields[0].isdigit() else None
            if len(fields) <= width + 1:
                continue
            # The first step of the test stands on the line of its cycle.
            fields = ["", *fields[width:]]
        cycles.append(cycle)
        for column, into in (("step_id", ids), ("step_type", kinds)):
            place = found[column].index if column in found else len(fields)
            into.append(fields[place] if place < len(fields) else None)
        prefix = b"%d" % (len(ids) - 1)
    steps = pl.DataFrame(
        {"cycle_count": cycles, "step_id": ids, "step_type": kinds},
        schema={"cycle_count": pl.Int64, "step_id": pl.String, "step_type": pl.String},
    )
    return b"\n".join(records), steps.with_columns(step_count=pl.int_range(steps.height))

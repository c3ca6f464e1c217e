"""Values of a vendor's columns as numbers, and the records whose values are damaged."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from nodes.cycler.files._grid import DAMAGED_SHARE
from nodes.cycler.files._recording import Remark
from nodes.cycler.files._source import Source
from nodes.cycler.files._times import parse_durations

NOT_A_VALUE: Final = ("N/A", "n/a", "NA", "NaN", "nan", "--", "-", "NULL", "null", "inf", "-inf")

FEW: Final = 2000
"""Durations up to so many are read one by one, which takes less time than to set a table up."""

_PARTS: Final = re.compile(r"\s*(?:(\d+)d\s+)?(\d+):(\d+):(\d+(?:\.\d*)?)\s*")

_FREE: Final = {"step_id", "mode", "changes", "half"}
"""Columns that are numbers in most files, and may be words."""


def is_free(column: str, raw: pl.Series) -> bool:
    """Whether a column holds words where most files have numbers, and may."""
    return column in _FREE and not raw.dtype.is_numeric()


def whole_numbers(values: pl.Series) -> pl.Series:
    """Integers, where all values are; else the values as they are."""
    floats = values.to_numpy()
    there = floats[np.isfinite(floats)]
    return values.cast(pl.Int64, strict=False) if (there == there.round()).all() else values


def has_colon(raw: pl.Series) -> bool:
    """Whether durations are written with colons (their unit needs no name then)."""
    return any(":" in value for value in raw.head(100).to_list() if isinstance(value, str))


def as_numbers(
    raw: pl.Series, *, is_duration: bool, decimal_comma: bool
) -> tuple[pl.Series, pl.Series]:
    """Text as numbers (durations as seconds), and which values are damaged."""
    text = raw.cast(pl.String).str.strip_chars()
    plain = text.str.replace(",", ".", literal=True) if decimal_comma else text
    if is_duration and has_colon(raw):
        found = _clock(plain)
        if found.null_count() > raw.null_count():
            found = parse_durations(plain)
    else:
        found = plain.cast(pl.Float64, strict=False)
    if found.null_count() == raw.null_count():
        return found, pl.Series(dtype=pl.Boolean)
    there = text.is_not_null() & (text != "") & ~text.is_in(NOT_A_VALUE)
    return found, (there & found.is_null()).fill_null(value=False)


def _clock(text: pl.Series) -> pl.Series:
    """``0d 00:01:00.00`` and ``26:10:00``; null where a value is neither."""
    if text.len() <= FEW:
        return pl.Series(text.name, [_seconds(value) for value in text.to_list()], pl.Float64)
    frame = text.to_frame("t").select(
        pl.col("t").str.split_exact(":", 2).struct.rename_fields(["h", "m", "s"]).alias("p")
    )
    frame = frame.unnest("p").with_columns(
        pl.col("h").str.split_exact("d", 1).struct.rename_fields(["d", "r"]).alias("p")
    )
    days = pl.col("p").struct.field("d").str.strip_chars()
    rest = pl.col("p").struct.field("r").str.strip_chars()
    hours = pl.coalesce(rest, days).cast(pl.Float64, strict=False)
    whole = pl.when(rest.is_not_null()).then(days.cast(pl.Float64, strict=False)).otherwise(0.0)
    minutes = pl.col("m").cast(pl.Float64, strict=False)
    seconds = pl.col("s").cast(pl.Float64, strict=False)
    total = whole * 86400 + hours * 3600 + minutes * 60 + seconds
    return frame.select(total.alias(text.name)).to_series()


def _seconds(value: str | None) -> float | None:
    found = _PARTS.fullmatch(value or "")
    if found is None:
        return None
    days, hours, minutes, seconds = found.groups()
    return int(days or 0) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(seconds)


@dataclass
class Damages:
    """Which records have values that are neither blank nor numbers.

    Args:
        source: For the words of errors.
        height: Records.
    """

    source: Source
    height: int
    remarks: list[Remark] = field(default_factory=list)
    _bad: pl.Series | None = None
    _examples: list[str] = field(default_factory=list)

    def add(self, header: str, raw: pl.Series, bad: pl.Series, *, essential: bool) -> None:
        """Note the damaged values of a column."""
        if not bad.any():
            return
        words = (
            f"{header!r}: {int(bad.sum())} values are no numbers, such as {raw.filter(bad)[0]!r}"
        )
        if essential:
            self._bad = bad if self._bad is None else self._bad | bad
            self._examples.append(words)
        else:
            self.remarks.append(Remark("warning", "unreadable_values", f"{words}; left empty."))

    def without(self, table: pl.DataFrame) -> pl.DataFrame:
        """The table without the records whose time, voltage or current is damaged.

        Raises:
            UnreadableFileError: There are too many.
        """
        if self._bad is None:
            return table
        count = int(self._bad.sum())
        words = f"{count} of {self.height} records are damaged ({'; '.join(self._examples)})"
        if count > max(1.0, DAMAGED_SHARE * self.height):
            raise self.source.refuse(words, remedy="export or copy the file again")
        self.remarks.append(Remark("error", "damaged_records", f"{words}; they are left out."))
        return table.filter(~self._bad)

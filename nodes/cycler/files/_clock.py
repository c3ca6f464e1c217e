"""Dates of records: epochs, spreadsheet days, and text whose day and month evidence tells apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

import polars as pl

from nodes.cycler.files._recording import Remark
from nodes.cycler.files._times import parse_dates, unix_factor

First = Literal["month", "day"]

_TOLERANCE: Final = 0.02
"""A reading of the dates is supported when they span the same time as the elapsed time does."""

_ZONE: Final = r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d.*(Z|[+-]\d\d:?\d\d)$"

_TAILS: Final = (" %H:%M:%S%.f", " %I:%M:%S%.f %p", " %H:%M", "")


@dataclass(frozen=True)
class Dated:
    """What the dates of a file are: one of the two series, or neither."""

    local: pl.Series | None = None
    unix: pl.Series | None = None
    remarks: list[Remark] = field(default_factory=list)

    def onto(self, table: pl.DataFrame) -> pl.DataFrame:
        """The table with the dates as their canonical columns."""
        both = {"local_time": self.local, "unix_time_second": self.unix}
        new = [series.alias(name) for name, series in both.items() if series is not None]
        return table.drop([each.name for each in new], strict=False).hstack(new) if new else table


def read_dates(
    dates: pl.Series | None, elapsed: pl.Series | None, *, usual: First = "month"
) -> Dated:
    """Read a column of dates.

    Args:
        dates: Text, numbers (Unix time or days of a spreadsheet) or dates.
        elapsed: Seconds, to tell day from month by the time that passed.
        usual: Which comes first in this vendor's dates when nothing tells.
    """
    if dates is None or not dates.count():
        return Dated()
    if dates.dtype == pl.Datetime:
        return Dated(local=dates.cast(pl.Datetime("us")))
    first = _beginning(dates)
    if dates.dtype.is_numeric() or re.fullmatch(r"[\d.+eE]+", first):
        numbers = dates.cast(pl.Float64, strict=False)
        if numbers.count() == dates.count():
            return _numeric(numbers)
    text = dates if dates.dtype == pl.String else dates.cast(pl.String)
    if re.search(r"\s\s|\t", first):
        text = text.str.replace_all(r"\s+", " ")
    if re.match(_ZONE, first):
        aware = text.str.replace(" ", "T").str.to_datetime(
            "%Y-%m-%dT%H:%M:%S%.f%#z", strict=False, time_zone="UTC", time_unit="us"
        )
        if aware.count() == text.count():
            return Dated(unix=aware.dt.timestamp("us") / 1e6)
    if re.match(r"\d{1,2}/\d{1,2}/", first):
        return _slashed(text, elapsed, usual)
    plain = _tried(text, "%Y-%m-%d", years=("",))
    return _checked(plain if plain.count() == text.count() else parse_dates(text), text)


def _beginning(dates: pl.Series) -> str:
    """The first date, as text."""
    there = (value for value in dates.head(1000).to_list() if value is not None)
    return str(next(there, "")).strip()


def _numeric(numbers: pl.Series) -> Dated:
    by = unix_factor(numbers)
    if by is not None:
        return Dated(unix=numbers * by)
    middle = numbers.median()
    if isinstance(middle, float) and 20_000 < middle < 80_000:
        micros = ((numbers - 25569.0) * 86400e6).round().cast(pl.Int64, strict=False)
        return Dated(local=micros.cast(pl.Datetime("us")))
    words = (
        f"The dates are numbers (about {middle!r}) that are neither Unix time nor days: not read."
    )
    return Dated(remarks=[Remark("warning", "dates_unreadable", words)])


def _slashed(text: pl.Series, elapsed: pl.Series | None, usual: First) -> Dated:
    """``06/05/2021``: every value is read both ways."""
    told = _told(text)
    if told:
        found = _tried(text, told)
        if found.count() == text.count():
            return Dated(local=found)
    read = {"month": _tried(text, "%m/%d"), "day": _tried(text, "%d/%m")}
    whole = {first: found for first, found in read.items() if found.count() == text.count()}
    if len(whole) == 1:
        return Dated(local=next(iter(whole.values())))
    if not whole:
        best = max(read.values(), key=lambda found: found.count())
        return _checked(best, text)
    fits = {first: found for first, found in whole.items() if _agrees(found, elapsed)}
    if len(fits) == 1 and _span(whole["month"]) != _span(whole["day"]):
        first, found = next(iter(fits.items()))
        words = (
            f"Dates such as {text[0]} could be read with the day or the month first; with the "
            f"{first} first they span the elapsed time, so they are read that way."
        )
        return Dated(local=found, remarks=[Remark("note", "day_month_by_elapsed_time", words)])
    other = "day" if usual == "month" else "month"
    taken, left = _first(read[usual]), _first(read[other])
    words = (
        f"Dates such as {text[0]} do not tell day from month; the {usual} is taken to come first "
        f"({taken:%Y-%m-%d}, not {left:%Y-%m-%d})."
        if taken and left
        else "The dates do not tell day from month."
    )
    severity: Literal["note", "warning"] = "note" if taken == left else "warning"
    return Dated(local=read[usual], remarks=[Remark(severity, "day_month_ambiguous", words)])


def _told(text: pl.Series) -> str:
    """Which comes first, when a few values show it by a number above 12."""
    for value in text.gather_every(max(1, text.len() // 50)).to_list():
        found = re.match(r"(\d+)/(\d+)/", value or "")
        if found and int(found.group(2)) > 12:
            return "%m/%d"
        if found and int(found.group(1)) > 12:
            return "%d/%m"
    return ""


def _tried(text: pl.Series, begin: str, *, years: Sequence[str] = ()) -> pl.Series:
    best = pl.Series(text.name, [None] * len(text), dtype=pl.Datetime("us"))
    first = _beginning(text)
    if not years:
        years = ("/%Y",) if re.search(r"/\d{4}", first) else ("/%y",)
    # Reading fractions of seconds takes four times as long: only where there are some.
    fraction = "%.f" if "." in first else ""
    tails = [tail for tail in _TAILS if ("%p" in tail) == first.upper().endswith("M")]
    for year in years:
        for tail in tails:
            form = f"{begin}{year}{tail.replace('%.f', fraction)}"
            if tail:
                found = text.str.to_datetime(form, strict=False, time_unit="us")
            else:
                found = text.str.to_date(form, strict=False).cast(pl.Datetime("us"))
            if found.count() > best.count():
                best = found
            if best.count() == text.count():
                return best
    return best


def _checked(found: pl.Series, text: pl.Series) -> Dated:
    if found.null_count() == text.null_count():
        return Dated(local=found)
    missing = text.filter(found.is_null() & text.is_not_null() & (text != ""))
    if not missing.len():
        return Dated(local=found)
    words = f"{missing.len()} of {text.count()} dates are not understood, such as {missing[0]!r}."
    remark = Remark("warning", "dates_unreadable", words)
    return Dated(local=found if found.count() else None, remarks=[remark])


def _agrees(dates: pl.Series, elapsed: pl.Series | None) -> bool:
    if elapsed is None or not elapsed.count():
        return False
    passed = _bounds(elapsed)
    return abs(_span(dates) - passed) <= max(5.0, _TOLERANCE * passed)


def _bounds(elapsed: pl.Series) -> float:
    there = elapsed.drop_nulls()
    return float(there[-1]) - float(there[0]) if there.len() else 0.0


def _span(dates: pl.Series) -> float:
    there = dates.drop_nulls()
    if there.len() < 2:
        return 0.0
    passed = there[-1] - there[0]
    return passed.total_seconds() if isinstance(passed, timedelta) else 0.0


def _first(dates: pl.Series) -> datetime | None:
    there = dates.drop_nulls()
    found = there[0] if there.len() else None
    return found if isinstance(found, datetime) else None

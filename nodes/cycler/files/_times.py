"""Dates and durations as vendors write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

import polars as pl

DATE_FORMATS: Final = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %I:%M:%S%.f %p",
    "%Y/%m/%d %H:%M:%S%.f",
    "%Y.%m.%d %H:%M:%S%.f",
    "%m/%d/%Y %H:%M:%S%.f",
    "%m/%d/%Y %I:%M:%S%.f %p",
    "%m/%d/%y %H:%M:%S%.f",
    "%m/%d/%y %I:%M:%S%.f %p",
    "%d/%m/%Y %H:%M:%S%.f",
    "%d/%m/%Y %I:%M:%S%.f %p",
    "%d/%m/%y %H:%M:%S%.f",
    "%d.%m.%Y %H:%M:%S%.f",
    "%d.%m.%y %H:%M:%S%.f",
    "%d-%m-%Y %H:%M:%S%.f",
    "%m-%d-%Y %H:%M:%S%.f",
    "%d-%b-%y %I:%M:%S%.f %p",
    "%d-%b-%Y %I:%M:%S%.f %p",
    "%d-%b-%y %H:%M:%S%.f",
    "%d-%b-%Y %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%Y-%m-%d",
)
"""Tried in this order: where day and month could be either, the month is first (as the vendors'
American defaults have it), and whoever relies on it says so (`is_day_month_open`)."""

_EPOCHS: Final = ((1e8, 1e10, 1.0), (1e11, 1e13, 1e-3), (1e14, 1e16, 1e-6), (1e17, 1e19, 1e-9))


def parse_dates(text: pl.Series, *, formats: Sequence[str] = DATE_FORMATS) -> pl.Series:
    """Naive dates with microseconds; the one format of them all that reads most of the values.

    Values that it does not read are null; a column that none reads is null throughout.
    """
    clean = text.cast(pl.String).str.strip_chars().str.replace_all(r"\s+", " ")
    there = clean.filter(clean != "").drop_nulls()
    sample = pl.concat([there.head(50), there.tail(50)])
    best, most = "", 0
    for form in formats:
        read = int(_strptime(sample, form).count())
        if read > most:
            best, most = form, read
        if most == sample.len():
            break
    if not best:
        return pl.Series(text.name, [None] * text.len(), dtype=pl.Datetime("us"))
    if most < sample.len():
        # Some exports leave the fraction or the time of day out at midnight.
        return _strptime(clean, best).fill_null(_strptime(clean, best.split(" ", maxsplit=1)[0]))
    # A later value may show that what looked like a month is a day.
    parsed = _strptime(clean, best)
    if "%m/%d" in best and int(parsed.count()) < int(there.len()):
        other = _strptime(clean, best.replace("%m/%d", "%d/%m"))
        if other.count() > parsed.count():
            return other
    return parsed


def _strptime(text: pl.Series, form: str) -> pl.Series:
    if "%H" not in form and "%I" not in form:
        read = text.str.to_date(form, strict=False).cast(pl.Datetime("us"))
    else:
        read = text.str.to_datetime(form, strict=False, time_unit="us")
    # %Y reads "21" as the year 21.
    return read.set(read.dt.year() < 1900, None)


def parse_date(text: str) -> datetime | None:
    """One date, naive; None when it is none of the known forms."""
    clean = " ".join(text.split())
    fraction = ".%f" if re.search(r":\d\d\.\d{1,6}\b", clean) else ""
    for form in DATE_FORMATS:
        try:
            found = datetime.strptime(clean, form.replace("%.f", fraction))  # noqa: DTZ007
        except ValueError:
            continue
        if found.year >= 1900:
            return found
    return None


def is_day_month_open(texts: Iterable[str | None]) -> bool:
    """Whether dates with slashes never show which of the first two numbers is the day."""
    seen = False
    for text in texts:
        found = re.match(r"\s*(\d{1,2})/(\d{1,2})/\d{2,4}", text or "")
        if found:
            seen = True
            if max(int(found.group(1)), int(found.group(2))) > 12:
                return False
    return seen


def unix_factor(values: pl.Series) -> float | None:
    """Seconds of one count of an epoch column (s, ms, us or ns since 1970); None: it is none."""
    middle = values.cast(pl.Float64, strict=False).median()
    if not isinstance(middle, float):
        return None
    for least, most, seconds in _EPOCHS:
        if least <= middle < most:
            return seconds
    return None


def excel_date(serial: float) -> datetime:
    """A day number of spreadsheets (and of OLE: days since 1899-12-30) as a naive date."""
    return datetime.fromtimestamp((serial - 25569.0) * 86400.0, tz=UTC).replace(tzinfo=None)


_DURATION: Final = (
    r"^\s*(?:(?<days>\d+)\s*d?[\s:.-]\s*)?"
    r"(?<hours>\d+):(?<minutes>\d+):(?<seconds>\d+(?:[.,]\d+)?)\s*$"
)


def parse_durations(text: pl.Series) -> pl.Series:
    """``2d 02:52:51.56``, ``26:10:00``, ``1-02:00:00.5`` and plain seconds, as seconds.

    What is none of these is null.
    """
    clean = text.cast(pl.String)
    frame = pl.DataFrame({"t": clean}).select(
        pl.col("t").str.extract_groups(_DURATION).alias("g"),
        pl.col("t").str.strip_chars().cast(pl.Float64, strict=False).alias("plain"),
    )
    parts = frame.select(
        pl.col("plain"),
        pl.col("g").struct.field("days").cast(pl.Float64, strict=False).fill_null(0.0).alias("d"),
        pl.col("g").struct.field("hours").cast(pl.Float64, strict=False).alias("h"),
        pl.col("g").struct.field("minutes").cast(pl.Float64, strict=False).alias("m"),
        pl.col("g")
        .struct.field("seconds")
        .str.replace(",", ".", literal=True)
        .cast(pl.Float64, strict=False)
        .alias("s"),
    )
    total = parts.select(
        (pl.col("d") * 86400 + pl.col("h") * 3600 + pl.col("m") * 60 + pl.col("s"))
        .fill_null(pl.col("plain"))
        .alias("seconds")
    )
    return total["seconds"].alias(text.name)

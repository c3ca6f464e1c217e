"""From what a reader gives to the canonical table: order, types, time, missing voltages."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from nodes.cycler.files._columns import BY_NAME, COLUMNS, REQUIRED
from nodes.cycler.files._recording import Metadata, Recording, Remark
from nodes.cycler.files._source import Source

_ABSURD: Final = 1e12
"""More than any column counts in its unit; Unix time in seconds is below 1e11 for long."""


def canonical(recording: Recording, source: Source) -> Recording:
    """The recording with its table in canonical order and types.

    Records without a voltage are left out (and counted in a remark), the time zone given by the
    caller makes ``unix_time_second`` of ``local_time``, and missing required columns are null.

    Raises:
        UnreadableFileError: There is no voltage column.
    """
    table, remarks = recording.table, list(recording.remarks)
    unknown = [name for name in table.columns if name not in BY_NAME]
    if unknown:
        raise AssertionError(f"the reader of {recording.metadata.format} made up {unknown}")
    if "voltage_volt" not in table.columns:
        raise source.refuse(
            f"it was recognised as {recording.metadata.format}, but no column is a voltage",
            remedy="export the voltage too",
        )
    table = _sane(_typed(table), remarks)
    before = table.height
    table = table.filter(pl.col("voltage_volt").is_finite())
    if before > table.height:
        words = f"{before - table.height} of {before} records have no voltage and are left out."
        remarks.append(Remark("note", "records_without_voltage", words))
    if table["test_time_second"].null_count() == table.height and table.height:
        table = _time_from_dates(table, remarks)
    metadata = _started(recording.metadata, table, source.timezone)
    if source.timezone is not None and "local_time" in table.columns:
        table = table.with_columns(unix_time_second=_unix(table["local_time"], source.timezone))
        table = table.drop("local_time")
    elif "local_time" in table.columns and "unix_time_second" not in table.columns:
        words = "The file says no time zone: dates are the instrument's local time."
        remarks.append(Remark("note", "zone_unknown", words))
    order = [column.name for column in COLUMNS if column.name in table.columns]
    return replace(recording, table=table.select(order), metadata=metadata, remarks=tuple(remarks))


def _sane(table: pl.DataFrame, remarks: list[Remark]) -> pl.DataFrame:
    """Numbers that no instrument writes, as null: damaged bytes read as numbers."""
    doubles = [name for name, dtype in table.schema.items() if dtype == pl.Float64]
    if not table.height or not doubles:
        return table
    counts = table.select((pl.col(doubles).abs() >= _ABSURD).sum()).row(0, named=True)
    lost = {name: count for name, count in counts.items() if count}
    if not lost:
        return table
    worst = max(lost, key=lambda name: lost[name])
    words = (
        f"{lost[worst]} of {table.height} values of {worst} are no numbers that an instrument "
        "writes: the file is damaged."
    )
    remarks.append(Remark("error", "absurd_values", words))
    return table.with_columns(
        pl.when(pl.col(name).abs() < _ABSURD).then(pl.col(name)).alias(name) for name in lost
    )


def _typed(table: pl.DataFrame) -> pl.DataFrame:
    wanted = [
        pl.col(name).cast(BY_NAME[name].dtype, strict=False)
        for name, dtype in table.schema.items()
        if dtype != BY_NAME[name].dtype
    ]
    missing = [pl.lit(None, pl.Float64).alias(n) for n in REQUIRED if n not in table.columns]
    return table.with_columns(*wanted, *missing) if wanted or missing else table


def _time_from_dates(table: pl.DataFrame, remarks: list[Remark]) -> pl.DataFrame:
    for name in ("unix_time_second", "local_time"):
        if name not in table.columns or not table[name].count():
            continue
        column = pl.col(name)
        elapsed = column - column.drop_nulls().first()
        if name == "local_time":
            elapsed = elapsed.dt.total_microseconds() / 1e6
        words = "The file has no elapsed time: it is counted from the first record's date."
        remarks.append(Remark("note", "time_from_dates", words))
        return table.with_columns(test_time_second=elapsed)
    words = "The file holds no time, neither elapsed nor as dates."
    remarks.append(Remark("error", "no_time", words))
    return table


def _started(metadata: Metadata, table: pl.DataFrame, zone: ZoneInfo | None) -> Metadata:
    start = metadata.start_time
    if start is None and "local_time" in table.columns and table["local_time"].count():
        first, elapsed = table["local_time"][0], table["test_time_second"][0]
        if isinstance(first, datetime):
            since = elapsed if elapsed is not None and 0 <= elapsed < 1e9 else 0.0
            start = first - timedelta(seconds=since)
    if start is not None and start.tzinfo is None and zone is not None:
        start = start.replace(tzinfo=zone)
    return replace(metadata, start_time=start)


def _unix(local: pl.Series, zone: ZoneInfo) -> pl.Series:
    aware = local.dt.replace_time_zone(zone.key, ambiguous="earliest", non_existent="null")
    return aware.dt.timestamp("us") / 1e6

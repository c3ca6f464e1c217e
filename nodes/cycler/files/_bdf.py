"""Battery Data Format tables: csv and Parquet, with machine names or preferred labels.

Source of names and labels: the ontology (https://w3id.org/battery-data-alliance/ontology/
battery-data-format, version 1.3.0, Apache-2.0), with those it calls deprecated.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl
from polars.exceptions import PolarsError

from nodes.cycler.files._assemble import Draft, Kind, Rule, assemble, match
from nodes.cycler.files._columns import BY_NAME, COLUMNS
from nodes.cycler.files._grid import Grid
from nodes.cycler.files._recording import Metadata, Recording, Remark
from nodes.cycler.files._signs import signed_by_step_type
from nodes.cycler.files._source import Head, Recognition, Source
from nodes.cycler.files._table_text import find_header, head_lines, read_table
from nodes.cycler.files._units import parse_header

_DEPRECATED: Final = {
    "step_index": "step_id",
    "cycle_dimensionless": "cycle_count",
    "step_capacity_ah": "step_cumulative_capacity_ah",
    "step_energy_wh": "step_cumulative_energy_wh",
    "charge_capacity_ah": "charging_capacity_ah",
    "discharge_capacity_ah": "discharging_capacity_ah",
    "charge_energy_wh": "charging_energy_wh",
    "discharge_energy_wh": "discharging_energy_wh",
    "cycle_index": "cycle_count",
}
"""Older names that published files still have. ``step_index`` is, in all of these, the number of
the step in the program, which is now called ``step_id``."""

_LABELS: Final = {
    "Step Index": "step_id",
    "Cycle Dimensionless": "cycle_count",
    "Step Capacity": "step_cumulative_capacity_ah",
    "Step Energy": "step_cumulative_energy_wh",
    "Charge Capacity": "charging_capacity_ah",
    "Discharge Capacity": "discharging_capacity_ah",
    "Charge Energy": "charging_energy_wh",
    "Discharge Energy": "discharging_energy_wh",
    "Surface Temperature T1": "temperature_t1_celsius",
    "Temperature": "temperature_t1_celsius",
}


def _rules() -> Iterator[Rule]:
    for column in COLUMNS:
        if not column.described:
            continue
        text = column.dtype == pl.String
        names = [column.name, *(old for old, new in _DEPRECATED.items() if new == column.name)]
        kind: Kind = "text" if text else "number"
        yield Rule(column.name, tuple(names), column.unit, kind=kind, exact=True, unit_in_name=True)
        base = column.label.split(" / ")[0]
        labels = [base, *(old for old, new in _LABELS.items() if new == column.name)]
        yield Rule(
            column.name,
            tuple(labels),
            column.unit,
            kind=kind,
            exact=True,
            needs_unit=not text,
            labelled=not text,
        )
    yield Rule("test_time_second", ("test_time_millisecond",), "ms", exact=True, unit_in_name=True)
    yield Rule("unix_time_second", ("unix_time_millisecond",), "ms", exact=True, unit_in_name=True)

    yield Rule(_TWIN, ("Current", "current"), kind="text", exact=True)


_TWIN: Final = "the instrument's own current"
"""Some conversions keep the columns they were made from beside their own."""

_RULES: Final = tuple(_rules())


def is_bdf(names: Sequence[str]) -> bool:
    """Whether the names hold voltage, current and time as the Battery Data Format writes them."""
    plain = set(names)
    if {"voltage_volt", "current_ampere"} <= plain:
        return any(name.startswith(("test_time_", "unix_time_")) for name in names)
    labels = {parse_header(name).name for name in names if " / " in name}
    return {"Voltage", "Current"} <= labels and bool({"Test Time", "Unix Time"} & labels)


@dataclass(frozen=True)
class BdfCsv:
    """Battery Data Format as text."""

    name: str = "bdf_csv"
    vendor: str = "Battery Data Format"
    title: str = "Battery Data Format (.bdf.csv)"
    suffixes: tuple[str, ...] = (".csv", ".bdf")

    def recognise(self, head: Head) -> Recognition | None:
        """By the ontology's names or labels on the first line."""
        found = find_header(head_lines(head, 3), is_bdf)
        if found is None:
            return None
        words = "the header names voltage, current and time as the ontology's names or labels"
        return Recognition(0.98, (f"line {found.line + 1}: {words}",))

    def read(self, source: Source) -> Recording:
        """Read the columns that the ontology knows."""
        read = read_table(source, _RULES, is_bdf)
        about = Metadata(self.name, self.vendor, encoding=read.encoding)
        return _recording(read.draft, about)


@dataclass(frozen=True)
class BdfParquet:
    """Battery Data Format as Parquet."""

    name: str = "bdf_parquet"
    vendor: str = "Battery Data Format"
    title: str = "Battery Data Format (.bdf.parquet)"
    suffixes: tuple[str, ...] = (".parquet",)

    def recognise(self, head: Head) -> Recognition | None:
        """By Parquet's mark and the names of the columns in its footer."""
        if not head.data.startswith(b"PAR1") or head.path is None:
            return None
        try:
            names = list(pl.read_parquet_schema(head.path))
        except (PolarsError, OSError):
            return Recognition(0.3, ("a Parquet file whose footer cannot be read",))
        if not is_bdf(names):
            return Recognition(0.2, (f"a Parquet file with the columns {', '.join(names[:8])}",))
        return Recognition(0.98, ("Parquet with the ontology's names or labels as columns",))

    def read(self, source: Source) -> Recording:
        """Read the columns that the ontology knows."""
        try:
            frame = pl.read_parquet(io.BytesIO(source.data))
        except (PolarsError, OSError) as error:
            words = str(error).splitlines()[0]
            raise source.refuse(f"the Parquet file cannot be read: {words}") from error
        names = frame.columns
        grid = Grid(names, lambda index: frame[names[index]], frame.height)
        draft = assemble(source, grid, match(names, _RULES))
        return _recording(draft, Metadata(self.name, self.vendor))


def _twin(draft: Draft) -> list[Remark]:
    """Whether the column that the current was converted from is kept, and says another size."""
    if _TWIN not in draft.table.columns:
        return []
    own = draft.table.drop_in_place(_TWIN).cast(pl.Float64, strict=False)
    if "current_ampere" not in draft.table.columns:
        return []
    sizes = [float(each.abs().sum() or 0.0) for each in (own, draft.table["current_ampere"])]
    if min(sizes) <= 0 or abs(sizes[0] / sizes[1] - 1) < 0.01:
        return []
    words = (
        f"The file keeps the instrument's column 'Current' too, which is {sizes[0] / sizes[1]:.6g} "
        "times the current in A: one of the two has a wrong unit. The column in A is given; "
        "current and capacities are not to be trusted before that is settled."
    )
    return [Remark("error", "current_unit_contradicted", words)]


def _recording(draft: Draft, about: Metadata) -> Recording:
    old = sorted(name for name in _DEPRECATED if name in draft.units)
    remarks = [*draft.remarks, *_twin(draft)]
    if old:
        words = f"Deprecated names are read as their successors: {', '.join(old)}."
        remarks.append(Remark("note", "deprecated_names", words))
    if "current_ampere" in draft.table.columns and (draft.table["current_ampere"] < 0).any():
        # An unsigned current is left as it is: this format is defined with its sign.
        remarks += signed_by_step_type(draft.table)[1]
    metadata = Metadata(
        about.format,
        about.vendor,
        encoding=about.encoding,
        units={name: unit for name, unit in draft.units.items() if name in BY_NAME},
        unread=draft.unread,
    )
    return Recording(draft.table, metadata, remarks=tuple(remarks))

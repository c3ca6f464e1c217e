"""Records that BTS gives by its API, as a table of the Battery Data Format."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from messages.errors import LabmeshError
from nodes.cycler.wires._neware_messages import number

_COLUMNS: Final = {
    "voltage_volt": "volt",
    "current_ampere": "curr",
    "step_cumulative_capacity_ah": "cap",
    "step_cumulative_energy_wh": "eng",
}
"""Names of the ontology, and of BTS; currents are in A, positive while charging."""


def as_bdf(records: Sequence[Mapping[str, str]], where: str) -> str:
    """Return records as comma-separated text with the ontology's names.

    BTS' ``testtime`` is the time within a step, in ms, and begins anew with each: the time of the
    test is the sum of the steps. Its ``atime`` has whole seconds of a clock whose zone nobody
    knows; it is left out.

    Raises:
        LabmeshError: There are no records, or one lacks a number.
    """
    if not records:
        raise LabmeshError("BTS gave no records", where=where, remedy="has the test begun?")
    columns: dict[str, list[float]] = {name: [] for name in ("test_time_second", *_COLUMNS)}
    steps, cycles, step_times = [], [], []
    before = last = 0.0
    here: tuple[str, str] | None = None
    for record in records:
        place = record.get("stepid", ""), record.get("cycleid", "")
        values = {name: number(record, theirs) for name, theirs in _COLUMNS.items()}
        time = number(record, "testtime")
        if time is None or None in values.values():
            raise LabmeshError(f"record {record.get('seqid', '?')} lacks a number", where=where)
        seconds = time / 1000
        if here is not None and (place != here or seconds < last):
            before += last
        here, last = place, seconds
        columns["test_time_second"].append(before + seconds)
        for name, value in values.items():
            columns[name].append(value or 0.0)
        steps.append(place[0])
        cycles.append(int(number(record, "cycleid") or 0))
        step_times.append(seconds)
    table = pl.DataFrame(columns).with_columns(
        pl.Series("cycle_count", cycles),
        pl.Series("step_id", steps),
        pl.Series("step_time_second", step_times),
    )
    text = io.StringIO()
    table.write_csv(text)
    return text.getvalue()

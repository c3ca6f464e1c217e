"""What a reader gives: one table, where it came from, and what must be said about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

import polars as pl

Severity = Literal["note", "warning", "error"]


@dataclass(frozen=True)
class Remark:
    """Something the scientist must know about this file's data.

    Args:
        severity: ``note`` (how it was read), ``warning`` (look at it), ``error`` (do not trust it).
        code: ``snake_case``, for programs.
        words: One or two sentences, with numbers and units.
    """

    severity: Severity
    code: str
    words: str


@dataclass(frozen=True)
class Metadata:
    """What the file says of itself; empty or None where it says nothing.

    Args:
        start_time: Of the first record. Aware where the file or the caller gives a zone, naive
            (the instrument's local time) where nobody does.
        start_time_text: As written in the file.
        units: Unit as written in the file, by canonical column.
        unread: Columns of the file that have no place in the canonical table.
        extra: Whatever else the file says, by its own words.
    """

    format: str
    vendor: str
    software: str = ""
    instrument: str = ""
    cell: str = ""
    channel: str = ""
    protocol: str = ""
    operator: str = ""
    comment: str = ""
    start_time: datetime | None = None
    start_time_text: str = ""
    nominal_capacity_ah: float | None = None
    active_mass_kg: float | None = None
    encoding: str = ""
    units: dict[str, str] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    extra: dict[str, str] = field(default_factory=dict)
    file_name: str = ""
    file_size: int = 0
    sha256: str = ""


Resets = Literal["never", "cycle", "step", "schedule"]

_SCOPES: Final[tuple[tuple[str, Resets], ...]] = (
    ("step_", "step"),
    ("schedule_", "schedule"),
    ("cycle_", "cycle"),
    ("", "never"),
)


@dataclass(frozen=True)
class Accumulators:
    """Which columns of the table are the vendor's own capacity counters, and when they reset.

    Args:
        resets: ``never`` within a test, at each ``cycle``, at each ``step`` (for BioLogic: at each
            half cycle), or where the ``schedule`` says so (Arbin).
        charge: Column of the charged capacity, A.h, not negative.
        discharge: Column of the discharged capacity, A.h, not negative.
        throughput: Column of one counter for both, A.h; the current's sign tells them apart.
        charge_energy: W.h. As ``charge``.
        discharge_energy: W.h. As ``discharge``.
        throughput_energy: W.h. As ``throughput``.
        net: Column of a signed counter: charge minus discharge, A.h.
        trusted: False when the reader knows that they are worthless, with the reason in a remark.
        measured: Whether the instrument measures charge itself, and writes the current more rarely
            than it counts (BioLogic's dq): then it is right where the two differ.
    """

    resets: Resets
    charge: str = ""
    discharge: str = ""
    throughput: str = ""
    charge_energy: str = ""
    discharge_energy: str = ""
    throughput_energy: str = ""
    net: str = ""
    trusted: bool = True
    measured: bool = False

    @classmethod
    def of(
        cls, table: pl.DataFrame, *, trusted: bool = True, measured: bool = False
    ) -> Accumulators | None:
        """Those that a table of canonical columns has; None when it has none."""
        there = set(table.columns)
        for scope, resets in _SCOPES:
            names = {
                "charge": f"{scope}charging_capacity_ah",
                "discharge": f"{scope}discharging_capacity_ah",
                "throughput": f"{scope}cumulative_capacity_ah",
                "charge_energy": f"{scope}charging_energy_wh",
                "discharge_energy": f"{scope}discharging_energy_wh",
                "throughput_energy": f"{scope}cumulative_energy_wh",
                "net": f"{scope}net_capacity_ah",
            }
            found = {key: name for key, name in names.items() if name in there}
            if ("charge" in found and "discharge" in found) or {"throughput", "net"} & set(found):
                return cls(resets=resets, trusted=trusted, measured=measured, **found)
        return None


@dataclass(frozen=True)
class Recording:
    """What a format's reader gives.

    Args:
        table: Canonical columns (`BY_NAME`, cast to their types later) with numbers in their units,
            charge-positive current;
            ``test_time_second``, ``voltage_volt`` and ``current_ampere`` are there (null
            throughout where the file records none, with a remark). A date and time per record goes
            into ``local_time`` (naive) or ``unix_time_second`` (when the zone is known).
        metadata: What the file says of itself.
        accumulators: The vendor's counters; by default those found by the columns' names.
        remarks: What was decided, assumed, or left out while reading.
        current_is_mean: Whether a current is the mean over the interval that its record ends (as
            EC-Lab's <I>), not a sample taken at its time: it is integrated accordingly.
    """

    table: pl.DataFrame
    metadata: Metadata
    accumulators: Accumulators | None = None
    remarks: tuple[Remark, ...] = ()
    current_is_mean: bool = False

"""The columns of the canonical table: those of the Battery Data Format's ontology, version 1.3.0.

Source: https://w3id.org/battery-data-alliance/ontology/battery-data-format (Apache-2.0). The unit
is UCUM, as the ontology's ``schema:unitCode`` says it; a current that charges is positive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

ONTOLOGY: Final = "https://w3id.org/battery-data-alliance/ontology/battery-data-format"
ONTOLOGY_VERSION: Final = "1.3.0"

Obligation = Literal["required", "recommended", "optional"]


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        name: Machine-readable name; the fragment of its IRI too.
        unit: UCUM code; empty for text.
        label: The ontology's preferred label.
        dtype: How it is stored.
        obligation: Whether every table has it (it may be null throughout, and then says so).
        described: False for the few columns of ours that the ontology does not know.
    """

    name: str
    unit: str
    label: str
    dtype: type[pl.DataType] | pl.DataType = pl.Float64
    obligation: Obligation = "optional"
    described: bool = True

    @property
    def iri(self) -> str:
        """The column's IRI; empty when the ontology does not know it."""
        return f"{ONTOLOGY}#{self.name}" if self.described else ""


def _capacities() -> list[Column]:
    found = []
    for scope, title in (("", ""), ("cycle_", "Cycle "), ("step_", "Step ")):
        for kind in ("charging", "discharging", "net", "cumulative"):
            words = f"{title}{kind.capitalize()}"
            found.append(Column(f"{scope}{kind}_capacity_ah", "A.h", f"{words} Capacity / Ah"))
            found.append(Column(f"{scope}{kind}_energy_wh", "W.h", f"{words} Energy / Wh"))
    for kind in ("charging", "discharging"):
        words = f"Schedule {kind.capitalize()}"
        found.append(Column(f"schedule_{kind}_capacity_ah", "A.h", f"{words} Capacity / Ah"))
        found.append(Column(f"schedule_{kind}_energy_wh", "W.h", f"{words} Energy / Wh"))
    return found


COLUMNS: Final[tuple[Column, ...]] = (
    Column("test_time_second", "s", "Test Time / s", obligation="required"),
    Column("voltage_volt", "V", "Voltage / V", obligation="required"),
    Column("current_ampere", "A", "Current / A", obligation="required"),
    Column("unix_time_second", "s", "Unix Time / s", obligation="recommended"),
    Column(
        "local_time",
        "",
        "Local date and time of the instrument, zone unknown",
        pl.Datetime("us"),
        described=False,
    ),
    Column("cycle_count", "1", "Cycle Count / 1", pl.Int64, "recommended"),
    Column("step_count", "1", "Step Count / 1", pl.Int64),
    Column("step_id", "", "Step ID", pl.String),
    Column("step_type", "", "Step Type", pl.String),
    Column("step_time_second", "s", "Step Time / s"),
    Column("step_record_index", "1", "Step Record Index / 1", pl.Int64),
    Column("record_index", "1", "Record Index / 1", pl.Int64),
    *_capacities(),
    Column("power_watt", "W", "Power / W"),
    Column("internal_resistance_ohm", "Ohm", "Internal Resistance / ohm"),
    Column("dc_internal_resistance_ohm", "Ohm", "DC Internal Resistance / ohm"),
    Column("ac_internal_resistance_ohm", "Ohm", "AC Internal Resistance / ohm"),
    Column("ambient_temperature_celsius", "Cel", "Ambient Temperature / degC"),
    Column("surface_temperature_celsius", "Cel", "Surface Temperature / degC"),
    *(Column(f"temperature_t{n}_celsius", "Cel", f"Temperature T{n} / degC") for n in range(1, 6)),
    Column("ambient_pressure_pa", "Pa", "Ambient Pressure / Pa"),
    Column("applied_pressure_pa", "Pa", "Applied Pressure / Pa"),
    Column("surface_pressure_pa", "Pa", "Surface Pressure / Pa"),
    Column("frequency_hertz", "Hz", "Frequency / Hz"),
    Column("real_impedance_ohm", "Ohm", "Real Impedance / ohm"),
    Column("imaginary_impedance_ohm", "Ohm", "Imaginary Impedance / ohm"),
    Column("absolute_impedance_ohm", "Ohm", "Absolute Impedance / ohm"),
    Column("phase_degree", "deg", "Phase / deg"),
)
"""Every column a table may have, in the order in which a table has them."""

BY_NAME: Final = {column.name: column for column in COLUMNS}
REQUIRED: Final = tuple(c.name for c in COLUMNS if c.obligation == "required")

"""Cycling: reserving channels of a cycler, and the capacities it measures.

Capacities are in ampere hours throughout (1 A.h is 3600 C), rates in 1/h of the nominal capacity.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from messages.array import Array
from messages.cell import IdentifiedCellInfo
from messages.cycling_data import CycleSummary, CyclingFiles, Finding
from messages.ledger import Rating
from messages.location import Location
from messages.meaning import ADMINISTRATIVE, Term
from messages.model import Count, Flag, Model, Real, Text, Unit
from messages.protocol import CyclingProtocol

CRate = Annotated[Real, Unit("1/h"), Field(gt=0), Term("CRate")]
"""Current over nominal capacity: 1/h empties a cell in one hour."""

Volt = Annotated[Real, Unit("V"), Term("Voltage")]
"""A voltage between the cell's terminals."""

Ampere = Annotated[Real, Unit("A"), Field(gt=0), Term("ElectricCurrent")]
"""Magnitude of a current."""

AmpereHours = Annotated[Real, Unit("A.h"), Field(gt=0), Term("Capacity")]
"""A cell's capacity."""

Cycles = Annotated[
    int, Unit("1"), Field(strict=True, ge=1, le=1_000_000), Term("TotalNumberOfCycles")
]
"""A number of charge-discharge cycles."""


class CyclingChannelInput(Model, term="InstrumentReservation"):
    """Ask for free channels of a cycler."""

    number_required_channels: Annotated[
        int, Unit("1"), Field(strict=True, ge=1, le=10_000), Term("NumberOfChannels")
    ] = Field(description="one a cell")
    cycling_protocol: Annotated[Text, Term("schema:description")] = Field(
        default="", description="what they are needed for"
    )
    number_cycles: Cycles | None = Field(default=None, description="how many cycles are planned")


class CyclingChannelOutput(Model, term="InstrumentReservation"):
    """Whether the channels are reserved, and under which name."""

    success: Annotated[Flag, Term("schema:actionStatus")] = Field(
        description="false when too few channels are free"
    )
    reservation_id: Annotated[Text, Term("schema:identifier")] | None = Field(
        default=None, description="for the cycling requests that follow; only with success"
    )

    @model_validator(mode="after")
    def _consistent(self) -> CyclingChannelOutput:
        if self.success != (self.reservation_id is not None):
            raise ValueError("a successful reservation, and only such a one, has a reservation_id")
        return self


class CycleProgram(Model, term="CycleProgram"):
    """How a cycle runs: constant current, then constant voltage; None leaves it to the protocol."""

    c_rate_charge: Annotated[CRate, Term("ChargingCRate")] | None = Field(
        default=None, description="of the constant-current step"
    )
    c_rate_discharge: Annotated[CRate, Term("DischargingCRate")] | None = Field(
        default=None, description="of the constant-current step"
    )
    voltage_max: Annotated[Volt, Term("UpperVoltageLimit")] | None = Field(
        default=None, description="end of charge"
    )
    voltage_min: Annotated[Volt, Term("LowerVoltageLimit")] | None = Field(
        default=None, description="end of discharge"
    )
    cutoff_current: Annotated[Ampere, Term("LowerCurrentLimit")] | None = Field(
        default=None, description="at which the constant-voltage step ends"
    )


class CapacityInput(Model, term="BatteryCyclingTest"):
    """Ask for the capacities of a cell over its formation and a number of cycles."""

    cycling_protocol: Annotated[Text, Term("schema:measurementTechnique")] = Field(
        description="name of a test protocol the cycler knows; with `protocol` a name for people"
    )
    protocol: CyclingProtocol | None = Field(
        default=None,
        description="runs as it is; without it, the named one with what the other fields say",
    )
    number_cycles: Annotated[
        int, Unit("1"), Field(strict=True, ge=0, le=1_000_000), Term("TotalNumberOfCycles")
    ] = Field(description="after formation; 0 asks for formation alone")
    cell_info: IdentifiedCellInfo
    location: Location = Field(description="of the cycler")
    reservation_id: Annotated[Text, ADMINISTRATIVE] = Field(
        default="", description="from the reservation of channels; empty takes any free channel"
    )
    capacity: Annotated[AmpereHours, Term("NominalCapacity")] | None = Field(
        default=None, description="nominal"
    )
    current_max: Annotated[Ampere, Term("UpperCurrentLimit")] | None = Field(
        default=None, description="safety limit"
    )
    voltage_max: Annotated[Volt, Term("UpperVoltageLimit")] | None = Field(
        default=None, description="safety limit"
    )
    voltage_min: Annotated[Volt, Term("LowerVoltageLimit")] | None = Field(
        default=None, description="safety limit"
    )
    formation_cycles: Annotated[Cycles, Term("NumberOfFormationCycles")] | None = Field(
        default=None, description="how many; None leaves it to the protocol"
    )
    formation: CycleProgram = Field(default=CycleProgram(), description="the first cycles")
    cycling: CycleProgram = Field(default=CycleProgram(), description="the cycles after formation")


class CyclingFeatures(Model):
    """Features of early cycles that predict the end of life: cycle x against cycle 10."""

    delta_coulombic_efficiency: (
        Annotated[Real, Unit("1"), Term("CoulombicEfficiencyChange")] | None
    ) = Field(default=None, description="change of the coulombic efficiency from cycle 10 to x")
    voltage_gap_charge_discharge: Annotated[Real, Unit("V"), Term("VoltageGapChange")] | None = (
        Field(
            default=None,
            description="change of the gap between charge and discharge, cycle 10 to x",
        )
    )
    capacity_vector_variance: (
        Annotated[Real, Unit("1"), Term("CapacityDifferenceVariance")] | None
    ) = Field(default=None, description="log10 of the variance of Q_x(V) - Q_10(V), Q in A.h")


class CapacityOutput(CyclingFeatures, term="BatteryCyclingTest"):
    """Capacities of one cell, cycle by cycle from the first of formation."""

    cell_info: IdentifiedCellInfo
    channel_list: Annotated[
        tuple[Annotated[Count, Unit("1")], ...], Term("ChannelNumber", "hasMeasurementParameter")
    ] = Field(description="channels used")
    charge_capacity: Annotated[Array, Unit("A.h"), Term("ChargingCapacity")] = Field(
        description="one value a cycle"
    )
    discharge_capacity: Annotated[Array, Unit("A.h"), Term("DischargingCapacity")] = Field(
        description="one value a cycle; the last may be missing when cycling ended on a charge"
    )
    rating: Rating | None = Field(default=None, description="of the whole run")
    summary: CycleSummary | None = Field(
        default=None, description="the same capacities, with energies, of all cycles"
    )
    files: CyclingFiles | None = Field(
        default=None, description="raw files of the cycler, and the table read from them"
    )
    findings: tuple[Finding, ...] = Field(
        default=(), description="what the checks of the raw files have found"
    )

    @model_validator(mode="after")
    def _consistent(self) -> CapacityOutput:
        if self.charge_capacity.ndim != 1 or self.discharge_capacity.ndim != 1:
            raise ValueError("charge_capacity and discharge_capacity have one dimension")
        if self.charge_capacity.size - self.discharge_capacity.size not in (0, 1):
            raise ValueError(
                f"{self.charge_capacity.size} charges do not go with "
                f"{self.discharge_capacity.size} discharges"
            )
        return self

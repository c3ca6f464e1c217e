"""Cycling protocols: the JSON of ``aurora-unicycler`` 0.4, typed, and two additions of ours.

Field names, units and meaning are those of unicycler's ``CyclingProtocol`` (MIT, Empa; its page
https://empaeconversion.github.io/aurora-unicycler), so that any of its JSON files is a
`CyclingProtocol` here: positive currents charge, milliamperes, milliampere hours, seconds. It is
the one place of these messages where units other than the SI's stand, and where they stand in the
name as well. Ours are ``temperature`` and ``start_state``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from messages.meaning import ADMINISTRATIVE, Term
from messages.model import Count, Flag, Model, Name, Real, Text, Unit

Seconds = Annotated[Real, Unit("s"), Field(gt=0), Term("Duration")]
"""A duration."""

Volts = Annotated[Real, Unit("V"), Term("Voltage")]
"""A voltage between the cell's terminals."""

Milliamperes = Annotated[Real, Unit("mA"), Term("ElectricCurrent")]
"""A current; positive charges."""

MilliampereHours = Annotated[Real, Unit("mA.h"), Field(gt=0), Term("Capacity")]
"""A capacity."""

RateC = Annotated[Real, Unit("1/h"), Term("CRate")]
"""Current over the sample's capacity; positive charges."""

Hertz = Annotated[Real, Unit("Hz"), Field(ge=1e-5, le=1e7), Term("Frequency")]
"""A frequency."""

StepName = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=80)]
"""A tag of a protocol, or the id of one of its steps."""


class UnicyclerInfo(Model, term="Software", relation="prov:wasAttributedTo"):
    """Which unicycler wrote the protocol."""

    version: Annotated[Text, Term("schema:softwareVersion")] = Field(
        default="", description="of the aurora-unicycler package"
    )


class ProtocolSample(Model, term="BatteryCell"):
    """What the C-rates of a protocol refer to."""

    name: Annotated[Text, Term("schema:name")] = Field(
        default="$NAME", description="the cell; filled in when the protocol runs"
    )
    capacity_mAh: Annotated[MilliampereHours, Term("NominalCapacity")] | None = Field(  # noqa: N815 - unicycler's name
        default=None, description="nominal capacity; without it there are no C-rates"
    )


class Recording(Model, term="RecordingCriteria"):
    """When a record is taken; what comes first counts."""

    time_s: Annotated[Seconds, Term("SamplingInterval")] = Field(description="between two records")
    current_mA: Annotated[Milliamperes, Field(gt=0), Term("RecordedCurrentChange")] | None = Field(  # noqa: N815
        default=None, description="change of the current that asks for a record"
    )
    voltage_V: Annotated[Volts, Field(gt=0), Term("RecordedVoltageChange")] | None = Field(  # noqa: N815
        default=None, description="change of the voltage that asks for a record"
    )


class SafetyLimits(Model, term="SafetyLimits"):
    """Limits beyond which the whole protocol is broken off, and the cell left at rest."""

    max_voltage_V: Annotated[Volts, Term("UpperVoltageLimit")] | None = Field(  # noqa: N815
        default=None, description="not above it"
    )
    min_voltage_V: Annotated[Volts, Term("LowerVoltageLimit")] | None = Field(  # noqa: N815
        default=None, description="not below it"
    )
    max_current_mA: Annotated[Milliamperes, Term("UpperCurrentLimit")] | None = Field(  # noqa: N815
        default=None, description="not above it"
    )
    min_current_mA: Annotated[Milliamperes, Term("LowerCurrentLimit")] | None = Field(  # noqa: N815
        default=None, description="not below it; the largest discharge current, negative"
    )
    max_capacity_mAh: Annotated[Real, Unit("mA.h"), Field(ge=0), Term("Capacity")] | None = Field(  # noqa: N815
        default=None, description="charge of one step in either direction, not above it"
    )
    delay_s: Annotated[Real, Unit("s"), Field(ge=0), Term("ExceedanceDuration")] | None = Field(
        default=None, description="how long a limit must be exceeded without a break"
    )


class _Step(Model):
    id: Annotated[StepName, Term("schema:identifier")] | None = Field(
        default=None, description="a name of the step"
    )


class OpenCircuitVoltage(_Step, term="OpenCircuitHold"):
    """Rest: no current flows, the voltage is recorded."""

    step: Annotated[Literal["open_circuit_voltage"], Term("schema:category")] = Field(
        default="open_circuit_voltage", description="kind of step"
    )
    until_time_s: Seconds = Field(description="how long")


class ConstantCurrent(_Step, term="CurrentHold"):
    """A constant current, by rate or by value; the rate counts where both are given."""

    step: Annotated[Literal["constant_current"], Term("schema:category")] = Field(
        default="constant_current", description="kind of step"
    )
    rate_C: RateC | None = Field(default=None, description="current over capacity")  # noqa: N815
    current_mA: Milliamperes | None = Field(default=None, description="current")  # noqa: N815
    until_time_s: Seconds | None = Field(default=None, description="it ends after so long")
    until_voltage_V: Annotated[Volts, Term("VoltageLimit")] | None = Field(  # noqa: N815
        default=None, description="it ends at this voltage"
    )

    @model_validator(mode="after")
    def _complete(self) -> ConstantCurrent:
        if not self.rate_C and not self.current_mA:
            raise ValueError("a constant current has a rate_C or a current_mA other than zero")
        if self.until_time_s is None and self.until_voltage_V is None:
            raise ValueError("a constant current has an until_time_s or an until_voltage_V")
        return self


class ConstantVoltage(_Step, term="VoltageHold"):
    """A constant voltage."""

    step: Annotated[Literal["constant_voltage"], Term("schema:category")] = Field(
        default="constant_voltage", description="kind of step"
    )
    voltage_V: Volts = Field(description="voltage that is held")  # noqa: N815
    until_time_s: Seconds | None = Field(default=None, description="it ends after so long")
    until_rate_C: RateC | None = Field(  # noqa: N815
        default=None, description="it ends when the current over capacity is down to this"
    )
    until_current_mA: Annotated[Milliamperes, Term("CurrentLimit")] | None = Field(  # noqa: N815
        default=None, description="it ends when the current is down to this"
    )

    @model_validator(mode="after")
    def _complete(self) -> ConstantVoltage:
        if self.until_time_s is None and not self.until_rate_C and not self.until_current_mA:
            raise ValueError(
                "a constant voltage has an until_time_s, an until_rate_C or an until_current_mA"
            )
        return self


class ImpedanceSpectroscopy(_Step, term="ElectrochemicalImpedanceSpectroscopy"):
    """An impedance spectrum, excited by voltage or by current."""

    step: Annotated[Literal["impedance_spectroscopy"], Term("schema:category")] = Field(
        default="impedance_spectroscopy", description="kind of step"
    )
    amplitude_V: Annotated[Volts, Term("AmplitudeOfAlternatingVoltage")] | None = Field(  # noqa: N815
        default=None, description="of the voltage"
    )
    amplitude_mA: Annotated[Milliamperes, Term("AmplitudeOfAlternatingCurrent")] | None = Field(  # noqa: N815
        default=None, description="of the current"
    )
    start_frequency_Hz: Hertz = Field(description="first frequency")  # noqa: N815
    end_frequency_Hz: Hertz = Field(description="last frequency")  # noqa: N815
    points_per_decade: Annotated[
        int, Unit("1"), Field(strict=True, gt=0), Term("FrequenciesPerDecade")
    ] = Field(default=10, description="frequencies in a decade")
    measures_per_point: Annotated[
        int, Unit("1"), Field(strict=True, gt=0), Term("MeasurementsPerFrequency")
    ] = Field(default=1, description="measurements that are averaged")
    drift_correction: Annotated[Flag, ADMINISTRATIVE] | None = Field(
        default=False, description="neighbouring points correct the drift"
    )

    @model_validator(mode="after")
    def _complete(self) -> ImpedanceSpectroscopy:
        if (self.amplitude_V is None) == (self.amplitude_mA is None):
            raise ValueError("a spectrum has either amplitude_V or amplitude_mA")
        return self


class VoltageScan(_Step, term="LinearScanVoltammetry"):
    """A linear sweep of the voltage."""

    step: Annotated[Literal["voltage_scan"], Term("schema:category")] = Field(
        default="voltage_scan", description="kind of step"
    )
    start_voltage_V: Volts = Field(description="where it begins")  # noqa: N815
    end_voltage_V: Volts = Field(description="where it ends")  # noqa: N815
    scan_rate_mV_per_s: Annotated[Real, Unit("mV/s"), Field(gt=0), Term("PotentialScanRate")] = (  # noqa: N815
        Field(description="magnitude of the slope")
    )

    @model_validator(mode="after")
    def _sweeps(self) -> VoltageScan:
        if self.start_voltage_V == self.end_voltage_V:
            raise ValueError("a scan begins and ends at different voltages")
        return self


class Tag(_Step, term="ProtocolTag"):
    """A name for the place in the method, for loops."""

    step: Annotated[Literal["tag"], Term("schema:category")] = Field(
        default="tag", description="kind of step"
    )
    tag: Annotated[StepName, Term("schema:name")] = Field(description="the name")


class Loop(_Step, term="ProtocolLoop"):
    """Go back, until the steps have run a number of times."""

    step: Annotated[Literal["loop"], Term("schema:category")] = Field(
        default="loop", description="kind of step"
    )
    loop_to: Annotated[
        Annotated[int, Unit("1"), Field(strict=True, ge=1)] | StepName, Term("schema:position")
    ] = Field(default=1, description="a tag, or the number of a step, the first being 1")
    cycle_count: Annotated[
        int, Unit("1"), Field(strict=True, ge=1, le=1_000_000), Term("NumberOfIterations")
    ] = Field(description="how many times the steps run in all")


Technique = Annotated[
    OpenCircuitVoltage
    | ConstantCurrent
    | ConstantVoltage
    | ImpedanceSpectroscopy
    | VoltageScan
    | Tag
    | Loop,
    Field(discriminator="step"),
]
"""One step of a method."""


class StartState(Model, term="SampleState"):
    """The state a sample must be in when a protocol begins."""

    state: Annotated[Count, Unit("1"), Term("StateNumber")] | None = Field(
        default=None, description="number of its last state"
    )
    label: Annotated[Name, Term("schema:name")] | None = Field(
        default=None, description="label of its last state"
    )

    @model_validator(mode="after")
    def _says_something(self) -> StartState:
        if self.state is None and self.label is None:
            raise ValueError("a start state names a state or a label")
        return self


class CyclingProtocol(Model, term="CharacterisationProtocol", relation="prov:hadPlan"):
    """A cycling protocol: what is recorded, what is safe, and what is done."""

    unicycler: UnicyclerInfo | None = None
    sample: ProtocolSample = Field(
        default=ProtocolSample(), description="what the C-rates refer to"
    )
    record: Recording
    safety: SafetyLimits = Field(default=SafetyLimits(), description="limits that break it off")
    method: Annotated[
        tuple[Technique, ...], Field(min_length=1, max_length=1000), Term("TestStep", "hasPart")
    ] = Field(description="the steps in their order")
    temperature: Annotated[Real, Unit("K"), Field(gt=0), Term("DeviceTemperature")] | None = Field(
        default=None, description="set point of the chamber (ours); None leaves it as it is"
    )
    start_state: StartState | None = Field(
        default=None, description="required of the sample (ours); None takes any"
    )

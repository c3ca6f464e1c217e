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

from messages.model import Count, Flag, Model, Name, Real, Text, Unit

Seconds = Annotated[Real, Unit("s"), Field(gt=0)]
"""A duration."""

Volts = Annotated[Real, Unit("V")]
"""A voltage between the cell's terminals."""

Milliamperes = Annotated[Real, Unit("mA")]
"""A current; positive charges."""

MilliampereHours = Annotated[Real, Unit("mA.h"), Field(gt=0)]
"""A capacity."""

RateC = Annotated[Real, Unit("1/h")]
"""Current over the sample's capacity; positive charges."""

Hertz = Annotated[Real, Unit("Hz"), Field(ge=1e-5, le=1e7)]
"""A frequency."""

StepName = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=80)]
"""A tag of a protocol, or the id of one of its steps."""


class UnicyclerInfo(Model):
    """Which unicycler wrote the protocol."""

    version: Text = Field(default="", description="of the aurora-unicycler package")


class ProtocolSample(Model):
    """What the C-rates of a protocol refer to."""

    name: Text = Field(default="$NAME", description="the cell; filled in when the protocol runs")
    capacity_mAh: MilliampereHours | None = Field(  # noqa: N815 - unicycler's name
        default=None, description="nominal capacity; without it there are no C-rates"
    )


class Recording(Model):
    """When a record is taken; what comes first counts."""

    time_s: Seconds = Field(description="between two records")
    current_mA: Annotated[Milliamperes, Field(gt=0)] | None = Field(  # noqa: N815
        default=None, description="change of the current that asks for a record"
    )
    voltage_V: Annotated[Volts, Field(gt=0)] | None = Field(  # noqa: N815
        default=None, description="change of the voltage that asks for a record"
    )


class SafetyLimits(Model):
    """Limits beyond which the whole protocol is broken off, and the cell left at rest."""

    max_voltage_V: Volts | None = Field(default=None, description="not above it")  # noqa: N815
    min_voltage_V: Volts | None = Field(default=None, description="not below it")  # noqa: N815
    max_current_mA: Milliamperes | None = Field(  # noqa: N815
        default=None, description="not above it"
    )
    min_current_mA: Milliamperes | None = Field(  # noqa: N815
        default=None, description="not below it; the largest discharge current, negative"
    )
    max_capacity_mAh: Annotated[Real, Unit("mA.h"), Field(ge=0)] | None = Field(  # noqa: N815
        default=None, description="charge of one step in either direction, not above it"
    )
    delay_s: Annotated[Real, Unit("s"), Field(ge=0)] | None = Field(
        default=None, description="how long a limit must be exceeded without a break"
    )


class _Step(Model):
    id: StepName | None = Field(default=None, description="a name of the step")


class OpenCircuitVoltage(_Step):
    """Rest: no current flows, the voltage is recorded."""

    step: Literal["open_circuit_voltage"] = Field(
        default="open_circuit_voltage", description="kind of step"
    )
    until_time_s: Seconds = Field(description="how long")


class ConstantCurrent(_Step):
    """A constant current, by rate or by value; the rate counts where both are given."""

    step: Literal["constant_current"] = Field(
        default="constant_current", description="kind of step"
    )
    rate_C: RateC | None = Field(default=None, description="current over capacity")  # noqa: N815
    current_mA: Milliamperes | None = Field(default=None, description="current")  # noqa: N815
    until_time_s: Seconds | None = Field(default=None, description="it ends after so long")
    until_voltage_V: Volts | None = Field(  # noqa: N815
        default=None, description="it ends at this voltage"
    )

    @model_validator(mode="after")
    def _complete(self) -> ConstantCurrent:
        if not self.rate_C and not self.current_mA:
            raise ValueError("a constant current has a rate_C or a current_mA other than zero")
        if self.until_time_s is None and self.until_voltage_V is None:
            raise ValueError("a constant current has an until_time_s or an until_voltage_V")
        return self


class ConstantVoltage(_Step):
    """A constant voltage."""

    step: Literal["constant_voltage"] = Field(
        default="constant_voltage", description="kind of step"
    )
    voltage_V: Volts = Field(description="voltage that is held")  # noqa: N815
    until_time_s: Seconds | None = Field(default=None, description="it ends after so long")
    until_rate_C: RateC | None = Field(  # noqa: N815
        default=None, description="it ends when the current over capacity is down to this"
    )
    until_current_mA: Milliamperes | None = Field(  # noqa: N815
        default=None, description="it ends when the current is down to this"
    )

    @model_validator(mode="after")
    def _complete(self) -> ConstantVoltage:
        if self.until_time_s is None and not self.until_rate_C and not self.until_current_mA:
            raise ValueError(
                "a constant voltage has an until_time_s, an until_rate_C or an until_current_mA"
            )
        return self


class ImpedanceSpectroscopy(_Step):
    """An impedance spectrum, excited by voltage or by current."""

    step: Literal["impedance_spectroscopy"] = Field(
        default="impedance_spectroscopy", description="kind of step"
    )
    amplitude_V: Volts | None = Field(default=None, description="of the voltage")  # noqa: N815
    amplitude_mA: Milliamperes | None = Field(  # noqa: N815
        default=None, description="of the current"
    )
    start_frequency_Hz: Hertz = Field(description="first frequency")  # noqa: N815
    end_frequency_Hz: Hertz = Field(description="last frequency")  # noqa: N815
    points_per_decade: Annotated[int, Unit("1"), Field(strict=True, gt=0)] = Field(
        default=10, description="frequencies in a decade"
    )
    measures_per_point: Annotated[int, Unit("1"), Field(strict=True, gt=0)] = Field(
        default=1, description="measurements that are averaged"
    )
    drift_correction: Flag | None = Field(
        default=False, description="neighbouring points correct the drift"
    )

    @model_validator(mode="after")
    def _complete(self) -> ImpedanceSpectroscopy:
        if (self.amplitude_V is None) == (self.amplitude_mA is None):
            raise ValueError("a spectrum has either amplitude_V or amplitude_mA")
        return self


class VoltageScan(_Step):
    """A linear sweep of the voltage."""

    step: Literal["voltage_scan"] = Field(default="voltage_scan", description="kind of step")
    start_voltage_V: Volts = Field(description="where it begins")  # noqa: N815
    end_voltage_V: Volts = Field(description="where it ends")  # noqa: N815
    scan_rate_mV_per_s: Annotated[Real, Unit("mV/s"), Field(gt=0)] = Field(  # noqa: N815
        description="magnitude of the slope"
    )

    @model_validator(mode="after")
    def _sweeps(self) -> VoltageScan:
        if self.start_voltage_V == self.end_voltage_V:
            raise ValueError("a scan begins and ends at different voltages")
        return self


class Tag(_Step):
    """A name for the place in the method, for loops."""

    step: Literal["tag"] = Field(default="tag", description="kind of step")
    tag: StepName = Field(description="the name")


class Loop(_Step):
    """Go back, until the steps have run a number of times."""

    step: Literal["loop"] = Field(default="loop", description="kind of step")
    loop_to: Annotated[int, Unit("1"), Field(strict=True, ge=1)] | StepName = Field(
        default=1, description="a tag, or the number of a step, the first being 1"
    )
    cycle_count: Annotated[int, Unit("1"), Field(strict=True, ge=1, le=1_000_000)] = Field(
        description="how many times the steps run in all"
    )


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


class StartState(Model):
    """The state a sample must be in when a protocol begins."""

    state: Annotated[Count, Unit("1")] | None = Field(
        default=None, description="number of its last state"
    )
    label: Name | None = Field(default=None, description="label of its last state")

    @model_validator(mode="after")
    def _says_something(self) -> StartState:
        if self.state is None and self.label is None:
            raise ValueError("a start state names a state or a label")
        return self


class CyclingProtocol(Model):
    """A cycling protocol: what is recorded, what is safe, and what is done."""

    unicycler: UnicyclerInfo | None = None
    sample: ProtocolSample = Field(
        default=ProtocolSample(), description="what the C-rates refer to"
    )
    record: Recording
    safety: SafetyLimits = Field(default=SafetyLimits(), description="limits that break it off")
    method: Annotated[tuple[Technique, ...], Field(min_length=1, max_length=1000)] = Field(
        description="the steps in their order"
    )
    temperature: Annotated[Real, Unit("K"), Field(gt=0)] | None = Field(
        default=None, description="set point of the chamber (ours); None leaves it as it is"
    )
    start_state: StartState | None = Field(
        default=None, description="required of the sample (ours); None takes any"
    )

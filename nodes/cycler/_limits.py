"""Safety limits: the narrower of protocol and node, and a protocol that keeps within them."""

from __future__ import annotations

from messages.errors import LabmeshError
from messages.protocol import ConstantCurrent, ConstantVoltage, CyclingProtocol, SafetyLimits
from nodes.cycler._driver import CellLimits, ChannelStatus
from nodes.cycler._program import current_of


def checked(protocol: CyclingProtocol, node: CellLimits) -> tuple[CyclingProtocol, CellLimits]:
    """Return the protocol with its safety block narrowed to the node's limits, and all limits.

    Raises:
        LabmeshError: A step would leave the limits, whatever the cell does; names step and limit.
    """
    limits = narrowed(protocol.safety, node)
    for index, step in enumerate(protocol.method, 1):
        where = f"method, step {index} ({step.step})"
        if isinstance(step, ConstantCurrent):
            _within(current_of(step, protocol, where), limits.current_min, limits.current_max,
                    "current", "A", where)  # fmt: skip
            if step.until_voltage_V is not None:
                _within(step.until_voltage_V, limits.voltage_min, limits.voltage_max,
                        "cut-off voltage", "V", where)  # fmt: skip
        elif isinstance(step, ConstantVoltage):
            _within(step.voltage_V, limits.voltage_min, limits.voltage_max,
                    "voltage", "V", where)  # fmt: skip
    _within(protocol.temperature, limits.temperature_min, limits.temperature_max,
            "temperature", "K", "temperature")  # fmt: skip
    safety = SafetyLimits(
        max_voltage_V=limits.voltage_max,
        min_voltage_V=limits.voltage_min,
        max_current_mA=_milli(limits.current_max),
        min_current_mA=_milli(limits.current_min),
        max_capacity_mAh=_milli(limits.capacity_max),
        delay_s=limits.delay,
    )
    return protocol.model_copy(update={"safety": safety}), limits


def narrowed(safety: SafetyLimits, node: CellLimits) -> CellLimits:
    """Return the narrower of both, limit by limit."""
    delay = node.delay if safety.delay_s is None else min(safety.delay_s, node.delay)
    return CellLimits(
        voltage_max=_least(safety.max_voltage_V, node.voltage_max),
        voltage_min=_most(safety.min_voltage_V, node.voltage_min),
        current_max=_least(_base(safety.max_current_mA), node.current_max),
        current_min=_most(_base(safety.min_current_mA), node.current_min),
        capacity_max=_least(_base(safety.max_capacity_mAh), node.capacity_max),
        temperature_max=node.temperature_max,
        temperature_min=node.temperature_min,
        delay=delay,
    )


def beyond(limits: CellLimits, status: ChannelStatus) -> str:
    """Return which limit of voltage, current or temperature a running channel is beyond, or empty.

    What a cycler does not tell is not judged.
    """
    low = limits.voltage_min if (status.current or 0.0) < 0 else None
    for what, unit, value, least, most in (
        ("voltage", "V", status.voltage, low, limits.voltage_max),
        ("current", "A", status.current, limits.current_min, limits.current_max),
        ("temperature", "K", status.temperature, limits.temperature_min, limits.temperature_max),
    ):
        if value is None:
            continue
        if most is not None and value > most:
            return f"{what} {value:.6g} {unit} is above its limit of {most:.6g} {unit}"
        if least is not None and value < least:
            return f"{what} {value:.6g} {unit} is below its limit of {least:.6g} {unit}"
    return ""


def _within(
    value: float | None, low: float | None, high: float | None, what: str, unit: str, where: str
) -> None:
    if value is None:
        return
    over = high is not None and value > high
    if over or (low is not None and value < low):
        side, limit = ("above", high) if over else ("below", low)
        raise LabmeshError(
            f"its {what} of {value:.6g} {unit} is {side} the limit of {limit:.6g} {unit}",
            where=where,
            remedy="change the step, or the limits in the protocol's safety and of the node",
        )


def _least(one: float | None, other: float | None) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return min(known) if known else None


def _most(one: float | None, other: float | None) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return max(known) if known else None


def _base(milli: float | None) -> float | None:
    return None if milli is None else milli * 1e-3


def _milli(base: float | None) -> float | None:
    return None if base is None else base * 1e3

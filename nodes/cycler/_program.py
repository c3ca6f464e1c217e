"""A protocol as a cycler runs it: currents in ampere, loops resolved, an explicit state machine."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

from messages.errors import LabmeshError
from messages.protocol import (
    ConstantCurrent,
    ConstantVoltage,
    CyclingProtocol,
    Loop,
    OpenCircuitVoltage,
    Tag,
    Technique,
)

_ROUNDS: Final = 100_000
"""Loops in a row without a step between them after which a program counts as endless."""


class Kind(IntEnum):
    """What a step does."""

    REST = 1
    CC = 2
    CV = 3


@dataclass(frozen=True, slots=True)
class Step:
    """One step; SI units and A.h.

    Attributes:
        number: From 1, as cyclers count: tags and loops have none.
        kind: What it does.
        current: In A, positive charges; 0 unless constant current.
        voltage: That is held, V; NaN unless constant voltage.
        time: It ends after so long, s; infinite without.
        until_voltage: It ends there, V; NaN without.
        until_current: It ends when the magnitude is down to it, A; 0 without.
    """

    number: int
    kind: Kind
    current: float = 0.0
    voltage: float = math.nan
    time: float = math.inf
    until_voltage: float = math.nan
    until_current: float = 0.0


@dataclass(frozen=True, slots=True)
class Jump:
    """Go back to a place in the program until the steps have run ``count`` times in all."""

    to: int
    count: int


@dataclass(frozen=True, slots=True)
class Program:
    """Steps and jumps in their order."""

    lines: tuple[Step | Jump, ...]
    record: float


@dataclass(slots=True)
class Runner:
    """Where a channel is in its program.

    The cycle number counts up when a current step runs in the direction of the first one, after
    one in the other direction: a cycle is a charge and the discharge after it, or the reverse
    where a protocol begins with a discharge.

    Attributes:
        program: What runs.
        line: Of the program that comes next.
        rounds: By line of a jump, how often it was met since it was entered.
        cycle: From 1.
        first: Sign of the first current step; 0 before it.
        last: Sign of the latest one.
    """

    program: Program
    line: int = 0
    rounds: dict[int, int] = field(default_factory=dict)
    cycle: int = 1
    first: int = 0
    last: int = 0

    def next(self) -> Step | None:
        """Return the step that is due, None at the end.

        Raises:
            LabmeshError: The program goes round without a step.
        """
        for _ in range(_ROUNDS):
            if self.line >= len(self.program.lines):
                return None
            line = self.program.lines[self.line]
            if isinstance(line, Step):
                self.line += 1
                self._count(line)
                return line
            met = self.rounds.get(self.line, 1)
            if met < line.count:
                self.rounds[self.line] = met + 1
                self.line = line.to
            else:
                self.rounds.pop(self.line, None)  # an outer loop may come here again
                self.line += 1
        raise LabmeshError("the protocol loops without a step", where="method")

    def _count(self, step: Step) -> None:
        sign = (step.current > 0) - (step.current < 0)
        if not sign:
            return
        self.first = self.first or sign
        if sign == self.first and self.last == -self.first:
            self.cycle += 1
        self.last = sign

    def plain(self) -> dict[str, Any]:
        """Return where it is as a map, for a checkpoint."""
        rounds = [list(item) for item in self.rounds.items()]
        return {
            "line": self.line, "rounds": rounds, "cycle": self.cycle,
            "first": self.first, "last": self.last,
        }  # fmt: skip

    @classmethod
    def of(cls, program: Program, plain: dict[str, Any]) -> Runner:
        """Return the runner that `plain` described."""
        rounds = {int(line): int(met) for line, met in plain["rounds"]}
        return cls(program, **(plain | {"rounds": rounds}))


def compiled(protocol: CyclingProtocol) -> Program:
    """Return the program of a protocol that `checked` has passed.

    Raises:
        LabmeshError: A step is of a kind that is not resolved here (impedance, scan), a rate has no
            capacity, or a loop leads nowhere; names the step.
    """
    lines: list[Step | Jump] = []
    starts: list[int] = []
    tags: dict[str, int] = {}
    number = 0
    for index, technique in enumerate(protocol.method, 1):
        where = f"method, step {index} ({technique.step})"
        starts.append(len(lines))
        if isinstance(technique, Tag):
            tags[technique.tag] = len(lines)
        elif isinstance(technique, Loop):
            lines.append(
                Jump(_target(technique, index, starts, tags, where), technique.cycle_count)
            )
        else:
            number += 1
            lines.append(_step(technique, number, protocol, where))
    return Program(tuple(lines), protocol.record.time_s)


def current_of(technique: ConstantCurrent, protocol: CyclingProtocol, where: str) -> float:
    """Return the current of a step in A; the rate counts before the value, as in unicycler."""
    if technique.rate_C:
        return technique.rate_C * _capacity(protocol, where)
    return (technique.current_mA or 0.0) * 1e-3


def _step(technique: Technique, number: int, protocol: CyclingProtocol, where: str) -> Step:
    if isinstance(technique, OpenCircuitVoltage):
        return Step(number, Kind.REST, time=technique.until_time_s)
    if isinstance(technique, ConstantCurrent):
        return Step(
            number,
            Kind.CC,
            current=current_of(technique, protocol, where),
            time=technique.until_time_s or math.inf,
            until_voltage=_or_nan(technique.until_voltage_V),
        )
    if isinstance(technique, ConstantVoltage):
        until = abs(technique.until_current_mA or 0.0) * 1e-3
        if technique.until_rate_C:
            until = abs(technique.until_rate_C) * _capacity(protocol, where)
        return Step(
            number,
            Kind.CV,
            voltage=technique.voltage_V,
            time=technique.until_time_s or math.inf,
            until_current=until,
        )
    raise LabmeshError(
        f"this cycler does no {technique.step}",
        where=where,
        remedy="leave the step out, or ask a cycler that does it",
    )


def _capacity(protocol: CyclingProtocol, where: str) -> float:
    if protocol.sample.capacity_mAh is None:
        raise LabmeshError(
            "a rate needs the sample's capacity",
            where=where,
            remedy="set sample.capacity_mAh, or capacity in the request",
        )
    return protocol.sample.capacity_mAh * 1e-3


def _target(loop: Loop, index: int, starts: list[int], tags: dict[str, int], where: str) -> int:
    if isinstance(loop.loop_to, str):
        if loop.loop_to not in tags:
            raise LabmeshError(
                f"no tag {loop.loop_to!r} stands before it",
                where=where,
                remedy=f"loop to one of {', '.join(tags) or 'none'}, or to a step's number",
            )
        return tags[loop.loop_to]
    if loop.loop_to >= index:
        raise LabmeshError(f"step {loop.loop_to} is not before it", where=where)
    return starts[loop.loop_to - 1]


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value

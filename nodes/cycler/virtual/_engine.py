"""All channels of a virtual cycler: time goes on record by record, events fall where they fall.

Each round moves every live channel to its own next record, or to the event before it (cut-off
voltage, cut-off current, end of the step), found by interpolation. No sub-step is ever cut by the
moment up to which the engine is run, so that the records do not depend on how time was cut: after
a crash the same ones come again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nodes.cycler._program import Kind, Program, Runner, Step
from nodes.cycler.virtual._bank import ALL, Bank, Proposal
from nodes.cycler.virtual._cell import Cell
from nodes.cycler.virtual._half_cells import Vector
from nodes.cycler.virtual._limits import Limits, exceeded
from nodes.cycler.virtual._records import COLUMNS, Recorder, Rows

_LONGEST: Final = 60.0
"""Seconds of one sub-step at most, whatever the recording interval."""

_FIRST: Final = 0.1
"""Seconds into a step at which its first record is taken: with the new current on it, so that the
recorded current integrates to the accumulators."""

_NEWTON: Final = 8
"""Steps at most to the current that a voltage asks for."""

_IDLE: Final = 0
_EPSILON: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Ended:
    """How a channel's program came to its end."""

    channel: int
    tripped: str = ""


class Engine:
    """``count`` channels, each with a cell and perhaps a program.

    Attributes:
        bank: The cells.
        time: Test time of each channel, s.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.bank = Bank(count)
        zeros: Callable[[], Vector] = lambda: np.zeros(count)  # noqa: E731
        self.kind: NDArray[np.int8] = np.zeros(count, dtype=np.int8)
        self.time, self.step_time = zeros(), zeros()
        self.until = np.full(count, -1.0)
        self.current, self.held = zeros(), np.full(count, np.nan)
        self.sign, self.cut = zeros(), np.full(count, np.nan)
        self.small, self.longest = zeros(), np.full(count, np.inf)
        self.interval, self.count_in_step, self.due = np.full(count, 30.0), zeros(), zeros()
        self.charged, self.discharged, self.energy_in, self.energy_out = (
            zeros(), zeros(), zeros(), zeros(),
        )  # fmt: skip
        self.in_step, self.since_over = zeros(), zeros()
        self.step_number, self.cycle = zeros(), np.ones(count)
        self.limits = Limits(count)
        self.runners: dict[int, Runner] = {}
        self._interrupted = False
        self._recorder = Recorder(count)

    # What a channel is told.

    def load(self, channel: int, program: Program, cell: Cell, limits: Mapping[str, float]) -> None:
        """Begin a program at test time 0."""
        self.bank.load(channel, cell)
        for array in (
            self.time, self.step_time, self.current, self.charged, self.discharged,
            self.energy_in, self.energy_out, self.in_step, self.since_over,
        ):  # fmt: skip
            array[channel] = 0.0
        self.until[channel] = -1.0
        self.interval[channel] = program.record
        self.limits.set(channel, limits)
        self.runners[channel] = Runner(program)
        self._next(channel)

    def rest(self, channel: int) -> None:
        """End a channel's program at once: no current flows."""
        self.kind[channel] = _IDLE
        self.current[channel] = 0.0
        self.runners.pop(channel, None)

    def interrupt(self) -> None:
        """Make `run`, in another thread, return after this round; or the next `run` at once."""
        self._interrupted = True

    def cell(self, channel: int) -> Cell:
        """Return the cell in a channel as it is now."""
        return self.bank.cell(channel)

    def set_temperature(self, channel: int, kelvin: float) -> None:
        """Change a cell's temperature."""
        self.bank.set_temperature(channel, kelvin)

    def glance(self, channel: int) -> dict[str, float]:
        """Return what a display would show of a channel."""
        return {
            "test_time": float(self.time[channel]),
            "voltage": float(self.bank.voltage[channel]),
            "current": float(self.current[channel]),
            "temperature": float(self.bank.temperature[channel]),
            "step": float(self.step_number[channel]),
            "cycle": float(self.cycle[channel]),
        }

    def run(self, until: Vector) -> tuple[dict[int, Rows], list[Ended]]:
        """Let time go on to ``until`` (test time by channel, s).

        Returns:
            The new records by channel, columns as `COLUMNS`, and the programs that ended.
        """
        np.copyto(self.until, until)
        ended: list[Ended] = []
        while not self._interrupted and self._round(ended):
            pass
        self._interrupted = False
        return self._recorder.taken(), ended

    # One round.

    def _round(self, ended: list[Ended]) -> bool:
        time = np.minimum(self.due, self.longest)
        time -= self.step_time
        np.minimum(time, _LONGEST, out=time)
        live = self.kind > _IDLE
        live &= self.time + time <= self.until + _EPSILON
        if not live.any():
            return False
        everyone = bool(live.all())
        which = ALL if everyone else np.flatnonzero(live)
        time = time[which]
        before_voltage, before_current = self.bank.voltage[which].copy(), self.current[which].copy()
        held = self.held[which]
        p = self.bank.propose(which, time, before_current, held)
        over = (p.voltage - self.cut[which]) * self.sign[which] >= 0
        below = np.abs(p.current) <= self.small[which]
        below &= held == held  # noqa: PLR0124 - constant voltage alone
        events = np.flatnonzero(over | below)
        if events.size:
            self._cut(which, p, time, before_voltage, held, events)
        self._commit(which, p, time, before_voltage)
        finished = self.step_time[which] >= self.longest[which] - _EPSILON
        finished[events] = True
        tripped = exceeded(self, which, p, time)
        due = self.step_time[which] >= self.due[which] - _EPSILON
        due |= finished
        due |= tripped
        self._record(which, due)
        if tripped.any() or finished.any():
            channels = np.arange(self.count) if everyone else which
            for channel in np.asarray(channels)[tripped]:
                words = self.limits.words(int(channel), self)
                self.rest(int(channel))
                ended.append(Ended(int(channel), words))
            done = np.asarray(channels)[finished & ~tripped]
            ended.extend(Ended(int(channel)) for channel in done if not self._next(int(channel)))
        return True

    def _cut(
        self, which: Any, p: Proposal, time: Vector, voltage: Vector, held: Vector,
        events: NDArray[np.intp],
    ) -> None:  # fmt: skip
        """End the sub-step of some channels at their event: regula falsi, twice at most."""
        channels = events if which is ALL else which[events]
        for at, channel in zip(events.tolist(), channels.tolist(), strict=True):
            before = float(self.current[channel])
            by_current = not math.isnan(held[at])
            if by_current:
                aim, low, high = self.small[channel], abs(before), abs(p.current[at])
            else:
                aim, low, high = self.cut[channel], voltage[at], p.voltage[at]
            begin, end, now = 0.0, time[at], 0.0
            for _ in range(2):
                share = min(max((aim - low) / (high - low), 0.0), 1.0) if high != low else 0.0
                now = begin + share * (end - begin)
                part = self.bank.propose(channel, now, before, held[at])
                found = abs(part.current) if by_current else part.voltage
                if abs(found - aim) <= (1e-2 * aim if by_current else 1e-4):
                    break
                if (found - aim) * (high - low) >= 0:
                    end, high = now, found
                else:
                    begin, low = now, found
            time[at] = now
            for column, value in zip(p, part, strict=True):
                column[at] = value

    def _commit(self, which: Any, p: Proposal, time: Vector, before: Vector) -> None:
        self.bank.take(which, p)
        self.current[which] = p.current
        self.time[which] += time
        self.step_time[which] += time
        charge = p.charge
        gained = np.maximum(charge, 0.0)
        lost = gained - charge
        mean = (before + p.voltage) / 2
        self.charged[which] += gained
        self.discharged[which] += lost
        self.energy_in[which] += gained * mean
        self.energy_out[which] += lost * mean
        self.in_step[which] += charge

    def _record(self, which: Any, due: NDArray[np.bool_]) -> None:
        if not due.any():
            return
        self._recorder.add(which, due, self)
        self.count_in_step[which] += due
        rounds = np.floor(self.step_time / self.interval + 1e-6) + 1
        self.due[which] = np.where(due, (rounds * self.interval)[which], self.due[which])

    # Between steps.

    def _next(self, channel: int) -> bool:
        """Begin the next step; False when there is none."""
        runner = self.runners[channel]
        cycle = runner.cycle
        step = runner.next()
        if runner.cycle != cycle:
            full = (self.charged[channel] + self.discharged[channel]) / 2
            self.bank.lose_material(channel, float(full / self.bank.negative[channel]))
            for array in (self.charged, self.discharged, self.energy_in, self.energy_out):
                array[channel] = 0.0
        self.cycle[channel] = runner.cycle
        if step is None:
            self.rest(channel)
            return False
        self._begin(channel, step)
        return True

    def _begin(self, i: int, step: Step) -> None:
        was = float(self.current[i])
        self.kind[i] = step.kind
        self.step_number[i] = step.number
        self.step_time[i] = self.in_step[i] = self.count_in_step[i] = 0.0
        self.longest[i] = step.time
        self.due[i] = min(_FIRST, self.interval[i])
        self.held[i] = step.voltage
        self.cut[i] = step.until_voltage
        self.sign[i] = math.copysign(1.0, step.current)
        self.small[i] = step.until_current
        current = was if step.kind is Kind.CV else step.current
        for _ in range(_NEWTON):
            p = self.bank.propose(i, 0.0, current, step.voltage)
            change, current = abs(p.current - current), p.current
            if change <= 1e-3 * abs(current):
                break  # at once, where a constant current went before
        self.current[i], self.bank.voltage[i] = current, p.voltage
        if step.kind is Kind.CC and (p.voltage - step.until_voltage) * self.sign[i] >= 0:
            self.longest[i] = min(_FIRST, step.time)

    # Checkpoints.

    def state(self, channel: int) -> dict[str, Any]:
        """Return a channel as a map of plain values."""
        arrays = {name: float(getattr(self, name)[channel]) for name in _SAVED}
        runner = self.runners.get(channel)
        return {
            "arrays": arrays,
            "cell": self.bank.cell(channel).plain(),
            "temperature": float(self.bank.temperature[channel]),
            "voltage": float(self.bank.voltage[channel]),
            "runner": runner.plain() if runner is not None else None,
        }

    def restore(
        self, channel: int, program: Program, limits: Mapping[str, float], plain: dict[str, Any]
    ) -> None:
        """Put a channel back to what `state` returned."""
        self.bank.load(channel, Cell.of(plain["cell"]))
        self.bank.set_temperature(channel, plain["temperature"])
        self.bank.voltage[channel] = plain["voltage"]
        for name, value in plain["arrays"].items():
            getattr(self, name)[channel] = value
        self.limits.set(channel, limits)
        self.runners.pop(channel, None)
        if plain["runner"] is not None:
            self.runners[channel] = Runner.of(program, plain["runner"])


_SAVED: Final = (
    "kind", "time", "step_time", "current", "held", "sign", "cut", "small", "longest", "interval",
    "count_in_step", "due", "charged", "discharged", "energy_in", "energy_out", "in_step",
    "since_over", "step_number", "cycle",
)  # fmt: skip

__all__ = ["COLUMNS", "Ended", "Engine"]

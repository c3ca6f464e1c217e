"""What simulated cyclers of other vendors have behind their ports: a cell that is a line.

Rest, charge, discharge, each for a time; the voltage is linear in the charge, with a resistance.
Who wants a cell that ages uses the virtual cycler: these are for the wires.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from pydantic import Field

from labmesh.sim import SimulatorOptions

_LOWEST: Final = 3.0  # V, empty
_SPAN: Final = 1.2  # V, from empty to full
_RESISTANCE: Final = 0.05  # V of a current that fills the cell in an hour

RECORD: Final = 30.0
"""Seconds between two records."""

KINDS: Final = ("rest", "charge", "discharge")
_SIGNS: Final = (0, 1, -1)


class CyclerOptions(SimulatorOptions):
    """Options of a simulated cycler."""

    channels: int = Field(default=16, ge=1, le=256, description="how many channels it has")
    step_time: float = Field(
        default=600.0,
        gt=0,
        description="seconds of each of a test's steps: rest, charge, discharge",
    )
    current: float = Field(default=0.002, gt=0, description="of charge and discharge, A")
    capacity: float = Field(default=0.004, gt=0, description="of the cells, A.h")


@dataclass(frozen=True, slots=True)
class Reading:
    """A channel at one moment; A, V, s, A.h, W.h.

    Attributes:
        step: 0 for the first of `KINDS`; None where no test runs.
        charged: Since the test began; likewise the others.
    """

    step: int | None
    test_time: float
    step_time: float
    current: float
    voltage: float
    charged: float
    discharged: float
    energy_in: float
    energy_out: float


class SimulatedChannel:
    """One channel with its cell.

    Attributes:
        schedule: What is loaded.
        test: Name of the test.
        began: When the test began, s UTC.
        ended: Why the last test ended: empty while one runs, ``never`` before the first.
    """

    def __init__(self, options: CyclerOptions) -> None:
        self._options = options
        self.schedule = self.test = ""
        self.ended = "never"
        self.began = self._stopped = 0.0

    def start(self, test: str, now: float) -> None:
        """Begin a test at ``now`` (s)."""
        self.test, self.ended, self.began = test, "", now

    def stop(self, why: str, now: float) -> None:
        """End the test, where one runs."""
        self.at(now)
        if not self.ended:
            self.ended, self._stopped = why, now

    def at(self, now: float) -> Reading:
        """Return what is measured at ``now`` (s), and end the test where it is over."""
        o = self._options
        whole = len(KINDS) * o.step_time
        if not self.ended and now - self.began >= whole:
            self.ended, self._stopped = "finished", self.began + whole
        if self.ended == "never":
            return Reading(None, 0.0, 0.0, 0.0, _LOWEST + _SPAN / 2, 0.0, 0.0, 0.0, 0.0)
        passed = (self._stopped if self.ended else now) - self.began
        seen = self.recorded(passed)
        if not self.ended:
            return seen
        # At rest: the resistance shows no more.
        relaxed = seen.voltage - _RESISTANCE * seen.current / o.capacity
        return replace(seen, step=None, current=0.0, voltage=relaxed)

    def recorded(self, passed: float, step: int | None = None) -> Reading:
        """Return what is measured ``passed`` seconds into a test, in ``step`` where two meet."""
        o = self._options
        step = min(int(passed / o.step_time), len(KINDS) - 1) if step is None else step
        charged = o.current * _within(passed - o.step_time, o.step_time) / 3600
        discharged = o.current * _within(passed - 2 * o.step_time, o.step_time) / 3600
        return Reading(
            step=step,
            test_time=passed,
            step_time=passed - step * o.step_time,
            current=_SIGNS[step] * o.current,
            voltage=self._voltage(charged - discharged, _SIGNS[step]),
            charged=charged,
            discharged=discharged,
            # The voltage is linear in time: its mean is that of begin and end.
            energy_in=charged * (self._voltage(0, 1) + self._voltage(charged, 1)) / 2,
            energy_out=discharged
            * (self._voltage(charged, -1) + self._voltage(charged - discharged, -1))
            / 2,
        )

    def _voltage(self, charge: float, sign: int) -> float:
        o = self._options
        filling = 0.5 + charge / o.capacity
        return _LOWEST + _SPAN * filling + _RESISTANCE * sign * o.current / o.capacity

    def records(self, now: float) -> list[Reading]:
        """Return the test's records so far: each `RECORD`, and the begin and end of each step."""
        if self.ended == "never":
            return []
        passed, long = self.at(now).test_time, self._options.step_time
        found: list[Reading] = []
        for step in range(len(KINDS)):
            begin, end = step * long, min((step + 1) * long, passed)
            if begin > passed or (step and begin == passed):
                break
            times = [begin + n * RECORD for n in range(int((end - begin) / RECORD) + 1)]
            times += [end] if times[-1] < end else []
            found += [self.recorded(time, step) for time in times]
        return found


def _within(time: float, most: float) -> float:
    return max(0.0, min(time, most))

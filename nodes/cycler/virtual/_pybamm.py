"""PyBaMM's single particle model with SEI behind the same seam as the surrogate.

A program is solved as a whole when it is loaded, and its records come out as time goes on; a
channel that is restored is solved again, which gives the same. It is slow (a second for a hundred
hours of cycling) and exact where the surrogate is fast: for comparisons, not for 64 channels. A
temperature counts from the next program on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from messages.errors import LabmeshError, MissingProgramError
from nodes.cycler._program import Kind, Program, Runner, Step
from nodes.cycler.virtual._cell import AREA, FARADAY, REFERENCE, Cell
from nodes.cycler.virtual._engine import Ended
from nodes.cycler.virtual._records import COLUMNS, Rows

_STEPS: Final = 20_000
"""Most steps of an unrolled program."""

_AT: Final = {name: place for place, name in enumerate(COLUMNS)}


@dataclass(slots=True)
class _Solved:
    """A program that was solved: its records, and how many have been given out."""

    program: Program
    before: Cell
    rows: Rows
    after: Cell
    tripped: str
    given: int = 0
    over: bool = False


class PyBammEngine:
    """Channels whose cells PyBaMM simulates; see `nodes.cycler.virtual.Backend`.

    Raises:
        MissingProgramError: PyBaMM is not installed.
    """

    def __init__(self, count: int) -> None:
        try:
            self._pybamm = import_module("pybamm")
        except ImportError as error:
            raise MissingProgramError(
                "PyBaMM is not installed",
                where="backend pybamm",
                remedy="pip install 'labmesh[pybamm]', or use backend virtual",
            ) from error
        self._pybamm.set_logging_level("ERROR")
        self._cells = [Cell() for _ in range(count)]
        self._kelvin = [REFERENCE] * count
        self._solved: dict[int, _Solved] = {}
        self._limits: dict[int, dict[str, float]] = {}
        self._interrupted = False

    def load(self, channel: int, program: Program, cell: Cell, limits: Mapping[str, float]) -> None:
        """Solve a program from a cell's present state; takes seconds."""
        self._limits[channel] = dict(limits)
        self._solved[channel] = self._solve(channel, program, cell, limits)

    def rest(self, channel: int) -> None:
        """Give out no more records."""
        solved = self._solved.get(channel)
        if solved is not None and not solved.over:
            solved.over = True
            self._cells[channel] = self._between(solved)

    def run(self, until: NDArray[np.float64]) -> tuple[dict[int, Rows], list[Ended]]:
        """Give out the records up to these test times."""
        found: dict[int, Rows] = {}
        ended = []
        for channel, solved in self._solved.items():
            if solved.over or until[channel] < 0:
                continue
            times = solved.rows[:, _AT["test_time"]]
            last = int(np.searchsorted(times, until[channel] + 1e-9, side="right"))
            if last > solved.given:
                found[channel] = solved.rows[solved.given : last]
                solved.given = last
            if last == len(solved.rows):
                solved.over = True
                self._cells[channel] = solved.after
                ended.append(Ended(channel, solved.tripped))
        return found, ended

    def interrupt(self) -> None:
        """Do nothing: `run` never takes long."""

    def cell(self, channel: int) -> Cell:
        """Return the cell as it is; while a program runs, as it was before."""
        return self._cells[channel]

    def set_temperature(self, channel: int, kelvin: float) -> None:
        """Set the temperature at which the next program is solved."""
        self._kelvin[channel] = kelvin

    def glance(self, channel: int) -> dict[str, float]:
        """Return the last record that was given out."""
        solved = self._solved.get(channel)
        if solved is None or not solved.given:
            names = ("test_time", "voltage", "current", "step", "cycle")
            return dict.fromkeys(names, 0.0) | {"temperature": self._kelvin[channel]}
        row = solved.rows[solved.given - 1]
        return {name: float(row[_AT[name]]) for name in _GLANCED}

    def state(self, channel: int) -> dict[str, Any]:
        """Return what is needed to solve again and go on."""
        solved = self._solved.get(channel)
        return {
            "cell": self._cells[channel].plain(),
            "before": solved.before.plain() if solved else None,
            "given": solved.given if solved else 0,
            "over": solved.over if solved else True,
            "kelvin": self._kelvin[channel],
        }

    def restore(
        self, channel: int, program: Program, limits: Mapping[str, float], plain: dict[str, Any]
    ) -> None:
        """Solve again, and go on behind the records that were given out."""
        self._cells[channel] = Cell.of(plain["cell"])
        self._kelvin[channel] = plain["kelvin"]
        if plain["before"] is None or plain["over"]:
            return
        solved = self._solve(channel, program, Cell.of(plain["before"]), limits)
        solved.given = plain["given"]
        self._solved[channel] = solved

    def _between(self, solved: _Solved) -> Cell:
        """Return a cell whose program was stopped: by the charge that has flowed until then."""
        if not solved.given:
            return solved.before
        rows = solved.rows[: solved.given]
        hours = np.diff(rows[:, _AT["test_time"]], prepend=0.0) / 3600
        charge = float(np.sum(rows[:, _AT["current"]] * hours))
        share = solved.given / len(solved.rows)
        sei = solved.before.sei + share * (solved.after.sei - solved.before.sei)
        return replace(
            solved.before,
            in_negative=solved.before.in_negative + charge - (sei - solved.before.sei),
            in_positive=solved.before.in_positive - charge,
            sei=sei,
            surface=0.0,
        )

    def _solve(
        self, channel: int, program: Program, cell: Cell, limits: Mapping[str, float]
    ) -> _Solved:
        pybamm = self._pybamm
        # The model knows no formation: what that takes is taken before the first step.
        cell = replace(cell, in_positive=cell.in_positive - cell.formation, formation=0.0)
        steps, cycles = _unrolled(program)
        values = self._parameters(cell, self._kelvin[channel])
        experiment = pybamm.Experiment([self._step(step, program.record) for step in steps])
        simulation = pybamm.Simulation(
            pybamm.lithium_ion.SPM({"SEI": "solvent-diffusion limited"}),
            parameter_values=values,
            experiment=experiment,
        )
        try:
            solution = simulation.solve(calc_esoh=False)
        except pybamm.SolverError as error:
            raise LabmeshError(
                f"PyBaMM cannot solve the protocol: {str(error).splitlines()[0]}",
                where="backend pybamm",
                remedy="try backend virtual",
            ) from error
        rows = _rows(solution, steps, cycles, self._kelvin[channel])
        rows, tripped = _cut(rows, limits)
        after = self._after(solution, cell)
        return _Solved(program, cell, rows, after, tripped)

    def _parameters(self, cell: Cell, kelvin: float) -> Any:
        """Return Chen 2020 for this cell's electrodes, filling and SEI."""
        values = self._pybamm.ParameterValues("Chen2020")
        base = Cell()
        area = values["Electrode height [m]"] * values["Electrode width [m]"]
        for side in ("height", "width"):
            values[f"Electrode {side} [m]"] *= math.sqrt(AREA / area)
        for side, have, full in (
            ("negative", cell.negative, base.negative),
            ("positive", cell.positive, base.positive),
        ):
            values[f"{side.capitalize()} electrode active material volume fraction"] *= have / full
        x = min(max(cell.in_negative / cell.negative, 1e-4), 0.9999)
        y = min(max(cell.in_positive / cell.positive, 1e-4), 0.9999)
        for side, filled in (("negative", x), ("positive", y)):
            most = values[f"Maximum concentration in {side} electrode [mol.m-3]"]
            values[f"Initial concentration in {side} electrode [mol.m-3]"] = filled * most
        values["Ambient temperature [K]"] = values["Initial temperature [K]"] = kelvin
        values["Initial SEI thickness [m]"] *= cell.sei / base.sei
        values["SEI solvent diffusivity [m2.s-1]"] *= _FASTER * cell.growth / base.growth
        values["Lower voltage cut-off [V]"], values["Upper voltage cut-off [V]"] = -5.0, 10.0
        return values

    def _step(self, step: Step, record: float) -> Any:
        """Return PyBaMM's step; its currents are positive in discharge."""
        make, until = self._pybamm.step, []
        duration = step.time if math.isfinite(step.time) else 1e6
        if step.kind is Kind.CV:
            if step.until_current:
                until.append(f"{step.until_current} A")
            return make.voltage(step.voltage, duration=duration, termination=until, period=record)
        if not math.isnan(step.until_voltage):
            until.append(f"{step.until_voltage} V")
        return make.current(-step.current, duration=duration, termination=until, period=record)

    @staticmethod
    def _after(solution: Any, before: Cell) -> Cell:
        """Return the cell at the end: lithium by PyBaMM's own balance."""

        def last(name: str) -> float:
            return float(solution[name].entries[-1])

        per_mol = FARADAY / 3600
        lost = (last("Loss of lithium to negative SEI [mol]")) * per_mol
        return replace(
            before,
            in_negative=last("Total lithium in negative electrode [mol]") * per_mol,
            in_positive=last("Total lithium in positive electrode [mol]") * per_mol,
            sei=before.sei + lost,
            surface=0.0,
        )


_FASTER: Final = 100.0
"""Times PyBaMM's default SEI diffusivity, as in ``benchmarks/pybamm_reference.py``."""

_GLANCED: Final = ("test_time", "voltage", "current", "temperature", "step", "cycle")


def _unrolled(program: Program) -> tuple[list[Step], list[int]]:
    runner = Runner(program)
    steps, cycles = [], []
    while (step := runner.next()) is not None:
        steps.append(step)
        cycles.append(runner.cycle)
        if len(steps) > _STEPS:
            raise LabmeshError(f"the protocol has more than {_STEPS} steps", where="method")
    return steps, cycles


def _rows(solution: Any, steps: list[Step], cycles: list[int], kelvin: float) -> Rows:
    """Return the records of all steps; the accumulators begin anew with each cycle."""
    parts: list[Rows] = []
    sums = np.zeros(4)
    cycle = cycles[0]
    for step, number, solved in zip(steps, cycles, _solved_steps(solution), strict=False):
        if solved is None:
            continue
        if number != cycle:
            sums, cycle = np.zeros(4), number
        time = solved["Time [s]"].entries
        current = -solved["Current [A]"].entries
        voltage = solved["Terminal voltage [V]"].entries
        charge = np.diff(time) / 3600 * (current[1:] + current[:-1]) / 2
        energy = charge * (voltage[1:] + voltage[:-1]) / 2
        flows = [np.maximum(charge, 0), np.maximum(-charge, 0),
                 np.maximum(energy, 0), np.maximum(-energy, 0)]  # fmt: skip
        rows = np.empty((len(time), len(COLUMNS)))
        rows[:, 0], rows[:, 1] = time, time - time[0]
        rows[:, 2], rows[:, 3], rows[:, 4] = current, voltage, kelvin
        for place, (flow, had) in enumerate(zip(flows, sums, strict=True)):
            rows[:, 5 + place] = had + np.concatenate([[0.0], np.cumsum(flow)])
        sums = rows[-1, 5:9].copy()
        rows[:, 9], rows[:, 10] = step.number, number
        parts.append(rows)
    return np.concatenate(parts)


def _solved_steps(solution: Any) -> list[Any]:
    return [cycle.steps[0] if cycle is not None and cycle.steps else None
            for cycle in solution.cycles]  # fmt: skip


def _cut(rows: Rows, limits: Mapping[str, float]) -> tuple[Rows, str]:
    """Return the rows up to the first that is beyond a limit for longer than the delay."""
    voltage, current = rows[:, _AT["voltage"]], rows[:, _AT["current"]]
    bad = np.zeros(len(rows), dtype=bool)
    bad |= voltage > limits.get("voltage_max", math.inf)
    bad |= (voltage < limits.get("voltage_min", -math.inf)) & (current < 0)
    bad |= current > limits.get("current_max", math.inf)
    bad |= current < limits.get("current_min", -math.inf)
    times, since = rows[:, _AT["test_time"]], None
    for index in np.flatnonzero(bad):
        if since is None or not bad[index - 1]:
            since = times[index]
        if times[index] - since >= limits.get("delay", 0.0):
            now = f"{voltage[index]:.6g} V, {current[index]:.6g} A"
            return rows[: index + 1], f"a limit of voltage or current was exceeded: {now}"
    return rows, ""

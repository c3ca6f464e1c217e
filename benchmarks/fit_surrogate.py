"""Fits the virtual cell to PyBaMM's single particle model with SEI, and says how well it fits.

``python benchmarks/fit_surrogate.py`` reads the stored comparison (`pybamm_reference.py` makes it;
no PyBaMM is needed here) and prints the parameters that `nodes.cycler.virtual.Cell` has as its
defaults, then the deviations; ``--check`` prints the deviations of the defaults alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from messages.protocol import CyclingProtocol
from nodes.cycler._program import compiled
from nodes.cycler.virtual import Cell, Engine

FILE: Final = Path(__file__).parents[1] / "tests/data/cycler/pybamm_spm_sei.json"
KINETICS: Final = ("resistance", "exchange", "lag", "tau")
FADE: Final = ("growth", "sei")
CUT: Final = 0.95
"""Share of a step's time over which voltages are compared: beyond it the slope is the event's."""


def protocol(reference: Mapping[str, Any], *steps: dict[str, Any]) -> CyclingProtocol:
    """Return a protocol for the cell of the comparison, 30 s records."""
    return CyclingProtocol.model_validate(
        {
            "record": {"time_s": 30},
            "sample": {"capacity_mAh": reference["nominal_capacity"] * 1e3},
            "method": [{"step": "tag", "tag": "cycle"}, *steps],
        }
    )


def run(cell: Cell, what: CyclingProtocol) -> NDArray[np.float64]:
    """Return the records of one cell over a protocol; columns as `nodes.cycler.virtual.COLUMNS`."""
    engine = Engine(1)
    engine.load(0, compiled(what), cell, {})
    return engine.run(np.array([1e9]))[0][0]


def forty(reference: Mapping[str, Any], cell: Cell) -> NDArray[np.float64]:
    """Return the records of the forty cycles."""
    cycle = (
        {"step": "constant_current", "rate_C": 0.5, "until_voltage_V": 4.2},
        {"step": "constant_voltage", "voltage_V": 4.2, "until_rate_C": 0.05},
        {"step": "constant_current", "rate_C": -0.5, "until_voltage_V": 2.5},
        {"step": "loop", "loop_to": "cycle", "cycle_count": len(reference["discharge_capacity"])},
    )
    return run(cell, protocol(reference, *cycle))


def full(cell: Cell) -> Cell:
    """Return the cell charged to 4.2 V at rest (x 0.910618, y 0.263845: PyBaMM's solver)."""
    return replace(
        cell, in_negative=0.910618047 * cell.negative, in_positive=0.263845225 * cell.positive
    )


def misses(records: NDArray[np.float64], expected: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return voltage less expected voltage at the same times, over `CUT` of the step, V."""
    at = np.linspace(0.0, expected["duration"], len(expected["voltage"]))
    volts = np.interp(at, records[:, 1], records[:, 3])
    keep = (at <= CUT * expected["duration"]) & (at >= records[0, 1])
    difference: NDArray[np.float64] = (volts - np.array(expected["voltage"]))[keep]
    return difference


def compare(reference: Mapping[str, Any], cell: Cell) -> dict[str, float]:
    """Return how the cell deviates: voltages in V (root mean square), capacities as shares."""
    found: dict[str, float] = {}
    for rate, expected in reference["discharges"].items():
        step = {"step": "constant_current", "rate_C": -float(rate), "until_voltage_V": 2.5}
        records = run(full(cell), protocol(reference, step))
        found[f"voltage of a discharge at {rate} C"] = _rms(misses(records, expected))
        found[f"capacity at {rate} C"] = records[-1, 6] / expected["capacity"] - 1
    records = forty(reference, cell)
    for number, expected in reference["cycles"].items():
        cycle = records[records[:, 10] == int(number)]
        for step_number, name in ((1, "charge"), (3, "discharge")):
            step_records = cycle[cycle[:, 9] == step_number]
            found[f"voltage of {name} {number}"] = _rms(misses(step_records, expected[name]))
    capacity = capacities(records, 6)
    theirs = np.array(reference["discharge_capacity"])
    found["capacity, largest deviation of a cycle"] = float(np.abs(capacity / theirs - 1).max())
    lost, expected_loss = capacity[0] - capacity[-1], theirs[0] - theirs[-1]
    found["fade over forty cycles, relative"] = float(lost / expected_loss - 1)
    return found


def capacities(records: NDArray[np.float64], column: int) -> NDArray[np.float64]:
    """Return the last value of an accumulator in each cycle, A.h."""
    cycle = records[:, 10]
    last = np.flatnonzero(np.append(np.diff(cycle) > 0, True))
    values: NDArray[np.float64] = records[last, column]
    return values


def _rms(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(values**2)))


def fit(reference: Mapping[str, Any]) -> Cell:
    """Return the cell fitted to the voltages of the discharges, then to the capacities."""
    begin = Cell()

    def with_values(names: tuple[str, ...], scales: NDArray[np.float64], cell: Cell) -> Cell:
        return replace(
            cell,
            **{n: getattr(begin, n) * float(np.exp(s)) for n, s in zip(names, scales, strict=True)},
        )

    def voltages(scales: NDArray[np.float64]) -> NDArray[np.float64]:
        cell = with_values(KINETICS, scales, begin)
        parts = []
        for rate, expected in reference["discharges"].items():
            step = {"step": "constant_current", "rate_C": -float(rate), "until_voltage_V": 2.5}
            records = run(full(cell), protocol(reference, step))
            parts += [misses(records, expected)]
            parts += [np.array([3.0 * (records[-1, 6] / expected["capacity"] - 1)])]
        return np.concatenate(parts)

    kinetic = with_values(KINETICS, least_squares(voltages, np.zeros(4)).x, begin)
    theirs = np.array(reference["discharge_capacity"])

    def losses(scales: NDArray[np.float64]) -> NDArray[np.float64]:
        ours = capacities(forty(reference, with_values(FADE, scales, kinetic)), 6)
        difference: NDArray[np.float64] = ((ours - ours[0]) - (theirs - theirs[0])) / theirs[0]
        return difference * 1e3

    return with_values(FADE, least_squares(losses, np.zeros(2)).x, kinetic)


def main() -> None:
    """Fit or check, and print."""
    reference = json.loads(FILE.read_text(encoding="utf-8"))
    cell = Cell()
    if "--check" not in sys.argv:
        cell = fit(reference)
        for name in (*KINETICS, *FADE):
            print(f"{name:12} {getattr(cell, name):.6g}")
    for what, deviation in compare(reference, cell).items():
        words = f"{deviation * 1e3:8.2f} mV" if what.startswith("voltage") else f"{deviation:8.2%}"
        print(f"{what:45} {words}")


if __name__ == "__main__":
    main()

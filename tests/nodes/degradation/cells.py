"""Cells for tests: chemistries, and tables of a virtual cell (simulated)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from messages.cell import BatteryChemistry, Electrode
from messages.chemistry import EC, EMC, GRAPHITE, LFP, NMC811, Chemical, Formulation
from messages.protocol import CyclingProtocol
from nodes.cycler._program import compiled
from nodes.cycler.virtual import COLUMNS, Engine, assembled
from nodes.degradation._published import FOLDER


def chemistry(cathode: Chemical | None = NMC811) -> BatteryChemistry:
    return BatteryChemistry(
        electrolyte=Formulation.of({EC: 0.3, EMC: 0.7}),
        anode=Electrode(material=Formulation.of({GRAPHITE: 1.0})),
        cathode=Electrode(material=Formulation.of({cathode: 1.0})) if cathode else None,
    )


DATA = Path(__file__).parents[2] / "data" / "degradation"
LFP_CELL = chemistry(LFP)
NMC_CELL = chemistry()


@cache
def virtual() -> dict[str, NDArray[Any]]:
    """The shipped trajectories of virtual cells, whose end is known (simulated)."""
    with np.load(FOLDER / "virtual_trajectories.npz") as stored:
        return {name: stored[name].astype(np.float64) for name in stored.files}


@cache
def fast_virtual() -> dict[str, NDArray[Any]]:
    """Virtual cells that age 3 to 13 times as fast (simulated); none was calibrated on."""
    with np.load(DATA / "virtual_fast.npz") as stored:
        return {name: stored[name].astype(np.float64) for name in stored.files}


@cache
def virtual_table(cycles: int = 30, rate: float = 2.0, formation: int = 2) -> pl.DataFrame:
    """The table of a virtual cell: cycles of formation at C/2, then others (simulated)."""

    def block(tag: str, rate: float, count: int) -> list[dict[str, Any]]:
        return [
            {"step": "tag", "tag": tag},
            {"step": "constant_current", "rate_C": rate, "until_voltage_V": 4.2},
            {"step": "constant_voltage", "voltage_V": 4.2, "until_rate_C": 0.1},
            {"step": "constant_current", "rate_C": -rate, "until_voltage_V": 2.5},
            {"step": "loop", "loop_to": tag, "cycle_count": count},
        ]

    protocol = CyclingProtocol.model_validate(
        {
            "record": {"time_s": 60},
            "sample": {"capacity_mAh": 7.7},
            "safety": {"max_voltage_V": 4.3, "min_voltage_V": 2.4, "delay_s": 60},
            "method": block("form", 0.5, formation) + block("cycle", rate, cycles - formation),
        }
    )
    engine = Engine(1)
    limits = {"voltage_max": 4.3, "voltage_min": 2.4, "delay": 60.0}
    engine.load(0, compiled(protocol), assembled("cell-1", 0), limits)
    rows, _ = engine.run(np.array([1e9]))
    columns = dict(zip(COLUMNS, np.asarray(rows[0]).T, strict=True))
    return pl.DataFrame(
        {
            "test_time_second": columns["test_time"],
            "voltage_volt": columns["voltage"],
            "current_ampere": columns["current"],
            "cycle_count": columns["cycle"].astype(np.int64),
        }
    )

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from messages.cycling import CyclingFeatures
from nodes.cycler._features import _variance, features
from nodes.cycler.files import CyclerData, read_cycler_file
from nodes.cycler.virtual import Cell
from nodes.cycler.virtual._arbin_file import ArbinFiles
from tests.nodes.cycler.virtual import cycles, run


def read(folder: Path, count: int, growth: float) -> CyclerData:
    cell = replace(Cell(), growth=Cell().growth * growth)
    files = ArbinFiles(folder, f"t{growth:g}_Channel_1", 100_000)
    files.append(run(cycles(count, record=120.0), cell), 1_750_000_000 * 10**9, 0.0)
    return read_cycler_file(files.parts()[0], timezone="UTC")


def test_a_cell_that_fades_faster_shows_it_early(tmp_path: Path) -> None:
    slow, fast = (features(read(tmp_path, 13, growth)).model_dump() for growth in (1.0, 30.0))
    assert None not in slow.values()
    assert slow["delta_coulombic_efficiency"] > 0  # the SEI grows ever slower
    assert fast["capacity_vector_variance"] > slow["capacity_vector_variance"] + 1
    assert fast["voltage_gap_charge_discharge"] > slow["voltage_gap_charge_discharge"]


def test_the_variance_is_that_of_the_charge_over_the_voltage() -> None:
    """Straight lines: 2 mA.h between 4 and 3 V, then 10 % more; the difference is a line, too."""
    parts = []
    for cycle, charge in ((10, 2e-3), (11, 2.2e-3)):
        time = np.linspace(0, 3600, 200) + 4000 * cycle
        parts.append(
            pl.DataFrame(
                {
                    "cycle_count": np.full(200, cycle),
                    "test_time_second": time,
                    "current_ampere": np.full(200, -charge),
                    "voltage_volt": np.linspace(4, 3, 200),
                }
            )
        )
    assert _variance(pl.concat(parts), 10, 11) == pytest.approx((0.2e-3) ** 2 / 12, rel=5e-3)


def test_early_on_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert features(read(tmp_path, 2, 1.0)) == CyclingFeatures()

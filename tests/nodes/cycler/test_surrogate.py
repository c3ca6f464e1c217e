from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.fit_surrogate import FILE, compare
from nodes.cycler.virtual import Cell, assembled
from nodes.cycler.virtual._half_cells import HalfCells, graphite, nmc811
from tests.nodes.cycler.virtual import AT, cycles, protocol, run

TOLERANCE = {"voltage": 5e-3, "capacity": 3e-3, "fade": 0.05}
"""V, and shares: what docs/cycler.md states."""


def test_it_agrees_with_pybamm_within_the_stated_tolerance() -> None:
    found = compare(json.loads(FILE.read_text(encoding="utf-8")), Cell())
    for what, deviation in found.items():
        kind = next(kind for kind in TOLERANCE if what.startswith(kind))
        assert abs(deviation) <= TOLERANCE[kind], what
    assert len(found) == 14


def test_the_stored_comparison_says_where_it_is_from() -> None:
    provenance = json.loads(FILE.read_text(encoding="utf-8"))["provenance"]
    assert provenance["made_by"] == "benchmarks/pybamm_reference.py"
    assert "Chen2020" in provenance["parameter_set"]


def test_the_tables_are_the_functions() -> None:
    x = np.linspace(0.02, 0.98, 997)
    values, slopes = HalfCells().at(np.stack([x, x]))
    assert values[0] == pytest.approx(nmc811(x), abs=1e-4)
    assert values[1] == pytest.approx(graphite(x), abs=1e-4)
    assert slopes[0] == pytest.approx(np.gradient(nmc811(x), x), abs=0.25)
    for each in (-0.01, 0.3, 0.77, 1.02):  # one at a time, and beyond the ends
        both = HalfCells().at(np.array([[each], [each]]))
        assert np.ravel(both) == pytest.approx(np.ravel(HalfCells().at_one(each, each)))


def test_a_new_cell_forms_and_fades() -> None:
    records = run(cycles(4), assembled("cell-1", 0, spread=0))
    charged = [records[records[:, AT["cycle"]] == n][-1, AT["charged"]] for n in (1, 2, 3, 4)]
    out = [records[records[:, AT["cycle"]] == n][-1, AT["discharged"]] for n in (1, 2, 3, 4)]
    efficiency = np.divide(out, charged)
    assert 0.8 < efficiency[0] < 0.92  # formation takes a tenth
    assert efficiency[1] < efficiency[2] < efficiency[3] < 1
    assert out[0] > out[1] > out[2] > out[3]


def test_cold_cells_give_less_and_warm_ones_fade_faster() -> None:
    discharge = protocol({"step": "constant_current", "rate_C": -1, "until_voltage_V": 3.0})
    full = replace(Cell(), in_negative=0.91 * Cell().negative, in_positive=0.265 * Cell().positive)
    cold, mild = (run(discharge, full, kelvin)[-1, AT["discharged"]] for kelvin in (263.15, 298.15))
    assert cold < 0.95 * mild
    rest = protocol({"step": "open_circuit_voltage", "until_time_s": 43200}, record=43200)
    drop = [np.ptp(run(rest, full, kelvin)[:, AT["voltage"]]) for kelvin in (298.15, 328.15)]
    assert drop[1] > 1.5 * drop[0]


def test_cells_differ_by_their_seed_alone() -> None:
    assert assembled("a", 1) == assembled("a", 1)
    several = {assembled(name, seed).negative for name in "abcd" for seed in (1, 2)}
    assert len(several) == 8
    assert np.std(list(several)) / np.mean(list(several)) < 0.03

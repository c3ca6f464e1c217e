"""Features of early cycles, from discharge curves and capacities.

As Severson et al. 2019 define them: the difference of the charge drawn down to each of 1000
voltages between cycle x and cycle 10, its variance and its least value; the capacity of cycle 2,
and the largest capacity less it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nodes.degradation._table import CycleTable

Vector = NDArray[np.float64]

TENTH: Final = 10
POINTS: Final = 1000

VARIANCE: Final = "log10 var dQ(V)"
LEAST: Final = "log10 |min dQ(V)|"
SECOND: Final = "Qd, cycle 2"
GAIN: Final = "max Qd - Qd, cycle 2"


def difference(table: CycleTable, cycle: int, window: tuple[float, float] | None) -> Vector | None:
    """Return Q_x(V) - Q_10(V), A.h, on an even grid of voltages; None where one is missing.

    Args:
        table: The cycles.
        cycle: x.
        window: Voltages, V; a curve that does not reach an end goes on level, as published. None
            for what both curves have.
    """
    curves = [table.curve(number) for number in (TENTH, cycle)]
    if any(voltage.size < 3 for voltage, _ in curves):
        return None
    if window is None:
        window = max(v[0] for v, _ in curves), min(v[-1] for v, _ in curves)
    low, high = window
    if not high > low or any(v[-1] <= low or v[0] >= high for v, _ in curves):
        return None
    grid = np.linspace(low, high, POINTS)
    before, after = (np.interp(grid, voltage, charge) for voltage, charge in curves)
    found: Vector = after - before
    return found


def features_of(
    capacity: Mapping[int, float], between: Vector | None, cycle: int, *, per: float = 1.0
) -> dict[str, float]:
    """Return the features that can be had, by name.

    Args:
        capacity: Discharge capacities by number of the cycle, A.h.
        between: As `difference` returns it.
        cycle: x.
        per: Divides all charges: 1 for A.h, the nominal capacity for shares of it.
    """
    found: dict[str, float] = {}
    if between is not None:
        spread, least = float(np.var(between)) / per**2, abs(float(between.min())) / per
        if spread > 0:
            found[VARIANCE] = math.log10(spread)
        if least > 0:
            found[LEAST] = math.log10(least)
    early = [value for number, value in capacity.items() if 2 <= number <= cycle]
    if 2 in capacity and len(early) > 1:
        found[SECOND] = capacity[2] / per
        found[GAIN] = (max(early) - capacity[2]) / per
    return found

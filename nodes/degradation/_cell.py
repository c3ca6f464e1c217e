"""A cell as far as it is known: what a prediction is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from messages.cycling_data import CycleSummary
from messages.degradation import DegradationInput
from nodes.degradation._chemistry import chemistry_of, window_of
from nodes.degradation._features import VARIANCE, difference, features_of
from nodes.degradation._table import CycleTable

Vector = NDArray[np.float64]

_OTHER_RATE: Final = 0.2
"""A cycle whose discharge current differs by this share from the usual one ran another program."""
_MOST_FORMATION: Final = 10
"""More leading cycles than this are no formation."""


@dataclass(frozen=True)
class CellData:
    """What was measured.

    Attributes:
        chemistry: ``cathode|anode``.
        capacity: Discharge capacity of each cycle, A.h.
        cycle: Their numbers.
        ended: Elapsed time at the end of each, s; None where it is not known.
        formation: How many of the first are formation.
        table: The cycler's table; None where there is none.
        given: Features that the request gives: they win.
        charge_rate: Mean rate of charging, 1/h; None where it is not known.
        simulated: Whether the cell is.
        remarks: How it was read.
    """

    chemistry: str
    capacity: Vector
    cycle: Vector
    ended: Vector | None = None
    formation: int = 0
    table: CycleTable | None = None
    given: Mapping[str, float] = field(default_factory=dict)
    charge_rate: float | None = None
    simulated: bool = False
    remarks: tuple[str, ...] = ()

    def features(self, cycle: int, *, per: float = 1.0) -> dict[str, float]:
        """Return the features of cycle ``cycle`` against the tenth, charges over ``per`` A.h."""
        found: dict[str, float] = {}
        last = int(self.cycle[-1]) if self.cycle.size else 0
        if last >= cycle:
            capacity = dict(
                zip(self.cycle.astype(int).tolist(), self.capacity.tolist(), strict=True)
            )
            between = None
            if self.table is not None:
                between = difference(self.table, cycle, window_of(self.chemistry))
            found = features_of(capacity, between, cycle, per=per)
        return {**found, **self.given} if per == 1.0 else found

    @property
    def reference(self) -> float:
        """Capacity of the first cycle after formation, A.h; NaN where there is none."""
        return (
            float(self.capacity[self.formation]) if self.capacity.size > self.formation else np.nan
        )


def cell_data(
    asked: DegradationInput | None,
    *,
    table: CycleTable | None = None,
    summary: CycleSummary | None = None,
    formation: int | None = None,
    simulated: bool = False,
    chemistry: str = "",
) -> CellData:
    """Put together what the request says and what was measured; the request's own words win.

    Args:
        asked: The request; None where nobody asks.
        table: The cycler's table.
        summary: Capacities that whoever read the cycler's files has checked.
        formation: Cycles of formation that the cycling's request asked for.
        simulated: Whether the data are.
        chemistry: ``cathode|anode``; the request's by default.
    """
    remarks: list[str] = []
    input_cycles = asked.input_cycles if asked else None
    capacity, cycle, ended = _capacities(input_cycles, table, summary, remarks)
    rate = asked.average_charging_rate if asked else None
    current = table.charge_current if table is not None else np.empty(0)
    if asked and asked.formation_cycles is not None:
        formation = asked.formation_cycles
    if formation is None:
        formation = _formation(table) if input_cycles is None and table is not None else 0
        if formation:
            remarks.append(f"the first {formation} cycles ran at another rate: taken for formation")
    if rate is None and capacity.size > formation and np.isfinite(current[formation:]).any():
        rate = float(np.nanmedian(current[formation:])) / float(capacity[formation])
    given = {}
    if asked and asked.capacity_vector_variance is not None:
        given[VARIANCE] = asked.capacity_vector_variance
    return CellData(
        chemistry=chemistry or (chemistry_of(asked.battery_chemistry) if asked else ""),
        capacity=capacity,
        cycle=cycle,
        ended=ended,
        formation=formation,
        table=table,
        given=given,
        charge_rate=rate,
        simulated=simulated,
        remarks=tuple(remarks),
    )


def _capacities(
    input_cycles: NDArray[Any] | None,
    table: CycleTable | None,
    summary: CycleSummary | None,
    remarks: list[str],
) -> tuple[Vector, Vector, Vector | None]:
    if input_cycles is not None:
        capacity = np.asarray(input_cycles, dtype=np.float64).reshape(-1)
        return capacity, np.arange(1.0, capacity.size + 1), None
    if summary is not None and summary.cycle.size:
        capacity = np.asarray(summary.discharge_capacity, dtype=np.float64)
        cycle = np.asarray(summary.cycle, dtype=np.float64)
        whole = capacity > 0
        whole[:-1] = True  # only the last may lack its discharge
        capacity, cycle = capacity[whole], cycle[whole]
        if (np.diff(cycle) <= 0).any():
            cycle = np.arange(1.0, capacity.size + 1)
        return capacity, cycle, _ends(table, cycle)
    if table is not None:
        remarks.append("capacities are integrals of the current")
        return table.discharge, table.number.astype(np.float64), table.ended
    return np.empty(0), np.empty(0), None


def _ends(table: CycleTable | None, cycle: Vector) -> Vector | None:
    """Return the elapsed time of each cycle's end; None unless the table knows all of them."""
    if table is None:
        return None
    known = dict(zip(table.number.tolist(), table.ended.tolist(), strict=True))
    found = np.array([known.get(int(number), np.nan) for number in cycle])
    return found if np.isfinite(found).all() else None


def _formation(table: CycleTable) -> int:
    """Return how many leading cycles ran at another rate than most of those that follow."""
    current = table.discharge_current
    if current.size < 3 or not np.isfinite(current).all():
        return 0
    usual = float(np.median(current))
    other = np.abs(current - usual) > _OTHER_RATE * usual
    leading = int(np.argmin(other)) if not other.all() else 0
    return leading if leading <= _MOST_FORMATION else 0

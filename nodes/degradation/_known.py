"""What is known of a cell's capacities, made fit for extrapolation: order, outliers, jumps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from messages.errors import LabmeshError

Vector = NDArray[np.float64]

LEAST_CYCLES: Final = 10
"""After formation. With fewer the first cycles' relaxation hides the fade."""

_FARTHEST: Final = 6.0
"""An outlier is farther from its neighbours' median than this many scaled median deviations ..."""
_SMALLEST: Final = 0.004
"""... and than this share of the reference capacity."""
_MANY: Final = 0.2
"""Share of outliers from which on the data as a whole are doubted."""
_JUMP: Final = 0.02
"""Share of the reference capacity by which capacity shifts for good at a jump."""
_RISE: Final = 0.02
"""Share of the reference capacity by which a cell must not have gained over the known cycles."""
_OTHER_SIZE: Final = 100.0
"""A capacity that differs from the median by this factor is none of the cell's."""
_SIDE: Final = 3
"""Cycles before and after that an outlier or a jump is compared with."""


class NotPredictableError(LabmeshError):
    """Data from which no end of life can be told, not even a wide one."""


@dataclass(frozen=True)
class Known:
    """Capacities after formation.

    Attributes:
        cycle: Number of each, counted from the first cycle of the test.
        time: Elapsed time at its end, in units of the median cycle; the number where none is known.
        capacity: Over the reference.
        reference: Capacity of the first cycle after formation, A.h.
        remarks: What was found odd, in words.
        sound: Whether nothing was found that puts the data as a whole in doubt.
    """

    cycle: Vector
    time: Vector
    capacity: Vector
    reference: float
    remarks: tuple[str, ...]
    sound: bool


def known_of(
    capacity: Vector, *, formation: int, cycle: Vector | None = None, ended: Vector | None = None
) -> Known:
    """Return what can be learned from.

    Args:
        capacity: Discharge capacity of each cycle, A.h.
        formation: How many of the first are formation.
        cycle: Numbers of the cycles; 1, 2 ... by default.
        ended: Elapsed time at the end of each, s.

    Raises:
        NotPredictableError: Too few cycles, or capacities that are none.
    """
    capacity = np.asarray(capacity, dtype=np.float64)
    numbers = np.arange(1.0, capacity.size + 1) if cycle is None else np.asarray(cycle, float)
    time = _time(ended, numbers)
    capacity, numbers, time = capacity[formation:], numbers[formation:], time[formation:]
    good = np.isfinite(capacity) & (capacity > 0)
    usual = float(np.median(capacity[good])) if good.any() else 0.0
    good &= (capacity > usual / _OTHER_SIZE) & (capacity < usual * _OTHER_SIZE)
    remarks = []
    if capacity.size and good.mean() < 1 - _MANY:
        raise NotPredictableError(
            f"{int((~good).sum())} of {capacity.size} capacities are no positive ones of a cell",
            where="input_cycles",
            remedy="give discharge capacities in A.h",
        )
    if not good.all():
        remarks.append(f"{int((~good).sum())} cycles without a cell's capacity were left out")
    capacity, numbers, time = capacity[good], numbers[good], time[good]
    if capacity.size < LEAST_CYCLES:
        raise NotPredictableError(
            f"{capacity.size} cycles after formation are too few; {LEAST_CYCLES} at least",
            where="input_cycles",
            remedy="cycle the cell further",
        )
    kept = ~_outliers(capacity)
    sound = bool(kept.mean() >= 1 - _MANY)
    if not kept.all():
        remarks.append(f"{int((~kept).sum())} of {capacity.size} cycles are outliers, left out")
    if not sound:  # whatever they are, single slips of the instrument they are not
        kept[:] = True
    capacity, numbers, time = capacity[kept], numbers[kept], time[kept]
    reference = float(capacity[0])
    relative = capacity / reference
    jump = _jump(relative)
    if jump is not None:
        sound = False
        words = f"capacity jumps by {relative[jump] - relative[jump - 1]:+.1%} at cycle"
        remarks.append(f"{words} {numbers[jump]:g}")
    gained = float(np.median(relative[-_SIDE:]) - 1)
    if gained > _RISE:
        sound = False
        remarks.append(f"capacity has risen by {gained:.1%}: no fade is seen yet")
    return Known(numbers, time, relative, reference, tuple(remarks), sound)


def _time(ended: Vector | None, numbers: Vector) -> Vector:
    """Return elapsed time in median cycles; the numbers where the times cannot be."""
    if ended is None or len(ended) != len(numbers) or len(ended) < 3:
        return numbers
    steps = np.diff(ended) / np.diff(numbers)
    if not np.isfinite(ended).all() or not (steps > 0).all() or not ended[0] > 0:
        return numbers
    time: Vector = ended / np.median(steps)
    return time


def _outliers(capacity: Vector) -> NDArray[np.bool_]:
    """Return which cycles differ from their neighbours (Hampel's filter)."""
    padded = np.pad(capacity, _SIDE, mode="reflect", reflect_type="odd")
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _SIDE + 1)
    apart = np.abs(capacity - np.median(np.delete(around, _SIDE, axis=1), axis=1))
    usual = 1.4826 * float(np.median(apart))
    limit = max(_FARTHEST * usual, _SMALLEST * float(np.median(capacity)))
    return apart > limit


def _jump(relative: Vector) -> int | None:
    """Return the place of the largest lasting shift from one cycle to the next, if there is one."""
    if relative.size < 2 * _SIDE:
        return None
    medians = np.median(np.lib.stride_tricks.sliding_window_view(relative, _SIDE), axis=1)
    steps = np.diff(relative)
    shift = np.abs(medians[_SIDE:] - medians[:-_SIDE]) - _SIDE * abs(float(np.median(steps)))
    both = np.minimum(shift, np.abs(steps[_SIDE - 1 : _SIDE - 1 + shift.size]))
    where = int(np.argmax(both))
    return where + _SIDE if both[where] > _JUMP else None

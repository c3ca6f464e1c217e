"""Which of several measurements are beaten by none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nodes.optimiser._space import Floats


def undominated(values: Floats) -> NDArray[np.bool_]:
    """Tell for each row of ``values`` (n, objectives), greater is better, whether none beats it.

    A row beats another where it is as good in every column and better in one; of equal rows all
    stay.
    """
    gain = values[None] - values[:, None]
    beaten = (gain.min(axis=2) >= 0) & (gain.max(axis=2) > 0)
    return np.asarray(~beaten.max(axis=1))


def compromise(values: Floats) -> int:
    """Return the row of ``values`` (n, objectives), greater is better, nearest to the ideal point.

    Each column is scaled by its range. The first of equally near rows is returned.
    """
    ideal, worst = values.max(axis=0), values.min(axis=0)
    span = np.where(ideal > worst, ideal - worst, 1.0)
    return int(np.argmin(np.linalg.norm((ideal - values) / span, axis=1)))

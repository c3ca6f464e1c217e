"""Open-circuit potentials of the two electrodes, as tables that many channels look up at once.

Both functions are those that Chen et al. fitted to half-cell measurements of the LG M50's
electrodes: C.-H. Chen, F. Brosa Planella, K. O'Regan, D. Gastol, W. D. Widanage, E. Kendrick,
J. Electrochem. Soc. 167 (2020) 080534, DOI 10.1149/1945-7111/ab9050, equations 8 and 9; the
coefficients are the paper's. Potentials in V against Li/Li+, stoichiometries without dimension.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

CELLS: Final = 4096
"""Intervals of a table over a stoichiometry of one: 0.24 per mille each, so that the linear
interpolation is within 0.1 mV wherever a cell is used (a test compares it with the functions)."""


def graphite(x: Vector) -> Vector:
    """Return the potential of graphite-SiOx at stoichiometry ``x`` (Li_x C6), in V."""
    value: Vector = (
        1.9793 * np.exp(-39.3631 * x)
        + 0.2482
        - 0.0909 * np.tanh(29.8538 * (x - 0.1234))
        - 0.04478 * np.tanh(14.9159 * (x - 0.2769))
        - 0.0205 * np.tanh(30.4444 * (x - 0.6103))
    )
    return value


def nmc811(y: Vector) -> Vector:
    """Return the potential of NMC 811 at stoichiometry ``y`` (Li_y NMC), in V."""
    value: Vector = (
        -0.8090 * y
        + 4.4875
        - 0.0428 * np.tanh(18.5138 * (y - 0.5542))
        - 17.7326 * np.tanh(15.7890 * (y - 0.3117))
        + 17.5842 * np.tanh(15.9308 * (y - 0.3120))
    )
    return value


class HalfCells:
    """Both potentials and their slopes, looked up for pairs of stoichiometries at once.

    Beyond 0 and 1 the first and the last interval go on as straight lines: a cell that is driven
    there leaves its voltage limits at once.
    """

    def __init__(self) -> None:
        grid = np.linspace(0.0, 1.0, CELLS + 1)
        tables = np.concatenate([nmc811(grid), graphite(grid)])
        self._value = tables[:-1]
        self._step = np.diff(tables)
        self._offset = np.array([[0], [CELLS + 1]])

    def at_one(self, y: float, x: float) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the same for one pair: potentials and slopes, NMC first."""
        nmc, nmc_slope = self._one(y, 0)
        graphite_, graphite_slope = self._one(x, CELLS + 1)
        return (nmc, graphite_), (nmc_slope, graphite_slope)

    def _one(self, stoichiometry: float, offset: int) -> tuple[float, float]:
        scaled = stoichiometry * CELLS
        cell = min(max(int(scaled), 0), CELLS - 1)
        step = self._step[cell + offset]
        return (scaled - cell) * step + self._value[cell + offset], step * CELLS

    def at(self, stoichiometries: Vector) -> tuple[Vector, Vector]:
        """Return potentials (V) and slopes (V), shape (2, n): NMC first, then graphite.

        Args:
            stoichiometries: Shape (2, n): y of NMC, x of graphite.
        """
        scaled = stoichiometries * CELLS
        cell = scaled.astype(np.intp)
        np.maximum(cell, 0, out=cell)
        np.minimum(cell, CELLS - 1, out=cell)
        scaled -= cell
        cell += self._offset
        step = self._step.take(cell)
        scaled *= step
        scaled += self._value.take(cell)
        step *= CELLS
        return scaled, step

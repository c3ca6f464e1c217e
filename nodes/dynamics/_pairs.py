"""Which atoms the radial distribution functions are of, and their histograms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nodes.dynamics._force_field import SPECIES, ForceField
from nodes.dynamics._plan import BIN

_WANTED: Final = (
    ("Li-O(EC)", "EC", "O"),
    ("Li-O(EMC)", "EMC", "O"),
    ("Li-P(PF6)", "PF6", "P"),
    ("Li-F(PF6)", "PF6", "F"),
)
"""Title, molecule and type of the second atom; O is the carbonyl oxygen."""


@dataclass(frozen=True)
class Pair:
    """A kind of pair: lithium, and another kind of atom.

    Attributes:
        title: As results name it.
        first: Indices of the lithium ions.
        second: Indices of the other atoms.
    """

    title: str
    first: NDArray[np.int64]
    second: NDArray[np.int64]


def pairs(field: ForceField, counts: Mapping[str, int]) -> tuple[Pair, ...]:
    """Return those whose atoms are in the box; none without lithium."""
    lithium = atoms(field, counts, "Li", "Li")
    if not lithium.size:
        return ()
    return tuple(
        Pair(title, lithium, second)
        for title, molecule, kind in _WANTED
        if (second := atoms(field, counts, molecule, kind)).size
    )


def ions(field: ForceField, counts: Mapping[str, int]) -> NDArray[np.int64]:
    """Return the indices of the lithium, then of the phosphorus atoms."""
    return np.concatenate([atoms(field, counts, "Li", "Li"), atoms(field, counts, "PF6", "P")])


def atoms(
    field: ForceField, counts: Mapping[str, int], molecule: str, kind: str
) -> NDArray[np.int64]:
    """Return the indices of the atoms of a type in the molecules of a name."""
    begin = 0
    for name in SPECIES:
        size, number = len(field.molecules[name].types), counts.get(name, 0)
        if name == molecule:
            within = [i for i, t in enumerate(field.molecules[name].types) if t == kind]
            grid = begin + size * np.arange(number)[:, None] + np.array(within, dtype=np.int64)
            return grid.reshape(-1).astype(np.int64)
        begin += size * number
    raise KeyError(molecule)


def histogram(
    positions: NDArray[np.float64], edge: float, pair: Pair, bins: int
) -> NDArray[np.uint16]:
    """Return how many pairs of a frame are at which distance, in `bins` bins of `BIN`.

    Args:
        positions: nm, shape (atoms, 3); nearest images count.
        edge: Of the cubic box, nm.
        pair: Of what.
        bins: From zero on; what is farther is left out.
    """
    away = positions[pair.first][:, None] - positions[pair.second][None]
    away -= edge * np.round(away / edge)
    index = (np.sqrt((away**2).sum(axis=-1)) / BIN).astype(np.int64).reshape(-1)
    return np.bincount(index[index < bins], minlength=bins).astype(np.uint16)

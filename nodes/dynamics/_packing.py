"""A first box: molecules in random order and orientation on the points of a lattice."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nodes.dynamics._force_field import SPECIES, ForceField

LOOSE: Final = 1.25
"""Edge of the first box, times that of the guessed density."""

Positions = NDArray[np.float64]


def pack(field: ForceField, counts: Mapping[str, int], edge: float, seed: int) -> Positions:
    """Return nm, shape (atoms, 3), in the order of `SPECIES`; atoms may come too near.

    Args:
        field: For the geometries.
        counts: Molecules by name.
        edge: Of the cubic box, nm.
        seed: Of the random order and orientations.
    """
    random = np.random.default_rng(seed)
    names = [name for name in SPECIES for _ in range(counts.get(name, 0))]
    side = math.ceil(len(names) ** (1 / 3))
    axis = (np.arange(side) + 0.5) * edge / side
    points = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, 3)
    chosen = points[random.permutation(len(points))[: len(names)]]
    return np.concatenate(
        [
            field.molecules[name].positions @ _rotation(random).T + point
            for name, point in zip(names, chosen, strict=True)
        ]
    )


def scaled(
    field: ForceField, counts: Mapping[str, int], positions: Positions, factor: float
) -> Positions:
    """Return positions with the molecules' middles times ``factor``, each molecule as it was."""
    moved = positions.copy()
    begin = 0
    for name in SPECIES:
        size, number = len(field.molecules[name].elements), counts.get(name, 0)
        block = moved[begin : begin + size * number].reshape(number, size, 3)
        middles = block.mean(axis=1, keepdims=True)
        block += (factor - 1) * middles
        begin += size * number
    return moved


def _rotation(random: np.random.Generator) -> Positions:
    """Return a uniformly random rotation matrix (of a random unit quaternion)."""
    w, x, y, z = (q := random.normal(size=4)) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )

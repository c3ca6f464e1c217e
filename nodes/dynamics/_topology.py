"""The box as a PDB file, for people's viewers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nodes.dynamics._force_field import SPECIES, ForceField

_RESIDUES: Final = {"Li": "LI", "PF6": "PF6", "EC": "EC", "EMC": "EMC"}
_MOST: Final = 99_999


def pdb(
    field: ForceField, counts: Mapping[str, int], positions: NDArray[np.float64], edge: float
) -> str:
    """Return a PDB file: every molecule whole, its middle inside the box, bonds as CONECT.

    Args:
        field: For the molecules.
        counts: Molecules by name.
        positions: nm, shape (atoms, 3).
        edge: Of the cubic box, nm.
    """
    size = 10 * edge
    lines = [f"CRYST1{size:9.3f}{size:9.3f}{size:9.3f}  90.00  90.00  90.00 P 1           1"]
    connections: list[str] = []
    atom = residue = 0
    for name in SPECIES:
        molecule = field.molecules[name]
        for _ in range(counts.get(name, 0)):
            here = positions[atom : atom + len(molecule.elements)]
            here = 10 * (here - edge * np.floor(here.mean(axis=0) / edge))
            for number, (element, at) in enumerate(zip(molecule.elements, here, strict=True)):
                serial = (atom + number) % _MOST + 1
                label = f"{element}{number + 1}"
                lines.append(
                    f"HETATM{serial:5d} {label:<4} {_RESIDUES[name]:>3} A"
                    f"{residue % 9999 + 1:4d}    {at[0]:8.3f}{at[1]:8.3f}{at[2]:8.3f}"
                    f"  1.00  0.00          {element:>2}"
                )
            for i, around in molecule.neighbours.items():
                if around:
                    ends = "".join(f"{(atom + j) % _MOST + 1:5d}" for j in around[:4])
                    connections.append(f"CONECT{(atom + i) % _MOST + 1:5d}{ends}")
            atom += len(molecule.elements)
            residue += 1
    return "\n".join([*lines, *connections, "END", ""])

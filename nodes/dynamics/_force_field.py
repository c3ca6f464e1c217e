"""The force field: molecules with geometry and charges, and every term of the energy.

Lennard-Jones and bonded terms are OPLS-AA's and, for PF6-, those of Canongia Lopes and Padua; the
source of each number, and whether it was compared with it, stands beside it in
``data/force_field.json``. Geometries and charges are ours (``data/molecules.json``). Lengths are
in nm, energies in kJ/mol, masses in g/mol, charges in elementary charges.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

SPECIES: Final = ("Li", "PF6", "EC", "EMC")
"""What a box may hold, in the order in which it is laid out."""

IONS: Final[Mapping[str, int]] = {"Li": 1, "PF6": -1}
"""Formal charges; those of the solvents are zero."""

SCALE_14: Final = 0.5
"""Of 1-4 Lennard-Jones and Coulomb interactions (OPLS-AA)."""

MASSES: Final[Mapping[str, float]] = {
    "H": 1.008, "Li": 6.94, "C": 12.011, "O": 15.999, "F": 18.998403, "P": 30.973762,
}  # fmt: skip
"""Standard atomic weights in g/mol (IUPAC 2021, conventional)."""

_RADII: Final = {"H": 0.031, "C": 0.076, "O": 0.066, "F": 0.057, "P": 0.107, "Li": 0.128}
"""Covalent radii in nm (Cordero et al. 2008, DOI 10.1039/b801115j): atoms nearer than 1.25 times
their sum are bonded."""

_STRAIGHT: Final = 170.0
"""Degrees: the three straight angles of PF6- have no term of their own."""

Index = tuple[int, ...]


@dataclass(frozen=True)
class Molecule:
    """One molecule as it stands in ``molecules.json``.

    Attributes:
        name: One of `SPECIES`.
        elements: Of its atoms.
        types: Their types in ``force_field.json``.
        charges: Unscaled.
        positions: nm, shape (atoms, 3), about the centre of mass.
    """

    name: str
    elements: tuple[str, ...]
    types: tuple[str, ...]
    charges: tuple[float, ...]
    positions: NDArray[np.float64]

    @property
    def mass(self) -> float:
        """In g/mol."""
        return math.fsum(MASSES[element] for element in self.elements)

    @cached_property
    def bonds(self) -> tuple[Index, ...]:
        """Pairs of bonded atoms."""
        found = []
        for i, j in combinations(range(len(self.elements)), 2):
            reach = _RADII[self.elements[i]] + _RADII[self.elements[j]]
            if np.linalg.norm(self.positions[i] - self.positions[j]) < 1.25 * reach:
                found.append((i, j))
        return tuple(found)

    @cached_property
    def neighbours(self) -> Mapping[int, tuple[int, ...]]:
        """Atoms bonded to each atom."""
        return {
            atom: tuple(j if i == atom else i for i, j in self.bonds if atom in {i, j})
            for atom in range(len(self.elements))
        }

    @cached_property
    def distances(self) -> Mapping[tuple[int, int], int]:
        """Bonds between two atoms by the shortest way, for every pair i < j."""
        found: dict[tuple[int, int], int] = {}
        for start in range(len(self.elements)):
            reached, queue = {start: 0}, deque([start])
            while queue:
                atom = queue.popleft()
                for other in self.neighbours[atom]:
                    if other not in reached:
                        reached[other] = reached[atom] + 1
                        queue.append(other)
            found.update({(start, end): n for end, n in reached.items() if end > start})
        return found

    def angles(self) -> Iterator[Index]:
        """Yield i, j, k with i and k bonded to j, straight ones left out."""
        for j, around in self.neighbours.items():
            for i, k in combinations(around, 2):
                if self.angle(i, j, k) < _STRAIGHT:
                    yield i, j, k

    def torsions(self) -> Iterator[Index]:
        """Yield i, j, k, l along three bonds."""
        for j, k in self.bonds:
            for i in self.neighbours[j]:
                for end in self.neighbours[k]:
                    if len({i, j, k, end}) == 4:
                        yield i, j, k, end

    def impropers(self) -> Iterator[Index]:
        """Yield a, b, centre, d for every atom with three bonds."""
        for centre, around in self.neighbours.items():
            if len(around) == 3:
                yield around[0], around[1], centre, around[2]

    def angle(self, i: int, j: int, k: int) -> float:
        """Return an angle of the geometry in degrees."""
        one, two = self.positions[i] - self.positions[j], self.positions[k] - self.positions[j]
        cosine = one @ two / (np.linalg.norm(one) * np.linalg.norm(two))
        return math.degrees(math.acos(max(-1.0, min(1.0, float(cosine)))))


@dataclass(frozen=True)
class ForceField:
    """All molecules and terms.

    Attributes:
        molecules: By name.
        terms: ``force_field.json`` as it is.
        digest: sha256 of both files.
    """

    molecules: Mapping[str, Molecule]
    terms: Mapping[str, Any]
    digest: str

    def term(self, kind: str, types: tuple[str, ...]) -> Mapping[str, Any]:
        """Return a bond's, angle's or torsion's term, read in either direction.

        Raises:
            KeyError: The force field has none.
        """
        table: Mapping[str, Mapping[str, Any]] = self.terms[kind]
        for order in (types, types[::-1]):
            if (name := "-".join(order)) in table:
                return table[name]
        raise KeyError(f"{kind}: {'-'.join(types)}")

    def mean_angle(self, molecule: Molecule, types: tuple[str, ...]) -> float:
        """Return the mean of a molecule's angles between these types, in degrees."""
        found = [
            molecule.angle(*angle)
            for angle in molecule.angles()
            if tuple(molecule.types[i] for i in angle) in {types, types[::-1]}
        ]
        return math.fsum(found) / len(found)

    def bond_length(self, molecule: Molecule, bond: Index) -> float:
        """Return the equilibrium length of a bond in nm."""
        i, j = bond
        length: float = self.term("bonds", (molecule.types[i], molecule.types[j]))["length"]
        return length


@cache
def force_field() -> ForceField:
    """Return the shipped force field."""
    folder = files("nodes.dynamics") / "data"
    texts = [(folder / name).read_bytes() for name in ("force_field.json", "molecules.json")]
    terms, plain = (json.loads(text) for text in texts)
    molecules = {name: _molecule(name, plain["molecules"][name]) for name in SPECIES}
    return ForceField(molecules, terms, hashlib.sha256(b"".join(texts)).hexdigest())


def _molecule(name: str, plain: Mapping[str, Any]) -> Molecule:
    elements = tuple(plain["elements"])
    positions = np.array(plain["positions"], dtype=float) * 0.1  # Angstrom
    masses = np.array([MASSES[element] for element in elements])
    positions -= masses @ positions / masses.sum()
    return Molecule(name, elements, tuple(plain["types"]), tuple(plain["charges"]), positions)

"""What a point of the space is as a mixture: amounts of chemicals, for many points at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from messages.chemistry import (
    DEC,
    DMC,
    EA,
    EC,
    EMC,
    LIPF6,
    MOLAR_MASSES,
    PC,
    Chemical,
    Formulation,
)
from messages.errors import ConfigurationError
from nodes.optimiser._constraint import LinearConstraint
from nodes.optimiser._sections import MixtureSection
from nodes.optimiser._space import Floats, Point, Space

SHORT = {"LiPF6": LIPF6, "EC": EC, "EMC": EMC, "DMC": DMC, "DEC": DEC, "PC": PC, "EA": EA}
"""Chemicals that campaign files may name without more words."""

SALT = "molality"


@dataclass(frozen=True, slots=True)
class Mixture:
    """A salt in a mixture of solvents, one of which makes up the balance.

    Attributes:
        chemicals: By short name; the salt first, then the solvents, the balance last.
        molar_masses: kg/mol, in the same order.
        columns: Column of each solvent but the balance in the space; of the salt under 0, None
            without salt.
        balanced: Whether the solvents with a dimension may come to more than one in sum, so that
            a constraint must keep the balance positive.
    """

    chemicals: tuple[tuple[str, Chemical], ...]
    molar_masses: tuple[float, ...]
    columns: tuple[int | None, ...]
    balanced: bool

    @classmethod
    def of(cls, space: Space, section: MixtureSection) -> Mixture:
        """Return the mixture of which ``space`` holds mass fractions of solvents and a molality.

        Raises:
            ConfigurationError: A dimension is neither ``molality`` nor a chemical that is known.
        """
        solvents = [name for name in space.names if name != SALT]
        names = ([section.salt] if SALT in space.names else []) + [*solvents, section.balance]
        if section.balance in solvents:
            raise ConfigurationError(f"{section.balance} is the balance, and has no dimension")
        chemicals = []
        masses = []
        for name in names:
            own = section.chemicals.get(name)
            if own is None and name not in SHORT:
                raise ConfigurationError(
                    f"{name} is neither molality nor a chemical that is known",
                    where="mixture.chemicals",
                    remedy=f"describe it there; known are {', '.join(SHORT)}",
                )
            chemical = (
                SHORT[name]
                if own is None
                else Chemical(smiles=own.smiles, inchikey=own.inchikey, name=own.name or name)
            )
            chemicals.append((name, chemical))
            masses.append(own.molar_mass if own else MOLAR_MASSES[chemical.key])
        salt = space.names.index(SALT) if SALT in space.names else None
        columns = (salt, *(space.names.index(name) for name in solvents))
        if salt is None:
            chemicals.insert(0, (section.salt, SHORT.get(section.salt, LIPF6)))
            masses.insert(0, MOLAR_MASSES[LIPF6.key])
        return cls(tuple(chemicals), tuple(masses), columns, balanced=bool(solvents))

    def amounts(self, points: Floats) -> Floats:
        """Return mol per kilogram of solvent of each chemical, shape (n, chemicals)."""
        salt, *solvents = self.columns
        shares = points[:, [column for column in solvents if column is not None]]
        balance = 1.0 - shares.sum(axis=1, keepdims=True)
        masses = np.array(self.molar_masses[1:])
        molality = np.zeros((len(points), 1)) if salt is None else points[:, [salt]]
        return np.hstack([molality, np.hstack([shares, balance]) / masses])

    def fractions(self, points: Floats, kind: str) -> Floats:
        """Return ``mole`` or ``mass`` fractions of the whole, shape (n, chemicals)."""
        amounts = self.amounts(points)
        if kind == "mass":
            amounts = amounts * np.array(self.molar_masses)
        return np.asarray(amounts / amounts.sum(axis=1, keepdims=True))

    def formulation(self, point: Point) -> Formulation:
        """Return the mole fractions at ``point``."""
        amounts = np.clip(self.amounts(np.array([point]))[0], 0.0, None)
        pairs = zip(self.chemicals, amounts, strict=True)
        salted = self.columns[0] is not None
        return Formulation.of(
            {c: float(a) for (_, c), a in list(pairs)[0 if salted else 1 :]}, "mole"
        )

    def point(self, formulation: Formulation, space: Space) -> Point | None:
        """Return the point of a formulation; None where it holds another chemical."""
        keys = {chemical.key: i for i, (_, chemical) in enumerate(self.chemicals)}
        masses = np.zeros(len(self.chemicals))
        for component in formulation.components:
            index = keys.get(component.chemical.key)
            if index is None:
                if component.fraction > 0:
                    return None
                continue
            scale = self.molar_masses[index] if formulation.fraction_type == "mole" else 1.0
            masses[index] += component.fraction * scale
        solvent = masses[1:].sum()
        if not solvent > 0 or (self.columns[0] is None and masses[0] > 0):
            return None
        found = [0.0] * space.size
        for index, column in enumerate(self.columns):
            if column is not None:
                share = masses[index] / solvent
                if index == 0:
                    share /= self.molar_masses[0]
                found[column] = round(float(share), 9)
        return tuple(found)

    def constraint(self) -> LinearConstraint:
        """Return that no more than everything can be solvents with a dimension of their own."""
        names = [name for name, _ in self.chemicals[1:-1]]
        return LinearConstraint(dict.fromkeys(names, 1.0), 1.0)


def electrolyte(space: Space) -> Mixture:
    """Return the mixture of encoding ``lipf6_ec_emc``: dimensions w_ec and molality."""
    return Mixture(
        chemicals=(("LiPF6", LIPF6), ("EC", EC), ("EMC", EMC)),
        molar_masses=tuple(MOLAR_MASSES[c.key] for c in (LIPF6, EC, EMC)),
        columns=(space.names.index("molality"), space.names.index("w_ec")),
        balanced=False,
    )

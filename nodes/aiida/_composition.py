"""What a formulation is to the conductivity equations: molality and a mixture of solvents."""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum, isfinite

from messages.chemistry import EC, EMC, LIPF6, MOLAR_MASSES, PC, Chemical, Formulation
from messages.errors import OrderError

_KNOWN = (LIPF6, EC, EMC, PC)
_TRACE = 1e-9
"""Mass fraction of a solvent below which it is absent: mole fractions do not come rounder."""


@dataclass(frozen=True, slots=True)
class Composition:
    """A mixture of LiPF6, EC, EMC and PC.

    Attributes:
        molality: LiPF6 in mol/kg of solvent.
        ec: EC in kg per kg of solvent.
        emc: EMC, likewise.
        pc: PC, likewise.
    """

    molality: float
    ec: float
    emc: float
    pc: float

    @property
    def w_ec(self) -> float:
        """EC/(EC + EMC) in kg/kg; 0 without both."""
        return self.ec / (self.ec + self.emc) if self.ec + self.emc > 0 else 0.0

    @property
    def r(self) -> float:
        """PC/(PC + EC) in kg/kg; 0 without both."""
        return self.pc / self.cyclic if self.cyclic > 0 else 0.0

    @property
    def cyclic(self) -> float:
        """EC + PC in kg per kg of solvent."""
        return self.ec + self.pc


def composition_of(formulation: Formulation) -> Composition:
    """Return the composition of a formulation.

    Raises:
        OrderError: It holds another chemical than LiPF6, EC, EMC and PC, or no solvent or no salt.
    """
    known = {chemical.key for chemical in _KNOWN}
    strangers = [
        part.chemical.name or part.chemical.key
        for part in formulation.components
        if part.fraction > 0 and part.chemical.key not in known
    ]
    if strangers:
        raise OrderError(
            f"no equation knows {', '.join(strangers)}",
            where="formulation.components",
            remedy="ask for a mixture of LiPF6, EC, EMC and PC alone",
        )
    mass = {chemical.key: _mass(formulation, chemical) for chemical in _KNOWN}
    solvent = fsum(mass[chemical.key] for chemical in (EC, EMC, PC))
    salt = mass[LIPF6.key] / MOLAR_MASSES[LIPF6.key]
    if not solvent > 0 or not isfinite(salt / solvent):
        raise OrderError(
            "a mixture without solvent conducts nothing that an equation knows",
            where="formulation.components",
            remedy="ask for a mixture that holds EC and EMC",
        )
    shares = [mass[chemical.key] / solvent for chemical in (EC, EMC, PC)]
    ec, emc, pc = (share if share > _TRACE else 0.0 for share in shares)
    return Composition(molality=salt / solvent, ec=ec, emc=emc, pc=pc)


def _mass(formulation: Formulation, chemical: Chemical) -> float:
    """Return kg of ``chemical`` per whatever the fractions count."""
    fraction = formulation.fraction(chemical)
    mole = formulation.fraction_type == "mole"
    return fraction * MOLAR_MASSES[chemical.key] if mole else fraction

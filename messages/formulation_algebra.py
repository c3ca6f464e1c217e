"""Between mole fractions, mass fractions, and what a chemist says: molality and w_EC.

Molality is mol of LiPF6 per kg of solvent; ``w_ec`` is the mass fraction of EC in the solvent,
EC/(EC + EMC). Molar masses are those of `MOLAR_MASSES`.
"""

from __future__ import annotations

import math

from messages.chemistry import EC, EMC, LIPF6, MOLAR_MASSES, Formulation, FractionType
from messages.errors import BodyError

LIPF6_EC_EMC = (LIPF6, EC, EMC)
"""The chemicals of the pair (molality, w_EC), in the order `formulation_from` lists them."""

_REMEDY = "give a mixture of LiPF6, EC and EMC that holds solvent"


def formulation_from(molality: float, w_ec: float) -> Formulation:
    """Return the mole fractions of LiPF6, EC and EMC, in this order; zeros are kept.

    Args:
        molality: LiPF6 in mol/kg of solvent, not negative.
        w_ec: EC/(EC + EMC) in kg/kg, from 0 to 1.

    Raises:
        BodyError: A value is out of range or not finite.
    """
    if not (math.isfinite(molality) and molality >= 0):
        raise BodyError(f"molality {molality} is not a number from 0 up", where="molality")
    if not 0 <= w_ec <= 1:
        raise BodyError(f"w_ec {w_ec} is not a number from 0 to 1", where="w_ec")
    shares = {
        LIPF6: molality,
        EC: w_ec / MOLAR_MASSES[EC.key],
        EMC: (1 - w_ec) / MOLAR_MASSES[EMC.key],
    }
    return Formulation.of(shares, "mole")


def molality_and_w_ec(formulation: Formulation) -> tuple[float, float]:
    """Return LiPF6 in mol/kg of solvent, and EC/(EC + EMC) in kg/kg.

    Raises:
        BodyError: The formulation holds another chemical, or no solvent.
    """
    known = {chemical.key for chemical in LIPF6_EC_EMC}
    strangers = [
        c.chemical.name or c.chemical.key
        for c in formulation.components
        if c.chemical.key not in known and c.fraction > 0
    ]
    if strangers:
        raise BodyError(
            f"molality and w_EC do not describe {', '.join(strangers)}",
            where="formulation.components",
            remedy=_REMEDY,
        )
    mole = formulation.fraction_type == "mole"
    mass = {
        chemical: formulation.fraction(chemical) * (MOLAR_MASSES[chemical.key] if mole else 1.0)
        for chemical in LIPF6_EC_EMC
    }
    solvent = mass[EC] + mass[EMC]
    salt = mass[LIPF6] / MOLAR_MASSES[LIPF6.key]
    if not solvent > 0 or not math.isfinite(salt / solvent):
        raise BodyError("no solvent", where="formulation.components", remedy=_REMEDY)
    return salt / solvent, mass[EC] / solvent


def mole_to_mass(formulation: Formulation) -> Formulation:
    """Return the mixture in mass fractions; one that is already so is returned as it is.

    Raises:
        BodyError: A molar mass is not known.
    """
    return _converted(formulation, "mass")


def mass_to_mole(formulation: Formulation) -> Formulation:
    """Return the mixture in mole fractions; one that is already so is returned as it is.

    Raises:
        BodyError: A molar mass is not known.
    """
    return _converted(formulation, "mole")


def _converted(formulation: Formulation, fraction_type: FractionType) -> Formulation:
    try:
        return formulation.converted(fraction_type, MOLAR_MASSES)
    except ValueError as error:
        raise BodyError(
            str(error),
            where="formulation.components",
            remedy="give mole fractions, or use the chemicals of messages.chemistry",
        ) from None

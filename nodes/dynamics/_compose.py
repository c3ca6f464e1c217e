"""From what is asked for to the plan of a run: how many molecules, in which box."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from messages.chemistry import EC, EMC, LIPF6, MOLAR_MASSES, Formulation
from messages.errors import BodyError, OrderError
from messages.formulation_algebra import molality_and_w_ec
from messages.simulation import RunLength
from nodes.dynamics._parameters import STEP, DynamicsParameters, RunSettings
from nodes.dynamics._plan import RunPlan

_SPREAD: Final = 0.12
"""A box may have this part more or fewer molecules, to be more like what is wanted."""

_DENSITIES: Final = {EC: 1343.0, EMC: 1014.7}
"""kg/m3 of the solvents in the mixture, and the apparent molar volume of LiPF6 in m3/mol: volumes
add up (feeder densities of Dave et al. 2022, DOI 10.1038/s41467-022-32938-1)."""
_SALT_VOLUME: Final = 59.4e-6
_SLOPE: Final = -1.1
"""kg/m3/K about 300 K; assumed. All this is but the size of the first box."""

_ROOM: Final = 0.42
"""Of the edge of the box, the greatest cutoff: the box may shrink, and a cutoff must stay below
half of it."""


def make_plan(
    formulation: Formulation,
    temperature: float,
    length: RunLength,
    parameters: DynamicsParameters,
    guess: float | None = None,
) -> RunPlan:
    """Return the plan of a run.

    Args:
        formulation: Of LiPF6, EC and EMC.
        temperature: K.
        length: Which of the settings.
        parameters: The node's.
        guess: kg/m3, of the first box.

    Raises:
        OrderError: It is outside what the force field is used for; says what.
    """
    p = parameters
    try:
        molality, w_ec = molality_and_w_ec(formulation)
    except BodyError as error:
        raise OrderError(
            f"there is no force field here for this mixture: {error.what}",
            where="formulation",
            remedy="ask for LiPF6, EC and EMC alone",
        ) from None
    if molality > p.highest_molality:
        raise OrderError(
            f"molality {molality:.4g} mol/kg is above {p.highest_molality:g}",
            where="formulation",
            remedy="ask for less LiPF6, or raise the node's highest_molality",
        )
    if not p.lowest_temperature <= temperature <= p.highest_temperature:
        raise OrderError(
            f"temperature {temperature:g} K is not from {p.lowest_temperature:g} to "
            f"{p.highest_temperature:g} K",
            where="temperature",
        )
    settings: RunSettings = p.production if length == "production" else p.quick
    density = estimated_density(molality, w_ec, temperature) if guess is None else guess
    if not 800 <= density <= 1800:
        raise OrderError(
            f"estimated density {density:.4g} kg/m3 is not from 800 to 1800",
            where="estimated_density",
            remedy="leave it out",
        )
    sample = max(1, round(settings.sample / STEP))
    segment = max(1, round(settings.checkpoint / STEP / sample)) * sample

    def steps(seconds: float) -> int:
        return round(seconds / STEP / sample) * sample

    plan = RunPlan(
        counts=molecules(molality, w_ec, settings.molecules),
        temperature=temperature,
        guess=density,
        cutoff=settings.cutoff * 1e9,
        step=STEP * 1e12,
        equilibrate=steps(settings.equilibrate),
        density=max(sample, steps(settings.density)),
        transport=steps(settings.transport),
        segment=segment,
        sample=sample,
        charge_scale=p.charge_scale,
        seed=p.seed,
    )
    return plan.with_cutoff(min(plan.cutoff, round(_ROOM * plan.edge, 3)))


def molecules(molality: float, w_ec: float, number: int) -> dict[str, int]:
    """Return molecules by name, about ``number`` in all, as near to the mixture as whole ones can.

    What is asked for at all is there at least once, and there are as many anions as cations.

    Args:
        molality: LiPF6 in mol/kg of solvent.
        w_ec: EC/(EC + EMC) in kg/kg.
        number: Of molecules, ions counted singly.
    """
    ec, emc = w_ec / MOLAR_MASSES[EC.key], (1 - w_ec) / MOLAR_MASSES[EMC.key]
    best: tuple[float, int, dict[str, int]] | None = None
    for total in range(round(number * (1 - _SPREAD)), round(number * (1 + _SPREAD)) + 1):
        per = total / (ec + emc + 2 * molality)
        salt = max(1, round(molality * per)) if molality > 0 else 0
        counts = {
            "Li": salt,
            "PF6": salt,
            "EC": max(1, round(ec * per)) if w_ec > 0 else 0,
            "EMC": max(1, round(emc * per)) if w_ec < 1 else 0,
        }
        made = composition(counts)
        off = abs(made[0] - molality) / max(molality, 0.2) + 2 * abs(made[1] - w_ec)
        candidate = (round(off, 6), abs(total - number), counts)
        if best is None or candidate[:2] < best[:2]:
            best = candidate
    if best is None:
        raise ValueError(f"{number} molecules are none")
    return best[2]


def composition(counts: Mapping[str, int]) -> tuple[float, float]:
    """Return molality (mol/kg of solvent) and w_EC of molecules by name."""
    ec = counts.get("EC", 0) * MOLAR_MASSES[EC.key]
    emc = counts.get("EMC", 0) * MOLAR_MASSES[EMC.key]
    return counts.get("Li", 0) / (ec + emc), ec / (ec + emc)


def formulation_of(counts: Mapping[str, int]) -> Formulation:
    """Return the mole fractions of what is in the box; LiPF6 counts once."""
    amounts = {LIPF6: counts.get("Li", 0), EC: counts.get("EC", 0), EMC: counts.get("EMC", 0)}
    return Formulation.of({c: float(n) for c, n in amounts.items() if n}, "mole")


def by_key(counts: Mapping[str, int]) -> dict[str, int]:
    """Return molecules by InChIKey; LiPF6 counts once."""
    keys = {LIPF6.key: "Li", EC.key: "EC", EMC.key: "EMC"}
    return {key: counts[name] for key, name in keys.items() if counts.get(name)}


def estimated_density(molality: float, w_ec: float, temperature: float) -> float:
    """Return kg/m3 by additivity of volumes; a first guess."""
    mass = 1 + molality * MOLAR_MASSES[LIPF6.key]
    volume = w_ec / _DENSITIES[EC] + (1 - w_ec) / _DENSITIES[EMC] + molality * _SALT_VOLUME
    return round(mass / volume + _SLOPE * (temperature - 300.0), 3)

"""The virtual cell: an NMC 811 | graphite coin cell, and how one differs from the next."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from nodes.cycler._electrolyte import Electrolyte
from nodes.cycler.virtual._ageing import ageing, resistance

GAS: Final = 8.314462618
"""Molar gas constant, J/(mol K), CODATA 2018."""

FARADAY: Final = 96485.33212
"""Faraday constant, C/mol, CODATA 2018."""

REFERENCE: Final = 298.15
"""Temperature at which the parameters hold, K."""

AREA: Final = 1.5394e-4
"""Of an electrode disc of 14 mm, m2."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Parameters and present state of one cell; charges in A.h, currents in A.

    Capacities and lithium are those of Chen et al. 2020 (see `_half_cells`) per area, for a disc of
    14 mm; `shift` is R2/(15 D) of its graphite; `resistance`, `exchange`, `lag`, `tau`, `growth`
    and `sei` are fitted to PyBaMM's single particle model with SEI and the same parameter set by
    ``benchmarks/fit_surrogate.py`` (`lag` would be 0.126 by R2/(15 D) of the NMC, `tau` 340 by
    R2/(20 D)). ``docs/cycler.md`` has the equations.

    Attributes:
        negative: Capacity of the graphite.
        positive: Capacity of the NMC.
        resistance: Ohmic, Ohm, without the SEI.
        film: Resistance of the SEI over its lithium, Ohm/(A.h): 2e5 Ohm m, 9.585e-5 m3/mol and two
            Li in each, the values of PyBaMM's parameter set, on the graphite's 5.04e-3 m2.
        exchange: Exchange current of the graphite at half filling.
        shift: Difference of surface and mean stoichiometry of graphite times its capacity over
            the current, h.
        lag: The same of NMC in the steady state, h.
        tau: Time constant with which NMC reaches it, s.
        growth: Of the SEI at 298.15 K: lithium lost in an hour times the SEI's own, (A.h)2/h.
        sei: Lithium in the SEI.
        formation: Lithium that the first charges will still lose for good.
        formation_scale: Charge after which that is down to 1/e.
        lam_negative: Share of the graphite lost with each equivalent full cycle.
        lam_positive: Share of the NMC lost with each.
        activation_resistance: Of resistance and kinetics, J/mol.
        activation_sei: Of the SEI's growth, J/mol.
        in_negative: Lithium in the graphite now.
        in_positive: Lithium in the NMC now.
        surface: Surface minus mean stoichiometry of NMC now.
    """

    negative: float = 8.735070e-3
    positive: float = 13.088958e-3
    resistance: float = 2.8597
    film: float = 1.40e4
    exchange: float = 1.6855e-3
    shift: float = 1040.6 / 15 / 3600
    lag: float = 0.11200
    tau: float = 212.35
    growth: float = 9.0043e-11
    sei: float = 1.4440e-5
    formation: float = 0.0
    formation_scale: float = 2.7e-3
    lam_negative: float = 0.0
    lam_positive: float = 0.0
    activation_resistance: float = 35e3
    activation_sei: float = 38e3
    in_negative: float = 0.026345790 * 8.735070e-3
    in_positive: float = 0.853974675 * 13.088958e-3
    surface: float = 0.0

    def plain(self) -> dict[str, float]:
        """Return all of it as a map, for a checkpoint."""
        return asdict(self)

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Cell:
        """Return the cell that `plain` described."""
        return cls(**plain)


def assembled(
    sample: str,
    seed: int,
    *,
    formation_loss: float = 0.10,
    lam: float = 2e-5,
    spread: float = 1.0,
    electrolyte: Electrolyte | None = None,
    hurry: float = 1.0,
) -> Cell:
    """Return a cell as it comes from assembly: discharged, without SEI; the same for the same seed.

    The spread between cells is assumed, not measured: standard deviations of 1 % of both
    capacities together (electrode mass), 5 % of resistance and kinetics, 10 % of the SEI's growth.

    Args:
        sample: Identity of the cell.
        seed: Of the whole cycler.
        formation_loss: Of the capacity, lost in the first cycles; assumed.
        lam: Share of either electrode lost with each equivalent full cycle; assumed.
        spread: Multiplies the standard deviations; 0 makes all cells alike.
        electrolyte: In it; by a made-up law (`nodes.cycler.virtual._ageing`) it sets how fast the
            cell ages, and its resistance.
        hurry: Multiplies both rates of ageing; assumed.
    """
    base = Cell()
    faster = ageing(electrolyte) * hurry
    size, ohmic, ages = (spread * _normal(sample, seed, label) for label in ("q", "r", "k"))
    scale, slow, grow = 1 + 0.01 * size, 2 ** (0.07 * ohmic), 2 ** (0.14 * ages)
    capacity = 7.724180e-3 * scale
    lost = formation_loss * capacity
    lithium = (base.in_negative + base.in_positive) * scale + lost
    in_negative = 5e-4 * base.negative * scale
    return replace(
        base,
        negative=base.negative * scale,
        positive=base.positive * scale,
        resistance=base.resistance * slow / scale * resistance(electrolyte),
        film=base.film / scale**2,
        exchange=base.exchange * scale / slow,
        growth=base.growth * grow * scale**2 * faster,
        sei=base.sei * scale,
        formation=lost,
        formation_scale=0.35 * capacity,
        lam_negative=lam * faster,
        lam_positive=lam * faster,
        in_negative=in_negative,
        in_positive=lithium - in_negative,
    )


def _normal(sample: str, seed: int, label: str) -> float:
    """Return a number that is about normally distributed (sum of twelve uniform ones, less six)."""
    digest = hashlib.blake2b(f"{seed}:{sample}:{label}".encode(), digest_size=48).digest()
    return sum(int.from_bytes(digest[i : i + 4], "big") / 2**32 for i in range(0, 48, 4)) - 6.0

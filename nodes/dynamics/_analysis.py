"""What a finished run says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from nodes.dynamics._blocks import Mean, mean_of
from nodes.dynamics._diffusion import (
    BOLTZMANN,
    DIFFUSIVE,
    Slope,
    displacements,
    einstein_helfand,
    nernst_einstein,
    slope_of,
)
from nodes.dynamics._distribution import Distribution, distribution
from nodes.dynamics._force_field import force_field
from nodes.dynamics._pairs import pairs
from nodes.dynamics._plan import BIN, GRAMS, SAMPLED, RunPlan
from nodes.dynamics._store import RunFolder

VISCOSITY: Final = 3e-3
"""Pa.s, for the size of the finite-size effect alone; typical of 1 mol/kg LiPF6 in EC:EMC."""

_YEH_HUMMER: Final = 2.837297
"""Of a cubic box (Yeh and Hummer 2004, DOI 10.1021/jp0477147)."""

_CAGED: Final = 0.5
"""Exponent of a mean square displacement inside the cage, for the lower bound of what it becomes
behind it: an exponent from a fraction of a picosecond is flattered by the flight before it."""


@dataclass(frozen=True)
class Transport:
    """Diffusion and conductivity.

    Attributes:
        lithium: Slope of the lithium ions' mean square displacement.
        anion: The same of PF6-.
        nernst_einstein: S/m, of ions that do not know of one another.
        einstein_helfand: S/m, of all together.
        window: Middle of the lags used, ps.
        conductivity: S/m, the estimate.
        uncertainty: S/m, standard; sampling, and how far from diffusion it is.
        bounds: S/m: the slope as it is, and the same continued to `DIFFUSIVE` with the exponent
            found, `_CAGED` at most; the estimate is in the middle. Equal from `DIFFUSIVE` on.
        finite_size: m2/s that diffusion coefficients are too low in a box of this size, at an
            assumed `VISCOSITY`; not corrected for.
        table: Lag (ps), and mean square displacements (nm2) of Li+ and PF6-.
    """

    lithium: Slope
    anion: Slope
    nernst_einstein: Slope
    einstein_helfand: Slope
    window: float
    conductivity: float
    uncertainty: float
    bounds: tuple[float, float]
    finite_size: float
    table: np.ndarray


@dataclass(frozen=True)
class Analysis:
    """What a run says.

    Attributes:
        plan: The run's.
        density: kg/m3.
        volume: nm3, mean of the density phase.
        temperature: K, mean of the sampled phases.
        distributions: Of the pairs that are there.
        transport: None without ions, or with too few frames.
        computed: Platform, precision, versions and wall seconds, by segment.
    """

    plan: RunPlan
    density: Mean
    volume: float
    temperature: Mean
    distributions: tuple[Distribution, ...]
    transport: Transport | None
    computed: tuple[Mapping[str, Any], ...]


def analyse(folder: RunFolder) -> Analysis:
    """Return what a complete run says.

    Raises:
        StoreError: A segment cannot be read.
    """
    plan = folder.plan()
    records = list(folder.records())
    sampled = [r for r in records if r.about["phase"] in SAMPLED]
    constant = [r for r in records if r.about["phase"] == "density"]
    volumes = np.concatenate([r.arrays["volume"] for r in constant])
    everywhere = np.concatenate([r.arrays["volume"] for r in sampled])
    histograms = np.concatenate([r.arrays["histogram"] for r in sampled])
    field = force_field()
    found = tuple(
        distribution(
            pair.title, histograms[:, index], everywhere, pair.first.size, pair.second.size, BIN
        )
        for index, pair in enumerate(pairs(field, plan.counts))
    )
    moving = [r for r in records if r.about["phase"] == "transport"]
    return Analysis(
        plan=plan,
        density=mean_of(plan.mass * GRAMS / volumes),
        volume=float(volumes.mean()),
        temperature=mean_of(np.concatenate([r.arrays["temperature"] for r in sampled])),
        distributions=found,
        transport=_transport(plan, moving) if moving else None,
        computed=tuple(r.about for r in records),
    )


def _transport(plan: RunPlan, records: list[Any]) -> Transport | None:
    paths = np.concatenate([r.arrays["ions"] for r in records])
    lithium = plan.counts.get("Li", 0)
    if not lithium:
        return None
    volume = float(records[0].arrays["volume"][0])
    step, kelvin = plan.sample * plan.step, plan.temperature
    slopes = [slope_of(paths[:, :lithium], step), slope_of(paths[:, lithium:], step)]
    if not all(math.isfinite(s.slope) for s in slopes):
        return None
    charges = np.concatenate([np.ones(lithium), -np.ones(paths.shape[1] - lithium)])
    simple = nernst_einstein([(lithium, slopes[0]), (lithium, slopes[1])], volume, kelvin)
    collective = einstein_helfand(paths, charges, step, volume, kelvin)
    window = 0.1 * len(paths) * step
    chosen = _chosen(simple, collective)
    raw = max(0.0, chosen.slope)
    lacking = max(1.0, DIFFUSIVE / window)
    continued = raw * lacking ** (min(simple.exponent, _CAGED) - 1)
    edge = volume ** (1 / 3) * 1e-9
    return Transport(
        lithium=slopes[0],
        anion=slopes[1],
        nernst_einstein=simple,
        einstein_helfand=collective,
        window=window,
        conductivity=(raw + continued) / 2,
        uncertainty=math.hypot(chosen.uncertainty, (raw - continued) / 2),
        bounds=(continued, raw),
        finite_size=_YEH_HUMMER * BOLTZMANN * kelvin / (6 * math.pi * VISCOSITY * edge),
        table=_table(paths, lithium, step),
    )


def _chosen(simple: Slope, collective: Slope) -> Slope:
    """Return the collective estimate where it is known to 30 %, else the simple one."""
    sure = collective.slope > 0 and collective.uncertainty < 0.3 * collective.slope
    return collective if sure else simple


def _table(paths: np.ndarray, lithium: int, step: float) -> np.ndarray:
    lags = np.arange(len(paths) // 2)
    curves = [displacements(part)[lags] for part in (paths[:, :lithium], paths[:, lithium:])]
    return np.stack([lags * step, *curves], axis=1)

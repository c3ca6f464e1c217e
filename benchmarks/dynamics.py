"""Molecular dynamics beside published values, and how fast it goes.

``python benchmarks/dynamics.py`` simulates 1 mol/kg LiPF6 in EC:EMC 3:7 at 298.15 K as a quick run
does it, once for every seed, and prints density, first coordination shells and conductivity beside
measurements and other simulations, then ns/day. ``--picoseconds`` makes each phase as long as
wanted; a run that was broken off goes on, where ``--folder`` names one that stays.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from messages.formulation_algebra import formulation_from
from nodes.dynamics import (
    Analysis,
    DynamicsParameters,
    RunFolder,
    RunSettings,
    analyse,
    make_plan,
)
from nodes.dynamics._child import compute

MOLALITY: Final = 1.0
W_EC: Final = 0.3
KELVIN: Final = 298.15

DENSITY: Final = 1186.0
"""kg/m3 at 298.15 K: volumes add up (nodes/asab/_density.py), which meets the feeder densities of
Dave et al. 2022 (DOI 10.1038/s41467-022-32938-1) to 0.1 %."""
CONDUCTIVITY: Final = 0.878
"""S/m: the fit to Ding et al. 2001 (nodes/asab/conductivity_fit.json), good to 5 %."""
BAND: Final = 0.03
"""Relative, of densities by such force fields."""


async def simulate(arguments: argparse.Namespace, seed: int) -> Analysis:
    """Return what one run says."""
    settings = RunSettings.model_validate(_settings(arguments))
    parameters = DynamicsParameters(quick=settings, seed=seed, charge_scale=arguments.charge_scale)
    plan = make_plan(formulation_from(MOLALITY, W_EC), KELVIN, "quick", parameters)
    folder = RunFolder(Path(arguments.folder) / plan.key)
    folder.begin(plan)

    async def feedback(fraction: float, text: str) -> None:
        if arguments.verbose:
            print(f"  seed {seed}: {fraction:4.0%} {text}", flush=True)

    if not folder.complete:
        await compute(
            folder, platform=arguments.platform, threads=arguments.threads,
            precision="mixed", feedback=feedback,
        )  # fmt: skip
    return analyse(folder)


def report(found: Sequence[Analysis]) -> None:
    """Print the table."""
    plan = found[0].plan
    print(f"box: {dict(plan.counts)}, {plan.steps * plan.step:.4g} ps, {len(found)} run(s)\n")
    print("| | here | published | of |")
    print("|---|---|---|---|")
    value, error = _mean([a.density.value for a in found], [a.density.uncertainty for a in found])
    print(
        f"| density, kg/m3 | {value:.0f} +- {error:.0f} ({value / DENSITY - 1:+.1%}) | "
        f"{DENSITY:.0f} | measured, Dave et al. 2022; band of the method {BAND:.0%}: "
        f"{'inside' if abs(value / DENSITY - 1) < BAND else 'outside'} |"
    )
    for title, published, source in (
        ("Li-O(EC)", "1.9 to 2.1", "simulations and diffraction of carbonate electrolytes"),
        ("Li-O(EMC)", "1.9 to 2.1", "the same"),
        ("Li-P(PF6)", "3.2 to 3.6", "the same"),
        ("Li-F(PF6)", "1.8 to 2.1", "the same"),
    ):
        shells = [d.shell for a in found for d in a.distributions if d.title == title and d.shell]
        if not shells:
            print(f"| {title} | no shell | {published} | {source} |")
            continue
        peak = np.mean([s.peak for s in shells]) * 10
        number, error = _mean(
            [s.number.value for s in shells], [s.number.uncertainty for s in shells]
        )
        print(
            f"| {title} first peak, Angstrom; neighbours | {peak:.2f}; {number:.2f} +- {error:.2f} "
            f"| {published} | {source} |"
        )
    totals = [
        math.fsum(d.shell.number.value for d in a.distributions if d.shell and "P(" not in d.title)
        for a in found
    ]
    print(
        f"| O and F around Li+ | {np.mean(totals):.1f} | 4 (tetrahedral) | ab initio dynamics, "
        "Ong et al. 2015 (DOI 10.1021/jp508184f); others 4 to 6 |"
    )
    for a in found:
        if (t := a.transport) is not None:
            print(
                f"| conductivity, S/m, seed {a.plan.seed} | {t.conductivity:.2g} +- "
                f"{t.uncertainty:.2g} (exponents {t.lithium.exponent:.2f}, {t.anion.exponent:.2f}) "
                f"| {CONDUCTIVITY} | measured, Ding et al. 2001 |"
            )
    wall = math.fsum(about["wall"] for a in found for about in a.computed)
    simulated = math.fsum(a.plan.steps * a.plan.step * 1e-3 for a in found)
    platform = found[0].computed[0]["platform"]
    print(
        f"\n{platform}: {simulated / wall * 86400:.1f} ns/day, "
        f"{len(found) * found[0].plan.steps / wall:.0f} steps/s, building included; load "
        f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )


def _settings(arguments: argparse.Namespace) -> dict[str, Any]:
    quick: dict[str, Any] = DynamicsParameters().quick.model_dump()
    quick["molecules"] = arguments.molecules
    if arguments.picoseconds is not None:
        length = arguments.picoseconds * 1e-12
        quick |= {"equilibrate": length, "density": length, "transport": length}
        quick["checkpoint"] = max(length / 20, 3e-14)
        quick["sample"] = min(quick["sample"], quick["checkpoint"])
    return quick


def _mean(values: Sequence[float], errors: Sequence[float]) -> tuple[float, float]:
    """Return the mean, and the greater of the stated and the observed standard uncertainty."""
    stated = math.sqrt(math.fsum(e**2 for e in errors)) / len(values)
    seen = float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return float(np.mean(values)), max(stated, seen)


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=2, help="runs")
    parser.add_argument("--molecules", type=int, default=97, help="in the box")
    parser.add_argument("--picoseconds", type=float, help="of each phase, instead of a quick run's")
    parser.add_argument("--platform", default="auto", help="of OpenMM")
    parser.add_argument("--threads", type=int, default=2, help="of the CPU platform")
    parser.add_argument("--charge-scale", type=float, default=0.75, help="of the ions")
    parser.add_argument("--folder", help="where the runs stay")
    parser.add_argument("--verbose", action="store_true", help="say how it goes")
    arguments = parser.parse_args()

    async def all_of_them() -> list[Analysis]:
        return [await simulate(arguments, seed) for seed in range(arguments.seeds)]

    with TemporaryDirectory() as folder:
        arguments.folder = arguments.folder or folder
        report(asyncio.run(all_of_them()))


if __name__ == "__main__":
    main()

"""Conductivity against LiPF6 concentration: published, as the simulated ASAB has it, by AiiDA.

Run: python benchmarks/ding_trend.py [--w-ec 0.3] [--step 0.1] [--json FILE]

At 298.15 K and w_EC 0.3, per molality: the measurements of Ding et al. 2001 (DOI
10.1149/1.1403730, in CALiSol-23, DOI 10.1038/s41597-024-03575-8, CC BY 4.0; between 293.15 and
303.15 K, ln(conductivity) linear in 1/T, then linear in molality); the surface of the simulated
ASAB, without noise, which was fitted to those very measurements; the AiiDA node's polynomial, which
was fitted to other works and has never seen them, each value computed by an AiiDA process.
Below: where each has its maximum, and what a process and its archive cost of processor time.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import numpy as np
from rich.console import Console
from rich.table import Table

from messages.formulation_algebra import formulation_from
from nodes.aiida import Composition, shipped_model
from nodes.aiida._profile import open_profile
from nodes.aiida._store import Computed, ProcessStore
from nodes.asab._conductivity import conductivity
from nodes.optimiser import PublishedRow, read_published
from nodes.optimiser._campaign_file import DatasetSection

DING = "10.1149/1.1403730"
KELVIN = 298.15
MEASURED = (293.15, 303.15)
TABLE_OPTIMUM = {0.2: (1.211, 8.06), 0.3: (1.044, 8.79), 0.4: (0.933, 9.29), 0.5: (0.850, 9.45)}
"""mol/kg and mS/cm at 298.15 K: of the fit to Ding et al. that the simulated ASAB is."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--w-ec", type=float, default=0.3, help="EC/(EC+EMC) in kg/kg")
    parser.add_argument("--step", type=float, default=0.1, help="of the molality, mol/kg")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    options = parser.parse_args()
    w_ec = options.w_ec
    published = ding(w_ec)
    molalities = [float(m) for m in np.arange(0.45, 1.6001, options.step)]
    with TemporaryDirectory() as folder:
        answers, seconds = compute(Path(folder), molalities, w_ec)

    table = Table(title=f"Conductivity in mS/cm at {KELVIN} K, w_EC {w_ec:g}")
    for heading in ("LiPF6, mol/kg", "Ding 2001", "simulated ASAB", "AiiDA polynomial", "rating"):
        table.add_column(heading, justify="right")
    rows = []
    for molality, answer in zip(molalities, answers, strict=True):
        value, spread = 10 * answer.output["conductivity"], 10 * answer.output["uncertainty"]
        measured = between(published, molality)
        asab = 10 * conductivity(molality, w_ec, KELVIN)
        rows.append({"molality": molality, "ding": measured, "asab": asab, "aiida": value})
        table.add_row(
            f"{molality:.2f}", "-" if measured is None else f"{measured:.2f}", f"{asab:.2f}",
            f"{value:.2f} ± {spread:.2f}", str(answer.output["rating"]),
        )  # fmt: skip
    maxima = {
        "simulated ASAB": maximum(lambda m: conductivity(m, w_ec, KELVIN)),
        "AiiDA polynomial": maximum(lambda m: polynomial(m, w_ec)),
    }
    console = Console()
    console.print(table)
    if published:
        best = max(published, key=lambda pair: pair[1])
        console.print(f"Ding 2001: highest measured {best[1]:.2f} at {best[0]:.3f} mol/kg")
    if w_ec in TABLE_OPTIMUM:
        at, height = TABLE_OPTIMUM[w_ec]
        console.print(
            f"fit to Ding 2001, as published here: maximum {height:.2f} at {at:.3f} mol/kg"
        )
    for name, (at, height) in maxima.items():
        console.print(f"{name}: rises to {height:.2f} at {at:.3f} mol/kg, then falls")
    console.print(
        f"processor time: {seconds['process']:.2f} s a process, "
        f"{seconds['archive']:.2f} s an archive"
    )
    if options.json:
        figures = {"rows": rows, "maxima": maxima, "seconds": seconds}
        options.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def ding(w_ec: float) -> list[tuple[float, float]]:
    """Return (mol/kg, mS/cm) at `KELVIN`, by molality; empty where they did not measure."""
    section = DatasetSection.model_validate({
        "dataset": "calisol23_lipf6_ec_emc", "quantity": "conductivity", "method": "literature",
    })  # fmt: skip
    rows = [row for row in read_published(section, Path()).rows if row.doi == DING]
    rows = [row for row in rows if abs(row.w_ec - w_ec) < 0.01]
    below, above = (
        sorted(
            ((row.molality, 10 * row.conductivity) for row in rows if near(row, kelvin)),
        )
        for kelvin in MEASURED
    )
    share = (1 / MEASURED[0] - 1 / KELVIN) / (1 / MEASURED[0] - 1 / MEASURED[1])
    return [
        (low[0], math.exp((1 - share) * math.log(low[1]) + share * math.log(high[1])))
        for low, high in zip(below, above, strict=True)
    ]


def near(row: PublishedRow, kelvin: float) -> bool:
    """Return whether a row was measured at a temperature."""
    return abs(row.temperature - kelvin) < 0.5


def between(points: list[tuple[float, float]], molality: float) -> float | None:
    """Return the value at a molality, linear between measured ones; None beyond them."""
    if not points or not points[0][0] <= molality <= points[-1][0]:
        return None
    known = np.array(points)
    return float(np.interp(molality, known[:, 0], known[:, 1]))


def polynomial(molality: float, w_ec: float) -> float:
    """Return the AiiDA node's model in S/m, without a process."""
    mixture = Composition(molality=molality, ec=w_ec, emc=1 - w_ec, pc=0.0)
    return shipped_model().predict(mixture, KELVIN).conductivity


def maximum(law: Callable[[float], float]) -> tuple[float, float]:
    """Return where a law in S/m is greatest between 0.42 and 1.8 mol/kg, and how great, mS/cm."""
    found = max(np.arange(0.42, 1.8, 0.001), key=lambda m: law(float(m)))
    return float(found), 10 * law(float(found))


def compute(
    folder: Path, molalities: list[float], w_ec: float
) -> tuple[list[Computed], dict[str, float]]:
    """Run one AiiDA process a molality in a profile of its own; return also seconds of a core."""
    profile = open_profile(folder / "aiida", "benchmark@localhost")
    store = ProcessStore(profile, shipped_model())
    store.compute(uuid4(), formulation_from(1.0, w_ec), KELVIN)  # imports what the first one needs
    begun = time.process_time()
    answers = [store.compute(uuid4(), formulation_from(m, w_ec), KELVIN) for m in molalities]
    computed = time.process_time()
    for answer in answers:
        store.export(answer.uuid, folder / f"{answer.uuid}.aiida")
    ended = time.process_time()
    profile.close()
    count = len(molalities)
    return answers, {"process": (computed - begun) / count, "archive": (ended - computed) / count}


if __name__ == "__main__":
    main()

"""End of life: published figures reproduced, coverage of intervals, and extrapolated trajectories.

``python benchmarks/eol_reproduction.py`` prints tables, published figures beside ours, in less than
a minute. It ends with 1 where a figure misses its stated tolerance that is not named as missed in
``EXPECTED_MISSES``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from nodes.degradation._elastic_net import MISSING, MODELS, PUBLISHED, Fit, errors, fit
from nodes.degradation._known import NotPredictableError, known_of
from nodes.degradation._published import FOLDER, SPLITS, published_capacities, published_cells
from nodes.degradation._published_models import published_models
from nodes.degradation._trajectory import LFP, SIMULATED, extrapolate

Vector = NDArray[np.float64]

FAST: Final = Path(__file__).parents[1] / "tests" / "data" / "degradation" / "virtual_fast.npz"
"""Cells on which nothing was calibrated; see ``benchmarks/virtual_lives.py``."""

TOLERANCE: Final = 0.05
"""Stated: a root mean square error within 5 % of the published one."""

EXPECTED_MISSES: Final = {
    ("discharge", "test2"): "discharge, secondary test: the paper's hyperparameters are not "
    "public, and four-fold cross-validation decides little among them (alpha 0.01 at an L1 share "
    "of 0.5 gives 188); cycles with glitches are masked in the public copy",
    **{("full", split): "full: four of nine features are not public" for split in SPLITS},
}
"""Figures that are not reproduced, and why."""

REFERENCE: Final = {
    "severson2019-100": ((79.5, 109.2, 187.8), (0.98, 0.98, 0.95)),
    "severson2019-40": ((164.9, 218.4, 211.2), (0.95, 0.90, 1.00)),
}
"""Of the calibrated model as computed before this code was written: RMSE and coverage of training,
primary test without the excluded cell, secondary test."""


def main() -> None:
    """Print everything."""
    begun, cpu = time.perf_counter(), time.process_time()
    with threadpool_limits(1):
        misses = published()
        calibrated()
        domain()
        trajectories()
    wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
    print(f"\n{wall:.0f} s, {cpu:.0f} s of CPU time")
    if misses:
        raise SystemExit(f"missed: {'; '.join(misses)}")


def published() -> list[str]:
    """Print the published models; return what misses the tolerance unexpectedly."""
    cells, misses, reasons = published_cells(), [], []
    print(f"## Published models (elastic net); tolerance {TOLERANCE:.0%} of the RMSE\n")
    header("model", "cells", "RMSE", "published", "error", "published", "")
    for model in MODELS:
        found: Fit = fit(cells, model)
        for split in SPLITS:
            rows = cells.rows(split)
            rmse, relative = errors(cells.lives[rows], found.lives[rows])
            wanted, wanted_relative = PUBLISHED[model][split]
            met = abs(rmse / wanted - 1) <= TOLERANCE
            reason = EXPECTED_MISSES.get((model, split))
            verdict = "met" if met else f"missed by {rmse / wanted - 1:+.0%}"
            if not met and reason is None:
                misses.append(f"{model} {split}")
            elif not met and reason not in reasons:
                reasons.append(str(reason))
            row(model, split, f"{rmse:.1f}", f"{wanted:.0f}", f"{relative:.1%}",
                f"{wanted_relative:.1%}", verdict)  # fmt: skip
    print()
    for reason in reasons:
        print(f"- missed: {reason}")
    for model, absent in MISSING.items():
        print(f"- {model} lacks: {'; '.join(absent)}")
    return misses


def calibrated() -> None:
    """Print the probabilistic models."""
    print("\n## Calibrated models (conjugate Bayesian regression), 90 % interval\n")
    header("model", "cells", "n", "RMSE", "reference", "error", "coverage", "reference")
    for model in published_models():
        stem = model.card.name.partition("@")[0]
        reference = REFERENCE.get(stem)
        order = ("training", SPLITS[2], SPLITS[3])
        for name, score in model.card.scores.items():
            beside = ("", "")
            if reference and name in order:
                place = order.index(name)
                beside = (f"{reference[0][place]:.1f}", f"{reference[1][place]:.2f}")
            row(model.card.name, name, f"{score['cells']:.0f}", f"{score['rmse']:.1f}", beside[0],
                f"{score['relative_error']:.1%}", f"{score['coverage']:.2f}",
                beside[1])  # fmt: skip


def domain() -> None:
    """Print how cells in and out of the domain fare."""
    print("\n## Domain: both test sets, inside and outside\n")
    header("model", "", "n", "RMSE", "error")
    cells = published_cells()
    columns = {
        "severson2019-100": ("log10 var dQ(V)", "log10 |min dQ(V)|", "Qd, cycle 2",
                             "max Qd - Qd, cycle 2"),
        "severson2019-40": ("log10 var dQ40(V)", "log10 |min dQ40(V)|", "Qd, cycle 2",
                            "max Qd to 40 - Qd, cycle 2"),
    }  # fmt: skip
    test = ~cells.rows("train")
    for model in published_models():
        stem = model.card.name.partition("@")[0]
        if stem not in columns:
            continue
        features = cells.features(columns[stem])
        named = [dict(zip(model.card.features, each, strict=True)) for each in features]
        inside = np.array([not model.outside(each) for each in named])
        lives = 10 ** model.regression.predict(features)[0]
        for words, rows in (("inside", test & inside), ("outside", test & ~inside)):
            rmse, relative = errors(cells.lives[rows], lives[rows])
            row(stem, words, f"{rows.sum()}", f"{rmse:.0f}", f"{relative:.1%}")


def trajectories() -> None:
    """Print extrapolated trajectories against ends that are known."""
    print("\n## Extrapolated trajectories, 90 % interval\n")
    header("cells", "taken for", "cycles known", "noise", "n", "coverage", "median error",
           "interval's ends")  # fmt: skip
    with np.load(FOLDER / "virtual_trajectories.npz") as stored:
        virtual = {name: stored[name].astype(np.float64) for name in stored.files}
    generator = np.random.default_rng(0)
    for known in (30, 40, 60):
        for noise in (0.0, 3e-4, 1e-3):
            report("virtual (simulated)", (SIMULATED,), known, noise,
                   _virtual(virtual, known, noise, generator))  # fmt: skip
    with np.load(FAST) as stored:
        fast = {name: stored[name].astype(np.float64) for name in stored.files}
    for known in (20, 40, 60):
        report("virtual, fast (simulated)", (SIMULATED,), known, 3e-4,
               _virtual(fast, known, 3e-4, generator))  # fmt: skip
    report("virtual (simulated)", (SIMULATED, LFP), 40, 0.0, _virtual(virtual, 40, 0.0, generator))
    test = ~published_cells().rows("train")
    for known in (40, 99):
        for populations in ((LFP,), (SIMULATED, LFP), (SIMULATED,)):
            report("LFP, test sets", populations, known, 0.0, _published(test, known))


Case = tuple[float, Callable[[tuple[str, ...]], tuple[float, float, float]]]


def _virtual(
    stored: dict[str, Vector], known: int, noise: float, generator: np.random.Generator
) -> Iterable[Case]:
    for place, life in enumerate(stored["life"]):
        formation = int(stored["formation"][place])
        capacity = stored["capacity"][place][: formation + known].copy()
        capacity *= 1 + noise * generator.standard_normal(capacity.size)
        ended = stored["ended"][place][: capacity.size]

        def forecast(
            populations: tuple[str, ...],
            c: Vector = capacity,
            f: int = formation,
            e: Vector = ended,
        ) -> tuple[float, float, float]:
            found = extrapolate(known_of(c, formation=f, ended=e), populations)
            return found.low, found.median, found.high

        yield float(life), forecast


def _published(rows: NDArray[np.bool_], known: int) -> Iterable[Case]:
    lives = published_cells().lives
    for place in np.flatnonzero(rows):
        capacity = published_capacities()[place][:known]
        cycle = np.arange(2.0, 2 + known)

        def forecast(
            populations: tuple[str, ...], c: Vector = capacity, n: Vector = cycle
        ) -> tuple[float, float, float]:
            data = known_of(c, formation=0, cycle=n)
            found = extrapolate(data, populations, end=0.8 * 1.1 / data.reference)
            return found.low, found.median, found.high

        yield float(lives[place]), forecast


def report(
    cells: str, populations: tuple[str, ...], known: int, noise: float, cases: Iterable[Case]
) -> None:
    """Print a line of the table."""
    covered, error, width = [], [], []
    for life, forecast in cases:
        try:
            low, median, high = forecast(populations)
        except NotPredictableError:
            continue
        covered.append(low <= life <= high)
        error.append(abs(median / life - 1))
        width.append(high / max(low, 1.0))
    row(cells, " and ".join(populations), str(known), f"{noise:.2%}", str(len(covered)),
        f"{np.mean(covered):.2f}", f"{np.median(error):.0%}",
        f"{np.median(width):.1f}x")  # fmt: skip


def header(*names: str) -> None:
    """Print the head of a table."""
    row(*names)
    row(*("---" for _ in names))


def row(*cells: str) -> None:
    """Print a line of a table."""
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()

"""The light and the heavy optimiser side by side, and random beside them.

Run: python benchmarks/optimisers.py [--seeds N] [--only single|several|fidelities] [--json FILE]

Three tables of one run:

- one objective: regret of the recommended measurement after 10, 20 and 30 measurements
  (conductivity with 1.5 % noise; Branin and Hartmann-6 without any), with published packages'
  figures on such problems beside;
- two objectives: hypervolume of the recommended front's true values, as a share of the true
  front's. Reference point: the true front's worst values less a tenth of its range;
- a cheaper fidelity (cost 0.1, off by a factor, a constant and a slope): regret against cost, with
  it and without.

The strategies of one seed see the same random numbers, so that only what they ask differs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.optimiser_problems import Case, fidelities, grid, several, single
from nodes.optimiser import (
    GaussianProcessStrategy,
    Observation,
    Problem,
    RandomStrategy,
    Strategy,
)
from nodes.optimiser._pareto import undominated
from nodes.optimiser._space import Floats

KINDS: Final[dict[str, Callable[[], list[Case]]]] = {
    "single": single,
    "several": several,
    "fidelities": fidelities,
}
NAMES: Final = ("light", "heavy", "random")
PUBLISHED: Final = {
    "bayesian-optimization 3.4": ("0.16 / 0.036 / 0.025", "1.2 / 0.64 / 0.14", "2.3 / 1.1 / 0.50"),
    "scikit-optimize": ("0.043 / 0.033 / 0.018", "1.8 / 0.04 / 0.002", "-"),
    "Optuna GPSampler": ("0.043 / 0.037 / 0.037", "-", "2.4 / 1.2 / 0.46"),
    "BoTorch 0.18": ("0.13 / 0.026 / 0.024", "-", "2.4 / 1.1 / 0.44"),
    "Ax": ("0.19 / 0.017 / 0.016", "-", "-"),
    "BayBE 0.15": ("0.15 / 0.08 / 0.06", "-", "-"),
    "SMAC": ("0.19 / 0.045 / 0.051", "2.5 / 0.13 / 0.02", "-"),
    "random": ("0.35 / 0.21 / 0.15", "4.1 / 2.2 / 1.2", "2.5 / 2.2 / 2.0"),
}
"""Of earlier measurements, 10 seeds, each package as it comes: not of this run."""

COSTS: Final = (6.0, 10.0, 14.0)


@dataclass(frozen=True, slots=True)
class Run:
    """One seed of one strategy on one problem.

    Attributes:
        kind: Which table.
        case: Which problem.
        name: Which strategy.
        seed: Of strategy and noise.
        scores: Regret, or share of the hypervolume, at each checkpoint.
        requests: How many there were.
        seconds: Processor time of one proposal.
    """

    kind: str
    case: str
    name: str
    seed: int
    scores: tuple[float, ...]
    requests: int
    seconds: float


def make(name: str, problem: Problem) -> Strategy:
    """Return the strategy of that name."""
    if name == "random":
        return RandomStrategy(problem)
    if name == "light":
        # As for the heavy one, the costs alone decide by what to measure.
        return GaussianProcessStrategy(problem, target_every=10**6)
    from nodes.optimiser._botorch import BoTorchStrategy  # noqa: PLC0415

    return BoTorchStrategy(problem)


def play(job: tuple[str, int, str, bool, int, tuple[float, ...]]) -> Run:
    """Run one campaign until its cost reaches the last checkpoint."""
    kind, place, name, cheaper, seed, checkpoints = job
    case = KINDS[kind]()[place]
    problem = replace(case.problem, seed=seed)
    if not cheaper:
        problem = replace(problem, fidelities=())
    score = _share(case) if kind == "several" else _regret(case)
    strategy = make(name, problem)
    random = np.random.default_rng([seed, 1])
    costs = {fidelity.name: fidelity.cost for fidelity in problem.fidelities} | {"": 1.0}
    scores: list[float] = []
    spent, number, begun = 0.0, 0, time.process_time()
    while len(scores) < len(checkpoints):
        asked = strategy.ask(1, (), number)[0]
        number += 1
        true = case.truth(asked.point)
        if asked.fidelity and case.cheap is not None:
            true = (case.cheap(asked.point),)
        noise = [case.noise(value) for value in true]
        values = tuple(
            v + s * float(random.standard_normal()) for v, s in zip(true, noise, strict=True)
        )
        strategy.tell([Observation(asked.point, values, tuple(noise), fidelity=asked.fidelity)])
        spent += costs[asked.fidelity]
        while len(scores) < len(checkpoints) and spent >= checkpoints[len(scores)] - 1e-9:
            scores.append(score(strategy))
    seconds = (time.process_time() - begun) / number
    label = name if kind != "fidelities" or cheaper else f"{name}, target alone"
    return Run(kind, case.name, label, seed, tuple(scores), number, seconds)


def _regret(case: Case) -> Callable[[Strategy], float]:
    def score(strategy: Strategy) -> float:
        best = strategy.best()
        if best is None:
            return float("inf")
        return abs(case.truth(best.observation.point)[0] - case.best)

    return score


def _share(case: Case) -> Callable[[Strategy], float]:
    signs = np.array([objective.sign for objective in case.problem.objectives])
    values = signs * np.array([case.truth(point) for point in grid(case.problem.space)])
    front = values[undominated_of_two(values)]
    reference = front.min(axis=0) - 0.1 * (front.max(axis=0) - front.min(axis=0))
    whole = area(front, reference)

    def score(strategy: Strategy) -> float:
        found = [case.truth(each.observation.point) for each in strategy.front()]
        return area(signs * np.array(found), reference) / whole

    return score


def undominated_of_two(values: Floats) -> list[int]:
    """Return the rows that none beats, by a sweep: `undominated` would compare all with all."""
    kept: list[int] = []
    top = -np.inf
    for row in np.lexsort((-values[:, 1], -values[:, 0])):
        if values[row, 1] > top:
            kept.append(int(row))
            top = values[row, 1]
    return kept


def area(values: Floats, reference: Floats) -> float:
    """Return the area that ``values`` (n, 2), greater is better, dominate above ``reference``."""
    inside = values[(values > reference).all(axis=1)]
    if not len(inside):
        return 0.0
    front = inside[undominated(inside)]
    front = front[np.argsort(-front[:, 0])]
    total, floor = 0.0, reference[1]
    for first, second in front:
        if second > floor:
            total += (first - reference[0]) * (second - floor)
            floor = second
    return float(total)


def main() -> None:
    """Run all cases and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=2, help="how many seeds (from 0)")
    parser.add_argument("--only", choices=[*KINDS], help="one table alone")
    parser.add_argument("--evaluations", type=int, default=30, help="measurements a campaign")
    parser.add_argument("--workers", type=int, default=2, help="campaigns side by side")
    parser.add_argument("--json", type=Path, help="also write every run into this file")
    arguments = parser.parse_args()
    marks = tuple(float(n) for n in (10, 20, 30) if n <= arguments.evaluations)
    jobs = []
    for kind in [arguments.only] if arguments.only else KINDS:
        checkpoints = COSTS if kind == "fidelities" else marks
        ways = [(n, True) for n in NAMES]
        if kind == "fidelities":
            ways = [(n, cheaper) for n in NAMES[:2] for cheaper in (True, False)]
        jobs += [
            (kind, place, name, cheaper, seed, checkpoints)
            for place in range(len(KINDS[kind]()))
            for name, cheaper in ways
            for seed in range(arguments.seeds)
        ]
    # Seed by seed, so that a file of a run that was cut short is whole for some; in each the long
    # ones first.
    jobs.sort(key=lambda job: (job[4], job[2] != "heavy", job[0] == "single", -job[1]))
    runs: list[Run] = []
    with ProcessPoolExecutor(arguments.workers) as pool:
        found = pool.map(play, jobs)
        for run in track(found, "campaigns", len(jobs), console=Console(stderr=True)):
            runs.append(run)
            if arguments.json:
                words = json.dumps([asdict(each) for each in runs], indent=1)
                arguments.json.write_text(words + "\n", "utf-8")
    console = Console()
    if not console.is_terminal:
        console = Console(width=130)
    for kind in KINDS:
        if any(run.kind == kind for run in runs):
            console.print(_table(kind, [run for run in runs if run.kind == kind], marks))


def _table(kind: str, runs: Sequence[Run], marks: tuple[float, ...]) -> Table:
    at = " / ".join(f"{n:g}" for n in (COSTS if kind == "fidelities" else marks))
    seeds = len({run.seed for run in runs})
    title = {
        "single": f"median regret after {at} measurements, {seeds} seeds",
        "several": f"median share of the true hypervolume after {at} measurements, {seeds} seeds",
        "fidelities": f"median regret after cost {at}, {seeds} seeds",
    }[kind]
    table = Table(title=title, title_justify="left")
    table.add_column("strategy", no_wrap=True)
    cases = [case.name for case in KINDS[kind]()]
    for name in (*cases, "s a proposal"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in sorted({run.name for run in runs}, key=lambda n: (n == "random", n)):
        row, seconds = [name], []
        for case in cases:
            own = [run for run in runs if run.name == name and run.case == case]
            medians = [
                statistics.median(run.scores[i] for run in own) for i in range(len(own[0].scores))
            ]
            row.append(" / ".join(f"{m:.2g}" for m in medians))
            seconds.append(f"{statistics.median(run.seconds for run in own):.2f}")
        table.add_row(*row, " / ".join(seconds))
    if kind == "single":
        table.add_section()
        for name, figures in PUBLISHED.items():
            table.add_row(f"({name})", *figures)
        table.caption = "In brackets: of the reference, 10 seeds, another box of the conductivity"
    return table


if __name__ == "__main__":
    main()

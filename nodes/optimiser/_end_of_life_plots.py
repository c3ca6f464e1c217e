"""Pictures of a campaign that is about the end of life of cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from messages.degradation import EndOfLife
from nodes.optimiser._end_of_life import Batch, interval_of
from nodes.optimiser._figure import GREY, ORANGE, SERIES, VERMILION, new_figure, plain, save
from nodes.optimiser._gaussian_process import GaussianProcessStrategy
from nodes.optimiser._problem import Direction
from nodes.optimiser._report import Report
from nodes.optimiser._space import Space
from nodes.optimiser._strategy import Strategy


def draw_end_of_life(
    report: Report, strategy: Strategy, batches: Sequence[Batch], folder: Path
) -> list[Path]:
    """Draw ``eol_molality.png``, ``trajectories.png`` and ``best_so_far.png`` into ``folder``.

    Returns:
        What was drawn: nothing where no cell has a prediction.
    """
    told = [batch for batch in batches if batch.lives]
    if not told:
        return []
    found = [_best_so_far(report, told, folder / "best_so_far.png")]
    found.append(_trajectories(report, told, folder / "trajectories.png"))
    if "molality" in report.space.names:
        found.insert(0, _molality(report, strategy, told, folder / "eol_molality.png"))
    return found


def _molality(report: Report, strategy: Strategy, told: Sequence[Batch], path: Path) -> Path:
    """Ends of life against molality: cells with 90 % intervals, batches, and the model."""
    figure = new_figure(7.6)
    axes = figure.subplots()
    column = report.space.names.index("molality")
    dimension = report.space.dimensions[column]
    if report.best is not None and isinstance(strategy, GaussianProcessStrategy):
        _band(axes, strategy, report.space, report.best.measurement.point, column)
    step = 0.006 * (dimension.maximum - dimension.minimum)
    for index, batch in enumerate(told):
        assert batch.output is not None  # noqa: S101 - it has lives
        color = SERIES[index % len(SERIES)]
        at = batch.measurement.point[column]
        for number, prediction in enumerate(batch.output.predictions):
            low, high = interval_of(prediction)
            place = at + step * (number - (len(batch.lives) - 1) / 2)
            axes.plot([place, place], [low, high], color=color, linewidth=1, alpha=0.55)
            axes.plot(place, prediction.end_of_life.value, "o", color=color, markersize=4)
        axes.errorbar(
            at, np.mean(batch.lives), yerr=batch.measurement.uncertainty or None, fmt="D",
            color=color, markeredgecolor="black", markersize=9, capsize=4, zorder=4,
            label=f"batch {batch.measurement.number}: {_place(report.space, batch)}",
        )  # fmt: skip
    axes.set_xlabel("molality of LiPF$_6$ (mol/kg)")
    axes.set_ylabel("end of life (cycles)")
    plain(axes)
    axes.legend(frameon=False, fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2)
    figure.suptitle(
        f"{_title(report, told)}\ncells with 90 % intervals; diamonds: mean of the batch ± "
        "standard uncertainty",
        fontsize=10,
    )
    return save(figure, path)


def _band(
    axes: Any, strategy: GaussianProcessStrategy, space: Space, best: Sequence[float], column: int
) -> None:
    dimension = space.dimensions[column]
    grid = np.linspace(dimension.minimum, dimension.maximum, 80)
    points = np.tile(np.array(best), (len(grid), 1))
    points[:, column] = grid
    there = strategy.model().at(points)
    half = 1.645 * there.deviation
    axes.plot(grid, there.mean, color=GREY, linewidth=1.4, label="model, other dimensions as best")
    axes.fill_between(
        grid, np.clip(there.mean - half, 0, None), there.mean + half, color=GREY, alpha=0.13,
        linewidth=0, label="90 % of the model",
    )  # fmt: skip


def _trajectories(report: Report, told: Sequence[Batch], path: Path) -> Path:
    """Expected capacities of every cell, with their standard uncertainty."""
    figure = new_figure(7.6)
    axes = figure.subplots()
    for index, batch in enumerate(told):
        assert batch.output is not None  # noqa: S101 - it has lives
        color = SERIES[index % len(SERIES)]
        for number, prediction in enumerate(batch.output.predictions):
            cycles = _cycles(prediction)
            capacity = 1e3 * np.asarray(prediction.capacity_trajectory, dtype=float)
            error = 1e3 * np.asarray(prediction.capacity_trajectory_uncertainty, dtype=float)
            label = f"batch {batch.measurement.number}: {_place(report.space, batch)}"
            axes.plot(cycles, capacity, color=color, linewidth=1.1,
                      label=label if number == 0 else None)  # fmt: skip
            axes.fill_between(cycles, np.clip(capacity - error, 0, None), capacity + error,
                              color=color, alpha=0.08, linewidth=0)  # fmt: skip
            end = prediction.end_of_life.value
            there = float(np.interp(end, cycles, capacity))
            axes.plot(end, there, "|", color=color, markersize=9)
    axes.set_xlabel("cycle")
    axes.set_ylabel("discharge capacity (mA h)")
    plain(axes)
    axes.legend(frameon=False, fontsize=9)
    figure.suptitle(
        f"{_title(report, told)}\npredicted capacity ± standard uncertainty; ticks: end of life",
        fontsize=10,
    )
    return save(figure, path)


def _best_so_far(report: Report, told: Sequence[Batch], path: Path) -> Path:
    """The mean of each batch, and the best of them so far."""
    figure = new_figure(6.4, 4.6)
    axes = figure.subplots()
    numbers = [batch.measurement.number for batch in told]
    means = np.array([np.mean(batch.lives) for batch in told])
    up = report.plan.objective.direction is Direction.MAXIMISE
    running = np.maximum.accumulate(means) if up else np.minimum.accumulate(means)
    axes.step(numbers, running, where="post", color=VERMILION, linewidth=2, label="best so far")
    axes.errorbar(
        numbers, means, yerr=[batch.measurement.uncertainty for batch in told], fmt="o",
        color=SERIES[0], capsize=3, label="mean of the batch ± standard uncertainty", zorder=3,
    )  # fmt: skip
    if report.best is not None:
        axes.errorbar(
            [report.best.measurement.number], [report.best.mean], yerr=[report.best.uncertainty],
            fmt="*", color=ORANGE, markeredgecolor="black", ecolor="black", markersize=16,
            capsize=3, zorder=4, label="best, by the model",
        )  # fmt: skip
    axes.set_xticks(numbers)
    axes.set_xlabel("batch")
    axes.set_ylabel("end of life (cycles)")
    plain(axes)
    axes.legend(frameon=False, fontsize=9)
    figure.suptitle(_title(report, told), fontsize=10)
    return save(figure, path)


def _cycles(prediction: EndOfLife) -> Any:
    if prediction.trajectory_cycles is not None:
        return np.asarray(prediction.trajectory_cycles, dtype=float)
    return np.arange(1, len(prediction.capacity_trajectory) + 1, dtype=float)


def _place(space: Space, batch: Batch) -> str:
    return space.describe(batch.measurement.point)


def _title(report: Report, told: Sequence[Batch]) -> str:
    cells = sum(len(batch.lives) for batch in told)
    simulated = ", simulated cells" if any(b.measurement.simulated for b in told) else ""
    return f"{report.campaign}: {len(told)} batches, {cells} cells{simulated}"

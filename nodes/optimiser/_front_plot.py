"""A picture of the compromises between two objectives."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nodes.optimiser._figure import BLUE, GREY, ORANGE, VERMILION, new_figure, plain, save
from nodes.optimiser._problem import Direction
from nodes.optimiser._report import Report


def draw_front(report: Report, path: Path) -> Path | None:
    """Draw the first two objectives against one another: measured, the front, the compromise.

    Returns:
        The picture, or None of a single objective or without a measurement.
    """
    objectives = report.plan.build_objectives()
    lessons = [m for m in report.outcome.measurements if m.at_target]
    if len(objectives) < 2 or not lessons:
        return None
    figure = new_figure()
    axes = figure.subplots()
    values = np.array([m.values for m in lessons])
    errors = np.array([m.uncertainties for m in lessons])
    axes.errorbar(
        values[:, 0], values[:, 1], xerr=errors[:, 0], yerr=errors[:, 1], fmt="o", color=BLUE,
        markersize=5, elinewidth=1, capsize=2, alpha=0.8, label="measured ± uncertainty",
    )  # fmt: skip
    front = np.array([best.means for best in report.front])
    order = np.argsort(front[:, 0])
    axes.plot(
        front[order, 0], front[order, 1], "-D", color=VERMILION, markersize=6, zorder=3,
        label="beaten by none (by the model)",
    )  # fmt: skip
    if report.best is not None:
        axes.plot(
            *report.best.means[:2], marker="*", color=ORANGE, markeredgecolor="black",
            markersize=18, linestyle="none", zorder=4, label="nearest to the ideal point",
        )  # fmt: skip
    arrows = {Direction.MAXIMISE: "greater is better", Direction.MINIMISE: "smaller is better"}
    labels = [f"{o.name} ({o.unit}), {arrows[o.direction]}" for o in objectives]
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    plain(axes)
    axes.legend(frameon=False)
    simulated = ", simulated instrument" if any(m.simulated for m in lessons) else ""
    figure.suptitle(f"{report.campaign}: {len(lessons)} measurements{simulated}", color=GREY)
    return save(figure, path)

"""A picture of a campaign: what the model holds, and how the best came about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from nodes.optimiser._gaussian_process import GaussianProcessStrategy
from nodes.optimiser._measurement import Measurement
from nodes.optimiser._problem import Direction
from nodes.optimiser._report import Report
from nodes.optimiser._space import Dimension, Floats
from nodes.optimiser._strategy import Observation, Strategy

# Okabe and Ito's palette, which colour-blind readers can tell apart.
_BLUE: Final = "#0072B2"
_ORANGE: Final = "#E69F00"
_VERMILION: Final = "#D55E00"
_GREY: Final = "#555555"
_GRID: Final = 80
_NAMES: Final = {"w_ec": r"$w_\mathrm{EC}$", "molality": "molality of LiPF$_6$"}


def draw(report: Report, strategy: Strategy, known: Sequence[Observation], path: Path) -> bool:
    """Draw the campaign into the PNG at ``path``.

    Left (of two dimensions with a model only): posterior mean as filled contours, measured and
    published points, the best. Right: single values with their uncertainties, and the best so far.

    Args:
        report: Of the campaign.
        strategy: Told everything.
        known: What the strategy was told before the first measurement.
        path: Where to; written whole or not at all.

    Returns:
        False, and no file, where no measurement could be used.
    """
    lessons = [m for m in report.outcome.measurements if m.at_target]
    if not lessons:
        return False
    mapped = report.space.size == 2 and isinstance(strategy, GaussianProcessStrategy)
    figure = Figure(figsize=(12.4 if mapped else 7.0, 5.2), layout="constrained", dpi=150)
    FigureCanvasAgg(figure)
    if mapped and isinstance(strategy, GaussianProcessStrategy):
        left, right = figure.subplots(1, 2, width_ratios=(1.15, 1.0))
        _draw_map(figure, left, report, strategy, known, lessons)
    else:
        right = figure.subplots()
    _draw_history(right, report, lessons)
    figure.suptitle(_title(report, lessons), fontsize=12)
    partial = path.with_suffix(".part")
    figure.savefig(partial, format="png", metadata={"Software": "labmesh"})
    partial.replace(path)
    return True


def _draw_map(
    figure: Figure,
    axes: Any,
    report: Report,
    strategy: GaussianProcessStrategy,
    known: Sequence[Observation],
    lessons: Sequence[Measurement],
) -> None:
    across, up = report.space.dimensions
    x = np.linspace(across.minimum, across.maximum, _GRID)
    y = np.linspace(up.minimum, up.maximum, _GRID)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    mean = np.concatenate([strategy.model().at(part).mean for part in np.array_split(grid, 16)])
    surface: Floats = mean.reshape(_GRID, _GRID)
    filled = axes.contourf(x, y, surface, levels=16, cmap="cividis")
    lines = axes.contour(
        x, y, surface, levels=filled.levels[::2], colors="white", linewidths=0.6, alpha=0.7
    )
    axes.clabel(lines, fontsize=7.5, fmt="%g")
    bar = figure.colorbar(filled, ax=axes, pad=0.02)
    bar.set_label(f"{_quantity(report)}, model mean")
    bar.locator = MaxNLocator(nbins=8, steps=[1, 2, 5, 10])
    bar.update_ticks()

    style = {"linestyle": "none", "zorder": 3}
    foreign = np.array([o.point for o in known if o.source])
    poorer = [m for m in report.outcome.measurements if m.lesson and m.fidelity]
    handles = []
    if len(foreign):
        axes.plot(*foreign.T, marker="x", color="white", markersize=7, markeredgewidth=2.6, **style)
        axes.plot(*foreign.T, marker="x", color="black", markersize=6, markeredgewidth=1.3, **style)
        handles.append(Line2D([], [], marker="x", color="black", ls="", label=_known_label(known)))
    for marker, name in zip("^vs<>", sorted({m.fidelity for m in poorer}), strict=False):
        places = np.array([m.point for m in poorer if m.fidelity == name])
        axes.plot(*places.T, marker=marker, color="white", markeredgecolor=_GREY, markersize=6,
                  **style)  # fmt: skip
        handles.append(
            Line2D([], [], marker=marker, color="white", mec=_GREY, ls="", label=f"by {name}")
        )
    own = np.array([m.point for m in lessons])
    axes.plot(*own.T, marker="o", color=_BLUE, markeredgecolor="white", markersize=8, **style)
    handles.insert(0, Line2D([], [], marker="o", color=_BLUE, ls="", ms=8, label="measured"))
    if report.best is not None:
        axes.plot(
            *report.best.measurement.point, marker="*", color=_ORANGE, markeredgecolor="black",
            markersize=20, linestyle="none", zorder=4, clip_on=False,
        )  # fmt: skip
        handles.append(
            Line2D([], [], marker="*", color=_ORANGE, mec="black", ls="", ms=14, label="best")
        )
    margins = 0.02 * (across.maximum - across.minimum), 0.02 * (up.maximum - up.minimum)
    axes.set_xlim(across.minimum - margins[0], across.maximum + margins[0])
    axes.set_ylim(up.minimum - margins[1], up.maximum + margins[1])
    axes.set_xlabel(_label(across))
    axes.set_ylabel(_label(up))
    axes.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.11), ncols=3, frameon=False
    )


def _draw_history(axes: Any, report: Report, lessons: Sequence[Measurement]) -> None:
    numbers = [m.number for m in lessons]
    values = np.array([m.value for m in lessons], dtype=float)
    maximise = report.plan.objective.direction is Direction.MAXIMISE
    running = np.maximum.accumulate(values) if maximise else np.minimum.accumulate(values)
    axes.step(
        numbers, running, where="post", color=_VERMILION, linewidth=2, label="best single value"
    )
    axes.errorbar(
        numbers, values, yerr=[m.uncertainty for m in lessons], fmt="o", color=_BLUE,
        markersize=5, capsize=2.5, elinewidth=1, label="measured ± uncertainty", zorder=3,
    )  # fmt: skip
    if report.literature is not None and report.literature.inside:
        published = report.literature
        axes.axhline(published.conductivity, color=_GREY, linestyle="--", linewidth=1.2,
                     label="published there, ± 5 %")  # fmt: skip
        axes.axhspan(
            published.conductivity - published.uncertainty,
            published.conductivity + published.uncertainty,
            color=_GREY, alpha=0.10, linewidth=0,
        )  # fmt: skip
    if report.best is not None:
        axes.errorbar(
            [report.best.measurement.number], [report.best.mean], yerr=[report.best.uncertainty],
            fmt="*", color=_ORANGE, markeredgecolor="black", ecolor="black", markersize=16,
            capsize=3, zorder=4, label="best, by the model",
        )  # fmt: skip
    unused = [m.number for m in report.outcome.measurements if not m.lesson]
    if unused:
        axes.plot(
            unused, np.full(len(unused), 0.03), marker="v", color=_GREY, linestyle="none",
            transform=axes.get_xaxis_transform(), label="not used",
        )  # fmt: skip
    axes.set_xlabel("measurement")
    axes.set_ylabel(_quantity(report))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(visible=True, alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.11), ncols=2, frameon=False, fontsize=9)


def _known_label(known: Sequence[Observation]) -> str:
    sources = {o.source for o in known if o.source}
    return "published" if all(s.startswith("doi:") for s in sources) else "known before"


def _label(dimension: Dimension) -> str:
    name = _NAMES.get(dimension.name, dimension.name)
    unit = "mass fraction of the solvent" if dimension.name == "w_ec" else dimension.unit
    return name if unit == "1" else f"{name} ({unit})"


def _quantity(report: Report) -> str:
    objective = report.plan.objective
    return f"{objective.name or objective.quantity} ({objective.unit})"


def _title(report: Report, lessons: Sequence[Measurement]) -> str:
    temperature = report.plan.fixed.get("temperature")
    at = f" at {temperature:g} K" if isinstance(temperature, int | float) else ""
    simulated = ", simulated instrument" if any(m.simulated for m in lessons) else ""
    return f"{report.campaign}: {len(lessons)} measurements{at}{simulated}"

"""A picture of a test: voltage and current in time, capacity by cycle, dQ/dV."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from messages.errors import LabmeshError
from nodes.cycler.files._charge import column
from nodes.cycler.files._dqdv import differential_capacity
from nodes.cycler.files._recording import Accumulators, Metadata, Recording
from nodes.cycler.files._summary import summarise

# Okabe and Ito's palette, which colour-blind readers can tell apart.
_BLUE: Final = "#0072B2"
_ORANGE: Final = "#E69F00"
_VERMILION: Final = "#D55E00"
_GREEN: Final = "#009E73"
_PURPLE: Final = "#CC79A7"
_MOST_POINTS: Final = 4000
_CURVES: Final = 5


def draw(table: pl.DataFrame, path: Path, *, title: str, cycles: Sequence[int] = ()) -> list[int]:
    """Draw a canonical table into the PNG at ``path``; whole or not at all.

    Args:
        table: Canonical columns.
        path: Where to.
        title: Over the picture.
        cycles: Whose dQ/dV; by default up to five from the first to the last.

    Returns:
        The cycles whose dQ/dV was drawn.

    Raises:
        LabmeshError: The table is empty, a cycle is not in it, or the file cannot be written.
    """
    if not table.height:
        raise LabmeshError("there is nothing to draw: the file holds no records")
    recording = Recording(table, Metadata("", ""), Accumulators.of(table))
    summary = summarise(recording)
    chosen = _chosen(summary.cycles["cycle"].to_list(), cycles)
    figure = Figure(figsize=(15, 4.6), layout="constrained", dpi=120)
    FigureCanvasAgg(figure)
    left, middle, right = figure.subplots(1, 3)
    _time(left, table)
    _capacity(middle, summary.cycles)
    _dqdv(right, table, chosen)
    figure.suptitle(title, parse_math=False)
    partial = path.with_name(path.name + ".part")
    try:
        figure.savefig(partial, format="png")
        os.replace(partial, path)  # noqa: PTH105
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise LabmeshError(f"the picture cannot be written: {error}", where=str(path)) from error
    return chosen


def _chosen(there: list[int], wanted: Sequence[int]) -> list[int]:
    missing = sorted(set(wanted) - set(there))
    if missing:
        raise LabmeshError(
            f"there are no cycles {missing}", remedy=f"the file has {there[0]} to {there[-1]}"
        )
    if wanted:
        return list(wanted)
    if len(there) <= _CURVES:
        return there
    return [there[round(i)] for i in np.linspace(0, len(there) - 1, _CURVES)]


def _thin(time: NDArray[Any], values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """At most a few thousand points that keep the highest and the lowest of each stretch."""
    if len(time) <= _MOST_POINTS:
        return time, values
    stretch = -(-len(time) // (_MOST_POINTS // 2))
    whole = len(time) // stretch * stretch
    rows = np.nan_to_num(values[:whole]).reshape(-1, stretch)
    start = np.arange(0, whole, stretch)
    picked = np.concatenate([start + rows.argmin(1), start + rows.argmax(1), [len(time) - 1]])
    index = np.unique(picked)
    return time[index], values[index]


def _time(axes: Any, table: pl.DataFrame) -> None:
    time = column(table, "test_time_second")
    if time is None:
        time = np.arange(table.height, dtype=float)
        axes.set_xlabel("record")
    else:
        time = time / 3600
        axes.set_xlabel("time (h)")
    axes.plot(*_thin(time, table["voltage_volt"].to_numpy()), color=_BLUE, linewidth=0.9)
    axes.set_ylabel("voltage (V)", color=_BLUE)
    current = column(table, "current_ampere")
    if current is not None:
        second = axes.twinx()
        second.plot(*_thin(time, current * 1000), color=_ORANGE, linewidth=0.6, alpha=0.8)
        second.set_ylabel("current (mA, charging positive)", color=_ORANGE)
        axes.set_zorder(second.get_zorder() + 1)
        axes.patch.set_visible(False)


def _capacity(axes: Any, cycles: pl.DataFrame) -> None:
    axes.set_xlabel("cycle")
    axes.set_ylabel("capacity (mA h)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for name, color, mark in (("charge", _VERMILION, "^"), ("discharge", _BLUE, "v")):
        values = cycles[f"{name}_capacity_ah"] * 1000
        axes.plot(
            cycles["cycle"], values, mark, color=color, markersize=4, label=name, linestyle="-"
        )
    axes.legend(loc="best", frameon=False)
    efficiency = cycles.filter(pl.col("coulombic_efficiency").is_between(0.5, 1.1))
    if efficiency.height > 1:
        second = axes.twinx()
        second.plot(
            efficiency["cycle"], efficiency["coulombic_efficiency"] * 100, ".", color=_GREEN
        )
        second.set_ylabel("coulombic efficiency (%)", color=_GREEN)


def _dqdv(axes: Any, table: pl.DataFrame, cycles: Sequence[int]) -> None:
    axes.set_xlabel("voltage (V)")
    axes.set_ylabel("dQ/dV (mA h / V)")
    colors = (_BLUE, _ORANGE, _GREEN, _VERMILION, _PURPLE)
    numbered = "cycle_count" in table.columns and table["cycle_count"].count()
    drawn = False
    for place, cycle in enumerate(cycles):
        for branch in ("charge", "discharge"):
            try:
                curve = differential_capacity(
                    table, cycle=cycle if numbered else None, branch=branch
                )
            except LabmeshError:
                continue
            if not curve.height:
                continue
            axes.plot(
                curve["voltage_volt"],
                curve["differential_capacity_ah_per_volt"] * 1000,
                color=colors[place % len(colors)],
                linewidth=1.0,
                label=f"cycle {cycle}" if branch == "charge" else None,
            )
            drawn = True
    if drawn:
        axes.axhline(0, color="#555555", linewidth=0.5)
        axes.legend(loc="best", frameon=False)
    else:
        axes.text(0.5, 0.5, "no charge or discharge", ha="center", transform=axes.transAxes)

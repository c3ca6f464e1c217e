"""A history as a picture, drawn by matplotlib: a lane a sample, time to the right."""

from __future__ import annotations

from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, Final

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from labmesh.history._layout import Dot, Layout, layout
from labmesh.history._text import title
from labmesh.history._times import moment
from labmesh.history._types import Event, History

REAL: Final = "#1b6ca8"
SIMULATED: Final = "#b85c00"
GREY: Final = "#5f6b76"
_LINE: Final = "#c3cbd3"
_LANE: Final = 0.85
_COLUMN: Final = 1.15
"""Inches of a lane and of a column: room for a label under a dot."""

_MARGIN: Final = 3.4
"""Inches on the left, for names of samples."""

_LONGEST: Final = 34
"""Characters of a sample's id that are drawn; its middle is left out of a longer one."""


def draw_history(history: History, file: Path) -> None:
    """Write the picture; the file's ending says which kind (svg, png, pdf).

    Raises:
        ValueError: matplotlib does not know the ending.
        OSError: The file cannot be written.
    """
    # Into memory first: a kind that is not known must not leave an empty file.
    content = BytesIO()
    _figure(history).savefig(content, format=file.suffix.removeprefix(".") or "none", dpi=150)
    file.write_bytes(content.getvalue())


def svg_of(history: History) -> str:
    """Return the picture as an ``<svg>`` element that needs nothing else."""
    content = StringIO()
    _figure(history).savefig(content, format="svg", metadata={"Date": None})
    text = content.getvalue()
    return text[text.index("<svg") :]


def _figure(history: History) -> Any:
    found = layout(history)
    columns, lanes = max(len(found.times), 1), max(len(found.lives), 1)
    width, height = _MARGIN + columns * _COLUMN + 0.3, lanes * _LANE + 1.5
    with rc_context({"svg.hashsalt": "labmesh", "font.size": 8}):
        figure = Figure(figsize=(width, height))
        FigureCanvasAgg(figure)
        axes = figure.add_axes(
            (_MARGIN / width, 0.75 / height, columns * _COLUMN / width, lanes * _LANE / height)
        )
        axes.set_xlim(-0.5, columns - 0.5)
        axes.set_ylim(lanes - 0.4, -0.6)
        _draw(axes, found, history)
        figure.text(
            0.15 / width, 1 - 0.3 / height, f"History of {history.sample}",
            fontsize=11, weight="bold", va="center",
        )  # fmt: skip
        _legend(figure, found)
    return figure


def _draw(axes: Any, found: Layout, history: History) -> None:
    for number, life in enumerate(found.lives):
        own = [dot.x for dot in found.dots if dot.sample == life.sample]
        axes.plot([min(own), max(own)], [number, number], color=_LINE, linewidth=3, zorder=1)
        weight = "bold" if life.sample == history.sample else "normal"
        axes.text(
            -0.55, number, f"{_short(life.sample)}\n{life.kind}",
            ha="right", va="center", weight=weight, fontsize=8,
        )  # fmt: skip
    for parent, child in found.births:
        axes.annotate(
            "", (child.x, child.y), (parent.x, parent.y),
            arrowprops={"arrowstyle": "-|>", "color": GREY, "linewidth": 0.9, "shrinkA": 5,
                        "shrinkB": 6, "connectionstyle": "arc3,rad=-0.08"},
        )  # fmt: skip
    for dot in found.dots:
        _dot(axes, dot)
    axes.set_yticks([])
    axes.set_xticks(range(len(found.times)))
    times = [moment(at).replace(" ", "\n") for at in found.times]
    axes.set_xticklabels(times, fontsize=7, color=GREY)
    axes.tick_params(length=0)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)


def _dot(axes: Any, dot: Dot) -> None:
    event = dot.event
    colour = colour_of(event)
    state = event.kind == "state"
    axes.plot(
        dot.x, dot.y, marker="o" if state else "D", markersize=8 if state else 5.5,
        markerfacecolor=colour if state else "white", markeredgecolor=colour, zorder=3,
        linestyle="none",
    )  # fmt: skip
    words = title(event) if state else _short_words(event)
    # Neighbours' words stand on two heights, so that they do not lie on one another.
    axes.text(
        dot.x, dot.y + (0.2 if dot.x % 2 == 0 else 0.34), words,
        ha="center", va="center", fontsize=7, color=colour,
    )  # fmt: skip


def _short_words(event: Event) -> str:
    if event.kind == "refused":
        return "refused"
    return "taken" if event.words.startswith("taken for") else event.quantity


def colour_of(event: Event) -> str:
    """Return the colour of an event: what is simulated, or made from that, looks so."""
    return SIMULATED if event.simulated or event.rests_on_simulated else REAL


def _legend(figure: Any, found: Layout) -> None:
    def mark(marker: str, face: str, edge: str, label: str) -> Any:
        return Line2D([], [], linestyle="none", marker=marker, markerfacecolor=face,
                      markeredgecolor=edge, label=label)  # fmt: skip

    kinds = {dot.event.kind == "state" for dot in found.dots}
    handles = [mark("o", GREY, GREY, "state")] if True in kinds else []
    if False in kinds:
        handles.append(mark("D", "white", GREY, "unchanged: measured, predicted, taken from"))
    colours = {colour_of(dot.event) for dot in found.dots}
    if REAL in colours:
        handles.append(mark("s", REAL, REAL, "not simulated"))
    if SIMULATED in colours:
        handles.append(mark("s", SIMULATED, SIMULATED, "simulated, or from simulated data"))
    figure.legend(handles=handles, loc="lower left", ncols=4, frameon=False, fontsize=7.5)


def _short(name: str) -> str:
    if len(name) <= _LONGEST:
        return name
    half = _LONGEST // 2 - 1
    return f"{name[:half]}\N{HORIZONTAL ELLIPSIS}{name[-half:]}"

"""The graph of a mesh as a picture, drawn by matplotlib."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final

from labmesh.cli._graph_layout import layout
from labmesh.cli._graph_model import Graph

_COLOURS: Final = {
    "topic": "#1b6ca8", "call": "#7a3e9d", "request": "#b85c00", "order": "#2e7d32",
}  # fmt: skip
_WORDS: Final = {
    "topic": "publishes to", "call": "calls", "request": "asks (ledger)", "order": "is ordered",
}  # fmt: skip
_FILLS: Final = {"online": "#eef4fa", "unknown": "#f5e6e6"}
_WIDTH: Final = 4.2
_HEIGHT: Final = 1.15
"""Inches between two columns, and between two rows: room for a label on the arrow."""

_HALF: Final = 0.145
"""Of the distance between two columns: half a box."""

_LABELS: Final = 2
"""Labels that an arrow shows; of more it tells the number."""


def draw(graph: Graph, file: Path) -> None:
    """Write a picture; the file's ending says which kind (svg, png, pdf).

    Raises:
        ValueError: matplotlib does not know the ending.
        OSError: The file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    arrows = graph.between()
    places = layout(graph.states, [(source, target) for source, target, _ in arrows])
    columns = max((x for x, _ in places.values()), default=0) + 1
    rows = [y for _, y in places.values()] or [0]
    figure = Figure(
        figsize=(max(columns * _WIDTH, 5), max((max(rows) - min(rows) + 1) * _HEIGHT, 2) + 0.8)
    )
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    leave = Counter(source for source, _, _ in arrows)
    arrive = Counter(target for _, target, _ in arrows)
    for (source, target, kind), labels in arrows.items():
        # Where arrows part or meet their labels would lie on one another.
        at = 0.7 if leave[source] > arrive[target] else 0.3
        _arrow(axes, places[source], places[target], kind, labels, at)
    for name, (x, y) in places.items():
        fill = _FILLS.get(graph.states[name], "#eeeeee")
        box = {"boxstyle": "round,pad=0.5", "facecolor": fill, "edgecolor": "#555555"}
        axes.text(x, y, name, ha="center", va="center", fontsize=10, bbox=box, zorder=3)
    kinds = [kind for kind in _COLOURS if any(each == kind for _, _, each in arrows)]
    axes.legend(
        handles=[Line2D([], [], color=_COLOURS[each], label=_WORDS[each]) for each in kinds],
        loc="lower left", ncols=4, frameon=False, fontsize=9,
    )  # fmt: skip
    axes.set_xlim(-0.6, columns - 0.4)
    axes.set_ylim(min(rows) - 1.1, max(rows) + 0.7)
    figure.savefig(file, dpi=120)


def _arrow(
    axes: Any,
    start: tuple[float, float],
    end: tuple[float, float],
    kind: str,
    labels: list[str],
    at: float,
) -> None:
    """Draw an S from the right of one box to the left of the other, its label on the curve."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path as Curve

    # Arrows of several kinds between two nodes do not lie on one another.
    shift = (list(_COLOURS).index(kind) - 1.5) * 0.06
    back = end[0] <= start[0]
    first = (start[0] + _HALF, start[1] + shift)
    last = (end[0] + (_HALF if back else -_HALF), end[1] + shift)
    reach = 0.3 if back else (last[0] - first[0]) * 0.5
    points = (
        first,
        (first[0] + reach, first[1]),
        (last[0] + (reach if back else -reach), last[1]),
        last,
    )
    colour = _COLOURS[kind]
    curve = Curve(points, (Curve.MOVETO, Curve.CURVE4, Curve.CURVE4, Curve.CURVE4))
    axes.add_patch(
        FancyArrowPatch(
            path=curve, arrowstyle="-|>", mutation_scale=10, color=colour, linewidth=1.1,
            fill=False, alpha=0.85, zorder=1,
        )
    )  # fmt: skip
    weights = ((1 - at) ** 3, 3 * at * (1 - at) ** 2, 3 * at**2 * (1 - at), at**3)
    x, y = (sum(w * p[i] for w, p in zip(weights, points, strict=True)) for i in (0, 1))
    shown = [*labels[:_LABELS], *([f"and {len(labels) - _LABELS} more"] * (len(labels) > _LABELS))]
    axes.text(
        x, y, "\n".join(shown), color=colour, fontsize=7.5, ha="center", va="center", zorder=2,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.5},
    )  # fmt: skip

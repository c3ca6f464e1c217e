"""What all pictures of the optimiser have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Okabe and Ito's palette, which colour-blind readers can tell apart.
BLUE: Final = "#0072B2"
ORANGE: Final = "#E69F00"
VERMILION: Final = "#D55E00"
GREEN: Final = "#009E73"
GREY: Final = "#555555"
SERIES: Final = (BLUE, ORANGE, GREEN, VERMILION, "#CC79A7", "#56B4E9", "#000000")


def new_figure(width: float = 7.0, height: float = 5.2) -> Figure:
    """Return a figure without a window, width and height in inches."""
    figure = Figure(figsize=(width, height), layout="constrained", dpi=150)
    FigureCanvasAgg(figure)
    return figure


def plain(axes: Any) -> None:
    """Draw a light grid and no frame above and at the right."""
    axes.grid(visible=True, alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def save(figure: Figure, path: Path) -> Path:
    """Write the PNG at ``path``, whole or not at all."""
    partial = path.with_suffix(".part")
    figure.savefig(partial, format="png", metadata={"Software": "labmesh"})
    partial.replace(path)
    return path

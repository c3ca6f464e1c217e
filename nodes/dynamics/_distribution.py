"""Radial distribution functions and coordination numbers from histograms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nodes.dynamics._blocks import Mean, mean_of

Vector = NDArray[np.float64]

BLOCKS: Final = 5
"""Of a run, from whose spread the uncertainty of a radial distribution function comes."""

_FARTHEST_PEAK: Final = {"Li-P(PF6)": 0.5}
_SHELL: Final = 0.35
"""nm: a first peak is looked for up to here, that of Li-P up to 0.5."""
_BEHIND: Final = 0.2
"""nm: the first minimum is looked for up to here behind the peak."""


@dataclass(frozen=True)
class Shell:
    """The first coordination shell.

    Attributes:
        peak: Where the first peak is, nm.
        height: Of it.
        edge: Where the first minimum is, nm.
        number: Of neighbours within ``edge`` of a lithium ion.
    """

    peak: float
    height: float
    edge: float
    number: Mean


@dataclass(frozen=True)
class Distribution:
    """A radial distribution function.

    Attributes:
        title: Of the pair.
        radius: Middles of the bins, nm.
        g: Local over average density, at each radius.
        uncertainty: Of ``g``, standard, from `BLOCKS` blocks.
        running: Neighbours within the upper end of each bin.
        shell: The first shell; None where there is no peak.
    """

    title: str
    radius: Vector
    g: Vector
    uncertainty: Vector
    running: Vector
    shell: Shell | None


def distribution(
    title: str,
    histograms: NDArray[np.uint16],
    volumes: Vector,
    first: int,
    second: int,
    width: float,
) -> Distribution:
    """Return the radial distribution function of one kind of pair.

    Bins that reach beyond half the smallest box are left out: there the nearest image is not all
    there is.

    Args:
        title: Of the pair.
        histograms: Pairs by bin, shape (frames, bins), the bins beginning at zero.
        volumes: Of the frames' cubic boxes, nm3.
        first: Number of first atoms.
        second: Number of second atoms.
        width: Of a bin, nm.
    """
    bins = min(histograms.shape[1], int(0.5 * float(volumes.min()) ** (1 / 3) / width))
    counts = histograms[:, :bins].astype(float)
    edges = width * np.arange(bins + 1)
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    ideal = first * second * shells[None] / volumes[:, None]
    g = counts.sum(axis=0) / ideal.sum(axis=0)
    parts = [
        counts[part].sum(axis=0) / ideal[part].sum(axis=0)
        for part in np.array_split(np.arange(len(counts)), BLOCKS)
        if part.size
    ]
    spread = np.std(parts, axis=0, ddof=1) / np.sqrt(len(parts)) if len(parts) > 1 else g * 0.0
    radius = (edges[:-1] + edges[1:]) / 2
    running = counts.mean(axis=0).cumsum() / first
    farthest = _FARTHEST_PEAK.get(title, _SHELL)
    shell = _shell(radius, g, counts.cumsum(axis=1) / first, farthest)
    return Distribution(title, radius, g, spread, running, shell)


def _shell(radius: Vector, g: Vector, running: Vector, farthest: float) -> Shell | None:
    """Return the first shell, or None where nothing is higher than the average density."""
    near = radius < farthest
    if not near.any() or g[near].max() <= 1.0:
        return None
    top = int(np.argmax(np.where(near, g, 0.0)))
    behind = (radius > radius[top]) & (radius < radius[top] + _BEHIND)
    places = np.flatnonzero(behind)
    if not places.size:
        return None
    smooth = np.convolve(g, np.ones(3) / 3, mode="same")
    lowest = smooth[places].min()
    # An empty gap between two shells has no single lowest bin: its middle is the edge.
    flat = places[smooth[places] <= lowest + 0.01 * g[top]]
    run = flat[: int(np.argmax(np.diff(flat, append=flat[-1] + 2) > 1)) + 1]
    edge = int(run[len(run) // 2])
    return Shell(float(radius[top]), float(g[top]), float(radius[edge]), mean_of(running[:, edge]))

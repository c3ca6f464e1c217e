"""How a rating follows from a run: what it is at best, and how far from converged it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from messages.ledger import Rating
from messages.simulation import RunLength
from nodes.dynamics._analysis import Analysis, Transport
from nodes.dynamics._blocks import Mean

BEST: Final[dict[tuple[str, RunLength], int]] = {
    ("density", "quick"): 2,
    ("structure", "quick"): 2,
    ("conductivity", "quick"): 1,
    ("density", "production"): 3,
    ("structure", "production"): 3,
    ("conductivity", "production"): 3,
}
"""At best. A force field of fixed charges is never more than 3, whatever the length."""

_DENSITY: Final = ((3, 0.003), (2, 0.03), (1, 0.06))
_CONDUCTIVITY: Final = ((3, 0.15), (2, 0.30), (1, 1.0))
_NUMBER: Final = ((3, 0.1), (2, 0.5), (1, 1.0))
"""Rating, and the largest uncertainty that earns it: relative; of the structure, in
neighbours."""

UNSETTLED: Final = 0.025
"""Relative standard uncertainty that a quick run's density has on top of its scatter: four of them
were 3.6 % below a run ten times as long (docs/dynamics.md), without knowing it."""

_FEW: Final = 8
"""Independent samples that a mean should rest on."""
_DRIFT: Final = 2.0
_EXPONENT: Final = 0.1
"""How far from 1 a mean square displacement may grow and still be called diffusion."""


def trouble(name: str, mean: Mean) -> list[str]:
    """Return in words what speaks against the convergence of a mean."""
    words = []
    if mean.drift_sigma > _DRIFT:
        words.append(f"{name} drifts by {mean.drift:+.3g} ({mean.drift_sigma:.1f} sigma)")
    if mean.independent < _FEW:
        words.append(f"{name} rests on {mean.independent:.1f} independent samples")
    if not mean.plateau:
        words.append(f"the blocks of {name} are too short for their uncertainty")
    return words


def density_uncertainty(analysis: Analysis, length: RunLength) -> float:
    """Return the standard uncertainty of a density in kg/m3."""
    mean = analysis.density
    return math.hypot(mean.uncertainty, UNSETTLED * mean.value if length == "quick" else 0.0)


def rate_density(analysis: Analysis, length: RunLength) -> Rating:
    """Rate a density."""
    mean = analysis.density
    relative = density_uncertainty(analysis, length) / mean.value
    return _rating("density", length, relative, _DENSITY, trouble("density", mean))


def rate_structure(analysis: Analysis, length: RunLength) -> Rating:
    """Rate radial distribution functions by their least certain first shell."""
    shells = [d.shell for d in analysis.distributions if d.shell is not None]
    worst = max((s.number.uncertainty for s in shells), default=math.inf)
    words = [
        word
        for d in analysis.distributions
        if d.shell is not None
        for word in trouble(f"coordination {d.title}", d.shell.number)
    ]
    return _rating("structure", length, worst, _NUMBER, words)


def rate_conductivity(transport: Transport, length: RunLength) -> Rating:
    """Rate a conductivity."""
    relative = (
        transport.uncertainty / transport.conductivity if transport.conductivity > 0 else math.inf
    )
    return _rating("conductivity", length, relative, _CONDUCTIVITY, transport_trouble(transport))


def transport_trouble(transport: Transport) -> list[str]:
    """Return in words what speaks against the convergence of a conductivity."""
    words = []
    for name, slope in (("Li+", transport.lithium), ("PF6-", transport.anion)):
        if not abs(slope.exponent - 1) <= _EXPONENT:
            words.append(f"the displacement of {name} grows as t^{slope.exponent:.2f}, not as t")
    low, high = transport.bounds
    if low < high:
        words.append(
            f"lags of {transport.window:.3g} ps see no diffusion: between {low:.2g} and "
            f"{high:.2g} S/m"
        )
    return words


def _rating(
    kind: str,
    length: RunLength,
    uncertainty: float,
    limits: Sequence[tuple[int, float]],
    words: Sequence[str],
) -> Rating:
    points = next((points for points, limit in limits if uncertainty <= limit), 0)
    what = "in neighbours" if kind == "structure" else "relative"
    reasons = [f"{points}: standard uncertainty {uncertainty:.2g} {what}"]
    best = BEST[kind, length]
    if points > best:
        points = best
        reasons.append(f"{points}: at best, {length} run of a force field of fixed charges")
    if words:
        points = max(0, points - 1)
        reasons.append(f"{points}: " + ", ".join(words))
    else:
        reasons.append("no sign of a lack of convergence")
    text = "molecular dynamics; " + "; ".join(reasons)
    return Rating(success=True, rating=points, reason=text[:4000])

"""What the literature says about one composition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import QhullError

from nodes.optimiser._prior import LiteraturePoint


@dataclass(frozen=True, slots=True)
class LiteratureValue:
    """A published conductivity at, or nearest to, a composition.

    Attributes:
        conductivity: S/m.
        uncertainty: S/m, standard: 5 % of it, by which published works differ.
        dois: The works it comes from.
        inside: Whether the composition lies within the published ones, so that it was
            interpolated; else it is the value of the nearest published composition.
        molality: mol/kg, of the composition the value belongs to.
        w_ec: kg/kg, the same.
        points: How many published compositions it was interpolated from.
    """

    conductivity: float
    uncertainty: float
    dois: tuple[str, ...]
    inside: bool
    molality: float
    w_ec: float
    points: int

    def describe(self, w_ec: float, molality: float) -> str:
        """Return one line about it, seen from the composition that was asked for."""
        value = f"{self.conductivity:.3f} ± {self.uncertainty:.3f} S/m"
        works = ", ".join(f"doi:{doi}" for doi in self.dois)
        if self.inside:
            return f"{value}, interpolated between {self.points} published compositions ({works})"
        return (
            f"{value} at the nearest published composition, w_EC {self.w_ec:.3f} and "
            f"{self.molality:.3f} mol/kg, which is {abs(self.w_ec - w_ec):.3f} in w_EC and "
            f"{abs(self.molality - molality):.3f} mol/kg away ({works})"
        )


RELATIVE_UNCERTAINTY = 0.05
"""Published works on LiPF6 in EC:EMC differ by 2 to 7 % at the same composition."""


def literature_at(
    points: Sequence[LiteraturePoint], w_ec: float, molality: float
) -> LiteratureValue | None:
    """Return what was published for a composition, or None where nothing was published.

    Each work is interpolated by itself (linearly on the Delaunay triangles of its compositions),
    so that differences between laboratories do not pose as slopes. Several works that enclose the
    composition are averaged; if none does, the nearest composition answers for itself.
    """
    inside = []
    for doi in sorted({p.doi for p in points}):
        work = [p for p in points if p.doi == doi]
        value = _interpolate(work, w_ec, molality)
        if value is not None:
            inside.append((doi, value, len(work)))
    if inside:
        mean = math.fsum(value for _, value, _ in inside) / len(inside)
        return LiteratureValue(
            conductivity=mean,
            uncertainty=RELATIVE_UNCERTAINTY * mean,
            dois=tuple(doi for doi, _, _ in inside),
            inside=True,
            molality=molality,
            w_ec=w_ec,
            points=sum(count for _, _, count in inside),
        )
    if not points:
        return None
    # 0.3 in w_EC and 1 mol/kg are what campaigns span: that makes the two comparable.
    nearest = min(
        points, key=lambda p: (math.hypot((p.w_ec - w_ec) / 0.3, p.molality - molality), p.doi)
    )
    return LiteratureValue(
        conductivity=nearest.conductivity,
        uncertainty=RELATIVE_UNCERTAINTY * nearest.conductivity,
        dois=(nearest.doi,),
        inside=False,
        molality=nearest.molality,
        w_ec=nearest.w_ec,
        points=1,
    )


def _interpolate(work: Sequence[LiteraturePoint], w_ec: float, molality: float) -> float | None:
    places = np.array([[p.w_ec / 0.3, p.molality] for p in work])
    if len(work) < 3 or np.linalg.matrix_rank(places - places[0], tol=1e-6) < 2:
        return None
    try:
        surface = LinearNDInterpolator(places, [p.conductivity for p in work])
    except QhullError:
        return None
    value = float(surface([[w_ec / 0.3, molality]])[0])
    return value if math.isfinite(value) else None

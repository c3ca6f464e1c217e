"""Constraints over what follows from a point: shares of the mixture, and what stocks can make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from messages.errors import ConfigurationError
from nodes.optimiser._constraint import Constraint, LinearConstraint
from nodes.optimiser._mixture import Mixture
from nodes.optimiser._sections import ConstraintSection
from nodes.optimiser._space import Floats, Space

_KINDS = ("mole", "mass")


@dataclass(frozen=True, slots=True)
class DerivedConstraint:
    """``minimum <= sum(coefficients[name] * value) <= maximum``.

    A name is a dimension's, or ``mole.X`` or ``mass.X``: the share of chemical X in the mixture.
    """

    coefficients: Mapping[str, float]
    minimum: float
    maximum: float
    mixture: Mixture | None = None

    def allows(self, space: Space, points: Floats) -> NDArray[np.bool_]:
        """Tell for each point whether it satisfies the inequalities, within rounding."""
        total = np.zeros(len(points))
        for name, weight in self.coefficients.items():
            kind, dot, chemical = name.partition(".")
            if dot and self.mixture is not None:
                index = [short for short, _ in self.mixture.chemicals].index(chemical)
                total += weight * self.mixture.fractions(points, kind)[:, index]
            else:
                total += weight * points[:, space.names.index(name)]
        slack = 1e-9
        return np.asarray(
            (total >= self.minimum - slack * max(1.0, abs(self.minimum)))
            & (total <= self.maximum + slack * max(1.0, abs(self.maximum)))
        )


@dataclass(frozen=True, slots=True)
class HullConstraint:
    """What can be mixed of stocks: the convex hull of their points.

    Per kilogram of solvent, mass fractions of solvents and molality mix linearly, so that every
    mixture of stocks lies between them.

    Attributes:
        normals: Outward, shape (facets, size).
        offsets: ``normals @ point + offsets <= 0`` inside, shape (facets,).
    """

    normals: Floats
    offsets: Floats

    def allows(self, space: Space, points: Floats) -> NDArray[np.bool_]:
        """Tell for each point whether it lies in the hull, within rounding."""
        unit = space.normalise(points)
        return np.asarray((unit @ self.normals.T + self.offsets <= 1e-7).all(axis=1))


def build_constraint(section: ConstraintSection, mixture: Mixture | None) -> Constraint:
    """Return the constraint of a section."""
    plain = not any("." in name for name in section.coefficients)
    if plain and section.minimum is None and section.maximum is not None:
        return LinearConstraint(section.coefficients, section.maximum)
    low = -np.inf if section.minimum is None else section.minimum
    high = np.inf if section.maximum is None else section.maximum
    return DerivedConstraint(section.coefficients, float(low), float(high), mixture)


def build_stocks(
    stocks: Sequence[Mapping[str, float]], space: Space, mixture: Mixture | None
) -> Constraint:
    """Return what of the space can be mixed of ``stocks``.

    Raises:
        ConfigurationError: They do not enclose anything, or lack a dimension.
    """
    if mixture is None:
        raise ConfigurationError("stocks are for an encoding that makes formulations")
    try:
        corners = space.normalise([space.point(dict(stock)) for stock in stocks])
    except KeyError as error:
        raise ConfigurationError(f"a stock lacks the dimension {error.args[0]}") from None
    # SciPy's geometry takes a moment to load, and few campaign files need it.
    spatial = import_module("scipy.spatial")
    try:
        if space.size == 1:
            low, high = float(corners.min()), float(corners.max())
            return HullConstraint(np.array([[-1.0], [1.0]]), np.array([low, -high]))
        hull = spatial.ConvexHull(corners)
    except (spatial.QhullError, ValueError):
        raise ConfigurationError(
            f"{len(stocks)} stocks span no part of the space of {space.size} dimensions",
            where="stocks",
            remedy="name at least one stock more than there are dimensions, not all on one line",
        ) from None
    return HullConstraint(hull.equations[:, :-1], hull.equations[:, -1])


def check_names(
    sections: Sequence[ConstraintSection], space: Space, mixture: Mixture | None
) -> None:
    """Check that constraints speak of what there is.

    Raises:
        ConfigurationError: A name is no dimension, and no share of a chemical of the mixture.
    """
    known = {name for name, _ in mixture.chemicals} if mixture is not None else set()
    for section in sections:
        for name in section.coefficients:
            kind, dot, chemical = name.partition(".")
            if name not in space.names and not (dot and kind in _KINDS and chemical in known):
                raise ConfigurationError(
                    f"a constraint names {name!r}, which is no dimension"
                    + (f" and no share (mole.X, mass.X) of {', '.join(known)}" if known else "")
                )

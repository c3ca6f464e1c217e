"""Least squares for points that come in groups, each with an offset of its own.

Points of one laboratory, or of one mixture, share an error: counted as independent they would
promise more than they know. The model is y = X b + u(group) + e, with u of variance between and e
of variance within; their ratio is the one of greatest restricted likelihood (REML; Patterson and
Thompson 1971, DOI 10.1093/biomet/58.3.545).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nodes.aiida._equations import Floats

_RATIOS = (0.0, *np.geomspace(0.01, 100.0, 81).tolist())
"""Tried ratios of the variances; the likelihood is flat enough for steps of 12 %."""


@dataclass(frozen=True, slots=True)
class GroupedFit:
    """Coefficients with their covariance, and what the points scatter.

    Attributes:
        coefficients: Shape (terms,).
        covariance: Shape (terms, terms).
        within: Standard deviation within a group.
        between: Standard deviation of the groups' offsets.
    """

    coefficients: Floats
    covariance: Floats
    within: float
    between: float


def fit_grouped(design: Floats, target: Floats, groups: Sequence[str]) -> GroupedFit:
    """Return the fit of greatest restricted likelihood.

    Args:
        design: Shape (points, terms), of full rank.
        target: Shape (points,).
        groups: The group of each point.

    Raises:
        ValueError: There are not more points than terms, or the design has not full rank.
    """
    points, terms = design.shape
    if points <= terms or np.linalg.matrix_rank(design) < terms:
        raise ValueError(f"{points} points do not determine {terms} terms")
    names = np.asarray(groups)
    members = [np.flatnonzero(names == name) for name in sorted(set(groups))]
    fits = [_fit(design, target, members, ratio) for ratio in _RATIOS]
    return max(fits, key=lambda found: found[0])[1]


def _fit(
    design: Floats, target: Floats, members: Sequence[np.ndarray], ratio: float
) -> tuple[float, GroupedFit]:
    """Return the restricted log-likelihood (up to a constant) and the fit at one ratio."""
    points, terms = design.shape
    gram, moment, logdet = design.T @ design, design.T @ target, 0.0
    for group in members:
        shrink = ratio / (1 + group.size * ratio)
        total = design[group].sum(axis=0)
        gram -= shrink * np.outer(total, total)
        moment -= shrink * total * target[group].sum()
        logdet += math.log1p(group.size * ratio)
    # Terms differ by eight orders of magnitude: solved in units of their own.
    scale = np.sqrt(np.diag(gram))
    inverse = np.linalg.inv(gram / np.outer(scale, scale)) / np.outer(scale, scale)
    coefficients = inverse @ moment
    error = target - design @ coefficients
    square = float(error @ error)
    for group in members:
        shrink = ratio / (1 + group.size * ratio)
        square -= shrink * float(error[group].sum()) ** 2
    variance = square / (points - terms)
    determinant = np.linalg.slogdet(gram / np.outer(scale, scale))[1] + 2 * np.log(scale).sum()
    likelihood = -0.5 * ((points - terms) * math.log(variance) + logdet + float(determinant))
    fit = GroupedFit(
        coefficients=coefficients,
        covariance=variance * inverse,
        within=math.sqrt(variance),
        between=math.sqrt(variance * ratio),
    )
    return likelihood, fit

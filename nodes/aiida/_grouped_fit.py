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
    masks = [names == name for name in sorted(set(groups))]
    sums = _Sums(
        gram=design.T @ design,
        moment=design.T @ target,
        square=float(target @ target),
        size=np.array([float(mask.sum()) for mask in masks]),
        design=np.array([design[mask].sum(axis=0) for mask in masks]),
        target=np.array([target[mask].sum() for mask in masks]),
    )
    fits = [_fit(sums, points, ratio) for ratio in _RATIOS]
    return max(fits, key=lambda found: found[0])[1]


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums over all points, and over the points of each group (its size, design and target)."""

    gram: Floats
    moment: Floats
    square: float
    size: Floats
    design: Floats
    target: Floats


def _fit(sums: _Sums, points: int, ratio: float) -> tuple[float, GroupedFit]:
    """Return the restricted log-likelihood (up to a constant) and the fit at one ratio."""
    shrink = ratio / (1 + sums.size * ratio)
    gram = sums.gram - (sums.design.T * shrink) @ sums.design
    moment = sums.moment - sums.design.T @ (shrink * sums.target)
    square = sums.square - float(shrink @ sums.target**2)
    # Terms differ by eight orders of magnitude: solved in units of their own.
    scale = np.sqrt(np.diag(gram))
    inverse = np.linalg.inv(gram / np.outer(scale, scale)) / np.outer(scale, scale)
    coefficients = inverse @ moment
    freedom = points - len(moment)
    variance = (square - float(coefficients @ moment)) / freedom
    determinant = np.linalg.slogdet(gram / np.outer(scale, scale))[1] + 2 * np.log(scale).sum()
    likelihood = -0.5 * (
        freedom * math.log(variance) + float(np.log1p(sums.size * ratio).sum() + determinant)
    )
    fit = GroupedFit(
        coefficients=coefficients,
        covariance=variance * inverse,
        within=math.sqrt(variance),
        between=math.sqrt(variance * ratio),
    )
    return likelihood, fit

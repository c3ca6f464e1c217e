"""Training: a statistical model from features and cycle lives, with its scores."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from messages.model import JsonObject
from messages.model_card import ModelCard
from nodes.degradation._cards import name_of, trained_here
from nodes.degradation._regression import PRIOR, Regression
from nodes.degradation._statistical import Domain, StatisticalModel

Vector = NDArray[np.float64]

KIND: Final = (
    "conjugate Bayesian linear regression of log10(cycle life); Student-t predictive distribution"
)
LEVEL: Final = 0.9
"""Probability of the interval whose coverage is told."""


def train(
    stem: str,
    names: Sequence[str],
    features: Vector,
    lives: Vector,
    *,
    data_sha256: str = "",
    relative: bool = False,
    tests: Mapping[str, tuple[Vector, Vector]] | None = None,
    prior: Mapping[str, float] = PRIOR,
    **told: Any,
) -> StatisticalModel:
    """Return the model of ``features`` (cells x features) and ``lives`` (cycles).

    Args:
        stem: Of its name.
        names: Of the features.
        features: Of the cells to learn from.
        lives: Theirs.
        data_sha256: Of the data; of these numbers by default.
        relative: Whether charges are shares of the reference capacity, and not A.h.
        tests: Features and lives of other cells by name, for scores.
        prior: What it begins with.
        told: More fields of its `ModelCard`.
    """
    digest = data_sha256 or _digest(features, lives)
    initial = dict(prior) | ({"relative": 1.0} if relative else {})
    recipe: JsonObject = {
        "stem": stem,
        "features": list(names),
        "data": digest,
        "prior": initial,
        "chemistry": told.get("chemistry", ""),
    }
    regression = Regression.fit(features, np.log10(lives), prior)
    scores = {"training": scored(regression, features, lives)}
    if len(lives) > len(names) + 2:
        scores["cross-validation, one cell left out"] = _left_out(features, lives, prior)
    for name, (other, theirs) in (tests or {}).items():
        scores[name] = scored(regression, other, theirs)
    card = ModelCard(
        name=name_of(stem, recipe),
        kind=KIND,
        features=tuple(names),
        cells=len(lives),
        data_sha256=digest,
        initial_parameters=initial,
        scores=scores,
        **trained_here(),
        **told,
    )
    domain = Domain(
        low=features.min(axis=0),
        high=features.max(axis=0),
        leverage=float(regression.leverage(features).max()),
    )
    return StatisticalModel(card, regression, domain)


def scored(regression: Regression, features: Vector, lives: Vector) -> dict[str, float]:
    """Return errors and coverage on cells."""
    location, scale, freedom = regression.predict(features)
    return _scores(lives, location, scale, freedom)


def _left_out(features: Vector, lives: Vector, prior: Mapping[str, float]) -> dict[str, float]:
    found = []
    for place in range(len(lives)):
        others = np.arange(len(lives)) != place
        regression = Regression.fit(features[others], np.log10(lives[others]), prior)
        location, scale, freedom = regression.predict(features[place : place + 1])
        found.append((location[0], scale[0], freedom))
    location, scale, _ = (np.array(column) for column in zip(*found, strict=True))
    return _scores(lives, location, scale, found[0][2])


def _scores(lives: Vector, location: Vector, scale: Vector, freedom: float) -> dict[str, float]:
    predicted = 10.0 ** np.clip(location, -300, 300)
    half = float(stats.t.ppf(0.5 + LEVEL / 2, freedom)) * scale
    return {
        "cells": float(len(lives)),
        "rmse": float(np.sqrt(np.mean((predicted - lives) ** 2))),
        "relative_error": float(np.mean(np.abs(predicted - lives) / lives)),
        "coverage": float(np.mean(np.abs(np.log10(lives) - location) <= half)),
    }


def _digest(features: Vector, lives: Vector) -> str:
    found = hashlib.sha256(np.ascontiguousarray(features, dtype="<f8").tobytes())
    found.update(np.ascontiguousarray(lives, dtype="<f8").tobytes())
    return found.hexdigest()

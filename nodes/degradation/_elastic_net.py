"""The published models of Severson et al. 2019, fitted again: elastic net on log10(cycle life).

As published: features standardised by the training set, the two hyperparameters by four-fold
cross-validation on the training set, repeated. Of the full model four of nine features cannot be
had: the public copy of the data holds discharges only (no charge time, temperature or internal
resistance).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nodes.degradation._published import SPLITS, PublishedCells, Split

Vector = NDArray[np.float64]

MODELS: Final[Mapping[str, tuple[str, ...]]] = {
    "variance": ("log10 var dQ(V)",),
    "discharge": (
        "log10 |min dQ(V)|",
        "log10 var dQ(V)",
        "log10 |skewness dQ(V)|",
        "log10 |kurtosis dQ(V)|",
        "Qd, cycle 2",
        "max Qd - Qd, cycle 2",
    ),
    "full": (
        "log10 |min dQ(V)|",
        "log10 var dQ(V)",
        "slope of Qd, cycles 2 to 100",
        "intercept of Qd, cycles 2 to 100",
        "Qd, cycle 2",
    ),
}
"""Features by model, as far as the public data reach."""

MISSING: Final[Mapping[str, tuple[str, ...]]] = {
    "full": (
        "mean charge time, cycles 2 to 6",
        "integral of temperature over time, cycles 2 to 100",
        "least internal resistance, cycles 2 to 100",
        "internal resistance, cycle 100 less cycle 2",
    ),
}
"""Published features that the public data lack."""

PUBLISHED: Final[Mapping[str, Mapping[Split, tuple[float, float]]]] = {
    "variance": dict(
        zip(SPLITS, ((103, 0.141), (138, 0.147), (138, 0.132), (196, 0.114)), strict=True)
    ),
    "discharge": dict(
        zip(SPLITS, ((76, 0.098), (91, 0.130), (86, 0.101), (173, 0.086)), strict=True)
    ),
    "full": dict(zip(SPLITS, ((51, 0.056), (118, 0.141), (100, 0.075), (214, 0.107)), strict=True)),
}
"""Root mean square error in cycles and mean relative error, table 1 of the paper."""

SEED: Final = 0
_RATIOS: Final = (0.01, 0.1, 0.5, 0.9, 1.0)
_ALPHAS: Final = 50
_FOLDS: Final = 4
_REPEATS: Final = 5


@dataclass(frozen=True)
class Fit:
    """A fitted model.

    Attributes:
        alpha: Weight of the penalty, by cross-validation.
        ratio: Share of the L1 norm in it, by cross-validation.
        weights: Of the standardised features.
        lives: Predicted cycle life of every cell.
    """

    alpha: float
    ratio: float
    weights: Vector
    lives: Vector


def fit(cells: PublishedCells, model: str, *, ratios: tuple[float, ...] = _RATIOS) -> Fit:
    """Fit one of `MODELS` to the training set; takes some seconds of CPU time.

    Args:
        cells: The table.
        model: Its name.
        ratios: Shares of the L1 norm to choose among.
    """
    from sklearn.linear_model import ElasticNetCV  # noqa: PLC0415 - seconds of import
    from sklearn.model_selection import RepeatedKFold  # noqa: PLC0415

    train = cells.rows("train")
    features = cells.features(MODELS[model])
    scaled = (features - features[train].mean(axis=0)) / features[train].std(axis=0)
    folds = RepeatedKFold(n_splits=_FOLDS, n_repeats=_REPEATS, random_state=SEED)
    found = ElasticNetCV(l1_ratio=list(ratios), alphas=_ALPHAS, cv=folds, max_iter=50_000)
    found.fit(scaled[train], np.log10(cells.lives[train]))
    return Fit(
        alpha=float(found.alpha_),
        ratio=float(found.l1_ratio_),
        weights=np.asarray(found.coef_),
        lives=10.0 ** np.asarray(found.predict(scaled)),
    )


def errors(lives: Vector, predicted: Vector) -> tuple[float, float]:
    """Return root mean square error in cycles and mean relative error."""
    apart = predicted - lives
    return float(np.sqrt(np.mean(apart**2))), float(np.mean(np.abs(apart) / lives))

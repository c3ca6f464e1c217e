"""The models of the published cells: with 100 cycles known, with 40, and by variance alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from nodes.degradation._chemistry import LFP_GRAPHITE
from nodes.degradation._features import GAIN, LEAST, SECOND, VARIANCE
from nodes.degradation._published import SOURCE, SPLITS, published_cells
from nodes.degradation._regression import PRIOR
from nodes.degradation._statistical import StatisticalModel
from nodes.degradation._train import train

NOMINAL: Final = 1.1
"""Nominal capacity of the published cells, A.h."""

CHARGE_RATES: Final = (2.0, 8.0)
"""Mean rates of charging, 1/h, like those of the published cells (3.6 to 6 in the paper)."""

_MODELS: Final = {
    "severson2019-100": (
        100, (VARIANCE, LEAST, SECOND, GAIN),
        ("log10 var dQ(V)", "log10 |min dQ(V)|", "Qd, cycle 2", "max Qd - Qd, cycle 2"),
    ),
    "severson2019-40": (
        40, (VARIANCE, LEAST, SECOND, GAIN),
        ("log10 var dQ40(V)", "log10 |min dQ40(V)|", "Qd, cycle 2", "max Qd to 40 - Qd, cycle 2"),
    ),
    "severson2019-variance": (100, (VARIANCE,), ("log10 var dQ(V)",)),
}  # fmt: skip

STEMS: Final = tuple(_MODELS)
"""Names of the models without their hashes."""

END_OF_LIFE: Final = (
    "cycle at which discharge capacity falls below 80 % of the nominal 1.1 A.h, counted from the "
    "first cycle"
)


@cache
def published_models() -> tuple[StatisticalModel, ...]:
    """Train them, in milliseconds; the best first."""
    return tuple(published_model(stem) for stem in STEMS)


def published_model(stem: str, prior: Mapping[str, float] = PRIOR) -> StatisticalModel:
    """Train one of `STEMS`, from a prior."""
    cells = published_cells()
    rows = cells.rows("train")
    cycles, names, columns = _MODELS[stem]
    features = cells.features(columns)
    tests = {
        str(split): (features[cells.rows(split)], cells.lives[cells.rows(split)])
        for split in SPLITS[1:]
    }
    return train(
        stem,
        names,
        features[rows],
        cells.lives[rows],
        data_sha256=cells.sha256,
        tests=tests,
        prior=prior,
        chemistry=LFP_GRAPHITE,
        cycles=cycles,
        end_of_life=END_OF_LIFE,
        source=SOURCE,
    )

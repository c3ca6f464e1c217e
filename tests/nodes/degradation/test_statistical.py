"""The regression, its domain and its card."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from messages.errors import ConfigurationError
from nodes.degradation._regression import Regression
from nodes.degradation._statistical import StatisticalModel
from nodes.degradation._train import train


def made(seed: int = 0, cells: int = 40) -> tuple[Any, Any]:
    generator = np.random.default_rng(seed)
    features = generator.normal([3.0, -10.0], [1.0, 20.0], (cells, 2))
    target = 2.5 + 0.1 * features[:, 0] - 0.004 * features[:, 1]
    return features, 10 ** (target + generator.normal(0, 0.05, cells))


def test_the_predictive_interval_covers_what_it_says() -> None:
    features, lives = made()
    regression = Regression.fit(features, np.log10(lives))
    new, theirs = made(1, 4000)
    location, scale, freedom = regression.predict(new)
    covered = np.abs(np.log10(theirs) - location) <= stats.t.ppf(0.95, freedom) * scale
    assert 0.88 < covered.mean() < 0.99  # the prior on the weights makes it rather too wide
    assert freedom == 42


def test_more_data_narrow_it_and_distance_widens_it() -> None:
    features, lives = made()
    few = Regression.fit(features[:10], np.log10(lives[:10]))
    many = Regression.fit(features, np.log10(lives))
    row, far = np.array([[3.0, -10.0]]), np.array([[30.0, -10.0]])
    assert many.predict(row)[1][0] < few.predict(row)[1][0]
    assert many.predict(far)[1][0] > 3 * many.predict(row)[1][0]
    assert many.leverage(far)[0] > 10 * many.leverage(row)[0]


def test_a_feature_that_never_varied_harms_nothing() -> None:
    features, lives = made()
    constant = np.column_stack([features, np.full(len(features), 7.7)])
    with_it = Regression.fit(constant, np.log10(lives))
    without = Regression.fit(features, np.log10(lives))
    assert with_it.predict(constant)[0] == pytest.approx(without.predict(features)[0], abs=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(4, 30))
@settings(max_examples=20, deadline=None)
def test_a_card_predicts_as_the_model_it_was_written_by(seed: int, cells: int) -> None:
    features, lives = made(seed, cells)
    model = train("test", ("a", "b"), features, lives, chemistry="x|y", cycles=40)
    again = StatisticalModel.read(model.document())
    row = dict(zip(("a", "b"), features[0], strict=True))
    assert again.card == model.card
    assert again.predict(row) == model.predict(row)
    assert again.outside(row) == () == model.outside(row)
    assert again.document() == model.document()


def test_the_name_follows_from_the_data_alone() -> None:
    features, lives = made()
    one = train("test", ("a", "b"), features, lives).card
    assert train("test", ("a", "b"), features, lives).card.name == one.name
    assert train("test", ("a", "b"), features, lives + 1).card.name != one.name
    assert train("test", ("a", "c"), features, lives).card.name != one.name


def test_outside_says_why() -> None:
    features, lives = made()
    model = train("test", ("a", "b"), features, lives)
    (why,) = model.outside({"a": 30.0, "b": -10.0})
    assert why.startswith("a is 30, and ")
    features[:, 1] = 20 * (features[:, 0] - 3) + features[:, 1] / 20
    model = train("test", ("a", "b"), features, lives)
    corner = {"a": float(features[:, 0].max()), "b": float(features[:, 1].min())}
    (why,) = model.outside(corner)  # within both ranges, and yet far from every cell
    assert why.startswith("leverage is ")


def _spoilt(change: Any) -> str:
    features, lives = made()
    plain = json.loads(train("test", ("a", "b"), features, lives).document())
    change(plain)
    return json.dumps(plain)


@pytest.mark.parametrize(
    "text",
    [
        "", "no card", "[]", "{}",
        _spoilt(lambda plain: plain.pop("domain")),
        _spoilt(lambda plain: plain["regression"].update(weights=[1.0])),
        _spoilt(lambda plain: plain["card"].update(features=["a"])),
        _spoilt(lambda plain: plain["card"].update(cells="many")),
    ],
)  # fmt: skip
def test_what_is_no_card_is_refused_in_words(text: str) -> None:
    with pytest.raises(ConfigurationError, match="it is no whole model card"):
        StatisticalModel.read(text)

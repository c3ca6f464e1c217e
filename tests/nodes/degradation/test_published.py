"""The published figures, and the shipped data they come from."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import numpy as np
import pytest

from messages.errors import ConfigurationError
from nodes.degradation._elastic_net import MODELS, PUBLISHED, errors, fit
from nodes.degradation._published import FOLDER, SPLITS, published_capacities, published_cells
from nodes.degradation._published_models import published_models
from nodes.degradation._retrain import compared, retrain_published
from nodes.degradation._statistical import StatisticalModel
from nodes.degradation._trajectory_card import FILES, trajectory_card
from tests.nodes.degradation.cells import virtual


def test_the_shipped_data_are_those_of_their_provenance() -> None:
    words = (FOLDER / "PROVENANCE.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| (\S+) \| ([0-9a-f]{64}) \|$", words, re.MULTILINE))
    files = {path.name: path for path in FOLDER.iterdir() if path.suffix != ".md"}
    assert told.keys() == files.keys() == set(FILES)
    for name, path in files.items():
        assert told[name] == hashlib.sha256(path.read_bytes()).hexdigest()
    cells = published_cells()
    assert [int(cells.rows(split).sum()) for split in SPLITS] == [41, 43, 42, 40]
    assert published_capacities().shape == (124, 99)
    assert virtual()["capacity"].shape == (62, 120)


def test_the_variance_model_is_reproduced() -> None:
    """Fast part of ``benchmarks/eol_reproduction.py``, at its tolerance."""
    cells = published_cells()
    found = fit(cells, "variance", ratios=(1.0,))  # of a single feature it does not matter
    for split in SPLITS:
        rows = cells.rows(split)
        rmse, relative = errors(cells.lives[rows], found.lives[rows])
        wanted, wanted_relative = PUBLISHED["variance"][split]
        assert rmse == pytest.approx(wanted, rel=0.01)
        assert relative == pytest.approx(wanted_relative, abs=0.002)


def test_every_feature_of_the_models_is_in_the_table() -> None:
    for names in MODELS.values():
        assert np.isfinite(published_cells().features(names)).all()


@pytest.mark.parametrize(
    ("stem", "rmse", "relative", "coverage"),
    [
        ("severson2019-100", (79.5, 109.2, 187.8), (0.102, 0.093, 0.103), (0.98, 0.98, 0.95)),
        ("severson2019-40", (164.9, 218.4, 211.2), None, (0.95, 0.90, 1.00)),
    ],
)
def test_the_calibrated_models_meet_the_reference(
    stem: str,
    rmse: tuple[float, ...],
    relative: tuple[float, ...] | None,
    coverage: tuple[float, ...],
) -> None:
    (model,) = (m for m in published_models() if m.card.name.startswith(f"{stem}@"))
    order = ("training", SPLITS[2], SPLITS[3])
    scores = [model.card.scores[name] for name in order]
    assert [score["rmse"] for score in scores] == pytest.approx(rmse, abs=0.06)
    assert [score["coverage"] for score in scores] == pytest.approx(coverage, abs=0.006)
    if relative is not None:
        assert [score["relative_error"] for score in scores] == pytest.approx(relative, abs=6e-4)


def test_cells_outside_the_domain_are_those_that_are_mispredicted() -> None:
    (model,) = (m for m in published_models() if m.card.name.startswith("severson2019-100@"))
    cells = published_cells()
    names = ("log10 var dQ(V)", "log10 |min dQ(V)|", "Qd, cycle 2", "max Qd - Qd, cycle 2")
    features = cells.features(names)
    named = [dict(zip(model.card.features, each, strict=True)) for each in features]
    inside = np.array([not model.outside(each) for each in named])
    assert inside[cells.rows("train")].all()
    test = ~cells.rows("train")
    lives = 10 ** model.regression.predict(features)[0]
    within, beyond = (errors(cells.lives[r], lives[r]) for r in (test & inside, test & ~inside))
    assert (test & inside).sum() == 74
    assert beyond[0] > 2 * within[0]
    assert beyond[1] > 2 * within[1]


def test_cards_say_what_they_are_made_of() -> None:
    cards = [*(model.card for model in published_models()), trajectory_card()]
    assert len({card.name for card in cards}) == len(cards)
    for card in cards:
        assert re.fullmatch(r"[a-z0-9-]+@[0-9a-f]{12}", card.name)
        assert card.data_sha256
        assert card.initial_parameters
        assert card.hardware
        assert {"python", "numpy", "labmesh"} <= card.software.keys()
        assert "MIT" in card.source
    assert trajectory_card().seeds == (0,)
    assert trajectory_card().simulated


@pytest.mark.parametrize("model", published_models(), ids=lambda model: model.card.name)
def test_a_model_is_trained_again_from_its_card(model: StatisticalModel) -> None:
    card = StatisticalModel.read(model.document())
    assert compared(card, retrain_published(card.card)).same


def test_another_prior_in_the_card_is_another_model() -> None:
    model = published_models()[2]
    prior = {**model.card.initial_parameters, "tau": 0.01}
    card = model.card.model_copy(update={"initial_parameters": prior})
    found = compared(model, retrain_published(card))
    assert not found.same
    assert found.difference > 1e-3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data_sha256": "0" * 64}, "trained on data with the hash 000000000000"),
        ({"name": "simulated-nmc811@0"}, "was not trained on published data"),
        ({"initial_parameters": {}}, "does not say what its fit began with"),
    ],
)
def test_a_card_of_other_data_is_not_trained_again_in_silence(
    change: dict[str, Any], words: str
) -> None:
    card = published_models()[2].card.model_copy(update=change)
    with pytest.raises(ConfigurationError, match=words):
        retrain_published(card)

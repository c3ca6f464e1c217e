"""Training a model again from its card, and comparing the two: does the card say enough?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from messages.errors import ConfigurationError
from messages.model_card import ModelCard
from nodes.degradation._published import published_cells
from nodes.degradation._published_models import STEMS, published_model
from nodes.degradation._statistical import StatisticalModel

TOLERANCE: Final = 1e-9
"""Relative difference of predictions that is put down to another machine's arithmetic: double
precision has 16 digits, of which the normal equations' condition costs some."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A card's model beside the one that was trained again from it.

    Attributes:
        card: The name of the card's model.
        again: Name of the one trained now.
        difference: Greatest relative difference of locations and scales of their predictions.
    """

    card: str
    again: str
    difference: float

    @property
    def same(self) -> bool:
        """Whether the card says enough: same name (data, features, prior), same predictions."""
        return self.card == self.again and self.difference <= TOLERANCE


def prior_of(card: ModelCard) -> dict[str, float]:
    """Return what a card's regression began with.

    Raises:
        ConfigurationError: The card does not say it.
    """
    try:
        return {name: card.initial_parameters[name] for name in ("tau", "a0", "b0")}
    except KeyError as error:
        raise ConfigurationError(
            f"the card of {card.name} does not say what its fit began with: no {error}",
            remedy="name a card that `labmesh degradation card NAME -o FILE` wrote",
        ) from error


def retrain_published(card: ModelCard) -> StatisticalModel:
    """Train the model of a card again from the published data that this package ships.

    Raises:
        ConfigurationError: It was trained on other data, or by another algorithm.
    """
    stem = card.name.partition("@")[0]
    if stem not in STEMS:
        raise ConfigurationError(
            f"{card.name} was not trained on published data but on results of a ledger",
            remedy="train it again where that ledger is: labmesh degradation retrain",
        )
    shipped = published_cells().sha256
    if card.data_sha256 != shipped:
        raise ConfigurationError(
            f"{card.name} was trained on data with the hash {card.data_sha256[:12]}, and those "
            f"shipped here have {shipped[:12]}",
            remedy=f"install the version of its card, labmesh {card.software.get('labmesh', '?')}",
        )
    return published_model(stem, prior_of(card))


def compared(card: StatisticalModel, again: StatisticalModel) -> Comparison:
    """Return how far predictions differ: at two corners and the middle of the domain."""
    low, high = card.domain.low, card.domain.high
    worst = 0.0
    for point in (low, high, (low + high) / 2):
        row = dict(zip(card.card.features, map(float, point), strict=True))
        ours, theirs = np.array(again.predict(row)), np.array(card.predict(row))
        worst = max(worst, float(np.max(np.abs(ours - theirs) / np.abs(theirs))))
    return Comparison(card.card.name, again.card.name, worst)

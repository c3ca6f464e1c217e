"""Making model cards: names, hashes, where and with what a model was trained."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final

from labmesh.reproducibility import Recipe, code_of, hardware, hardware_words
from messages.model import JsonObject
from messages.model_card import ModelCard

ALGORITHM: Final = 1
"""Raised when the same data would give another model: part of every card's hash."""

PACKAGES: Final = ("numpy", "polars", "scipy")
"""Packages whose numbers decide."""

_DIGITS: Final = 12


def name_of(stem: str, recipe: JsonObject) -> str:
    """Return ``stem@hash``, the hash being of what decides how the model predicts.

    Of the recipe (data, features, prior), not of the trained numbers, whose last digits differ
    from one machine to the next.
    """
    words = json.dumps({**recipe, "algorithm": ALGORITHM}, sort_keys=True)
    return f"{stem}@{hashlib.sha256(words.encode()).hexdigest()[:_DIGITS]}"


def trained_here() -> dict[str, Any]:
    """Return what every card says of the training."""
    code = code_of(__name__, *PACKAGES)
    software = {**code.packages, code.package: code.version}
    if code.commit:
        software["commit"] = code.commit
    return {"hardware": hardware_words(hardware()), "software": software}


def recipe_of_all(cards: Sequence[ModelCard]) -> Recipe:
    """Return what it takes to train several models again."""
    if len(cards) == 1:
        return recipe_of(cards[0])
    data = "\n".join(card.data_sha256 for card in cards)
    return Recipe(
        model=", ".join(card.name for card in cards)[:4000],
        initial_parameters={card.name: dict(card.initial_parameters) for card in cards},
        seeds=tuple(sorted({seed for card in cards for seed in card.seeds})),
        training_sha256=hashlib.sha256(data.encode()).hexdigest() if cards else None,
        training_data="as the cards say; the hash is of theirs, one a line",
    )


def recipe_of(card: ModelCard) -> Recipe:
    """Return what it takes to train a card's model again."""
    data = card.source or "results of the ledger"
    return Recipe(
        model=card.name,
        initial_parameters=dict(card.initial_parameters),
        seeds=card.seeds,
        training_sha256=card.data_sha256,
        training_data=f"{data}; the model's card names every result" if card.results else data,
    )

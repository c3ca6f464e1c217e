"""Model cards: what a trained model is, and everything needed to predict with it again.

The whole card is a JSON artifact of the result that tells of it; what is told here names it.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, StringConstraints

from messages.cycling_data import DataFile, Digest
from messages.model import Count, Flag, Model, Real, Text, Unit, Uuid

TRAINING: Final = ("degradation_model", "training")
"""The capability whose results tell of models that predict the end of life."""

Score = dict[
    Annotated[str, StringConstraints(strict=True, max_length=80)],
    Annotated[Real, Unit("1")],
]
"""Figures by name: ``cells``, ``rmse`` in cycles, ``relative_error`` (mean) and ``coverage``."""


class TrainingInput(Model):
    """Ask for a model to be trained anew from what the ledger holds now."""

    chemistry: Text = Field(
        default="", description="cathode|anode, as cards spell it; empty for all that there are"
    )


class ModelCard(Model):
    """A trained model: what it was made of, how good it is, and where it holds."""

    name: Text = Field(description="name and hash, as predictions cite it")
    kind: Text = Field(description="which model, in words")
    chemistry: Text = Field(default="", description="cathode|anode it holds for; empty for any")
    cycles: Annotated[Count, Unit("1")] = Field(
        default=0, description="that must be known; 0 where their number is not fixed"
    )
    features: tuple[Text, ...] = Field(default=(), description="in the order of the parameters")
    end_of_life: Text = Field(default="", description="what it predicts, in words")
    cells: Annotated[Count, Unit("1")] = Field(default=0, description="it was trained on")
    data_sha256: Digest = Field(description="of features and cycle lives it was trained on")
    source: Text = Field(
        default="", description="of the data: publication and licence, or the ledger"
    )
    results: tuple[Uuid, ...] = Field(
        default=(), description="of the ledger that it was trained on, by offset"
    )
    left_out: dict[str, Text] = Field(
        default_factory=dict, description="results that could not be used, and why"
    )
    initial_parameters: dict[str, Annotated[Real, Unit("1")]] = Field(
        default_factory=dict, description="the prior, or what the fit began with"
    )
    seeds: tuple[Annotated[Count, Unit("1")], ...] = Field(
        default=(), description="of random numbers; empty for none"
    )
    scores: dict[str, Score] = Field(default_factory=dict, description="by data set")
    simulated: Flag = Field(default=False, description="whether any of its cells was simulated")
    hardware: Text = Field(default="", description="the machine it was trained on")
    software: dict[str, Text] = Field(
        default_factory=dict, description="versions of packages, by name; commit where known"
    )
    file: DataFile | None = Field(
        default=None, description="the whole card with the trained parameters, an artifact"
    )


class TrainingOutput(Model):
    """The models that were trained, or stand as they are."""

    cards: tuple[ModelCard, ...]
    words: Text = Field(default="", description="what was not trained, and why")

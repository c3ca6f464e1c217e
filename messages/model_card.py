"""Model cards: what a trained model is, and everything needed to predict with it again.

The whole card is a JSON artifact of the result that tells of it; what is told here names it.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, StringConstraints

from messages.cycling_data import DataFile, Digest
from messages.meaning import Term
from messages.model import Count, Flag, Model, Real, Text, Unit, Uuid

TRAINING: Final = ("degradation_model", "training")
"""The capability whose results tell of models that predict the end of life."""

Score = Annotated[
    dict[
        Annotated[str, StringConstraints(strict=True, max_length=80)],
        Annotated[Real, Unit("1")],
    ],
    Term("TrainingScore"),
]
"""Figures by name: ``cells``, ``rmse`` in cycles, ``relative_error`` (mean) and ``coverage``."""


class TrainingInput(Model, term="ModelTraining"):
    """Ask for a model to be trained anew from what the ledger holds now."""

    chemistry: Annotated[Text, Term("schema:about")] = Field(
        default="", description="cathode|anode, as cards spell it; empty for all that there are"
    )


class ModelCard(Model, term="TrainedModel", relation="hasOutput"):
    """A trained model: what it was made of, how good it is, and where it holds."""

    name: Annotated[Text, Term("schema:name")] = Field(
        description="name and hash, as predictions cite it"
    )
    kind: Annotated[Text, Term("schema:description")] = Field(description="which model, in words")
    chemistry: Annotated[Text, Term("schema:about")] = Field(
        default="", description="cathode|anode it holds for; empty for any"
    )
    cycles: Annotated[Count, Unit("1"), Term("TotalNumberOfCycles")] = Field(
        default=0, description="that must be known; 0 where their number is not fixed"
    )
    features: Annotated[tuple[Text, ...], Term("schema:variableMeasured")] = Field(
        default=(), description="in the order of the parameters"
    )
    end_of_life: Annotated[Text, Term("dcterms:description")] = Field(
        default="", description="what it predicts, in words"
    )
    cells: Annotated[Count, Unit("1"), Term("NumberOfCells")] = Field(
        default=0, description="it was trained on"
    )
    data_sha256: Digest = Field(description="of features and cycle lives it was trained on")
    source: Annotated[Text, Term("dcterms:source")] = Field(
        default="", description="of the data: publication and licence, or the ledger"
    )
    results: Annotated[tuple[Uuid, ...], Term("prov:wasDerivedFrom")] = Field(
        default=(), description="of the ledger that it was trained on, by offset"
    )
    left_out: Annotated[dict[str, Text], Term("schema:comment")] = Field(
        default_factory=dict, description="results that could not be used, and why"
    )
    initial_parameters: Annotated[dict[str, Annotated[Real, Unit("1")]], Term("ModelParameter")] = (
        Field(default_factory=dict, description="the prior, or what the fit began with")
    )
    seeds: Annotated[tuple[Annotated[Count, Unit("1")], ...], Term("RandomSeed")] = Field(
        default=(), description="of random numbers; empty for none"
    )
    scores: Annotated[dict[str, Score], Term("TrainingScore")] = Field(
        default_factory=dict, description="by data set"
    )
    simulated: Annotated[Flag, Term("simulated")] = Field(
        default=False, description="whether any of its cells was simulated"
    )
    hardware: Annotated[Text, Term("schema:processorRequirements")] = Field(
        default="", description="the machine it was trained on"
    )
    software: Annotated[dict[str, Text], Term("schema:softwareVersion")] = Field(
        default_factory=dict, description="versions of packages, by name; commit where known"
    )
    file: DataFile | None = Field(
        default=None, description="the whole card with the trained parameters, an artifact"
    )


class TrainingOutput(Model, term="ModelTraining"):
    """The models that were trained, or stand as they are."""

    cards: Annotated[tuple[ModelCard, ...], Term("TrainedModel", "hasOutput")]
    words: Annotated[Text, Term("schema:comment")] = Field(
        default="", description="what was not trained, and why"
    )

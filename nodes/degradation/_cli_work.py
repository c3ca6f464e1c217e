"""What ``labmesh degradation`` does, apart from how it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labmesh.client import LabClient
from messages.cell import CellInfo
from messages.envelope import validate
from messages.errors import ConfigurationError
from messages.model_card import TRAINING, ModelCard, TrainingOutput
from nodes.degradation._cell import cell_data
from nodes.degradation._predict import predict
from nodes.degradation._published_models import published_models
from nodes.degradation._retrain import Comparison, compared, retrain_published
from nodes.degradation._statistical import StatisticalModel
from nodes.degradation._table import cycles_of, read_table


def predicted(
    file: Path,
    *,
    cathode: str,
    anode: str,
    formation: int | None,
    simulated: bool,
    models: Sequence[Path],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the prediction for the cell of a table, and notes on it, as plain values.

    Raises:
        LabmeshError: The file is no such table, or says too little; a card is none.
    """
    cell = cell_data(
        None,
        table=cycles_of(read_table(file)),
        formation=formation,
        simulated=simulated,
        chemistry=f"{cathode or '?'}|{anode or '?'}",
    )
    cards = [_card(path) for path in models]
    made = predict(cell, cards or published_models(), CellInfo(cell_name=file.stem))
    said = made.prediction.model_dump()
    for name in ("capacity_trajectory", "capacity_trajectory_uncertainty", "trajectory_cycles"):
        array = getattr(made.prediction, name)
        said[name] = [] if array is None else array.tolist()
    return said, made.notes


def _card(path: Path) -> StatisticalModel:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"it cannot be read: {error}", where=str(path)) from error
    return StatisticalModel.read(content, where=str(path))


def reproduced(path: Path) -> Comparison:
    """Train the model of a card's file again, and compare.

    Raises:
        ConfigurationError: It is no whole card, or cannot be trained from what is here.
    """
    model = _card(path)
    return compared(model, retrain_published(model.card))


async def cards_of(lab: LabClient) -> list[ModelCard]:
    """Return the cards that the ledger knows, each once, the newest first."""
    found: dict[str, ModelCard] = {}
    quantity, method = TRAINING
    async for view in lab.results(quantity=quantity, method=method, newest_first=True):
        if view.outcome != "resolved":
            continue
        output = validate(TrainingOutput, view.data, where="data")
        for card in output.cards:
            found.setdefault(card.name, card)
    return list(found.values())

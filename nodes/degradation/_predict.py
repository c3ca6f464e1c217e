"""From a cell's data to its end of life: which model may speak, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from messages.cell import CellInfo
from messages.degradation import EndOfLife
from messages.model_card import ModelCard
from messages.quantity import Quantity
from nodes.degradation._cell import CellData
from nodes.degradation._fade import END, LIFE_MEDIAN, LIFE_SPREAD
from nodes.degradation._known import NotPredictableError, known_of
from nodes.degradation._published_models import CHARGE_RATES, NOMINAL
from nodes.degradation._rate import Judge
from nodes.degradation._statistical import StatisticalModel
from nodes.degradation._trajectory import (
    FARTHEST,
    Forecast,
    along,
    extrapolate,
    population_of,
)
from nodes.degradation._trajectory_card import OF_THE_TRAJECTORY, trajectory_card

Vector = NDArray[np.float64]

_DOUBT: Final = 4.0
"""How much wider the discrepancy of data is that are odd as a whole."""
_QUANTILES: Final = (0.05, 0.16, 0.5, 0.84, 0.95)
_NONE: Final = np.empty(0)


@dataclass(frozen=True)
class Prediction:
    """What is answered, and how it came about.

    Attributes:
        prediction: The answer.
        notes: For the result's provenance.
        card: Of the model that spoke.
    """

    prediction: EndOfLife
    notes: dict[str, Any]
    card: ModelCard


def predict(cell: CellData, models: Sequence[StatisticalModel], cell_info: CellInfo) -> Prediction:
    """Predict the end of life.

    A statistical model speaks where the cell is like those it was trained on, the first of
    ``models`` that can; else the trajectory is extrapolated.

    Raises:
        NotPredictableError: The data do not allow even that.
    """
    judge = Judge()
    _remark(cell, judge)
    why_not: dict[str, str] = {}
    for model in models:
        features = features_for(model, cell)
        outside = _outside(model, cell, features)
        if not outside:
            return _by_model(model, cell, features, judge, cell_info)
        why_not[model.card.name] = "; ".join(outside)
    if not cell.capacity.size and cell.given:
        return _by_nothing(cell, why_not, judge, cell_info)
    return _by_trajectory(cell, why_not, judge, cell_info)


def features_for(model: StatisticalModel, cell: CellData) -> dict[str, float]:
    """Return a cell's features as a model counts them: in A.h, or shares of the capacity."""
    per = cell.reference if model.card.initial_parameters.get("relative") else 1.0
    return cell.features(model.card.cycles, per=per)


def _outside(
    model: StatisticalModel, cell: CellData, features: dict[str, float]
) -> tuple[str, ...]:
    """Return why a model must not speak of a cell; empty where it may."""
    card = model.card
    if card.chemistry and card.chemistry != cell.chemistry:
        return (f"the cell is {cell.chemistry}, and {card.chemistry} in training",)
    if card.simulated and not cell.simulated:
        return ("the model was trained on simulated cells",)
    missing = model.missing(features)
    if missing:
        return (f"not known: {', '.join(missing)}",)
    low, high = CHARGE_RATES
    rate = cell.charge_rate if card.name.startswith("severson") else None
    if rate is not None and not low <= rate <= high:
        return (f"charged at {rate:.2g}/h, and at {low:g} to {high:g} in training",)
    return model.outside(features)


def _remark(cell: CellData, judge: Judge) -> None:
    if cell.simulated:
        judge.reasons.append("the cell is simulated")
    judge.reasons.extend(cell.remarks)


def _by_model(
    model: StatisticalModel,
    cell: CellData,
    features: dict[str, float],
    judge: Judge,
    cell_info: CellInfo,
) -> Prediction:
    location, scale, freedom = model.predict(features)
    quantiles = 10.0 ** np.clip(stats.t.ppf(_QUANTILES, freedom, location, scale), 0, 6)
    low, early, median, late, high = (float(value) for value in quantiles)
    judge.width(low, high)
    if model.card.cycles < 100:
        judge.cap(4, f"{model.card.cycles} cycles known")
    if model.card.cells < 20:
        judge.cap(3, f"trained on {model.card.cells} cells")
    forecast = Forecast(
        life=_NONE, low=low, high=high, median=median, uncertainty=(late - early) / 2,
        cycles=_NONE, capacity=_NONE, spread=_NONE, seen=0.0, over=False,
    )  # fmt: skip
    relative = model.card.initial_parameters.get("relative")
    try:
        known = known_of(
            cell.capacity, formation=cell.formation, cycle=cell.cycle, ended=cell.ended
        )
        end = END if relative else END * NOMINAL / known.reference
        lives = 10.0 ** np.clip(
            stats.t.ppf((np.arange(500) + 0.5) / 500, freedom, location, scale), 0, 6
        )
        cycles, capacity, spread = along(known, lives, end=end)
        forecast = replace(forecast, cycles=cycles, capacity=capacity, spread=spread)
    except NotPredictableError as error:
        judge.reasons.append(f"no trajectory: {error.what}")
    notes = {"features": features, "domain": "inside", "cycles_known": int(cell.capacity.size)}
    return _answer(
        forecast, judge, cell_info, notes,
        card=model.card, definition=model.card.end_of_life, inside=True,
    )  # fmt: skip


def _by_trajectory(
    cell: CellData, why_not: dict[str, str], judge: Judge, cell_info: CellInfo
) -> Prediction:
    known = known_of(cell.capacity, formation=cell.formation, cycle=cell.cycle, ended=cell.ended)
    populations = population_of(cell.chemistry, simulated=cell.simulated)
    forecast = extrapolate(known, populations, doubt=1.0 if known.sound else _DOUBT)
    judge.reasons.extend(known.remarks)
    if forecast.over:
        judge.reasons.append(f"the end is among the {cell.capacity.size} cycles known")
    else:
        judge.cap(3, "out of the statistical models' domain: extrapolated")
        judge.width(forecast.low, forecast.high)
        judge.reach(float(known.cycle[-1]), forecast.median)
        if known.capacity.size < 30:
            judge.cap(2, f"{known.capacity.size} cycles known after formation")
        if forecast.seen < 3:
            judge.cap(1, "no clear fade is seen yet")
    if not known.sound:
        judge.cap(1, "the data are odd")
    notes = {
        "domain": "outside",
        "why_outside": why_not,
        "cycles_known": int(cell.capacity.size),
        "formation_cycles": cell.formation,
        "reference_capacity": known.reference,
        "discrepancy": list(populations),
    }
    return _answer(
        forecast, judge, cell_info, notes,
        card=trajectory_card(), definition=OF_THE_TRAJECTORY, inside=False,
    )  # fmt: skip


def _by_nothing(
    cell: CellData, why_not: dict[str, str], judge: Judge, cell_info: CellInfo
) -> Prediction:
    """Answer for a cell of which only a feature is known, and which no model may speak of.

    Nothing is told but what is known of any cell's life.
    """
    location = float(np.log10(LIFE_MEDIAN))
    quantiles = 10.0 ** np.clip(stats.norm.ppf(_QUANTILES, location, LIFE_SPREAD), 0, 6)
    low, early, median, late, high = (float(value) for value in quantiles)
    judge.cap(1, "outside every model's domain, and no capacities to extrapolate: a prior alone")
    judge.width(low, high)
    forecast = Forecast(
        life=_NONE, low=low, high=min(high, FARTHEST), median=median,
        uncertainty=(late - early) / 2, cycles=_NONE, capacity=_NONE, spread=_NONE,
        seen=0.0, over=False,
    )  # fmt: skip
    notes = {"domain": "outside", "why_outside": why_not, "features": dict(cell.given)}
    return _answer(
        forecast, judge, cell_info, notes,
        card=trajectory_card(), definition=OF_THE_TRAJECTORY, inside=False,
    )  # fmt: skip


def _answer(
    forecast: Forecast, judge: Judge, cell_info: CellInfo, notes: dict[str, Any],
    *, card: ModelCard, definition: str, inside: bool,
) -> Prediction:  # fmt: skip
    rating = judge.rating()
    said = EndOfLife(
        end_of_life=Quantity.of(forecast.median, "1", forecast.uncertainty, rating),
        capacity_trajectory=forecast.capacity,
        capacity_trajectory_uncertainty=forecast.spread,
        trajectory_cycles=forecast.cycles,
        interval_low=forecast.low,
        interval_high=forecast.high,
        in_domain=inside,
        model=card.name,
        definition=definition,
        rating=rating,
        cell_info=cell_info,
    )
    return Prediction(said, notes, card)

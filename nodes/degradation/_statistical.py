"""A statistical model of the cycle life: regression, where it holds, and the card that says so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from messages.errors import ConfigurationError
from messages.model_card import ModelCard
from nodes.degradation._regression import Regression

Vector = NDArray[np.float64]

MARGIN: Final = 0.1
"""Share of a feature's range in training by which a cell may lie outside it."""


@dataclass(frozen=True)
class Domain:
    """Where a model holds: within the range of every feature, and not beyond the farthest cell.

    Attributes:
        low: Least value of each feature in training.
        high: Greatest.
        leverage: Greatest of the training cells; x' (X'X + prior)^-1 x, which is Mahalanobis'
            distance to the training cells but for a constant.
    """

    low: Vector
    high: Vector
    leverage: float

    def outside(self, names: tuple[str, ...], values: Vector, leverage: float) -> tuple[str, ...]:
        """Return why a cell is outside, in words; empty inside."""
        margin = MARGIN * (self.high - self.low)
        found = [
            f"{name} is {value:.4g}, and {low:.4g} to {high:.4g} in training"
            for name, value, low, high, wide in zip(
                names, values, self.low, self.high, margin, strict=True
            )
            if not low - wide <= value <= high + wide
        ]
        if not found and leverage > self.leverage:
            found.append(f"leverage is {leverage:.2f}, and at most {self.leverage:.2f} in training")
        return tuple(found)


@dataclass(frozen=True)
class StatisticalModel:
    """A trained model.

    Attributes:
        card: What is told of it.
        regression: Of log10(cycle life).
        domain: Where it holds.
    """

    card: ModelCard
    regression: Regression
    domain: Domain

    def missing(self, features: Mapping[str, float]) -> tuple[str, ...]:
        """Return which of its features are not known."""
        return tuple(name for name in self.card.features if name not in features)

    def outside(self, features: Mapping[str, float]) -> tuple[str, ...]:
        """Return why a cell is outside its domain, in words; empty inside."""
        row = self._row(features)
        leverage = float(self.regression.leverage(row)[0])
        return self.domain.outside(self.card.features, row[0], leverage)

    def predict(self, features: Mapping[str, float]) -> tuple[float, float, float]:
        """Return location, scale and freedom of the Student-t of log10(cycle life)."""
        location, scale, freedom = self.regression.predict(self._row(features))
        return float(location[0]), float(scale[0]), freedom

    def document(self) -> str:
        """Return the whole card as JSON: what it takes to predict with it again."""
        plain = {
            "card": self.card.model_dump(mode="json", exclude={"file"}),
            "regression": self.regression.plain(),
            "domain": {
                "low": self.domain.low.tolist(),
                "high": self.domain.high.tolist(),
                "leverage": self.domain.leverage,
            },
        }
        return json.dumps(plain, indent=1, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, text: str | bytes, *, where: str = "model card") -> StatisticalModel:
        """Return the model of a document.

        Raises:
            ConfigurationError: It is no whole card.
        """
        try:
            plain: dict[str, Any] = json.loads(text)
            domain = plain["domain"]
            model = cls(
                card=ModelCard.model_validate_json(json.dumps(plain["card"])),
                regression=Regression.of(plain["regression"]),
                domain=Domain(
                    low=np.array(domain["low"], dtype=np.float64),
                    high=np.array(domain["high"], dtype=np.float64),
                    leverage=float(domain["leverage"]),
                ),
            )
            model.check()
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            first = str(error).splitlines()[0]
            raise ConfigurationError(
                f"it is no whole model card: {first}",
                where=where,
                remedy="labmesh degradation card NAME -o FILE writes one",
            ) from error
        return model

    def check(self) -> None:
        """Do nothing when all parts are of the same features.

        Raises:
            ValueError: They are not.
        """
        size = len(self.card.features)
        sizes = (self.domain.low.size, self.domain.high.size, self.regression.mean.size)
        if any(each != size for each in sizes):
            raise ValueError("features, regression and domain do not go together")

    def _row(self, features: Mapping[str, float]) -> Vector:
        return np.array([[features[name] for name in self.card.features]])

"""The low-fidelity conductivity model: two equations, each with its region and its error."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np

from messages.errors import OrderError
from nodes.aiida._composition import Composition
from nodes.aiida._equations import EC_EMC, PC_EC_EMC, Equation

INSIDE, BEYOND, VAGUE = 3, 2, 1
"""Ratings: where the equation was fitted; where it extrapolates; where it knows little more than
the order of magnitude."""

_SLACK: Final = 1e-3
"""Relative. Mole fractions rounded on their way must not push a bound's own value over it."""

_UNITS: Final = {"temperature": " K", "molality": " mol/kg"}
_WORDS: Final = {"cyclic": "(EC+PC)/solvent", "r": "PC/(PC+EC)", "w_EC": "w_EC"}


@dataclass(frozen=True, slots=True)
class Prediction:
    """A conductivity that an equation gives.

    Attributes:
        conductivity: S/m.
        uncertainty: S/m, standard.
        equation: Name of the equation.
        rating: 1 to 3.
        reason: Why that rating, in words.
        left: The bounds of the fitted region that the mixture leaves, in words.
        parts: The parts of the uncertainty in S/m: ``fit`` (covariance of the coefficients),
            ``model`` (error on data left out), ``extrapolation``. Their squares add up.
    """

    conductivity: float
    uncertainty: float
    equation: str
    rating: int
    reason: str
    left: tuple[str, ...]
    parts: Mapping[str, float]


class ConductivityModel:
    """Predicts the conductivity of LiPF6 in EC:EMC and in PC:EC:EMC.

    Args:
        content: As `nodes.aiida.fit.describe` returns it.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = content

    @property
    def version(self) -> int:
        """Number of the coefficients."""
        return int(self.content["version"])

    @property
    def sha256(self) -> str:
        """Of the canonical JSON of the coefficients, in hexadecimal digits."""
        text = json.dumps(self.content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def about(self, equation: str) -> dict[str, Any]:
        """Return where an equation comes from: its publications and its data file."""
        entry = self.content["equations"][equation]
        return {"dois": list(entry["dois"]), "data": dict(entry["data"])}

    def predict(self, composition: Composition, temperature: float) -> Prediction:
        """Return the conductivity at ``temperature`` (K).

        Raises:
            OrderError: The mixture lies where no equation says anything, in words.
        """
        equation = PC_EC_EMC if composition.pc > 0 else EC_EMC
        entry = self.content["equations"][equation.name]
        point = _point(equation, composition, temperature)
        beyond = _leaves(entry["reach"], point)
        if beyond:
            raise OrderError(
                f"the equation {equation.name} says nothing here: {'; '.join(beyond)}",
                where="formulation",
                remedy="ask within its reach (docs/aiida.md), or ask another method",
                retryable=False,
            )
        share = point["r"] if equation is PC_EC_EMC else point["w_EC"]
        value, spread = _evaluate(equation, entry, composition.molality, share, temperature)
        if not value > 0:
            raise OrderError(
                f"the equation {equation.name} gives no positive conductivity here",
                where="formulation",
                remedy="ask for less salt or a higher temperature",
                retryable=False,
            )
        left = _leaves(entry["region"], point)
        scale = value if equation.logarithmic else 1.0
        parts = {
            "fit": spread * scale,
            "model": float(entry["left_out_rms"]) * scale,
            "extrapolation": _extrapolated(entry, point, left) * scale,
        }
        uncertainty = math.sqrt(math.fsum(part**2 for part in parts.values()))
        rating, reason = _rated(value, uncertainty, left)
        return Prediction(value, uncertainty, equation.name, rating, reason, left, parts)


@cache
def shipped_model() -> ConductivityModel:
    """Return the model with the coefficients of this package."""
    path = files("nodes.aiida") / "data" / "conductivity_polynomial.json"
    return ConductivityModel(json.loads(path.read_text(encoding="utf-8")))


def _point(equation: Equation, composition: Composition, temperature: float) -> dict[str, float]:
    point = {"temperature": temperature, "molality": composition.molality}
    if equation is PC_EC_EMC:
        return {**point, "r": composition.r, "cyclic": composition.cyclic}
    return {**point, "w_EC": composition.w_ec}


def _leaves(bounds: Mapping[str, Any], point: Mapping[str, float]) -> tuple[str, ...]:
    words = []
    for name, (low, high) in bounds.items():
        value = point[name]
        if low * (1 - _SLACK) <= value <= high * (1 + _SLACK):
            continue
        side, bound = ("below", low) if value < low else ("above", high)
        unit = _UNITS.get(name, "")
        words.append(f"{_WORDS.get(name, name)} {value:.4g}{unit} is {side} {bound:g}{unit}")
    return tuple(words)


def _evaluate(
    equation: Equation, entry: Mapping[str, Any], molality: float, share: float, temperature: float
) -> tuple[float, float]:
    """Return the conductivity in S/m, and the fit's standard deviation (relative if it is so)."""
    terms = equation.design(
        np.array([molality]), np.array([share]), np.array([float(temperature)])
    )[0]
    total = float(terms @ np.array(entry["coefficients"]))
    spread = math.sqrt(max(float(terms @ np.array(entry["covariance"]) @ terms), 0.0))
    return (molality * math.exp(total) if equation.logarithmic else total), spread


def _extrapolated(
    entry: Mapping[str, Any], point: Mapping[str, float], left: tuple[str, ...]
) -> float:
    """Return the error that leaving the region adds, in units of the entry's own errors.

    More EC than was fitted: in proportion to the logarithm of w_EC, by what the fit missed when it
    was tried over a known step. Every other bound left: once more the error on data left out.
    """
    squares = []
    if any(words.startswith("w_EC") for words in left):
        test = entry["extrapolation"]
        steps = math.log(point["w_EC"] / entry["region"]["w_EC"][1]) / math.log(test["factor"])
        squares.append((steps * float(test["rms"])) ** 2)
    others = [words for words in left if not words.startswith("w_EC")]
    squares += [float(entry["left_out_rms"]) ** 2] * len(others)
    return math.sqrt(math.fsum(squares))


def _rated(value: float, uncertainty: float, left: tuple[str, ...]) -> tuple[int, str]:
    share = uncertainty / value
    if share > 0.5:
        return VAGUE, f"low fidelity: the standard uncertainty is {share:.0%} of the value"
    if left:
        return BEYOND, f"low fidelity, extrapolated: {'; '.join(left)}"
    return INSIDE, f"low fidelity: on data left out of the fit it errs by {share:.0%}"

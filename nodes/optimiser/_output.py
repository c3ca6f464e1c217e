"""The value of an objective in a result's data, by its path."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from messages.model import JsonObject
from nodes.optimiser._sections import Reduce

_PART: Final = re.compile(r"([^.\[\]]+)|\[(\*|\d+)\]")
_MEDIAN: Final = math.sqrt(math.pi / 2)
"""Standard error of the median over that of the mean, for normal values and many of them."""


@dataclass(frozen=True, slots=True)
class Output:
    """Where in a result's data an objective's value is.

    Attributes:
        path: Dotted; ``[*]`` fans out over a list, ``[0]`` takes one of it.
        unit: That a value must have where it says one.
        reduce: What becomes of the values of a path that fans out.
    """

    path: str
    unit: str
    reduce: Reduce | None = None

    def read(self, data: JsonObject) -> tuple[float | None, float, str]:
        """Return value, standard uncertainty (0 if unknown), and what is wrong with them, if so.

        Of a path that fans out, places that have nothing there are left out. With n values of
        standard deviation s among them, and own uncertainties u, the mean's is
        sqrt((s^2 + mean(u^2)) / n), the median's 1.25 times that: what errs alike in all of them
        (one model's bias) is alike at every point too, and misleads no comparison. The least's and
        the greatest's is its own, and at least s.
        """
        places = _at(data, _PART.findall(self.path))
        found = []
        trouble = f"its data have no {self.path}"
        for place in places:
            value, uncertainty, wrong = self._number(place)
            if value is None:
                trouble = wrong
            else:
                found.append((value, uncertainty))
        if not found or (self.reduce is None and len(found) > 1):
            return None, 0.0, trouble
        if self.reduce is None:
            return *found[0], ""
        return *_reduced(found, self.reduce), ""

    def _number(self, found: Any) -> tuple[float | None, float, str]:
        uncertainty: Any = None
        if isinstance(found, Mapping):
            if found.get("unit", self.unit) != self.unit:
                return None, 0.0, f"its {self.path} is in {found['unit']}, not in {self.unit}"
            uncertainty = found.get("uncertainty")
            found = found.get("value")
        if isinstance(found, bool) or not isinstance(found, int | float):
            return None, 0.0, f"its {self.path} is no number"
        if not math.isfinite(found):
            return None, 0.0, f"its {self.path} is not finite"
        known = isinstance(uncertainty, int | float) and math.isfinite(uncertainty)
        return float(found), float(uncertainty) if known else 0.0, ""


def _at(found: Any, parts: list[tuple[str, str]]) -> list[Any]:
    """Return what stands at the end of a path: nothing, one thing, or many."""
    if not parts:
        return [found]
    (key, index), *rest = parts
    if key:
        if not isinstance(found, Mapping) or key not in found:
            return []
        return _at(found[key], rest)
    if not isinstance(found, list | tuple):
        return []
    if index == "*":
        return [inner for item in found for inner in _at(item, rest)]
    return _at(found[int(index)], rest) if int(index) < len(found) else []


def _reduced(found: list[tuple[float, float]], how: Reduce) -> tuple[float, float]:
    values = np.array([value for value, _ in found])
    own = np.array([uncertainty for _, uncertainty in found])
    count = len(found)
    spread = float(values.std(ddof=1)) if count > 1 else 0.0
    if how in ("min", "max"):
        index = int(values.argmin() if how == "min" else values.argmax())
        return float(values[index]), max(float(own[index]), spread)
    error = math.sqrt((spread**2 + float(np.square(own).mean())) / count)
    if how == "median":
        return float(np.median(values)), (_MEDIAN if count > 2 else 1.0) * error
    return float(values.mean()), error

"""A refusal often names what could be made instead."""

from __future__ import annotations

import re

from nodes.optimiser._space import Dimension, Point, Space

_NUMBER = r"([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)"


def nearest_named(text: str, space: Space) -> Point | None:
    """Return the point that ``text`` recommends, or None.

    A recommendation follows the word ``nearest`` and gives each dimension by name or by unit, in
    any order: ``the nearest feasible one is ... (1.38 mol/kg, w_EC 0.49)``. It need not lie in the
    space.
    """
    _, word, rest = text.lower().partition("nearest")
    found = [_value(rest, dimension) for dimension in space.dimensions]
    values = [value for value in found if value is not None]
    if not word or len(values) < space.size:
        return None
    return tuple(values)


def _value(text: str, dimension: Dimension) -> float | None:
    name, unit = re.escape(dimension.name.lower()), re.escape(dimension.unit.lower())
    match = re.search(rf"\b{name}\s*[=:]?\s*{_NUMBER}", text)
    if match is None and dimension.unit != "1":
        match = re.search(rf"{_NUMBER}\s*{unit}\b", text)
    return float(match.group(1)) if match else None

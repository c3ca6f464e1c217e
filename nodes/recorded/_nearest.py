"""Which recorded parameters are nearest to those that were asked for."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from messages.chemistry import Formulation
from messages.envelope import validate
from messages.errors import LabmeshError
from messages.formulation_algebra import molality_and_w_ec
from messages.model import JsonObject


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Return every plain value in ``value`` by its dotted path."""
    if isinstance(value, dict):
        items: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    else:
        return {path: value}
    found: dict[str, Any] = {}
    for key, item in items:
        found |= leaves(item, f"{path}.{key}" if path else str(key))
    return found


def nearest(
    wanted: dict[str, Any], known: Iterable[tuple[str, dict[str, Any]]]
) -> tuple[str, dict[str, Any]] | None:
    """Return the nearest of ``known``, None where there is none.

    The distance is Euclidean over all leaves: numbers by their share of the range that is known,
    whatever else by 1 where it differs or is missing.
    """
    candidates = list(known)
    spans: dict[str, float] = {}
    for path in {path for _, each in candidates for path in each} | wanted.keys():
        found = (_number(each.get(path)) for _, each in candidates)
        numbers = [number for number in found if number is not None]
        spans[path] = max(numbers) - min(numbers) if numbers else 0.0

    def distance(each: dict[str, Any]) -> float:
        return math.sqrt(sum(_apart(wanted, each, p, spans[p]) ** 2 for p in spans))

    return min(candidates, key=lambda each: distance(each[1]), default=None)


def in_words(
    wanted: dict[str, Any], found: dict[str, Any], known: Iterable[tuple[str, dict[str, Any]]]
) -> str:
    """Return the leaves of ``found`` that tell it from ``wanted`` or from others that are known.

    As ``temperature 298.15, w_ec 0.3``, whole enough to be asked.
    """
    records = [each for _, each in known]
    telling = [
        path
        for path, value in found.items()
        if wanted.get(path) != value or any(each.get(path) != value for each in records)
    ]
    return ", ".join(f"{path} {found[path]!r}" for path in telling) or "the same"


def as_mixture(parameters: JsonObject) -> str:
    """Return a formulation among ``parameters`` as ``w_ec 0.5, molality 0.877 mol/kg``, else "".

    Those are the words in which a campaign over LiPF6 in EC and EMC thinks.
    """
    try:
        mixture = validate(Formulation, parameters.get("formulation"), where="formulation")
        molality, w_ec = molality_and_w_ec(mixture)
    except LabmeshError:
        return ""
    # Mole fractions bring both back to within rounding.
    return f"w_ec {round(w_ec, 9)!r}, molality {round(molality, 9)!r} mol/kg"


def _apart(one: dict[str, Any], other: dict[str, Any], path: str, span: float) -> float:
    a, b = _number(one.get(path)), _number(other.get(path))
    if a is not None and b is not None:
        return abs(a - b) / (span or abs(b) or 1.0) if a != b else 0.0
    return float(one.get(path) != other.get(path) or (path in one) != (path in other))


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None

"""Where a property law was fitted, and the words for where it was not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """Closed interval of one variable inside which a law was checked against data.

    Attributes:
        low: Lower end.
        high: Upper end.
        unit: For the words.
        below: What is known about the law below ``low``; empty when nothing is.
        above: The same above ``high``.
    """

    low: float
    high: float
    unit: str
    below: str = ""
    above: str = ""


_SLACK = 2e-3
"""Relative. A law does not end at the last digit of a bound, and pumps that round make 0.1999 of
0.2: a request at the bound must not be rated by chance."""


def outside(region: Mapping[str, Interval], point: Mapping[str, float]) -> tuple[str, ...]:
    """Return one sentence part for every coordinate of ``point`` that leaves ``region``."""
    words = []
    for name, interval in region.items():
        value = point[name]
        if value < interval.low - _SLACK * abs(interval.low):
            side, limit, known = "below", interval.low, interval.below
        elif value > interval.high + _SLACK * abs(interval.high):
            side, limit, known = "above", interval.high, interval.above
        else:
            continue
        unit = f" {interval.unit}" if interval.unit else ""
        detail = f" ({known})" if known else ""
        words.append(f"{name} {value:.4g}{unit} is {side} {limit:g}{unit}{detail}")
    return tuple(words)

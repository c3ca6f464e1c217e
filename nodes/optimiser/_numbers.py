"""Numbers as people read them."""

from __future__ import annotations

import math


def readable(value: float, beside: float | None = None) -> str:
    """Return four decimals, fewer of great values and more of small ones.

    ``0.9421``, ``1206.0``, ``0.001934``.

    Args:
        value: To be written.
        beside: Another value whose decimals it shall have, as an uncertainty has its value's.
    """
    size = abs(value if beside is None else beside)
    if size == 0 or not math.isfinite(size) or 0.1 <= size < 100:
        return f"{value:.4f}"
    if size >= 100:
        return f"{value:.1f}"
    return f"{value:.{min(12, 3 - math.floor(math.log10(size)))}f}"


def with_unit(unit: str) -> str:
    """Return a unit as it follows a number: nothing of a pure number."""
    return "" if unit == "1" else f" {unit}"


def measured(value: float, error: float, unit: str) -> str:
    """Return ``0.9421 ± 0.0040 S/m``."""
    return f"{readable(value)} ± {readable(error, value)}{with_unit(unit)}"

"""Numbers as people read them."""

from __future__ import annotations

import math


def readable(value: float) -> str:
    """Return four decimals where that says something, else four significant digits.

    ``0.9421``, ``1206.0``, ``0.00234``.
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:.4f}"
    size = abs(value)
    if size >= 1000:
        return f"{value:.1f}"
    return f"{value:.4f}" if size >= 0.001 else f"{value:.3g}"

"""How a result's rating from 0 to 5 follows from what was measured."""

from __future__ import annotations

from typing import Final

from messages.ledger import Rating

LIMITS: Final = ((5, 0.01), (4, 0.02), (3, 0.04), (2, 0.08), (1, 0.16))
"""Rating, and the largest relative standard uncertainty that still earns it."""

MATCH: Final = 1e-3
"""Mole fraction; a mixture further from the request loses one point."""

OUTSIDE: Final = 2
"""The best rating outside the region where the law was checked against data."""


def rate(
    relative: float,
    distance: float,
    outside: tuple[str, ...] = (),
    *,
    at_most: int = 5,
    because: str = "",
) -> Rating:
    """Return the rating and, in its reason, every step that led to it.

    Args:
        relative: Relative standard uncertainty; infinite where the value is zero.
        distance: Of the achieved from the requested formulation, in mole fraction.
        outside: Words of `outside` for every bound of the law's region that was left.
        at_most: A cap for another cause.
        because: That cause.
    """
    points = next((points for points, limit in LIMITS if relative <= limit), 0)
    reasons = [
        f"{points}: relative standard uncertainty {relative:.2%}"
        if relative != float("inf")
        else "0: the value is zero"
    ]
    if distance > MATCH:
        points = max(0, points - 1)
        reasons.append(f"{points}: the mixture is {distance:.4f} in mole fraction off the request")
    else:
        reasons.append(f"the mixture is {distance:.1e} in mole fraction off the request")
    if outside:
        points = min(points, OUTSIDE)
        reasons.append(f"{points}: extrapolated, " + ", ".join(outside))
    if points > at_most:
        points = at_most
        reasons.append(f"{points}: {because}")
    return Rating(success=True, rating=points, reason="simulated; " + "; ".join(reasons))

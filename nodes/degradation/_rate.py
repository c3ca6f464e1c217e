"""How far a prediction can be trusted, 0 to 5, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from messages.ledger import Rating

_WIDTHS: Final = ((1.7, 5), (2.5, 4), (6.0, 3), (15.0, 2))
"""Ratio of the 90 % interval's ends up to which a rating is given; wider is 1."""


@dataclass
class Judge:
    """Collects what lowers a rating.

    Attributes:
        best: The best rating that is still possible.
        reasons: In words.
    """

    best: int = 5
    reasons: list[str] = field(default_factory=list)

    def cap(self, rating: int, why: str) -> None:
        """Allow at most ``rating``."""
        self.best = min(self.best, rating)
        self.reasons.append(why)

    def width(self, low: float, high: float) -> None:
        """Lower the rating by the interval's width."""
        ratio = high / max(low, 1.0)
        rating = next((mark for widest, mark in _WIDTHS if ratio <= widest), 1)
        self.cap(rating, f"90 % interval {low:.0f} to {high:.0f} cycles")

    def reach(self, last: float, median: float) -> None:
        """Lower it the further the end lies beyond what is known: knees come unannounced."""
        ratio = median / max(last, 1.0)
        if ratio > 100:
            self.cap(1, f"the end is {ratio:.0f} times as far as the known cycles")
        elif ratio > 30:
            self.cap(2, f"the end is {ratio:.0f} times as far as the known cycles")
        elif ratio > 3:
            self.cap(3, f"the end is {ratio:.0f} times as far as the known cycles")

    def rating(self) -> Rating:
        """Return the verdict; a rating of 2 or better counts as success."""
        words = "; ".join(self.reasons)
        return Rating(success=self.best >= 2, rating=self.best, reason=words[:4000])

"""What is wrong with a node's streams now, and what has gone wrong so far."""

from __future__ import annotations

from collections import Counter
from typing import Final

COUNTED: Final = {
    "deadlines_missed": "Deadlines that a stream of this node's, or one it listens to, missed",
    "missing": "Messages that publishers say they sent and that did not come",
    "repeated": "Messages that came twice, and were dropped",
    "out_of_order": "Messages that came after a later one of the same stream",
    "outdated": "Messages of a publisher's earlier life, dropped",
    "too_old": "Messages older than their lifespan, dropped",
    "dropped": "Messages that gave way to newer ones: a busy callback, no connection",
    "wrong_type": "Messages of another type or schema than the subscription's",
    "callback_errors": "Exceptions raised by callbacks of timers and subscriptions",
    "timer_skips": "Calls of timers left out because one before took too long",
}
"""Counter to what it counts."""

_SHOWN: Final = 3
"""Troubles that are told in words; the rest is counted."""


class Troubles:
    """Counts by stream or callback, and what is wrong at this moment by key."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = {name: Counter() for name in COUNTED}
        self._now: dict[str, str] = {}

    def count(self, what: str, where: str, times: int = 1) -> None:
        """Count something of `COUNTED`."""
        self.counts[what][where] += times

    def begin(self, key: str, words: str) -> bool:
        """Note what is wrong; tell whether that is news."""
        news = key not in self._now
        self._now[key] = words
        return news

    def end(self, key: str) -> bool:
        """Note that it is well again; tell whether that is news."""
        return self._now.pop(key, None) is not None

    @property
    def words(self) -> str:
        """What is wrong now, for people; empty when nothing is."""
        shown = "; ".join(list(self._now.values())[:_SHOWN])
        more = len(self._now) - _SHOWN
        return f"{shown}; and {more} more" if more > 0 else shown

    @property
    def totals(self) -> dict[str, int]:
        """Every count that is not zero."""
        return {what: total for what, each in self.counts.items() if (total := each.total())}

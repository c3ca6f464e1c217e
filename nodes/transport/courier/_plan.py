"""How long a simulated courier takes, and what goes wrong: a function of seed and request."""

from __future__ import annotations

import math
import random
from uuid import UUID

from nodes.transport.courier._parameters import CourierParameters

_WIDEST = 5.0
"""A walk takes at least its median by this, and at most its median times this."""


class Plan:
    """Durations and mistakes of one transport; the same however often the process is killed.

    Args:
        parameters: The courier's.
        request: The transport's.
    """

    def __init__(self, parameters: CourierParameters, request: UUID) -> None:
        self._p = parameters
        self._request = request

    def walk(self, leg: str) -> float:
        """Return the seconds of a walk, log-normal (assumed)."""
        p = self._p
        drawn = self._random(leg).lognormvariate(math.log(p.walk), p.walk_spread)
        return min(max(drawn, p.walk / _WIDEST), p.walk * _WIDEST)

    @property
    def dawdles(self) -> float:
        """Seconds that it is late."""
        return self._p.late_by if self._happens("late", self._p.late) else 0.0

    @property
    def finds_problem(self) -> bool:
        """Whether it cannot do it."""
        return self._happens("problem", self._p.problem)

    def misreads(self, sample: str) -> bool:
        """Whether it reads another sample's code first."""
        return self._happens(f"code {sample}", self._p.wrong_code)

    def _happens(self, what: str, share: float) -> bool:
        return self._random(what).random() < share

    def _random(self, what: str) -> random.Random:
        # A text seeds by its SHA-512: the same on every machine.
        return random.Random(f"{self._p.seed}/{self._request}/{what}")  # noqa: S311

"""How often: a bound on what each of many does a second."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

_KNOWN: Final = 4096
"""Names remembered; who was not heard of for longest is forgotten first, and begins anew."""


class RateLimit:
    """A token bucket for each name.

    Args:
        rate: Times a second that everyone may go on with.
        burst: Times at once, after a pause.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def admit(self, name: str, now: float) -> bool:
        """Tell whether ``name`` may once more; ``now`` is monotonic seconds."""
        left, since = self._buckets.get(name, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        admitted = left >= 1.0
        self._buckets[name] = (left - 1.0 if admitted else left, now)
        self._buckets.move_to_end(name)
        if len(self._buckets) > _KNOWN:
            self._buckets.popitem(last=False)
        return admitted

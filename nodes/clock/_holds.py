"""Who holds simulated time back."""

from __future__ import annotations

from collections.abc import Callable


class Holds:
    """Rates that must not be exceeded, each for a while and by somebody.

    Args:
        monotonic: Returns wall seconds that never run backwards.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._holds: dict[str, tuple[float, float]] = {}

    def add(self, holder: str, rate: float, seconds: float) -> None:
        """Add or renew a hold."""
        self._holds[holder] = (rate, self._monotonic() + seconds)

    def remove(self, holder: str) -> None:
        """Forget a hold, if there is one."""
        self._holds.pop(holder, None)

    def present(self) -> dict[str, float]:
        """Return the rate of everyone whose hold has not run out."""
        now = self._monotonic()
        self._holds = {name: hold for name, hold in self._holds.items() if hold[1] > now}
        return {name: rate for name, (rate, _) in self._holds.items()}

    def slowest(self, wanted: float) -> float:
        """Return ``wanted``, or the least rate that somebody holds time to."""
        return min([wanted, *self.present().values()])

"""Guessing PINs takes long: who was wrong waits, twice as long each time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_FREE: Final = 3
"""Wrong PINs that cost nothing: people mistype."""

_LONGEST: Final = 300.0
"""Wall seconds; with PINs of `new_pin` guessing is hopeless anyway, and a person must get in."""

_NAMES: Final = 10_000
"""Names remembered; whoever tries more has nobody's PIN to gain by what is forgotten."""


class Gate:
    """Counts wrong PINs by name, whatever connection they come from.

    Args:
        time: Monotonic wall seconds.
    """

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._wrong: dict[str, tuple[int, float]] = {}

    def wait(self, name: str) -> float:
        """Return the seconds until a name may try again; 0: now."""
        count, until = self._wrong.get(name, (0, 0.0))
        return max(until - self._time(), 0.0) if count > _FREE else 0.0

    def wrong(self, name: str) -> None:
        """Note a wrong PIN."""
        count = self._wrong.pop(name, (0, 0.0))[0] + 1
        pause = min(2.0 ** (count - _FREE), _LONGEST) if count > _FREE else 0.0
        self._wrong[name] = (count, self._time() + pause)
        if len(self._wrong) > _NAMES:
            self._wrong.pop(next(iter(self._wrong)))

    def right(self, name: str) -> None:
        """Forget the wrong ones."""
        self._wrong.pop(name, None)

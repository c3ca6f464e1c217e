"""What can go wrong in a virtual cycler, on demand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

FAULTS: Final[Mapping[str, str]] = {
    "power_cut": "the power is off for `seconds`; tests go on after it, with a gap in the dates",
    "channel_trip": "the channel's own protection ended the test",
    "contact_loss": "the contact to the cell is lost",
    "temperature_excursion": "the chamber is warmer by `amount` kelvin for `seconds`",
    "clock_jump": "the cycler's clock is set ahead by `amount` seconds; test times stay right",
}
"""Kinds of faults, in words."""


class Faults:
    """The excursion of temperature that goes on, if any.

    Attributes:
        warmer: Kelvin.
        ends: Mesh time at which it is over, ns, or None.
    """

    def __init__(self) -> None:
        self.warmer = 0.0
        self.ends: int | None = None

    def begin(self, warmer: float, ends: int) -> None:
        """Begin an excursion."""
        self.warmer, self.ends = warmer, ends

    def over(self) -> None:
        """End it."""
        self.warmer, self.ends = 0.0, None

"""What must not happen at the same time, and when nothing may begin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from labmesh.devices import Atmosphere, LimitError

Zone = Literal["safe", "tray", "post", "crimper", "waste", "vial"]
"""Where the arm is: ``safe`` is clear of everything, so that the rail may drive."""

SHARED: frozenset[Zone] = frozenset({"post", "crimper"})
"""Zones in which the crimper or a second arm moves, too."""


class InterlockError(LimitError):
    """An interlock forbids it; nothing was sent."""


class Interlocks:
    """Knows where the arm is and who else is busy; asked before every move.

    The arm over the post or the crimper excludes the crimper's stroke and a second arm, both ways.

    Args:
        others: Who else moves over the post, by name, and whether it is busy now (a second arm).
        low: Least position of the rail, m.
        high: Greatest position of the rail, m.

    Attributes:
        zone: Where the arm is.
        crimping: Whether the crimper is under way.
    """

    def __init__(
        self, others: Mapping[str, Callable[[], bool]] | None = None, *, low: float = 0.0,
        high: float = 1.8,
    ) -> None:  # fmt: skip
        self.zone: Zone = "safe"
        self.crimping = False
        self._others = others or {}
        self._low, self._high = low, high

    def arm_to(self, zone: Zone) -> None:
        """Allow the arm to enter a zone, and note that it is there.

        Raises:
            InterlockError: The crimper or a second arm is busy there.
        """
        if zone in SHARED:
            busy = self._busy()
            if busy:
                raise InterlockError(
                    f"the arm may not go over the {zone}: {busy} is busy",
                    where="interlock arm/crimper",
                    remedy="wait until it has ended",
                )
        self.zone = zone

    def crimper_begins(self) -> None:
        """Allow the crimper's stroke, and note that it is under way.

        Raises:
            InterlockError: The arm is over it, or it (or a second arm) is busy already.
        """
        if self.zone in SHARED:
            raise InterlockError(
                f"the crimper may not move: the arm is over the {self.zone}",
                where="interlock arm/crimper",
                remedy="drive the arm to its safe posture",
            )
        busy = self._busy()
        if busy:
            raise InterlockError(
                f"the crimper may not move: {busy} is busy", where="interlock arm/crimper",
                remedy="wait until it has ended",
            )  # fmt: skip
        self.crimping = True

    def crimper_ended(self) -> None:
        """Note that the crimper is at rest."""
        self.crimping = False

    def rail_to(self, position: float) -> None:
        """Allow the rail to drive.

        Raises:
            InterlockError: The arm is not in its safe posture, or the target is not on the rail.
        """
        if self.zone != "safe":
            raise InterlockError(
                f"the rail may not drive while the arm is over the {self.zone}",
                where="interlock rail",
                remedy="drive the arm to its safe posture",
            )
        if not self._low <= position <= self._high:
            raise InterlockError(
                f"{position:g} m is outside the rail's limits",
                where="interlock rail",
                remedy=f"positions are {self._low:g} to {self._high:g} m: correct the tray layout",
            )

    def _busy(self) -> str:
        names = ["the crimper"] if self.crimping else []
        return ", ".join(names + [name for name, is_busy in self._others.items() if is_busy()])


def unfit(atmosphere: Atmosphere, *, oxygen: float, water: float) -> list[str]:
    """Return why nothing may be assembled in this glovebox now; empty where it may.

    Args:
        atmosphere: As read.
        oxygen: Greatest mole fraction of O2.
        water: Greatest mole fraction of H2O.
    """
    reasons = [
        f"{name} {value * 1e6:.2g} ppm is above {limit * 1e6:g} ppm"
        for name, value, limit in (
            ("O2", atmosphere.oxygen, oxygen), ("H2O", atmosphere.water, water),
        )
        if value > limit
    ]  # fmt: skip
    reasons += [f"{door.replace('_', ' ')} is open" for door in atmosphere.open_doors]
    if not atmosphere.doors_closed and not atmosphere.open_doors:
        reasons.append("a door is open")
    return reasons + [f"alarm {name}" for name in atmosphere.alarms]

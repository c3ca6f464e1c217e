"""How good a cell is: derived from what was measured, not from how long it took altogether."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import hypot
from typing import Final

from messages.assembly import Offset, Part
from messages.ledger import Rating
from nodes.autobass._parameters import AutobassParameters

_FINE, _LIMIT, _FAR = 0.5, 1.0, 2.0
_DEDUCTIONS: Final = ((_FINE, 0), (_LIMIT, 1), (_FAR, 2))
_BEYOND: Final = 4
"""Marks taken off by how many times its tolerance a value is: none up to half of it, 1 up to the
tolerance, 2 up to twice, 4 beyond. A convention of this project."""


@dataclass(slots=True)
class CellRecord:
    """What was measured of one cell. Times are seconds since 1970, by the experiment's clock.

    Attributes:
        asked: Electrolyte asked for, m3.
        dispensed: Electrolyte given, m3.
        offsets: Of each part that was placed.
        first: When the first part was picked.
        wet: When the first electrolyte was given.
        sealed: When the crimper had ended.
        crimp: How long the crimper was given, s.
        oxygen: Greatest mole fraction in the glovebox.
        water: Likewise.
        temperatures: In the glovebox, one a step, K.
        by_hand: Keys of steps that a person says were done.
        in_doubt: Keys of steps of which nobody knows how they ended.
        stored: It lies in its pit.
        scrapped: Why it was given up, or empty.
    """

    asked: float
    dispensed: float = 0.0
    offsets: dict[Part, Offset] = field(default_factory=dict)
    first: float | None = None
    wet: float | None = None
    sealed: float | None = None
    crimp: float = 0.0
    oxygen: float = 0.0
    water: float = 0.0
    temperatures: list[float] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)
    in_doubt: list[str] = field(default_factory=list)
    stored: bool = False
    scrapped: str = ""

    @property
    def finished(self) -> bool:
        """Whether it is a cell: sealed and in its pit."""
        return self.stored and not self.scrapped

    @property
    def wet_duration(self) -> float:
        """Seconds from the first electrolyte to the seal; 0 where either is missing."""
        return self.sealed - self.wet if self.sealed and self.wet else 0.0

    @property
    def duration(self) -> float:
        """Seconds from the first part to the seal; 0 where either is missing."""
        return self.sealed - self.first if self.sealed and self.first else 0.0


def ratios(record: CellRecord, p: AutobassParameters) -> Mapping[str, float]:
    """Return each measured value as a multiple of its tolerance.

    ``overlap`` is the distance between cathode and anode: beyond its tolerance the cathode
    overhangs.
    """
    found: dict[str, float] = {}
    if record.offsets:
        worst = max(hypot(o.x, o.y) for o in record.offsets.values())
        found["offset"] = worst / p.offset_tolerance
    anode, cathode = record.offsets.get("anode"), record.offsets.get("cathode")
    if anode is not None and cathode is not None:
        apart = hypot(cathode.x - anode.x, cathode.y - anode.y)
        found["overlap"] = apart / p.overlap_tolerance
    missing = abs(record.dispensed - record.asked) / record.asked
    found["volume"] = missing / p.volume_tolerance
    found["O2"] = record.oxygen / p.oxygen_limit
    found["H2O"] = record.water / p.water_limit
    found["wet"] = record.wet_duration / p.wet_tolerance
    return found


def rate(record: CellRecord, p: AutobassParameters) -> Rating:
    """Return the rating of a cell: 5 less the marks that each value takes off.

    The reason names every value as a multiple of its tolerance, and the marks it cost.
    """
    if not record.finished:
        why = record.scrapped or "it was not finished"
        return Rating(success=False, rating=0, reason=f"scrapped: {why}"[:300])
    words, marks, success = [], 5, True
    for name, ratio in ratios(record, p).items():
        lost = next((lost for limit, lost in _DEDUCTIONS if ratio <= limit), _BEYOND)
        success = success and ratio <= _FAR
        marks -= lost
        words.append(f"{name} {ratio:.2f}" + (f" (-{lost})" if lost else ""))
    if record.by_hand:
        marks -= 1
        words.append(f"{len(record.by_hand)} by hand (-1)")
    reason = "of tolerance: " + ", ".join(words)
    return Rating(success=success, rating=max(marks, 0), reason=reason)

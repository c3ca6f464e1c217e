"""What an operator is told of calibrations and supplies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from labmesh.instrument._calibrations import Calibration
from labmesh.instrument._supplies import Supply
from messages.node import Level


class Word(NamedTuple):
    """A diagnostic."""

    level: Level
    words: str
    remedy: str = ""


def of_calibrations(
    current: Iterable[Calibration], now: int, *, warning: float, refuses: bool
) -> Word:
    """Say which calibrations are missing, have expired, or will within ``warning`` seconds."""
    bad, soon = [], []
    for record in current:
        if record.flag:
            bad.append(f"{record.key}: {record.flag}")
        elif record.expires is not None and record.expires <= now + round(warning * 1e9):
            soon.append(f"{record.key} expires in {(record.expires - now) / 86400e9:.1f} d")
    if not bad and not soon:
        return Word(Level.OK, "in force")
    level = Level.ERROR if bad and refuses else Level.WARN
    remedy = "calibrate, then note it with calibration.record"
    return Word(level, "; ".join(bad + soon), remedy)


def of_supplies(supplies: Iterable[Supply]) -> Word:
    """Say what runs low."""
    low = [supply for supply in supplies if supply.is_low]
    if not low:
        return Word(Level.OK, "enough of everything")
    words = "; ".join(f"{s.name}: {s.left:.3g} of {s.capacity:.3g} {s.unit} left" for s in low)
    level = Level.ERROR if any(supply.left <= 0 for supply in low) else Level.WARN
    return Word(level, words, "refill (or empty) it, then note it with supplies.refill")

"""What a single check returns, and the list of all checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from labmesh.fair._exhibit import Exhibit
from labmesh.fair._types import Verdict

_SHOWN: Final = 3
"""Faults that are told in words; of more their number."""


@dataclass(slots=True)
class Found:
    """What a check found.

    Attributes:
        evidence: What was looked at, counted.
        faults: What does not hold, a sentence each.
        undecided: Why nothing here lets one decide; empty where something does.
        remains: What is not shown, and what would show it.
    """

    evidence: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    undecided: str = ""
    remains: str = ""

    @property
    def verdict(self) -> Verdict:
        """Whether the requirement holds."""
        if self.faults:
            return Verdict.FAILS
        return Verdict.OPEN if self.undecided else Verdict.HOLDS

    @property
    def why(self) -> str:
        """Why it does not hold, or cannot be shown."""
        if not self.faults:
            return self.undecided
        more = len(self.faults) - _SHOWN
        return "; ".join(self.faults[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")


Check = Callable[[Exhibit], Found]

CHECKS: Final[dict[int, Check]] = {}
"""By number of the requirement; filled by `requirement`."""


def requirement(number: int) -> Callable[[Check], Check]:
    """Mark a function as the check of a requirement."""

    def mark(check: Check) -> Check:
        CHECKS[number] = check
        return check

    return mark

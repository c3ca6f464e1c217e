"""What a check of a file says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Outcome = Literal["passed", "failed", "not_checked"]


@dataclass(frozen=True)
class Check:
    """One question asked of every file.

    Args:
        name: ``charge``, ``clock``, ``time`` ...
        outcome: ``not_checked`` where the file does not hold what is needed.
        words: The finding, with numbers.
        severity: Of a failure: ``warning`` (look at it) or ``error`` (do not trust the numbers).
    """

    name: str
    outcome: Outcome
    words: str
    severity: Literal["", "warning", "error"] = ""


def passed(name: str, words: str) -> Check:
    """All is well."""
    return Check(name, "passed", words)


def not_checked(name: str, words: str) -> Check:
    """The file does not hold what is needed."""
    return Check(name, "not_checked", words)


def warned(name: str, words: str) -> Check:
    """It failed; somebody should look."""
    return Check(name, "failed", words, "warning")


def failed(name: str, words: str) -> Check:
    """It failed; the numbers cannot be trusted."""
    return Check(name, "failed", words, "error")


_SUSPECTS: Final = {
    1000.0: "a factor of 1000 (milli)",
    1e6: "a factor of 1000000 (micro)",
    3600.0: "a factor of 3600 (hours against seconds)",
    60.0: "a factor of 60 (minutes against seconds, or hours against minutes)",
    86400.0: "a factor of 86400 (days against seconds)",
    24.0: "a factor of 24 (days against hours)",
}


def unit_suspect(ratio: float) -> str:
    """Which confusion of units a ratio looks like (within 5 %); empty for none."""
    if not ratio > 0:
        return ""
    size = max(ratio, 1 / ratio)
    return next((words for f, words in _SUSPECTS.items() if abs(size / f - 1) < 0.05), "")

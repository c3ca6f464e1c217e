"""What a check has found."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final


class Grade(StrEnum):
    """How a check came out."""

    FAIL = "fail"
    WARN = "warn"
    OK = "ok"


ORDER: Final = tuple(Grade)
"""Worst first."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line for the operator.

    Attributes:
        grade: How bad it is.
        check: What was looked at, in a word or two.
        what: What was found.
        remedy: What to do, where there is something: a command to copy, best of all.
        details: For ``--report`` and programs.
    """

    grade: Grade
    check: str
    what: str
    remedy: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "grade": self.grade.value, "check": self.check, "what": self.what,
            "remedy": self.remedy, "details": self.details,
        }  # fmt: skip


def fail(check: str, what: str, remedy: str = "", **details: Any) -> Finding:
    """Return a finding that something does not work, or soon will not."""
    return Finding(Grade.FAIL, check, what, remedy, details)


def warn(check: str, what: str, remedy: str = "", **details: Any) -> Finding:
    """Return a finding that somebody should look at by day."""
    return Finding(Grade.WARN, check, what, remedy, details)


def fine(check: str, what: str, **details: Any) -> Finding:
    """Return a finding that all is well."""
    return Finding(Grade.OK, check, what, "", details)

"""What a check of a requirement answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from messages.model import JsonObject


class Verdict(StrEnum):
    """Whether a requirement holds."""

    HOLDS = "holds"
    """Everything of it that a record and its crate can show is so."""
    FAILS = "fails"
    """Something is not so; it is named."""
    OPEN = "cannot be shown here"
    """Nothing in this record lets one decide; it is said why, and what would."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """A requirement.

    Attributes:
        number: 1 to 28, as in docs/fair.md.
        words: What is required, short.
        section: Of the BIG-MAP data management plan.
        command: What shows it; ``CAMPAIGN`` stands for the campaign's name.
    """

    number: int
    words: str
    section: str
    command: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a check found.

    Attributes:
        requirement: Which.
        verdict: Whether it holds.
        why: What does not hold, or why it cannot be shown; empty where it holds.
        evidence: What was looked at, counted: ``{"results": 15}``.
        remains: What it does not show, and what would; empty where nothing remains.
        command: What shows it, ready to be typed.
    """

    requirement: Requirement
    verdict: Verdict
    command: str
    why: str = ""
    evidence: dict[str, int] = field(default_factory=dict)
    remains: str = ""

    def plain(self) -> JsonObject:
        """Return it as plain values."""
        return {
            "number": self.requirement.number,
            "requirement": self.requirement.words,
            "section": self.requirement.section,
            "verdict": self.verdict.value,
            "why": self.why,
            "evidence": dict(self.evidence),
            "remains": self.remains,
            "command": self.command,
        }

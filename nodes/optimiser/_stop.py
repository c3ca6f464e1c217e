"""When a campaign has seen enough."""

from __future__ import annotations

from nodes.optimiser._campaign_file import StopSection


class StopRule:
    """Stops when proposals promise little, several times in a row, after enough measurements.

    Args:
        section: From the campaign file; None never stops early.
    """

    def __init__(self, section: StopSection | None) -> None:
        self._section = section
        self._quiet = 0

    @property
    def rounds(self) -> int:
        """How many proposals it looks back."""
        return self._section.rounds if self._section else 0

    def take(self, expected_improvement: float | None) -> None:
        """Take note of what the best proposal promises; None where no model made it."""
        if self._section is None:
            return
        small = (
            expected_improvement is not None
            and expected_improvement < self._section.expected_improvement
        )
        self._quiet = self._quiet + 1 if small else 0

    def verdict(self, evaluations: int, unit: str) -> str:
        """Return why to stop after so many evaluations, or an empty text to go on."""
        section = self._section
        if section is None or self._quiet < section.rounds:
            return ""
        if evaluations < section.minimum_evaluations:
            return ""
        return (
            f"expected improvement below {section.expected_improvement:g} {unit} "
            f"in {self._quiet} proposals one after another"
        )

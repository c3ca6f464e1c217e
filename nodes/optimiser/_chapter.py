"""A part of a campaign's summary that only some campaigns have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Chapter:
    """What one part of the summary says.

    Attributes:
        key: In ``summary.json``.
        lines: For people, one fact a line.
        data: For programs.
    """

    key: str
    lines: tuple[str, ...]
    data: Any


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> tuple[str, ...]:
    """Return lines of right-aligned columns under their header."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    return tuple(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in [header, *rows]
    )

"""The reference numbers of the collected files, and every deviation from them that is right."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).resolve().parents[4] / ".." / "shared" / "data" / "cycler"

NOT_YET: tuple[str, ...] = (
    "arbin_text",
    "basytec",
    "bdf",
    "biologic_mpt",
    "gamry",
    "landt",
    "maccor",
    "neware_csv",
    "novonix",
    "pec",
)
"""Folders whose format is not read yet."""

DEVIATIONS: dict[tuple[str, str], tuple[float | str | None, str]] = {}
"""(file, column of reference.csv) -> what we read instead, and why that is right."""


@dataclass(frozen=True)
class Reference:
    """One line of reference.csv."""

    file: str
    values: dict[str, str]

    @property
    def path(self) -> Path:
        return DATA / self.file

    def number(self, column: str) -> float | None:
        """The expected number, with the deviation in its place; None: the file has none."""
        if (self.file, column) in DEVIATIONS:
            value = DEVIATIONS[self.file, column][0]
            return None if value is None else float(value)
        text = self.values[column]
        return float(text) if text and text != "nan" else None


def references() -> list[Reference]:
    with (DATA / "reference.csv").open(encoding="utf-8", newline="") as opened:
        return [Reference(line["file"], line) for line in csv.DictReader(opened)]

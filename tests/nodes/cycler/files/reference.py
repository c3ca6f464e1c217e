"""The reference numbers of the collected files, and every deviation from them that is right."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).resolve().parents[4] / ".." / "shared" / "data" / "cycler"

NOT_YET: tuple[str, ...] = ()
"""Beginnings of names of files that are not read yet."""

_MEAN = (
    "EC-Lab derives <I> as the mean over each interval (dq over dt): its sum over the intervals is "
    "the charge EC-Lab counted. The reference takes it for a sample and draws trapezoids, which "
    "smears the change of sign over the long interval between two half cycles."
)

_DATES = (
    "The time column holds dates. The reference could not count elapsed time from them and has no "
    "charge; we count it: 8 records in 12.464 s, all but the first at 0.45 A."
)

DEVIATIONS: dict[tuple[str, str], tuple[float, str]] = {
    ("biologic_mpt/gcpl.issue_226.I.mpt", "q_dis_integral_first_mAh"): (0.001961609, _MEAN),
    ("biologic_mpt/gcpl.issue_226.I.mpt", "q_dis_integral_last_mAh"): (0.001961609, _MEAN),
    ("biologic_mpt/gcpl.issue_149.mpt", "q_dis_integral_first_mAh"): (8.331483e-05, _MEAN),
    ("biologic_mpt/gcpl.issue_149.mpt", "q_dis_integral_last_mAh"): (8.33241e-05, _MEAN),
    ("biologic_mpt/Sample_data_biologic_timestamped.txt", "q_chg_total_mAh"): (1.153849, _DATES),
}
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
            return DEVIATIONS[self.file, column][0]
        text = self.values[column]
        return float(text) if text and text != "nan" else None


def references() -> list[Reference]:
    with (DATA / "reference.csv").open(encoding="utf-8", newline="") as opened:
        return [Reference(line["file"], line) for line in csv.DictReader(opened)]

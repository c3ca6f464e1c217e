"""The published cells: 124 LFP | graphite cells of Severson et al. 2019, their features and lives.

K. A. Severson et al., Nature Energy 4 (2019) 383, DOI 10.1038/s41560-019-0356-8. Features were
derived from the copy in github.com/petermattia/revisit-severson-et-al (MIT); see
``data/PROVENANCE.md``.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Split = Literal["train", "test1", "test1 without the excluded cell", "test2"]

SPLITS: Final[tuple[Split, ...]] = ("train", "test1", "test1 without the excluded cell", "test2")
"""Training, primary test (with and without the cell that the paper leaves out), secondary test."""

FOLDER: Final = Path(__file__).parent / "data"

SOURCE: Final = (
    "Severson et al. 2019, DOI 10.1038/s41560-019-0356-8, by revisit-severson-et-al (MIT)"
)


def _log(column: Vector) -> Vector:
    return np.log10(np.abs(column))


_DERIVED: Final[dict[str, tuple[str, Callable[[Vector], Vector] | None]]] = {
    "log10 var dQ(V)": ("dq_var", _log),
    "log10 |min dQ(V)|": ("dq_min", _log),
    "log10 |skewness dQ(V)|": ("dq_skew", _log),
    "log10 |kurtosis dQ(V)|": ("dq_kurt", _log),
    "Qd, cycle 2": ("qd2", None),
    "max Qd - Qd, cycle 2": ("qdmax_minus_qd2", None),
    "slope of Qd, cycles 2 to 100": ("fade_slope_2_100", None),
    "intercept of Qd, cycles 2 to 100": ("fade_icpt_2_100", None),
    "log10 var dQ40(V)": ("dq40_var", _log),
    "log10 |min dQ40(V)|": ("dq40_min", _log),
    "max Qd to 40 - Qd, cycle 2": ("qdmax40_minus_qd2", None),
}
"""Features by name: the column of the table, and what is done to it. Charges in A.h."""


@dataclass(frozen=True)
class PublishedCells:
    """The table.

    Attributes:
        columns: Numbers by name of the column.
        split: ``train``, ``test1`` or ``test2`` of each cell.
        excluded: The cell that the published figures of the primary test leave out.
        sha256: Of the file.
    """

    columns: dict[str, Vector]
    split: NDArray[np.str_]
    excluded: NDArray[np.bool_]
    sha256: str

    @property
    def lives(self) -> Vector:
        """Cycle life of each cell: cycles until 80 % of the nominal 1.1 A.h."""
        return self.columns["cycle_life"]

    def features(self, names: tuple[str, ...]) -> Vector:
        """Return cells x features."""
        found = []
        for name in names:
            column, change = _DERIVED[name]
            values = self.columns[column]
            found.append(change(values) if change else values)
        return np.column_stack(found)

    def rows(self, split: Split) -> NDArray[np.bool_]:
        """Return which cells belong to a split."""
        rows: NDArray[np.bool_] = self.split == split.split(maxsplit=1)[0]
        return rows & ~self.excluded if "without" in split else rows


@cache
def published_cells() -> PublishedCells:
    """Read the shipped table."""
    path = FOLDER / "severson2019_features.csv"
    content = path.read_bytes()
    lines = list(csv.DictReader(content.decode("ascii").splitlines()))
    names = [name for name in lines[0] if name not in ("split", "paper_excluded")]
    return PublishedCells(
        columns={name: np.array([float(line[name]) for line in lines]) for name in names},
        split=np.array([line["split"] for line in lines]),
        excluded=np.array([line["paper_excluded"] == "1" for line in lines]),
        sha256=hashlib.sha256(content).hexdigest(),
    )


@cache
def published_capacities() -> Vector:
    """Return discharge capacities, A.h, of cycles 2 to 100 of each cell; NaN for glitches."""
    with np.load(FOLDER / "severson2019_dq100_10.npz") as stored:
        return np.asarray(stored["qd"], dtype=np.float64)

from __future__ import annotations

import csv
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from nodes.asab._noise import (
    CONDUCTIVITY_REPEATABILITY,
    DENSITY_REPEATABILITY,
    VISCOSITY_REPEATABILITY,
    Noise,
)

DATA = Path(__file__).parents[2] / "data" / "asab" / "repeatability.csv"


def pooled(column: str, *, above: float = 0.0) -> tuple[float, int]:
    """Return the relative standard deviation within the triplicates, and its degrees of freedom."""
    groups: dict[str, list[float]] = defaultdict(list)
    with DATA.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if float(row[column]) > above:
                groups[row["EMC_mass_pct"]].append(float(row[column]))
    squares, freedom = 0.0, 0
    for values in groups.values():
        relative = np.array(values) / np.mean(values)
        squares += float(((relative - 1) ** 2).sum())
        freedom += len(values) - 1
    return math.sqrt(squares / freedom), freedom


def test_the_repeatabilities_are_those_of_the_triplicates() -> None:
    conductivity, freedom = pooled("conductivity_mS_cm")
    assert (round(conductivity, 4), freedom) == (CONDUCTIVITY_REPEATABILITY, 10)
    viscosity, freedom = pooled("viscosity_mPa_s")
    assert (round(viscosity, 3), freedom) == (VISCOSITY_REPEATABILITY, 10)
    # 0.879 g/mL is below every component of its mixture; its siblings say 1.166 and 1.161
    density, freedom = pooled("density_g_ml", above=0.9)
    assert (round(density, 4), freedom) == (DENSITY_REPEATABILITY, 9)


def test_the_bad_density_alone_would_spoil_it() -> None:
    assert pooled("density_g_ml")[0] > 10 * DENSITY_REPEATABILITY


def test_a_number_depends_on_its_labels_alone() -> None:
    first, second = Noise(3), Noise(3)
    second.normal("something", "else")
    assert first.normal("k", "campaign", 1, 0) == second.normal("k", "campaign", 1, 0)


def test_every_label_counts() -> None:
    numbers = {
        Noise(seed).normal(*labels)
        for seed in (0, 1)
        for labels in (("k", 1, 0), ("k", 1, 1), ("k", 2, 0), ("d", 1, 0), ("k1", 0), ("k", 10))
    }
    assert len(numbers) == 12


def test_the_numbers_are_the_same_for_ever() -> None:
    # a changed generator would silently change every campaign that is resumed
    assert Noise(0).normal("repeat", 0) == pytest.approx(GOLDEN, rel=1e-12)


GOLDEN = 0.6916645045642584


def test_the_numbers_are_standard_normal() -> None:
    numbers = [Noise(7).normal("repeat", i) for i in range(4000)]
    assert stats.kstest(numbers, "norm").pvalue > 0.01
    neighbours = np.corrcoef(numbers[:-1], numbers[1:])[0, 1]
    assert abs(neighbours) < 0.05

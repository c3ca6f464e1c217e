"""Estimators of transport on paths whose answers are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from nodes.dynamics._diffusion import (
    BOLTZMANN,
    ELEMENTARY,
    displacements,
    einstein_helfand,
    nernst_einstein,
    slope_of,
)

STEP = 2.0
"""ps."""


def walks(diffusion: float, particles: int, frames: int, seed: int) -> NDArray[np.float64]:
    """Return random walks with a diffusion coefficient in nm2/ps."""
    random = np.random.default_rng(seed)
    steps = random.normal(scale=math.sqrt(2 * diffusion * STEP), size=(frames, particles, 3))
    return np.cumsum(steps, axis=0)


@given(st.integers(2, 40), st.integers(1, 4), st.integers(0, 1000))
def test_displacements_are_those_of_the_definition(frames: int, particles: int, seed: int) -> None:
    paths = np.random.default_rng(seed).normal(size=(frames, particles, 3)).cumsum(axis=0)
    expected = [
        ((paths[lag:] - paths[: frames - lag]) ** 2).sum(axis=2).mean() for lag in range(frames)
    ]
    assert displacements(paths) == pytest.approx(expected, abs=1e-8)


def test_a_random_walk_gives_its_diffusion_coefficient() -> None:
    found = [slope_of(walks(1e-4, 30, 2000, seed), STEP) for seed in range(10)]
    values = np.array([s.slope / 6 for s in found])
    assert values.mean() == pytest.approx(1e-4, rel=0.05)
    assert np.mean([s.exponent for s in found]) == pytest.approx(1.0, abs=0.05)
    stated = np.mean([s.uncertainty / 6 for s in found])
    assert 0.5 < stated / values.std(ddof=1) < 2.0


def test_free_flight_is_told_from_diffusion() -> None:
    velocities = np.random.default_rng(0).normal(size=(1, 20, 3))
    paths = velocities * np.arange(500)[:, None, None]
    assert slope_of(paths, STEP).exponent == pytest.approx(2.0, abs=1e-6)


def test_a_cage_is_told_from_diffusion() -> None:
    paths = np.random.default_rng(0).normal(scale=0.05, size=(1000, 20, 3))
    slope = slope_of(paths, STEP)
    assert abs(slope.exponent) < 0.02
    assert abs(slope.slope) < 3 * slope.uncertainty + 1e-7


def test_independent_ions_conduct_alike_by_both_ways() -> None:
    """Both are N e^2 D / (V k T) then: 20 ions in 30 nm3 at 300 K."""
    diffusion, kelvin, volume = 2e-4, 300.0, 30.0
    charges = np.array([1.0] * 10 + [-1.0] * 10)
    expected = 20 * ELEMENTARY**2 * diffusion * 1e-6 / (volume * 1e-27 * BOLTZMANN * kelvin)
    simple, collective = [], []
    for seed in range(30):
        paths = walks(diffusion, 20, 1000, seed)
        slopes = [(10, slope_of(paths[:, :10], STEP)), (10, slope_of(paths[:, 10:], STEP))]
        simple.append(nernst_einstein(slopes, volume, kelvin).slope)
        collective.append(einstein_helfand(paths, charges, STEP, volume, kelvin).slope)
    assert np.mean(simple) == pytest.approx(expected, rel=0.05)
    assert np.mean(collective) == pytest.approx(expected, rel=0.2)
    assert np.std(collective) > 2 * np.std(simple)


def test_ions_that_move_in_pairs_carry_no_current() -> None:
    cations = walks(2e-4, 10, 1000, 0)
    paths = np.concatenate([cations, cations + 0.3], axis=1)
    charges = np.array([1.0] * 10 + [-1.0] * 10)
    assert einstein_helfand(paths, charges, STEP, 30.0, 300.0).slope == pytest.approx(0, abs=1e-9)
    assert slope_of(paths, STEP).slope > 0


def test_too_short_a_run_has_no_slope() -> None:
    slope = slope_of(walks(1e-4, 5, 10, 0), STEP)
    assert math.isnan(slope.slope)
    assert math.isinf(slope.uncertainty)

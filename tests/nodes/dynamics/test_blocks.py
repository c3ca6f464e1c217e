"""Block averages against theory."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from nodes.dynamics import blocked, mean_of


def autoregressive(phi: float, size: int, seed: int) -> NDArray[np.float64]:
    """Return x[t] = phi x[t-1] + unit noise, stationary from its start."""
    random = np.random.default_rng(seed)
    noise = random.normal(size=size)
    series = np.empty(size)
    series[0] = noise[0] / math.sqrt(1 - phi**2)
    for t in range(1, size):
        series[t] = phi * series[t - 1] + noise[t]
    return series


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
def test_autoregressive_noise(phi: float) -> None:
    """The mean has the variance (1+phi)/(1-phi)/(1-phi^2)/N; one sample counts (1-phi)/(1+phi)."""
    size = 2**14
    found = [blocked(autoregressive(phi, size, seed)) for seed in range(20)]
    error = math.sqrt((1 + phi) / (1 - phi) / (1 - phi**2) / size)
    assert np.mean([u for u, _, _ in found]) == pytest.approx(error, rel=0.08)
    assert np.mean([g for _, g, _ in found]) == pytest.approx((1 + phi) / (1 - phi), rel=0.15)
    assert all(plateau for _, _, plateau in found)


def test_the_stated_uncertainty_covers_the_true_mean() -> None:
    inside = 0
    for seed in range(200):
        mean = mean_of(autoregressive(0.8, 2048, seed))
        inside += abs(mean.value) < 2 * mean.uncertainty
    assert 0.90 < inside / 200 <= 1.0


def test_a_series_shorter_than_its_memory_has_no_plateau() -> None:
    walk = np.cumsum(np.random.default_rng(1).normal(size=64))
    error, inefficiency, plateau = blocked(walk)
    assert not plateau
    assert inefficiency > 8
    assert error > 2 * walk.std() / math.sqrt(64)


def test_a_drift_is_seen_and_widens_the_uncertainty() -> None:
    noise = np.random.default_rng(2).normal(size=1024)
    series = noise + np.linspace(0, 0.6, 1024)
    still, drifting = mean_of(noise), mean_of(series)
    assert still.drift_sigma < 3
    assert drifting.drift == pytest.approx(0.3, abs=0.15)
    assert drifting.drift_sigma > 3
    assert drifting.plateau
    assert drifting.uncertainty == pytest.approx(
        math.hypot(blocked(series)[0], drifting.drift / 2), rel=1e-9
    )


def test_too_few_values_say_that_nothing_is_known() -> None:
    assert blocked([1.0, 2.0, 3.0]) == (math.inf, 3.0, False)
    assert math.isinf(mean_of([5.0]).uncertainty)


def test_what_never_changed_was_seen_once() -> None:
    """A volume whose every change was refused is not known to the last digit."""
    mean = mean_of(np.full(32, 7.0))
    assert math.isinf(mean.uncertainty)
    assert (mean.value, mean.independent, mean.plateau) == (7.0, 1.0, False)


@given(st.lists(st.floats(-1e3, 1e3), min_size=4, max_size=200), st.floats(-1e3, 1e3))
def test_a_shift_shifts_the_mean_alone(values: list[float], shift: float) -> None:
    here, there = mean_of(values), mean_of(np.array(values) + shift)
    assert there.value == pytest.approx(here.value + shift, abs=1e-6)
    assert here.uncertainty >= 0
    assert here.inefficiency >= 1

"""Radial distribution functions of arrangements that are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from nodes.dynamics._distribution import Distribution, distribution
from nodes.dynamics._pairs import Pair, histogram
from nodes.dynamics._plan import BIN

BINS = 240


def measured(frames: list[NDArray[np.float64]], edges: list[float], pair: Pair) -> Distribution:
    counts = [histogram(f, edge, pair, BINS) for f, edge in zip(frames, edges, strict=True)]
    volumes = np.array(edges) ** 3
    return distribution("A-B", np.array(counts), volumes, pair.first.size, pair.second.size, BIN)


def test_an_ideal_gas_is_one_everywhere() -> None:
    random = np.random.default_rng(0)
    pair = Pair("A-B", np.arange(60), np.arange(60, 360))
    edges = [2.2, 2.3, 2.4] * 20
    frames = [random.uniform(0, edge, size=(360, 3)) for edge in edges]
    found = measured(frames, edges, pair)
    far = found.radius > 0.3
    assert found.radius[-1] < 1.1, "nothing beyond half the smallest box"
    assert found.g[far].mean() == pytest.approx(1.0, abs=0.01)
    off = (found.g[far] - 1) / found.uncertainty[far]
    assert 0.6 < np.sqrt((off**2).mean()) < 3.0, "five blocks: wide tails"
    volume = 4 / 3 * np.pi * (found.radius[-1] + BIN / 2) ** 3
    expected = 300 * volume * np.mean(1 / np.array(edges) ** 3)
    assert found.running[-1] == pytest.approx(expected, rel=0.01)


def test_a_lattice_has_six_neighbours_in_its_first_shell() -> None:
    axis = 0.25 * np.arange(8)
    points = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, 3)
    odd = np.round(points.sum(axis=1) / 0.25).astype(int) % 2 == 1
    pair = Pair("A-B", np.flatnonzero(~odd), np.flatnonzero(odd))
    shaken = points + np.random.default_rng(0).normal(scale=0.003, size=points.shape)
    found = measured([shaken] * 5, [2.0] * 5, pair)
    assert found.shell is not None
    assert found.shell.peak == pytest.approx(0.25, abs=2 * BIN)
    assert 0.26 < found.shell.edge < 0.42
    assert found.shell.number.value == 6.0


def test_images_across_the_border_count() -> None:
    positions = np.array([[0.05, 1.0, 1.0], [1.95, 1.0, 1.0], [7.0, 1.0, 1.0]])
    pair = Pair("A-B", np.array([0]), np.array([1, 2]))
    counts = histogram(positions, 2.0, pair, BINS)
    assert np.flatnonzero(counts).tolist() == pytest.approx([0.1 / BIN, 0.95 / BIN], abs=1)


def test_where_nothing_is_denser_there_is_no_shell() -> None:
    pair = Pair("A-B", np.array([0]), np.array([1]))
    found = measured([np.array([[0.0, 0, 0], [0.9, 0, 0]])] * 5, [2.0] * 5, pair)
    assert found.shell is None

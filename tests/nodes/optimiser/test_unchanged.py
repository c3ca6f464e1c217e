"""Proposals of the light strategy, held fixed: the same seed must go the same way in any release.

A change here changes what running campaigns do next, and what a replay compares with.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from nodes.optimiser import (
    GaussianProcessStrategy,
    Observation,
    Point,
    Problem,
    RandomStrategy,
    Suggestion,
    at_temperature,
    load_campaign,
    read_published,
)
from nodes.optimiser._prior import as_observation, inside
from tests.nodes.optimiser.memory_lab import conductivity

PLAN = load_campaign(
    Path(__file__).parents[3] / "launch" / "campaigns" / "ec_emc_conductivity.yaml"
)
MEASURED = ((0.25, 1.3), (0.31, 0.6), (0.36, 0.9), (0.42, 1.1), (0.47, 0.75), (0.49, 1.2))


def problem() -> Problem:
    return PLAN.build_problem(seed=5)


def own() -> list[Observation]:
    return [
        Observation.of(point, round(conductivity(*point) * (1 + 0.01 * (-1) ** i), 6), 0.004)
        for i, point in enumerate(MEASURED)
    ]


def literature() -> list[Observation]:
    section = PLAN.consume.datasets[0]
    table = read_published(section, Path())
    near = table.near(298.15, section.temperature_window)
    space = PLAN.build_space()
    points = inside(at_temperature(near, 298.15, interpolate=True), space, section.margin)
    return [as_observation(point, space, section) for point in points]


START: tuple[Point, ...] = ((0.447, 0.988), (0.336, 0.481), (0.319, 1.27))


def test_the_start_stays() -> None:
    found = GaussianProcessStrategy(problem()).ask(3, [Suggestion((0.45, 1.0))], 6)
    assert tuple(s.point for s in found) == START
    assert all(s.mean is None and s.expected_improvement is None for s in found)


@pytest.mark.parametrize(
    ("prior", "points", "first"),
    [
        (False, ((0.5, 0.861), (0.5, 0.625), (0.451, 0.879)), (0.01104686, 0.95242657, 0.02515193)),
        (True, ((0.5, 0.857), (0.462, 0.855), (0.5, 0.89)), (0.01351262, 0.95558185, 0.01018769)),
    ],
)
def test_what_the_model_proposes_stays(
    prior: bool, points: tuple[Point, ...], first: tuple[float, float, float]
) -> None:
    strategy = GaussianProcessStrategy(problem())
    strategy.tell(own() + (literature() if prior else []))
    found = strategy.ask(3, [Suggestion((0.45, 1.0))], 6)
    assert [s.point for s in found] == [pytest.approx(point, abs=2e-3) for point in points]
    top = found[0]
    assert top.mean is not None
    assert top.uncertainty is not None
    assert (top.expected_improvement, *top.mean, *top.uncertainty) == pytest.approx(first, rel=1e-3)
    best = strategy.best()
    assert best is not None
    assert best.observation.point == (0.47, 0.75)


def test_what_chance_proposes_stays() -> None:
    found = RandomStrategy(problem()).ask(3, (), 2)
    assert [s.point for s in found] == [(0.458, 1.395), (0.299, 1.138), (0.357, 0.879)]

"""Several objectives: the front, the hypervolume, a campaign of two."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.optimiser import (
    CampaignFile,
    Dimension,
    Direction,
    GaussianProcessStrategy,
    Objective,
    Observation,
    Problem,
    RandomStrategy,
    Space,
    Surrogate,
)
from nodes.optimiser._front_plot import draw_front
from nodes.optimiser._hypervolume import box_of, hypervolume_draws, hypervolume_improvement
from nodes.optimiser._pareto import compromise, undominated
from nodes.optimiser._space import Floats
from tests.nodes.optimiser.memory_lab import Answer, MemoryLab
from tests.nodes.optimiser.test_report import report_of

SPACE = Space(tuple(Dimension(name=name, minimum=0, maximum=1) for name in "xy"))
TWO = Problem(SPACE, (Objective("gain"), Objective("loss", direction=Direction.MINIMISE)), seed=1)


def both(x: float, y: float) -> tuple[float, float]:
    """Gain and loss grow with x; y wastes both away from 0.5."""
    waste = (y - 0.5) ** 2
    return x - waste, x**2 + waste


def told(count: int, seed: int = 0) -> list[Observation]:
    points = np.random.default_rng(seed).uniform(0, 1, (count, 2))
    return [Observation((x, y), both(x, y), (0.0, 0.0)) for x, y in points.tolist()]


def area(values: Floats, reference: Floats) -> float:
    """Hypervolume of two objectives, greater is better, by strips."""
    total, top = 0.0, reference[1]
    for x, y in sorted(values[(values > reference).all(axis=1)].tolist(), reverse=True):
        total += max(0.0, x - reference[0]) * max(0.0, y - top)
        top = max(top, y)
    return total


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), min_size=1))
@settings(max_examples=50)
def test_what_is_undominated(rows: list[tuple[int, int, int]]) -> None:
    values = np.array(rows, dtype=float)
    kept = undominated(values)
    assert kept.any()
    for row, stays in zip(values, kept, strict=True):
        beaten = any((other >= row).all() and (other > row).any() for other in values)
        assert stays == (not beaten)
    assert 0 <= compromise(values[kept]) < kept.sum()


def test_the_compromise_is_nearest_to_the_ideal_point() -> None:
    assert compromise(np.array([[0.0, 10.0], [0.8, 8.0], [1.0, 0.0]])) == 1


def test_hypervolume_improvement_is_that_of_the_definition() -> None:
    """Where models are certain, the estimate over directions is the volume itself."""
    rows = told(24)
    models = [Surrogate(SPACE, rows, index) for index in range(2)]
    known = [(0.2, 0.5), (0.6, 0.5)]
    signs = np.array([1.0, -1.0])
    points = np.array([[0.4, 0.5], [0.9, 0.5], [0.4, 0.9]])
    draws = hypervolume_draws(len(known), 2, np.random.default_rng(0))
    found = hypervolume_improvement(models, points, known, draws, signs)
    means = np.stack([model.at(known).mean for model in models], axis=1) * signs
    reference, ideal = box_of(means)
    before = area(means, reference)
    for point, value in zip(points, found, strict=True):
        there = np.array([[model.at([tuple(point)]).mean[0] for model in models]]) * signs
        gain = area(np.vstack([means, there]), reference) - before
        assert value == pytest.approx(gain / np.prod(ideal - reference), rel=0.15, abs=0.01)
    assert found[2] < found[0]


def test_the_front_is_found() -> None:
    strategy = GaussianProcessStrategy(TWO)
    for number in range(14):
        suggestion = strategy.ask(1, (), number)[0]
        values = both(*suggestion.point)
        strategy.tell([Observation(suggestion.point, values, (1e-3, 1e-3))])
    assert suggestion.mean is not None
    assert len(suggestion.mean) == 2
    front = strategy.front()
    assert len(front) >= 5
    # In truth the front is y = 0.5.
    assert np.mean([abs(best.observation.point[1] - 0.5) for best in front]) < 0.12
    gains = [best.mean[0] for best in front]
    assert gains == sorted(gains, reverse=True)
    best = strategy.best()
    assert best in front
    assert set(strategy.state()) == {"gain", "loss"}


def test_pending_points_of_several_objectives_keep_apart() -> None:
    strategy = GaussianProcessStrategy(TWO)
    strategy.tell(told(6))
    first, second = strategy.ask(2, (), 6)
    assert np.abs(np.subtract(first.point, second.point)).max() > 1e-2
    assert strategy.ask(1, [first], 7) == [second]


def test_a_front_without_a_model() -> None:
    strategy = RandomStrategy(TWO)
    assert strategy.front() == []
    strategy.tell([Observation((0.1 * i, 0.5), both(0.1 * i, 0.5), (0, 0)) for i in range(3)])
    strategy.tell([Observation((0.1, 0.9), both(0.1, 0.9), (0, 0))])
    assert [r.observation.point for r in strategy.front()] == [(0.2, 0.5), (0.1, 0.5), (0.0, 0.5)]


async def test_a_campaign_of_two_objectives(tmp_path: Any) -> None:
    plan = CampaignFile.model_validate(
        {
            "name": "pair",
            "objectives": [
                {"quantity": "pair", "method": "map", "output": "gain"},
                {"quantity": "pair", "method": "map", "output": "loss", "direction": "minimise"},
            ],
            "space": {"x": {"minimum": 0, "maximum": 1}, "y": {"minimum": 0, "maximum": 1}},
            "budget": 8,
        }
    )

    def answer(parameters: dict[str, Any]) -> Answer:
        gain, loss = both(parameters["x"], parameters["y"])
        return Answer({"gain": gain, "loss": {"value": loss, "uncertainty": 0.01}})

    report, drawn = await report_of(plan, MemoryLab(answer), tmp_path)
    assert drawn
    assert draw_front(report, tmp_path / "front.png") == tmp_path / "front.png"
    assert (tmp_path / "front.png").stat().st_size > 10_000
    text = "\n".join(report.lines(None))
    assert f"front: {len(report.front)} measurements that none beats" in text
    assert "gain: " in text
    assert "loss: " in text
    summary = report.as_dict()
    assert len(summary["front"]) == len(report.front) >= 2
    assert all(len(m["values"]) == 2 for m in summary["measurements"])

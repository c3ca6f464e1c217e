from __future__ import annotations

import numpy as np
import pytest

from nodes.optimiser import Dimension, Observation, Point, Space, Surrogate
from nodes.optimiser._acquisition import DRAWS, expected_improvement, normal_draws
from nodes.optimiser._kernels import SourceOffset

SPACE = Space(tuple(Dimension(name=name, minimum=0, maximum=2) for name in "xy"))


def hill(x: float, y: float) -> float:
    return 5.0 - (x - 1.2) ** 2 - 0.5 * (y - 0.7) ** 2


def seen(count: int, *, noise: float = 0.0, seed: int = 0) -> list[Observation]:
    random = np.random.default_rng(seed)
    points = random.uniform(0, 2, (count, 2))
    return [
        Observation.of((x, y), hill(x, y) + noise * random.standard_normal(), noise)
        for x, y in points.tolist()
    ]


def test_the_model_predicts_a_smooth_function() -> None:
    model = Surrogate(SPACE, seen(25))
    there = model.at([(1.2, 0.7), (0.3, 1.6)])
    assert there.mean == pytest.approx([hill(1.2, 0.7), hill(0.3, 1.6)], abs=0.03)
    assert (there.deviation < 0.2).all()


def test_marginal_and_joint_posterior_agree() -> None:
    model = Surrogate(SPACE, seen(12, noise=0.05))
    known: list[Point] = [(0.2, 0.2), (1.1, 1.9)]
    others: list[Point] = [(0.5, 0.5), (1.5, 0.1), (1.9, 1.9)]
    joint = model.at([*others, *known])
    mean, variance, cross, there = model.marginal(np.array(others), known)
    assert mean == pytest.approx(joint.mean[:3])
    assert variance == pytest.approx(np.diag(joint.covariance)[:3], rel=1e-4)
    assert cross == pytest.approx(joint.covariance[3:, :3], abs=1e-9)
    assert there.mean == pytest.approx(joint.mean[3:])


def test_the_order_of_observations_does_not_matter() -> None:
    rows = seen(15, noise=0.1)
    one, other = Surrogate(SPACE, rows), Surrogate(SPACE, rows[::-1])
    assert one.at([(0.4, 0.4)]).mean[0] == other.at([(0.4, 0.4)]).mean[0]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_observations(count: int) -> None:
    assert np.isfinite(Surrogate(SPACE, seen(count)).at([(1.0, 1.0)]).mean).all()


def test_equal_values_and_duplicate_points() -> None:
    same = [Observation.of((1.0, 1.0), 3.0), Observation.of((1.0, 1.0), 3.0)]
    there = Surrogate(SPACE, same).at([(1.0, 1.0), (0.0, 0.0)])
    assert there.mean == pytest.approx([3.0, 3.0], abs=1e-6)
    mixed = [*same, Observation.of((1.0, 1.0), 3.4), *seen(4)]
    assert np.isfinite(Surrogate(SPACE, mixed).at([(1.0, 1.0)]).covariance).all()


def test_noise_is_learned() -> None:
    model = Surrogate(SPACE, [Observation.of(o.point, o.value) for o in seen(60, noise=0.2)])
    assert 0.1 < model.noise < 0.35


def test_a_source_that_is_off_by_a_constant_does_not_shift_the_model() -> None:
    own = seen(8, seed=1)
    foreign = [
        Observation.of(o.point, o.value + 0.5, 0.02, source="doi:x", offset=0.5)
        for o in seen(20, seed=2)
    ]
    place: list[Point] = [(1.2, 0.7), (0.5, 1.0), (1.8, 1.2)]
    truth = [hill(*point) for point in place]
    with_offset = Surrogate(SPACE, own + foreign).at(place).mean
    trusting = (
        Surrogate(
            SPACE, own + [Observation.of(o.point, o.value, 0.02, source="doi:x") for o in foreign]
        )
        .at(place)
        .mean
    )
    assert np.abs(with_offset - truth).max() < 0.1
    assert np.abs(trusting - truth).mean() > 2 * np.abs(with_offset - truth).mean()


def test_offset_kernel() -> None:
    rows = np.array([[0.1, 0], [0.2, 1], [0.9, 1], [0.9, 2]])
    kernel = SourceOffset((0.0, 0.5, 0.2))
    expected = [[0, 0, 0, 0], [0, 0.25, 0.25, 0], [0, 0.25, 0.25, 0], [0, 0, 0, 0.04]]
    assert kernel(rows) == pytest.approx(np.array(expected))
    assert kernel.diag(rows) == pytest.approx([0, 0.25, 0.25, 0.04])
    assert kernel(rows, eval_gradient=True)[1].shape == (4, 4, 0)


def test_expected_improvement_against_plain_monte_carlo() -> None:
    model = Surrogate(SPACE, seen(6, noise=0.3))
    known: list[Point] = [(0.5, 0.5), (1.5, 1.0), (0.1, 1.9)]
    points = np.array([[1.1, 0.8], [0.0, 0.0], [1.9, 0.2]])
    draws = normal_draws(3, np.random.default_rng(0))
    assert draws.shape == (DRAWS, 3)
    found = expected_improvement(model, points, known, draws, 1.0)
    for row, value in zip(points, found, strict=True):
        joint = model.at([*known, tuple(row)])
        sample = np.random.default_rng(1).multivariate_normal(
            joint.mean, joint.covariance + 1e-12 * np.eye(4), 200_000
        )
        gain = np.clip(sample[:, 3] - sample[:, :3].max(axis=1), 0, None).mean()
        assert value == pytest.approx(gain, rel=0.06, abs=2e-3)


def test_expected_improvement_when_minimising_mirrors_maximising() -> None:
    rows = seen(6, noise=0.3)
    mirrored = [Observation.of(o.point, -o.value, o.uncertainty) for o in rows]
    known: list[Point] = [(0.5, 0.5), (1.5, 1.0)]
    points = np.array([[1.1, 0.8], [0.0, 0.0]])
    # A quasi-random set is not symmetric to the last digit; its mirror image is.
    draws = normal_draws(2, np.random.default_rng(0))
    up = expected_improvement(Surrogate(SPACE, rows), points, known, draws, 1.0)
    down = expected_improvement(Surrogate(SPACE, mirrored), points, known, -draws, -1.0)
    assert up == pytest.approx(down, rel=1e-3)


def test_nothing_improves_on_a_point_that_is_known() -> None:
    model = Surrogate(SPACE, seen(8, noise=0.1))
    known: list[Point] = [(1.0, 1.0), (1.0, 1.0), (0.2, 0.3)]
    draws = normal_draws(3, np.random.default_rng(0))
    there = expected_improvement(model, np.array([[1.0, 1.0], [1.4, 0.9]]), known, draws, 1.0)
    assert there[0] < 1e-3
    assert there[0] < 0.05 * there[1]


def test_without_own_points_the_mean_decides() -> None:
    model = Surrogate(SPACE, seen(8))
    points = np.array([[1.2, 0.7], [0.0, 0.0]])
    scores = expected_improvement(model, points, [], np.empty((0, 0)), -1.0)
    assert scores == pytest.approx(-model.at(points).mean)

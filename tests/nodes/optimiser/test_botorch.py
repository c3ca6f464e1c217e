"""The heavy backend. One file, because importing torch takes seconds."""

from __future__ import annotations

import numpy as np

from nodes.optimiser import (
    Direction,
    Objective,
    Observation,
    Problem,
    Strategy,
    make_strategy,
)
from nodes.optimiser._campaign_file import StrategySection
from tests.nodes.optimiser.test_strategy import BRANIN, BRANIN_MINIMUM, branin

LOW = Objective("branin", "1", Direction.MINIMISE)
HEAVY = StrategySection(name="botorch")


def heavy(**more: object) -> Strategy:
    settings: dict[str, object] = {"space": BRANIN, "objectives": (LOW,), **more}
    return make_strategy(Problem(**settings), HEAVY)  # type: ignore[arg-type]


def seen(count: int, noise: float = 0.0) -> list[Observation]:
    random = np.random.default_rng(5)
    points = random.uniform([-5, 0], [10, 15], (count, 2)).tolist()
    return [
        Observation.of((x, y), branin(x, y) + noise * random.standard_normal(), noise)
        for x, y in points
    ]


def test_it_finds_the_minimum_of_a_smooth_function() -> None:
    strategy = heavy(seed=1)
    strategy.tell(seen(16))
    for number in range(16, 22):
        point = strategy.ask(1, (), number)[0].point
        strategy.tell([Observation.of(point, branin(*point))])
    best = strategy.best()
    assert best is not None
    assert branin(*best.observation.point) - BRANIN_MINIMUM < 0.5

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nodes.optimiser import GaussianProcessStrategy, Observation, RandomStrategy
from nodes.optimiser._published_trend import conductivity, published_optimum
from nodes.optimiser._trend import trend_chapter
from tests.nodes.optimiser import memory_lab
from tests.nodes.optimiser.test_campaign import plan


@pytest.mark.parametrize(
    ("temperature", "w_ec", "molality", "greatest", "low", "high"),
    [
        # w_EC, optimum, maximum (mS/cm) and 1 % region of the fit to Ding et al. 2001.
        (298.15, 0.2, 1.211, 8.06, 1.03, 1.40),
        (298.15, 0.3, 1.044, 8.79, 0.90, 1.21),
        (298.15, 0.4, 0.933, 9.29, 0.80, 1.08),
        (298.15, 0.5, 0.850, 9.45, 0.73, 0.98),
        (273.15, 0.3, 0.849, 5.20, 0.73, 0.98),
        (313.15, 0.3, 1.151, 11.19, 0.98, 1.34),
    ],
)
def test_the_published_optima(
    temperature: float, w_ec: float, molality: float, greatest: float, low: float, high: float
) -> None:
    found = published_optimum(w_ec, temperature)
    assert found.molality == pytest.approx(molality, abs=2e-3)
    assert 10 * found.conductivity == pytest.approx(greatest, abs=0.01)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.012)


def taught(factor: Any) -> GaussianProcessStrategy:
    strategy = GaussianProcessStrategy(plan().build_problem())
    random = np.random.default_rng(0)
    for w_ec in (0.2, 0.3, 0.4, 0.5):
        for molality in (0.45, 0.7, 0.9, 1.1, 1.35):
            value = float(conductivity(w_ec, np.array(molality), 298.15)) * factor(molality)
            value *= 1 + 0.004 * random.standard_normal()
            strategy.tell([Observation.of((w_ec, molality), value, 0.004)])
    return strategy


def test_the_trend_is_found_again() -> None:
    chapter = trend_chapter(plan(), taught(lambda _: 1.05), simulated=True, literature=False)
    assert chapter is not None
    assert chapter.data["agree"] == 4
    assert (
        "4 of 4 agree; the simulated robot's surface is a fit to these very data"
        in (chapter.lines[0])
    )
    optima = [row["model"]["molality"] for row in chapter.data["at"]]
    assert optima == sorted(optima, reverse=True), "more EC, less salt"
    assert all(0 < row["model"]["molality_uncertainty"] < 0.2 for row in chapter.data["at"])


def test_another_trend_differs() -> None:
    chapter = trend_chapter(plan(), taught(lambda m: 0.5 + m), simulated=False, literature=True)
    assert chapter is not None
    assert chapter.data["agree"] < 4
    assert "differs" in "\n".join(chapter.lines)
    assert "had learned from published values" in chapter.lines[0]


def test_other_campaigns_have_no_such_chapter() -> None:
    model = taught(lambda _: 1.0)
    hot = plan(fixed={"temperature": 400.0})
    assert trend_chapter(hot, model, simulated=True, literature=False) is None
    chance = RandomStrategy(plan().build_problem())
    assert trend_chapter(plan(), chance, simulated=True, literature=False) is None


def test_the_tests_own_surface_is_the_same() -> None:
    assert memory_lab.conductivity(0.4, 1.0) == pytest.approx(
        float(conductivity(0.4, np.array(1.0), 298.15))
    )

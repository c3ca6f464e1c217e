"""Cheaper ways to look: co-kriging, which one next, and campaigns that ask several."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from messages.ledger import Status
from nodes.optimiser import (
    CampaignFile,
    Dimension,
    Fidelity,
    GaussianProcessStrategy,
    Objective,
    Observation,
    Problem,
    Space,
    Surrogate,
    load_campaign,
)
from nodes.optimiser._cokriging import CoKriging
from nodes.optimiser._fidelity_choice import choose_fidelity
from nodes.optimiser._node import OptimiserNode
from tests.nodes.optimiser.memory_lab import Answer, MemoryLab, Notes
from tests.nodes.optimiser.test_campaign import SHIPPED_FOLDER, run

SPACE = Space(tuple(Dimension(name=name, minimum=0, maximum=2) for name in "xy"))
CHEAP = Fidelity("cheap", cost=0.1, relative_noise=0.01, relative_offset=0.2)
PROBLEM = Problem(SPACE, (Objective("height"),), fidelities=(CHEAP,), seed=2)


def hill(x: float, y: float) -> float:
    return 5.0 - (x - 1.2) ** 2 - 0.5 * (y - 0.7) ** 2


def seen(count: int, fidelity: str = "", seed: int = 0) -> list[Observation]:
    points = np.random.default_rng(seed).uniform(0, 2, (count, 2)).tolist()
    return [
        Observation.of(
            (x, y), 1.2 * hill(x, y) - 0.8 if fidelity else hill(x, y), 0.01, fidelity=fidelity
        )
        for x, y in points
    ]


def test_the_kernel_and_its_gradient() -> None:
    kernel = CoKriging(ConstantKernel(1.3) * Matern([0.4, 0.7], nu=2.5), (0.9, 1.4), (0.1, 0.3))
    random = np.random.default_rng(0)
    rows = np.hstack([random.uniform(0, 1, (7, 2)), [[0], [1], [2], [1], [0], [2], [1]]])
    matrix, slope = kernel(rows, eval_gradient=True)
    assert matrix == pytest.approx(matrix.T)
    assert (np.linalg.eigvalsh(matrix) > -1e-9).all()
    assert np.diag(matrix) == pytest.approx(kernel.diag(rows))
    theta = kernel.theta
    assert slope.shape == (7, 7, len(theta))
    for index in range(len(theta)):
        step = np.zeros(len(theta))
        step[index] = 1e-6
        up, down = (kernel.clone_with_theta(theta + s)(rows) for s in (step, -step))
        assert slope[:, :, index] == pytest.approx((up - down) / 2e-6, abs=1e-5)
    assert kernel(rows[:3], rows) == pytest.approx(matrix[:3])


def test_a_cheap_fidelity_that_is_off_helps_and_does_not_mislead() -> None:
    few, many = seen(5, seed=1), seen(25, "cheap", seed=2)
    alone = Surrogate(SPACE, few)
    helped = Surrogate(SPACE, few + many, 0, (CHEAP,))
    grid = np.random.default_rng(3).uniform(0.1, 1.9, (40, 2))
    truth = np.array([hill(x, y) for x, y in grid])
    error, better = (np.abs(model.at(grid).mean - truth).mean() for model in (alone, helped))
    assert better < 0.5 * error
    assert better < 0.1
    factor, discrepancy = helped.factors["cheap"]
    assert 1.0 < factor < 1.4
    assert discrepancy < 0.2
    assert (helped.at(grid).deviation < alone.at(grid).deviation).mean() > 0.9


def test_who_saw_a_cheap_fidelity_alone_does_not_know_the_level() -> None:
    rows = seen(12, "cheap", seed=2)
    unsure, sure = (
        Surrogate(SPACE, rows, 0, (Fidelity("cheap", 0.1, 0.01, offset),)).at([(1.0, 1.0)])
        for offset in (0.5, 0.0)
    )
    # With an offset, twelve values fix the shape and say next to nothing of the level.
    assert unsure.deviation[0] > 2 * sure.deviation[0]


def test_information_by_fidelity() -> None:
    model = Surrogate(SPACE, seen(5, seed=1) + seen(8, "cheap", seed=2), 0, (CHEAP,))
    point = (1.9, 1.9)
    target, cheap = (model.information(point, f, ()) for f in (PROBLEM.fidelity(""), CHEAP))
    assert target > cheap > 0
    noisy = Fidelity("cheap", 0.1, 1.0, 0.2)
    assert model.information(point, noisy, ()) < 0.3 * cheap
    # What is under way there already leaves less to be learned.
    assert model.information(point, CHEAP, [(point, "cheap")]) < 0.5 * cheap
    assert model.information(point, Fidelity("unseen", 1.0, 0.0, 5.0), ()) < cheap


def test_which_fidelity_next() -> None:
    known = [*seen(5, seed=1), *seen(8, "cheap", seed=2)]
    model = Surrogate(SPACE, known, 0, (CHEAP,))
    point = (1.9, 1.9)

    def choice(cost: float, number: int = 13, told: list[Observation] = known) -> str:
        fidelity = Fidelity("cheap", cost, 0.01, 0.2)
        problem = Problem(SPACE, PROBLEM.objectives, fidelities=(fidelity,))
        return choose_fidelity(problem, model, point, told, (), number, 3)

    assert choice(0.01) == "cheap"
    assert choice(10.0) == ""
    # Of three requests one is at the target.
    assert choice(0.01, number=17) == ""
    assert choice(0.01, told=[*known, Observation.of(point, 1.0, fidelity="cheap")]) == ""


def test_the_best_is_of_the_target() -> None:
    strategy = GaussianProcessStrategy(PROBLEM)
    strategy.tell([Observation.of((1.2, 0.7), 50.0, fidelity="cheap")])
    assert strategy.best() is None
    strategy.tell(seen(4, seed=1))
    best = strategy.best()
    assert best is not None
    assert not best.observation.fidelity


PLAN: dict[str, Any] = {
    "name": "ladder",
    "objective": {"quantity": "height", "method": "climb", "output": "z"},
    "space": {
        "x": {"minimum": 0, "maximum": 2, "step": 0.01},
        "y": {"minimum": 0, "maximum": 2, "step": 0.01},
    },
    "fixed": {"team": "red"},
    "fidelities": [
        {"name": "map", "quantity": "height", "method": "map", "cost": 0.1},
        {"name": "guess", "quantity": "height", "method": "map", "cost": 0.05,
         "relative_offset": 0.5, "fixed": {"team": "red", "quick": True}},
    ],
    "budget": 12,
}  # fmt: skip


def climb(parameters: dict[str, Any]) -> Answer:
    x, y = parameters["x"], parameters["y"]
    if parameters.get("quick"):
        # A guess says nothing of the south.
        return Answer({"z": 0.5 * hill(x, y)} if y > 1 else {}, rating=None)
    return Answer({"z": {"value": hill(x, y), "uncertainty": 0.02}})


async def test_a_campaign_of_several_fidelities() -> None:
    campaign = CampaignFile.model_validate(PLAN)
    whole, notes = MemoryLab(climb), Notes()
    outcome, strategy = await run(whole, notes, campaign)
    found = outcome.measurements
    names = [m.fidelity for m in found]
    assert set(names) == {"", "map", "guess"}
    assert names.count("") >= 4
    for view, measurement in zip(whole.views.values(), found, strict=True):
        assert view.method == ("map" if measurement.fidelity else "climb")
        assert ("quick" in view.parameters) == (measurement.fidelity == "guess")
        if measurement.lesson:
            # A guess says no uncertainty, so that its fidelity's counts.
            said = 0.02 if measurement.fidelity != "guess" else 0.02 * abs(measurement.values[0])
            assert measurement.uncertainty == pytest.approx(said)
    silent = [m for m in found if not m.lesson]
    assert all(m.fidelity == "guess" and m.status is Status.RESOLVED for m in silent)
    best = strategy.best()
    assert best is not None
    assert hill(*best.observation.point) > 4.5

    parts = MemoryLab(climb)
    await run(parts, Notes(), campaign.model_copy(update={"budget": 7}))
    await run(parts, Notes(), campaign)
    assert [v.parameters for v in parts.views.values()] == [
        v.parameters for v in whole.views.values()
    ]
    assert list(parts.views) == list(whole.views)
    assert list(parts.decisions) == list(whole.decisions)


def test_the_shipped_file_asks_for_all_three() -> None:
    parameters = OptimiserNode.Parameters(
        campaign_file=str(SHIPPED_FOLDER / "ec_emc_multifidelity.yaml")
    )
    assert OptimiserNode.asks_for(parameters) == (
        ("conductivity", "two_electrode"),
        ("conductivity", "polynomial_interpolation"),
        ("conductivity", "molecular_dynamics"),
    )
    plan = load_campaign(parameters.campaign_file)
    assert [f.name for f in plan.build_problem().fidelities] == ["polynomial", "dynamics"]

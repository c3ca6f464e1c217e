"""The heavy backend. One file, because importing torch takes seconds."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
import torch

from messages.errors import MissingProgramError
from nodes.optimiser import (
    Dimension,
    Direction,
    Fidelity,
    LinearConstraint,
    Objective,
    Observation,
    Problem,
    Space,
    SpaceExhaustedError,
    Strategy,
    Suggestion,
    Surrogate,
    make_strategy,
)
from nodes.optimiser._botorch import BoTorchStrategy
from nodes.optimiser._botorch_fidelity import Knowledge
from nodes.optimiser._botorch_model import _loss
from nodes.optimiser._botorch_pareto import _box, means_at
from nodes.optimiser._botorch_scope import scope
from nodes.optimiser._sections import StrategySection
from tests.nodes.optimiser.test_strategy import BRANIN, BRANIN_MINIMUM, branin

LOW = Objective("branin", "1", Direction.MINIMISE)
HIGH = Objective("y")
UNIT = Space((Dimension(name="x", minimum=0, maximum=1),))
CHEAP = Fidelity("model", cost=0.1, relative_noise=0.01, relative_offset=0.3)

PROGRAM = """
import json, sys
from tests.nodes.optimiser import test_botorch
print(json.dumps(test_botorch.course(int(sys.argv[1]))))
"""


def heavy(**more: object) -> BoTorchStrategy:
    settings: dict[str, object] = {"space": BRANIN, "objectives": (LOW,), **more}
    problem = Problem(**settings)  # type: ignore[arg-type]
    return BoTorchStrategy(problem)


def seen(
    count: int, noise: float = 0.0, *, source: str = "", shift: float = 0.0
) -> list[Observation]:
    generator = np.random.default_rng([count, 5])
    points = generator.uniform([-5, 0], [10, 15], (count, 2)).tolist()
    return [
        Observation.of(
            (x, y),
            branin(x, y) + shift + noise * generator.standard_normal(),
            noise,
            source=source,
            offset=20.0 if source else 0.0,
        )
        for x, y in points
    ]


def course(order: int) -> list[object]:
    """Ask with everything there is: sources, fidelities, pending, exclusions; told in any order."""
    rows = [*seen(7, 0.5), *seen(6, 0.5, source="doi:x", shift=9.0)]
    rows += [Observation.of(o.point, 0.8 * o.value, 0.1, fidelity="model") for o in seen(8)]
    random.Random(order).shuffle(rows)
    strategy = heavy(fidelities=(CHEAP,), seed=4)
    if order % 2:
        strategy.tell(rows[:5])
        strategy.best()
        strategy.tell(rows[5:])
    else:
        strategy.tell(rows)
    strategy.exclude((0.0, 2.0), 0.1)
    waiting = [Suggestion((4.0, 4.0)), Suggestion((3.0, 9.0), "model")]
    random.Random(order).shuffle(waiting)
    found = strategy.ask(2, waiting, 15)
    return [*([s.point, s.fidelity, s.expected_improvement] for s in found), strategy.state()]


def test_it_finds_the_minimum_and_says_what_is_left_to_gain() -> None:
    strategy = heavy(seed=1)
    strategy.tell(seen(16))
    gains = []
    for number in range(16, 23):
        found = strategy.ask(1, (), number)[0]
        assert found.expected_improvement is not None
        gains.append(found.expected_improvement)
        strategy.tell([Observation.of(found.point, branin(*found.point))])
    best = strategy.best()
    assert best is not None
    assert branin(*best.observation.point) - BRANIN_MINIMUM < 0.5
    assert gains[-1] < 0.2 * gains[0]
    assert strategy.front() == [best]


def test_the_answer_depends_on_what_was_told_and_not_on_order_or_process() -> None:
    torch.manual_seed(3)
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    here = course(0)
    # What else the process does with torch is left alone, and leaves us alone.
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "1"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads(json.dumps(here))


def test_a_batch_is_asking_again_with_what_is_pending() -> None:
    strategy = heavy(seed=3)
    strategy.tell(seen(12))
    batch = strategy.ask(2, (), 12)
    assert strategy.ask(1, batch[:1], 13) == batch[1:]
    unit = BRANIN.normalise([s.point for s in batch])
    assert np.abs(unit[0] - unit[1]).max() > 0.02
    assert batch[0].expected_improvement is not None
    assert batch[1].expected_improvement is not None
    assert batch[1].expected_improvement < batch[0].expected_improvement


def test_constraints_steps_and_exclusions_hold() -> None:
    space = Space(
        (
            Dimension(name="x", minimum=0, maximum=1, step=0.05),
            Dimension(name="y", minimum=0, maximum=2, step=0.05),
        )
    )
    limit = LinearConstraint({"x": 1.0, "y": 0.38}, 0.93)
    strategy = heavy(space=space, objectives=(HIGH,), constraints=(limit,))
    rows = [(0.1, 0.2), (0.9, 0.05), (0.4, 1.0), (0.2, 1.7), (0.6, 0.3)]
    strategy.tell([Observation.of(p, p[0] + 0.5 * p[1]) for p in rows])
    # The best lies where the constraint meets the box, at y = 2; make that impossible.
    strategy.exclude((0.15, 2.0), 0.15)
    points = []
    for number in range(5, 9):
        point = strategy.ask(1, (), number)[0].point
        strategy.tell([Observation.of(point, point[0] + 0.5 * point[1])])
        points.append(point)
    assert len({*points, *rows}) == len(points) + len(rows)
    for x, y in points:
        assert x + 0.38 * y <= 0.93 + 1e-9
        assert math.isclose(x / 0.05, round(x / 0.05), abs_tol=1e-9)
        assert math.hypot(x - 0.15, y / 2 - 1.0) > 0.15
    # It went to the edge of what can be made.
    assert max(x + 0.5 * y for x, y in points) > 1.05


def test_a_coarse_space_runs_out() -> None:
    space = Space((Dimension(name="x", minimum=0, maximum=1, step=0.5),))
    strategy = heavy(space=space, objectives=(HIGH,))
    strategy.tell([Observation.of((0.0,), 1.0), Observation.of((0.5,), 2.0, 0.1)] * 2)
    assert strategy.ask(1, (), 4)[0].point == (1.0,)
    with pytest.raises(SpaceExhaustedError, match="no point is left"):
        strategy.ask(1, [Suggestion((1.0,))], 5)


def test_both_backends_have_the_same_model() -> None:
    strategy = heavy()
    rows = [*seen(12, 0.5), *seen(9, 0.5, source="doi:x", shift=9.0)]
    strategy.tell(rows)
    places = np.array([(3.0, 3.0), (0.0, 7.0), (8.0, 12.0)])
    here, there = strategy.models()[0].at(places), Surrogate(BRANIN, rows).at(places)
    assert here.mean == pytest.approx(there.mean, abs=0.1 * float(there.deviation.max()))
    assert here.deviation == pytest.approx(there.deviation, rel=0.15)


def test_the_state_tells_offsets_and_noise() -> None:
    strategy = heavy()
    assert strategy.state() == {}
    rows = [Observation.of(o.point, o.value) for o in seen(25, 2.0)]
    strategy.tell([*rows, *seen(10, 0.5, source="doi:x", shift=9.0)])
    state = strategy.state()["branin"]
    assert json.loads(json.dumps(state)) == state
    offset = state["offsets"]["doi:x"]
    assert abs(offset["value"] - 9.0) < 3 * offset["uncertainty"] < 6.0
    assert 0.7 < state["noise"] < 4.0
    assert set(state["length_scales"]) == {"x", "y"}


def test_with_literature_alone_the_mean_decides() -> None:
    strategy = heavy()
    rows = seen(12, 1.0, source="doi:x", shift=5.0)
    strategy.tell(rows)
    first = strategy.ask(1, (), 0)[0]
    assert first.expected_improvement is None
    assert first.mean is not None
    assert first.mean[0] <= min(o.value for o in rows)
    assert strategy.best() is None
    assert strategy.front() == []


@pytest.mark.slow
def test_several_objectives() -> None:
    wanted = (Objective("left", "1", Direction.MINIMISE), Objective("right"))
    strategy = heavy(space=UNIT, objectives=wanted)

    def values(x: float) -> tuple[float, float]:
        # Beaten by none: 0.2 <= x <= 0.6.
        return (x - 0.2) ** 2, -((x - 0.6) ** 2)

    for x in (0.0, 0.05, 0.9, 1.0):
        strategy.tell([Observation((x,), values(x), (0.001, 0.001))])
    points = []
    for number in range(4, 8):
        found = strategy.ask(1, (), number)[0]
        assert found.expected_improvement is not None
        assert found.mean is not None
        assert len(found.mean) == 2
        points.append(found.point[0])
        strategy.tell([Observation(found.point, values(*found.point), (0.001, 0.001))])
    assert all(0.1 < x < 0.7 for x in points)
    front = [r.observation.point[0] for r in strategy.front()]
    assert front == sorted(front)
    assert 0.1 < front[0] < front[-1] < 0.7
    best = strategy.best()
    assert best is not None
    assert 0.25 < best.observation.point[0] < 0.55
    # In the end by the cheaper way, where there is one that has not been used yet.
    more = heavy(space=UNIT, objectives=wanted, fidelities=(CHEAP,))
    more.tell([Observation((x,), values(x), (0.001, 0.001)) for x in (0.0, 0.3, 0.5, 0.9, 1.0)])
    more.tell(
        [
            Observation((x,), values(x), (0.001, 0.001), fidelity="model")
            for x in (0.0, 0.3, 0.5, 0.9, 1.0)
        ]
    )
    first = more.ask(1, (), 10)[0]
    assert first.fidelity == "model"
    assert more.ask(1, [first], 11)[0] != first


def test_a_front_that_begins_in_a_corner_may_grow_out_of_it() -> None:
    wanted = (Objective("left", "1", Direction.MINIMISE), Objective("right"))
    strategy = heavy(space=UNIT, objectives=wanted)
    points = [(x,) for x in (0.0, 0.1, 0.2, 0.25, 1.0)]
    for (x,) in points:
        values = ((x - 0.2) ** 2, -((x - 0.6) ** 2))
        strategy.tell([Observation((x,), values, (0.001, 0.001))])
    # The front's other end is worse in the first objective than all that is on it so far.
    end = [(0.55,)]
    with scope(0):
        models = strategy.models()
        reference, ideal = _box(models, points, np.linspace(0, 1, 30)[:, None])
        means = means_at(models, end)[0]
    assert (means > reference).all()
    assert means[1] > ideal[1]


def biased(x: float, y: float) -> float:
    return 0.8 * branin(x, y) + 10.0 + 2.0 * x


def told_by_two(strategy: Strategy) -> None:
    """Fifteen values by the cheap way, five of them also at the target."""
    for place, row in enumerate(seen(15)):
        value = biased(*row.point)
        strategy.tell([Observation.of(row.point, value, 0.1, fidelity="model")])
        if place < 5:
            strategy.tell([row])


def test_a_cheap_fidelity_does_most_of_the_work() -> None:
    strategy = heavy(fidelities=(CHEAP,))
    told_by_two(strategy)
    cost = 0.0
    used: list[str] = []
    while cost < 1.5:
        found = strategy.ask(1, (), 20 + len(used))[0]
        assert found.expected_improvement is not None
        used.append(found.fidelity)
        value = (biased if found.fidelity else branin)(*found.point)
        strategy.tell([Observation.of(found.point, value, 0.1, fidelity=found.fidelity)])
        cost += CHEAP.cost if found.fidelity else 1.0
    assert 1 <= used.count("") <= 2
    assert used.count("model") >= 3
    best = strategy.best()
    assert best is not None
    assert best.observation.fidelity == ""
    # Eight measurements at the target alone leave some 10.
    assert branin(*best.observation.point) - BRANIN_MINIMUM < 3.0
    gain = strategy.state()["branin"]["fidelities"]["model"]["gain"]
    assert 0.6 < gain < 1.0


def test_the_target_gets_its_share_of_the_requests() -> None:
    problem = Problem(BRANIN, (LOW,), fidelities=(CHEAP,))
    strategy = make_strategy(problem, StrategySection(name="botorch", target_every=3))
    told_by_two(strategy)
    # Five of twenty were at the target, where a third is wanted.
    assert [s.fidelity for s in strategy.ask(1, (), 20)] == [""]
    freely = BoTorchStrategy(problem)
    told_by_two(freely)
    assert [s.fidelity for s in freely.ask(1, (), 20)] == ["model"]


def test_the_first_points_are_measured_by_all() -> None:
    strategy = heavy(fidelities=(CHEAP,))
    found = strategy.ask(8, (), 0)
    assert [s.fidelity for s in found] == ["model", ""] * 3 + ["model"] * 2
    assert found[0].point == found[1].point
    assert len({s.point for s in found}) == 5
    # One that was refused is made up for by another.
    strategy.exclude(found[0].point)
    assert strategy.ask(1, (), 0)[0].point not in {s.point for s in found[:1]}


def test_the_fit_maximises_gpytorchs_own_density() -> None:
    strategy = heavy(fidelities=(CHEAP,))
    told_by_two(strategy)
    gp = strategy.models()[0].gp.train()
    theirs = import_module("gpytorch.mlls").ExactMarginalLogLikelihood(gp.likelihood, gp)
    inputs = gp.train_inputs
    expected = -float(theirs(gp(*inputs), gp.train_targets, *inputs))
    assert float(_loss(theirs)) == pytest.approx(expected, abs=1e-9)


def test_knowledge_gradient_against_measuring_it() -> None:
    strategy = heavy(fidelities=(CHEAP,))
    told_by_two(strategy)
    model = strategy.models()[0]
    arms = np.array([row.point for row in seen(20)])
    place, noise = (2.0, 3.0), 0.01
    with scope(0):
        found = float(Knowledge(model, arms, (), (noise, noise)).gains(np.array([place]), 1)[0])
        before, _ = model.joint(model.inputs(arms))
        row = model.inputs([place], 1)
        mean, covariance = model.joint(row)
        x, y = model.gp.train_inputs[0], model.gp.train_targets
        learned = float(model.gp.likelihood.noise_covar.noise[1])
        row[0, -1] = noise - learned
        rises = []
        for draw in np.random.default_rng(0).standard_normal(150):
            value = mean[0] + draw * math.sqrt(covariance[0, 0] + noise)
            model.gp.set_train_data(
                torch.cat([x, row]), torch.cat([y, torch.tensor([value])]), strict=False
            )
            rises.append(model.joint(model.inputs(arms))[0].max() - before.max())
    error = float(np.std(rises)) / math.sqrt(len(rises))
    assert found / model.scale == pytest.approx(float(np.mean(rises)), abs=4 * error)
    assert found > 0


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botorch", None)
    with pytest.raises(MissingProgramError) as caught:
        make_strategy(Problem(BRANIN, (LOW,)), StrategySection(name="botorch"))
    assert "botorch is not installed" in str(caught.value)
    assert "pip install 'labmesh[botorch]'" in str(caught.value)

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from messages.chemistry import Formulation
from messages.errors import RefusedError
from messages.formulation_algebra import molality_and_w_ec
from messages.ledger import Rating, Status
from messages.reproducibility import REPRODUCIBILITY, RESTS_ON_SIMULATED, Reproducibility
from nodes.optimiser import (
    Campaign,
    CampaignError,
    CampaignFile,
    CampaignOutcome,
    Strategy,
    gather,
    load_campaign,
    make_strategy,
)
from nodes.optimiser._route import routes_of
from tests.nodes.optimiser.memory_lab import Answer, MemoryLab, Notes, conductivity

SHIPPED_FOLDER = Path(__file__).parents[3] / "launch" / "campaigns"
SHIPPED = load_campaign(SHIPPED_FOLDER / "ec_emc_conductivity.yaml")


def plan(**changes: Any) -> CampaignFile:
    """The shipped campaign without prior and stop rule, and with ``changes``."""
    bare: dict[str, Any] = {"consume": {}, "stop": None, "budget": 8}
    return CampaignFile.model_validate({**SHIPPED.model_dump(mode="json"), **bare, **changes})


def composition(parameters: dict[str, Any]) -> tuple[float, float]:
    molality, w_ec = molality_and_w_ec(Formulation.model_validate(parameters["formulation"]))
    return w_ec, molality


def exact(parameters: dict[str, Any]) -> Answer:
    """A lab whose error depends on the composition alone, so that it repeats itself."""
    w_ec, molality = composition(parameters)
    value = conductivity(w_ec, molality) * (
        1 + 0.01 * ((w_ec * 7919 + molality * 104729) % 1 - 0.5)
    )
    return Answer({"conductivity": {"value": value, "uncertainty": 0.004, "unit": "S/m"}})


async def run(
    lab: MemoryLab, notes: Notes, campaign: CampaignFile, *, seed: int = 0
) -> tuple[CampaignOutcome, Strategy]:
    space = campaign.build_space()
    route = routes_of(campaign)[""]
    reading = route.reading
    known = await gather(campaign, space, reading, name="c", folder=Path(), lab=lab, reporter=notes)
    strategy = make_strategy(campaign.build_problem(seed), campaign.strategy)
    strategy.tell(known.observations)
    drive = Campaign(
        "c",
        campaign,
        space=space,
        strategy=strategy,
        lab=lab,
        reporter=notes,
        author="kit/optimiser",
    )
    return await drive.run(), strategy


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


def requested(lab: MemoryLab) -> list[tuple[float, float]]:
    return [composition(view.parameters) for view in lab.views.values()]


async def test_a_campaign_from_beginning_to_end() -> None:
    lab, notes = MemoryLab(exact), Notes()
    outcome, strategy = await run(lab, notes, plan(budget=15))
    assert outcome.stopped == "the budget of 15 measurements is spent"
    assert [m.number for m in outcome.measurements] == list(range(1, 16))
    assert all(m.lesson and m.rating == 5 and m.simulated for m in outcome.measurements)
    best = strategy.best()
    assert best is not None
    assert conductivity(*best.observation.point) > 0.98 * 0.945
    assert len([line for line in notes.said if line.startswith("measurement ")]) == 15
    assert "± 0.0040 S/m; best " in notes.said[-1]
    assert [done for done, _, _ in notes.progressed] == list(range(1, 16))
    assert not notes.warned
    assert outcome.begun_wall == 1
    made = [r.provenance.notes for r in lab.decisions.values() if r.method == "proposal"]
    recipes = [Reproducibility.model_validate(each[REPRODUCIBILITY]) for each in made]
    assert len(recipes) == 15
    assert {(each.model, each.seeds) for each in recipes} == {("strategy gaussian_process", (0,))}
    assert len({each.training_sha256 for each in recipes}) == 15
    # The first decision knew of nothing; all others learned from a simulated instrument.
    assert [each.get(RESTS_ON_SIMULATED, False) for each in made] == [False] + 14 * [True]


async def test_the_same_seed_goes_the_same_way() -> None:
    labs = [MemoryLab(exact) for _ in range(3)]
    for lab, seed in zip(labs, (3, 3, 4), strict=True):
        await run(lab, Notes(), plan(), seed=seed)
    assert requested(labs[0]) == requested(labs[1])
    assert requested(labs[0]) != requested(labs[2])
    assert list(labs[0].views) == list(labs[1].views)


@pytest.mark.parametrize("after", [1, 6, 9])
async def test_an_interrupted_campaign_goes_on_as_if_it_had_not_been(after: int) -> None:
    whole, parts, notes = MemoryLab(exact), MemoryLab(exact), Notes()
    await run(whole, Notes(), plan(budget=12))
    await run(parts, Notes(), plan(budget=after))
    outcome, _ = await run(parts, notes, plan(budget=12))
    assert requested(parts) == requested(whole)
    assert list(parts.views) == list(whole.views)
    assert len(outcome.measurements) == 12
    assert f"campaign c goes on: {after} measurements in the ledger, 0 under way" in notes.said
    assert notes.progressed[0][0] == after + 1


async def test_the_stop_rule_survives_an_interruption() -> None:
    stop = {"expected_improvement": 0.002, "rounds": 3, "minimum_evaluations": 6}
    whole = MemoryLab(exact)
    outcome, _ = await run(whole, Notes(), plan(budget=40, stop=stop))
    count = len(outcome.measurements)
    assert 6 <= count < 40
    assert "expected improvement below 0.002 S/m" in outcome.stopped
    for after in (count - 1, count - 2, count):
        parts = MemoryLab(exact)
        await run(parts, Notes(), plan(budget=after))
        again, _ = await run(parts, Notes(), plan(budget=40, stop=stop))
        assert len(again.measurements) == count


async def test_what_is_under_way_is_awaited_and_never_asked_again() -> None:
    lab, notes = MemoryLab(exact), Notes()
    lab.gate.clear()
    first = asyncio.create_task(run(lab, Notes(), plan(budget=6, parallel=2)))
    await until(lambda: len(lab.views) == 2)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    lab.gate.set()
    outcome, _ = await run(lab, notes, plan(budget=6, parallel=2))
    assert lab.submissions == 6
    assert len(lab.views) == len(outcome.measurements) == 6
    assert "campaign c goes on: 0 measurements in the ledger, 2 under way" in notes.said


async def test_parallel_requests_differ() -> None:
    lab = MemoryLab(exact)
    await run(lab, Notes(), plan(budget=9, parallel=3))
    assert len(set(requested(lab))) == 9


def limited(highest: float, *, ending: bool) -> Callable[[dict[str, Any]], Answer]:
    """A lab that cannot make more than ``highest`` mol/kg, and says what it could make."""

    def answer(parameters: dict[str, Any]) -> Answer:
        w_ec, molality = composition(parameters)
        if molality <= highest + 1e-9:
            return exact(parameters)
        words = (
            "formulation: the stock solutions cannot make this formulation: the nearest feasible "
            f"one is LiPF6 0.1, EC 0.4, EMC 0.5 mol/mol ({highest:.4g} mol/kg, w_EC {w_ec:.4f}), "
            f"0.02 away; asked for was LiPF6 0.2 mol/mol ({molality:.4g} mol/kg, w_EC 0.1)"
        )
        if ending:
            return Answer(status=Status.FAILED, message=words)
        raise RefusedError(words)

    return answer


async def test_a_refusal_teaches_and_its_recommendation_is_tried() -> None:
    lab, notes = MemoryLab(limited(0.7, ending=False)), Notes()
    outcome, _ = await run(lab, notes, plan(budget=8))
    assert len(outcome.measurements) == 8
    assert all(m.lesson for m in outcome.measurements)
    refused = [line for line in notes.warned if line.startswith("refused: ")]
    assert refused
    # After each refusal the nearest feasible one: at the limit, same w_EC.
    assert sum(m.point[1] == pytest.approx(0.7) for m in outcome.measurements) >= 1
    assert lab.submissions <= 8 + len(refused)


async def test_a_failure_teaches_and_its_recommendation_is_tried() -> None:
    lab, notes = MemoryLab(limited(0.7, ending=True)), Notes()
    outcome, _ = await run(lab, notes, plan(budget=10))
    failed = [m for m in outcome.measurements if m.status is Status.FAILED]
    assert failed
    for measurement in failed:
        following = outcome.measurements[measurement.number :]
        if following:
            assert following[0].point == pytest.approx((measurement.point[0], 0.7), abs=6e-4)
    assert any("not used, failed: formulation" in line for line in notes.warned)


async def test_resuming_right_after_a_failure_tries_its_recommendation() -> None:
    whole, parts = (MemoryLab(limited(0.7, ending=True)) for _ in range(2))
    outcome, _ = await run(whole, Notes(), plan(budget=8))
    first = next(m.number for m in outcome.measurements if m.status is Status.FAILED)
    await run(parts, Notes(), plan(budget=first))
    await run(parts, Notes(), plan(budget=8))
    assert requested(parts) == requested(whole)


async def test_everything_refused_ends_with_a_reason() -> None:
    def refuse(parameters: dict[str, Any]) -> Answer:
        raise RefusedError("temperature is too high")

    with pytest.raises(CampaignError, match="25 proposals were refused") as caught:
        await run(MemoryLab(refuse), Notes(), plan())
    assert "temperature is too high" in str(caught.value)


async def test_everything_failing_ends_with_a_reason() -> None:
    lab = MemoryLab(lambda _: Answer(status=Status.FAILED, message="the pump leaks"))
    with pytest.raises(CampaignError, match="the pump leaks"):
        await run(lab, Notes(), plan())
    assert len(lab.views) == 5


@pytest.mark.parametrize("status", [Status.RETRACTED, Status.EXPIRED, Status.ABANDONED])
async def test_what_ends_without_a_result_is_told_apart(status: Status) -> None:
    count = 0

    def once(parameters: dict[str, Any]) -> Answer:
        nonlocal count
        count += 1
        return Answer(status=status, message="so be it") if count == 2 else exact(parameters)

    notes = Notes()
    outcome, _ = await run(MemoryLab(once), notes, plan(budget=4))
    assert [m.lesson for m in outcome.measurements] == [True, False, True, True]
    assert any(f"not used, {status.value}: so be it" in line for line in notes.warned)


async def test_a_held_request_waits_for_a_person() -> None:
    lab, notes = MemoryLab(exact), Notes()
    lab.hold_next = True
    task = asyncio.create_task(run(lab, notes, plan(budget=3)))
    await until(lambda: bool(notes.warned))
    assert "measurement 1 is held until a person releases or abandons request" in notes.warned[0]
    assert len(lab.views) == 1
    next(iter(lab.held.values())).set()
    outcome, _ = await task
    assert len(outcome.measurements) == 3


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer({"conductivity": {"value": 1.0, "unit": "S/m"}},
                rating=Rating(success=True, rating=1, reason="drift")), "rated 1, below 2: drift"),
        (Answer({"conductivity": {"value": 1.0, "unit": "S/m"}},
                rating=Rating(success=False, rating=5, reason="dry")), "not successful: dry"),
        (Answer({"conductivity": {"value": 1.0, "unit": "mS/cm"}}), "is in mS/cm, not in S/m"),
        (Answer({"conductivity": {"value": "1", "unit": "S/m"}}), "is no number"),
        (Answer({"density": 1}), "have no conductivity"),
    ],
)  # fmt: skip
async def test_results_that_teach_nothing(answer: Answer, words: str) -> None:
    notes = Notes()
    outcome, strategy = await run(MemoryLab(lambda _: answer), notes, plan(budget=2))
    assert not any(m.lesson for m in outcome.measurements)
    assert words in notes.warned[0]
    assert strategy.best() is None


async def test_it_waits_for_somebody_who_offers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nodes.optimiser._campaign._OFFER_POLL", 0.01)
    lab, notes = MemoryLab(exact), Notes()
    lab.offers = False
    task = asyncio.create_task(run(lab, notes, plan(budget=2)))
    await until(lambda: lab.submissions >= 3)
    assert len(notes.warned) == 1
    assert "waiting for a node that offers conductivity/two_electrode" in notes.warned[0]
    lab.offers = True
    outcome, _ = await task
    assert len(outcome.measurements) == 2


async def test_what_was_really_mixed_counts() -> None:
    encoding = routes_of(SHIPPED)[""].encoding

    def off(parameters: dict[str, Any]) -> Answer:
        w_ec, molality = composition(parameters)
        answer = exact(parameters)
        answer.parameters = encoding.parameters((w_ec - 0.01, molality))
        return answer

    outcome, _ = await run(MemoryLab(off), Notes(), plan(budget=3))
    for measurement in outcome.measurements:
        assert measurement.point[0] == pytest.approx(measurement.wanted[0] - 0.01, abs=1e-6)
        assert measurement.wanted[0] == round(measurement.wanted[0], 3)


async def test_requests_of_another_temperature_are_left_alone() -> None:
    lab, notes = MemoryLab(exact), Notes()
    await run(lab, Notes(), plan(budget=2, fixed={"temperature": 313.15}))
    outcome, _ = await run(lab, notes, plan(budget=3))
    assert len(outcome.measurements) == 3
    assert any("2 requests of campaign c are of no point" in line for line in notes.warned)


async def test_the_prior_is_posted_once() -> None:
    lab, notes = MemoryLab(exact), Notes()
    consume = SHIPPED.consume.model_dump(mode="json")
    outcome, _ = await run(lab, notes, plan(budget=3, consume=consume))
    posted = dict(lab.posted)
    assert len(posted) == 74
    assert "prior: 39 published values at 298.15 K from 74 rows of 6 works" in notes.said[0]
    # Literature takes the place of a spreading start: the first proposal is a good one.
    assert outcome.measurements[0].value is not None
    assert outcome.measurements[0].value > 0.97 * 0.945
    await run(lab, notes, plan(budget=4, consume=consume))
    assert lab.posted == posted
    assert not notes.warned
    # Another author's import of the same rows counts as well.
    lab.refuse_posts = True
    await run(lab, notes, plan(budget=4, consume=consume))
    assert not notes.warned
    lab.posted.clear()
    await run(lab, notes, plan(budget=4, consume=consume))
    assert "74 published rows were not taken by the ledger" in notes.warned[0]


async def test_older_results_of_the_ledger_count() -> None:
    lab, notes = MemoryLab(exact), Notes()
    await run(lab, Notes(), plan(budget=8))
    for identity, view in list(lab.answers.items()):
        lab.answers[identity] = view.model_copy(update={"campaign": "older"})
    worst = next(iter(lab.answers))
    lab.answers[worst] = lab.answers[worst].model_copy(
        update={"rating": Rating(success=True, rating=1)}
    )
    lab.views.clear()
    section = {"campaign": "older", "quantity": "conductivity", "method": "two_electrode"}
    await run(lab, notes, plan(budget=1, consume={"ledger": [section]}))
    assert notes.said[0] == "prior: 7 of 8 results of conductivity/two_electrode"

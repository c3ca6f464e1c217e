"""Rounds, and proposals on record: a campaign decides the same, whatever interrupts it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from messages.campaign import CampaignProposal
from nodes.optimiser._proposal import knew
from nodes.optimiser._strategy import Observation, Suggestion
from tests.nodes.optimiser.memory_lab import MemoryLab, Notes
from tests.nodes.optimiser.test_campaign import exact, plan, requested, run, until


def decided(lab: MemoryLab) -> list[CampaignProposal]:
    return [CampaignProposal.model_validate(r.data) for r in lab.decisions.values()]


@pytest.fixture
async def whole() -> MemoryLab:
    lab = MemoryLab(exact)
    await run(lab, Notes(), plan(budget=11, batch=4))
    return lab


async def test_a_round_is_decided_before_its_answers(whole: MemoryLab) -> None:
    proposals = decided(whole)
    assert [p.number for p in proposals] == list(range(1, 12))
    # Twice four and then three: each round knows whole rounds, and its own as pending.
    assert [p.knew.observations for p in proposals] == [0] * 4 + [4] * 4 + [8] * 3
    assert [p.knew.pending for p in proposals] == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2]
    assert [p.origin for p in proposals] == ["start"] * 8 + ["model"] * 3
    assert [p.request for p in proposals] == list(whole.views)
    model = proposals[-1]
    assert model.model["conductivity"]["noise"] > 0
    assert len(model.model["conductivity"]["length_scales"]) == 2
    assert model.expected_improvement is not None
    assert len(model.mean) == len(model.uncertainty) == 1
    w_ec, molality = requested(whole)[-1]
    assert model.point == pytest.approx({"w_ec": w_ec, "molality": molality})


@pytest.mark.parametrize("after", [3, 4, 6])
async def test_an_interrupted_round_goes_on_as_if_it_had_not_been(
    whole: MemoryLab, after: int
) -> None:
    parts = MemoryLab(exact)
    # The first process is killed when so many are in the ledger, some answered and some not.
    real, count = parts.submit, 0

    async def submit(*args: Any, **more: Any) -> None:
        nonlocal count
        if count == after:
            await asyncio.Event().wait()
        count += 1
        await real(*args, **more)

    parts.submit = submit  # type: ignore[method-assign]
    first = asyncio.create_task(run(parts, Notes(), plan(budget=11, batch=4)))
    await until(lambda: count == after and len(parts.decisions) > after)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    parts.submit = real  # type: ignore[method-assign]
    outcome, _ = await run(parts, Notes(), plan(budget=11, batch=4))
    assert list(parts.views) == list(whole.views)
    assert parts.decisions == whole.decisions
    assert len(outcome.measurements) == 11


async def test_every_proposal_is_on_record_once() -> None:
    lab = MemoryLab(exact)
    await run(lab, Notes(), plan(budget=7))
    before = dict(lab.decisions)
    assert len(before) == 7
    notes = Notes()
    await run(lab, notes, plan(budget=8))
    assert len(lab.decisions) == 8
    assert before.items() <= lab.decisions.items()
    assert not notes.warned


async def test_a_ledger_that_keeps_no_proposals_is_warned_about() -> None:
    lab, notes = MemoryLab(exact), Notes()
    lab.refuse_decisions = True
    outcome, _ = await run(lab, notes, plan(budget=2))
    assert len(outcome.measurements) == 2
    assert any("proposal 1 is not in the ledger" in line for line in notes.warned)


def test_what_was_known_has_a_hash_of_its_own() -> None:
    one, two = Observation.of((0.1, 0.2), 1.0), Observation.of((0.3, 0.2), 2.0, fidelity="map")
    pending = [Suggestion((0.5, 0.5))]
    base = knew([one, two], pending, [])
    assert base == knew([two, one], [Suggestion((0.5, 0.5), mean=(1.0,))], [])
    assert (base.observations, base.pending, base.excluded) == (2, 1, 0)
    others = [
        knew([one], pending, []),
        knew([one, two], [], []),
        knew([one, two], [Suggestion((0.5, 0.5), "map")], []),
        knew([one, two], pending, [(0.1, 0.1)]),
        knew([one, Observation.of((0.3, 0.2), 2.1, fidelity="map")], pending, []),
    ]
    assert len({base.sha256, *(each.sha256 for each in others)}) == 6


def test_parallel_and_batch_exclude_one_another() -> None:
    with pytest.raises(ValueError, match="give parallel or batch, not both"):
        plan(parallel=2, batch=2)

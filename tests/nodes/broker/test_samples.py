"""States of samples: no forks, no gaps, and `unknown` where nobody can vouch for one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from messages.envelope import decode
from messages.errors import CallRefusedError
from messages.ids import new_id
from messages.ledger import (
    Failure,
    FromState,
    Order,
    ProgressKind,
    Provenance,
    Receipt,
    Result,
    SampleStep,
)
from messages.sample_state import INSPECTION, InspectionInput, InspectionOutput
from messages.schema import json_schema
from nodes.broker import Outcome
from nodes.broker._door import Parcel
from nodes.broker.store import SqlStore
from tests.nodes.broker.lab import LEDGER, Lab, content, receipt_of

FAILURE = Failure(message="the gripper is bent")


REMEDY = "labmesh sample resolve c-1 --label LABEL --reason TEXT"
FOUND = {"sample": "c-1", "label": "formed", "person": "ada", "reason": "the seal is whole"}
VOCABULARY = (json_schema(InspectionInput), json_schema(InspectionOutput))


def inspect(lab: Lab, *steps: SampleStep, **changes: Any) -> Receipt:
    """Tell what a person has found."""
    lab.vocabulary[INSPECTION] = VOCABULARY
    quantity, method = INSPECTION
    fields = {"quantity": quantity, "method": method, "data": FOUND, "samples": steps, **changes}
    return lab.result(None, "kit/cli", **fields)


def step(sample: str, state: int, label: str = "formed", **fields: Any) -> SampleStep:
    """A step from the state before; state 0 is a birth."""
    expects = None if state == 0 else state - 1
    values = {"kind": "coin_cell", "expects_state": expects, **fields}
    return SampleStep(sample=sample, state=state, label=label, **values)


def born(lab: Lab, *samples: str) -> None:
    """Samples in state 0, assembled."""
    steps = tuple(step(sample, 0, "assembled", location="tray 1") for sample in samples)
    assert lab.result(None, "kit/asab", samples=steps).accepted


def begun(lab: Lab, sample: str = "c-1", *, worker: str = "instrument", **fields: Any) -> Order:
    """A running order on a new sample."""
    lab.worker("kit/asab", worker=worker)
    born(lab, sample)
    lab.request(from_state=FromState(sample=sample, state=0), **fields)
    order = lab.order()
    assert lab.progress(order, "kit/asab").accepted
    return order


def states(lab: Lab, sample: str = "c-1") -> list[tuple[int, str]]:
    found = lab.read("query.sample", id=sample)["states"]
    return [(each["state"], each["label"]) for each in found]


def result_parcel(lab: Lab, order: Order | None, node: str, *steps: SampleStep) -> Parcel:
    """A result in its envelope, to be applied together with others."""
    asked: dict[str, Any] = {"request": order.request, "token": order.token} if order else {}
    result = Result(
        quantity="q", method="m", parameters={}, outcome="resolved", data={"y": 1.0},
        samples=steps, **asked,
    )  # fmt: skip
    return lab.parcel(node, "result", result, "q", "m")


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("asked", [True, False])
def test_two_results_race_for_one_sample(lab: Lab, together: bool, asked: bool) -> None:
    lab.worker("kit/asab", slots=2)
    born(lab, "c-1")
    orders: list[Order | None] = [None, None]
    if asked:
        lab.request()
        lab.request()
        orders = [order for _, order in lab.orders()]
    parcels = [result_parcel(lab, order, "kit/asab", step("c-1", 1)) for order in orders]
    batches = [parcels] if together else [[each] for each in parcels]
    outcome = Outcome()
    for batch in batches:
        outcome.add(lab.apply(*batch))
    won, lost = (receipt_of(outcome, decode(parcel.payload).header.id) for parcel in parcels)
    assert won.accepted
    assert not lost.accepted
    assert "sample 'c-1' is in state 1; it was expected in state 0" in lost.reason
    assert states(lab) == [(0, "assembled"), (1, "formed")]
    if orders[1] is not None:
        # The order stays with its worker, who says how it ended.
        assert lab.status(orders[1].request) == "reserved"


def test_two_births_race(lab: Lab) -> None:
    lab.worker("kit/asab")
    parcels = [result_parcel(lab, None, node, step("c-1", 0)) for node in ("kit/asab", "kit/other")]
    outcome = lab.apply(*parcels)
    won, lost = (receipt_of(outcome, decode(p.payload).header.id) for p in parcels)
    assert won.accepted
    assert "sample 'c-1' is in state 0; it was expected to be new" in lost.reason
    assert lab.read("query.sample", id="c-1")["states"][0]["author"] == "kit/asab"


def test_a_refused_step_takes_the_whole_result_with_it(lab: Lab) -> None:
    lab.worker("kit/asab")
    born(lab, "c-1")
    receipt = lab.result(None, "kit/asab", samples=(step("c-2", 0), step("c-1", 2)))
    assert "sample 'c-1' is in state 0; it was expected in state 1" in receipt.reason
    with pytest.raises(CallRefusedError, match="no sample 'c-2'"):
        lab.read("query.sample", id="c-2")


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (step("c-1", 2, expects_state=0), "the next state of 'c-1' is 1, not 2"),
        (step("c-1", 1, kind="electrolyte"), "'c-1' is of kind coin_cell, not electrolyte"),
        (step("c-1", 1, parents=("e-1",)), "parents belong to its birth"),
        (step("c-9", 0, parents=("c-9",)), "'c-9' is its own parent"),
        (step("c-9", 1), "sample 'c-9' is not known"),
        (step("c-1", 2**63 - 1), "it was expected in state 9223372036854775806"),
    ],
)
def test_steps_that_cannot_be(lab: Lab, bad: SampleStep, words: str) -> None:
    lab.worker("kit/asab")
    born(lab, "c-1")
    receipt = lab.result(None, "kit/asab", samples=(bad,))
    assert words in receipt.reason
    assert states(lab) == [(0, "assembled")]


# -- unknown -----------------------------------------------------------------------------------


def test_an_instrument_that_failed_leaves_its_sample_unknown(lab: Lab) -> None:
    order = begun(lab)
    waiting, identity = new_id(), new_id()
    lab.request(from_state=FromState(sample="c-1", state=0), uuid=waiting)
    before = lab.ledger.head.offset
    failed = {"outcome": "failed", "data": {}, "failure": FAILURE}
    assert lab.result(order, "kit/asab", uuid=identity, **failed).accepted
    entries = lab.read("journal.read", **{"from": before + 1})["entries"]
    assert [e["kind"] for e in entries] == ["result", "sample", "status", "status"]
    assert entries[1]["author"] == LEDGER
    assert states(lab) == [(0, "assembled"), (1, "unknown")]
    found = lab.read("query.sample", id="c-1")
    assert found["sample"]["location"] == "tray 1"
    last = found["states"][-1]
    assert (last["result"], last["request"]) == (str(identity), str(order.request))
    assert (last["author"], last["outcome"]) == ("kit/asab", "failed")
    result = lab.read("query.result", id=str(identity))["result"]
    assert result["unknown"] == {"sample": "c-1", "state": 1}
    # Whoever had counted on state 0 is told; a person goes on from the unknown one.
    assert lab.status(waiting) == "failed"
    assert "moved on to state 1" in lab.read("query.request", id=str(waiting))["request"]["message"]
    refused = lab.request(from_state=FromState(sample="c-1", state=0))
    assert "sample 'c-1' is in state 1, not 0" in refused.reason
    assert REMEDY in refused.reason
    blocked = lab.request(from_state=FromState(sample="c-1", state=1))
    assert "from_state.state: sample 'c-1' is in state 1, unknown: nobody" in blocked.reason
    assert REMEDY in blocked.reason
    message = lab.read("query.request", id=str(waiting))["request"]["message"]
    assert "moved on to state 1, unknown;" in message
    assert REMEDY in message
    assert inspect(lab, step("c-1", 2, "formed")).accepted
    assert states(lab)[-1] == (2, "formed")
    assert lab.request(from_state=FromState(sample="c-1", state=2)).accepted


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": "q", "method": "m", "data": {"y": 1.0}},
        {"data": {**FOUND, "person": " "}},
        {"data": {**FOUND, "sample": "c-2"}},
        {"outcome": "failed", "data": FOUND, "failure": FAILURE},
    ],
)
def test_nobody_but_a_person_leads_away_from_unknown(lab: Lab, changes: dict[str, Any]) -> None:
    lab.fail(begun(lab), "kit/asab")
    lab.vocabulary[INSPECTION] = VOCABULARY
    refused = inspect(lab, step("c-1", 2, "formed"), **changes)
    assert "sample 'c-1' is in state 1, unknown: only a person can say" in refused.reason
    assert f"look at it, then {REMEDY}" in refused.reason
    assert states(lab)[-1] == (1, "unknown")


def test_a_sample_in_doubt_may_be_carried_and_stays_so(lab: Lab) -> None:
    lab.fail(begun(lab), "kit/asab")
    carried = step("c-1", 2, "unknown", location="kit / bench")
    assert lab.result(None, "kit/courier", samples=(carried,)).accepted
    refused = lab.result(None, "kit/courier", samples=(step("c-1", 3, "formed"),))
    assert "only a person" in refused.reason
    assert inspect(lab, step("c-1", 3, "scrapped")).accepted


def test_one_result_does_not_lead_to_unknown_and_away(lab: Lab) -> None:
    lab.worker("kit/asab", worker="instrument")
    steps = (step("c-9", 0, "unknown"), step("c-9", 1, "charged"))
    assert "only a person" in lab.result(None, "kit/asab", samples=steps).reason


def test_what_waited_before_its_sample_became_unknown_is_told_at_its_turn(lab: Lab) -> None:
    """As of a ledger of an earlier version, which took requests from an unknown state."""
    order = begun(lab)
    waiting = new_id()
    lab.request(from_state=FromState(sample="c-1", state=0), uuid=waiting)
    live = lab.ledger.books.live[str(waiting)]
    live.sample_state = 1
    lab.fail(order, "kit/asab")
    message = lab.read("query.request", id=str(waiting))["request"]["message"]
    assert "sample c-1 is in state 1, unknown: nobody can vouch for it; look at it" in message
    assert REMEDY in message


def test_a_failure_that_says_what_became_of_the_sample_is_believed(lab: Lab) -> None:
    order = begun(lab)
    told = (step("c-1", 1, "broken"),)
    lab.result(order, "kit/asab", outcome="failed", data={}, failure=FAILURE, samples=told)
    assert states(lab) == [(0, "assembled"), (1, "broken")]


def test_what_is_said_of_another_sample_does_not_count(lab: Lab) -> None:
    order = begun(lab)
    told = (step("c-2", 0, "assembled"),)
    lab.result(order, "kit/asab", outcome="failed", data={}, failure=FAILURE, samples=told)
    assert states(lab) == [(0, "assembled"), (1, "unknown")]


def test_unknown_follows_whatever_others_made_of_it_meanwhile(lab: Lab) -> None:
    order = begun(lab)
    lab.result(None, "kit/other", samples=(step("c-1", 1, "moved"),))
    refused = lab.result(order, "kit/asab", samples=(step("c-1", 1),))
    assert "it was expected in state 0" in refused.reason
    lab.fail(order, "kit/asab")
    assert states(lab) == [(0, "assembled"), (1, "moved"), (2, "unknown")]


def test_a_failure_that_came_before_its_accept_counts_as_begun(lab: Lab) -> None:
    lab.worker("kit/asab", worker="instrument")
    born(lab, "c-1")
    lab.request(from_state=FromState(sample="c-1", state=0))
    lab.fail(lab.order(), "kit/asab")
    assert states(lab) == [(0, "assembled"), (1, "unknown")]


@pytest.mark.parametrize(
    "ending", ["retryable", "last retryable", "untouched", "decline", "model", "release"]
)
def test_where_nothing_happened_the_sample_stays_as_it_was(lab: Lab, ending: str) -> None:
    if ending == "decline":
        lab.worker("kit/asab", worker="instrument")
        born(lab, "c-1")
        lab.request(from_state=FromState(sample="c-1", state=0))
        lab.progress(lab.order(), "kit/asab", ProgressKind.DECLINE)
    elif ending == "model":
        lab.fail(begun(lab, worker="model"), "kit/asab")
    elif ending == "untouched":
        notes = Provenance(notes={"untouched": True})
        lab.result(begun(lab), "kit/asab", outcome="failed", data={}, failure=FAILURE,
                   provenance=notes)  # fmt: skip
    elif ending == "release":
        order = begun(lab)
        lab.wait(15.1)
        assert lab.decide(order.request, "release").accepted
        assert lab.order().token > order.token
    else:
        order = begun(lab, attempts=1 if ending == "last retryable" else 2)
        lab.fail(order, "kit/asab", retryable=True)
        assert lab.status(order.request) == ("failed" if "last" in ending else "pending")
    assert states(lab) == [(0, "assembled")]


@pytest.mark.parametrize("how", ["abandon", "retract running", "retract held"])
def test_a_request_that_ends_in_mid_action_without_a_result(lab: Lab, how: str) -> None:
    order = begun(lab)
    if how != "retract running":
        lab.wait(15.1)
        assert lab.status(order.request) == "held"
    if how == "abandon":
        assert lab.decide(order.request, "abandon").accepted
    else:
        assert lab.cancel(order.request).accepted
    if how == "retract running":
        assert lab.status(order.request) == "canceling"
        assert states(lab) == [(0, "assembled")]
        assert lab.progress(order, "kit/asab", ProgressKind.STOPPED).accepted
        assert lab.status(order.request) == "retracted"
    assert states(lab) == [(0, "assembled"), (1, "unknown")]
    request = lab.read("query.request", id=str(order.request))["request"]
    result = lab.read("query.result", id=request["result"])["result"]
    assert (result["author"], result["outcome"]) == (LEDGER, "failed")
    assert result["request"] == str(order.request)
    assert result["unknown"] == {"sample": "c-1", "state": 1}
    why = {"abandon": "ada", "retract running": "by its requester", "retract held": "my mind"}[how]
    assert why in result["failure"]["message"]
    assert "what kit/asab had done by then is not known" in result["failure"]["message"]
    late = lab.result(order, "kit/asab", samples=(step("c-1", 1),))
    assert f"token {order.token}, the last one was {order.token}" in late.reason
    # Nobody but the ledger amends what the ledger wrote.
    assert "is kit/broker's" in lab.amend(UUID(result["id"]), "deleted", "kit/asab").reason


def test_no_more_than_needed_is_written_off(lab: Lab) -> None:
    """Without a sample, or before it began, an end needs no result."""
    lab.worker("kit/asab", worker="instrument", slots=2)
    born(lab, "c-1")
    lab.request(from_state=FromState(sample="c-1", state=0))
    lab.cancel(lab.order().request)
    lab.request()
    lab.progress(lab.order(), "kit/asab")
    lab.cancel(lab.order().request)
    assert lab.read("ledger.stats")["results"] == {"original": 1}
    assert states(lab) == [(0, "assembled")]


def test_a_rebuild_gives_the_same(lab: Lab) -> None:
    order = begun(lab)
    lab.wait(15.1)
    lab.decide(order.request, "abandon")
    before = content(lab.url)
    assert isinstance(lab.store, SqlStore)
    lab.store.rebuild()
    assert content(lab.url) == before
    lab.reopen()
    assert lab.ledger.books.sample_state("c-1") == 1


# -- reading -----------------------------------------------------------------------------------


def test_the_history_both_ways(lab: Lab) -> None:
    order = begun(lab)
    made = new_id()
    cells = tuple(step(f"d-{n:03}", 0, "cut", parents=("c-1",)) for n in range(120))
    lab.result(order, "kit/asab", uuid=made, samples=(step("c-1", 1), *cells))
    found = lab.read("query.sample", id="c-1")
    sample, history = found["sample"], found["states"]
    assert (len(sample["children"]), sample["children_total"]) == (100, 120)
    assert [(s["quantity"], s["method"], s["author"]) for s in history] == [
        ("q", "m", "kit/asab")
    ] * 2
    assert history[1]["result"] == str(made)
    result = lab.read("query.result", id=str(made))["result"]
    assert {s["sample"] for s in result["samples"]} == {"c-1", *(c.sample for c in cells)}
    assert result["unknown"] is None
    of_sample = lab.read("query.results", sample="c-1")
    assert [r["id"] for r in of_sample["results"]] == [s["result"] for s in history]
    asked = lab.read("query.requests", sample="c-1")
    assert [r["id"] for r in asked["requests"]] == [str(order.request)]
    assert lab.read("query.samples", parent="c-1", limit=500)["total"] == 120
    assert lab.read("query.samples", child="d-001")["samples"][0]["sample"] == "c-1"


def test_lists_of_samples(lab: Lab) -> None:
    lab.worker("kit/asab")
    born(lab, *(f"c-{n}" for n in range(5)))
    vial = step("e-1", 0, "formulated", kind="electrolyte", location="fridge")
    lab.result(None, "kit/asab", samples=(vial, step("c-3", 1)))

    def names(**filters: Any) -> list[str]:
        return [s["sample"] for s in lab.read("query.samples", **filters)["samples"]]

    assert names() == ["c-0", "c-1", "c-2", "c-3", "c-4", "e-1"]
    assert names(kind="electrolyte") == ["e-1"]
    assert names(label="formed") == ["c-3"]
    assert names(location="fridge") == ["e-1"]
    assert names(kind="coin_cell", label="assembled", newest_first=True, limit=2) == ["c-4", "c-2"]
    page = lab.read("query.samples", limit=4)
    assert (len(page["samples"]), page["total"]) == (4, 6)
    assert names(after=page["next"]) == ["c-4", "e-1"]
    assert names(label="nowhere") == []
    with pytest.raises(CallRefusedError, match=r"query.samples.kind"):
        names(kind="No Kind")

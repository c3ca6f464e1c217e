"""Lost workers, late words, cancels, deadlines, and persons who decide."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from messages.ids import new_id
from messages.ledger import Decision, Order, Progress, ProgressKind, Result
from nodes.broker._ledger import Doubt, NoDoubt
from tests.nodes.broker.lab import START, Lab, receipt_of


def begun(lab: Lab, **fields: Any) -> Order:
    """A running order at kit/asab."""
    lab.worker("kit/asab", **fields)
    lab.request()
    order = lab.order()
    assert lab.progress(order, "kit/asab").accepted
    return order


def log(lab: Lab, request: UUID) -> list[str]:
    return [str(line["after"]) for line in lab.read("query.request", id=str(request))["log"]]


def test_heartbeats_keep_a_lease(lab: Lab) -> None:
    order = begun(lab, lease=15.0)
    for _ in range(10):
        lab.wait(14.0)
        lab.heartbeat(order, "kit/asab")
    assert lab.status(order.request) == "running"
    outcome = lab.wait(15.1)
    assert lab.voids(outcome)[0][1].token == order.token
    assert "gave no sign of life for 15 s" in lab.voids(outcome)[0][1].reason


def test_a_heartbeat_that_waited_counts_before_time_does(lab: Lab) -> None:
    order = begun(lab)
    lab.mono += 100
    lab.heartbeat(order, "kit/asab")
    assert lab.status(order.request) == "running"


def test_a_lost_model_is_retried_elsewhere_then_failed(lab: Lab) -> None:
    order = begun(lab)
    lab.worker("kit/other")
    lab.wait(15.1)
    worker, second = lab.orders()[-1]
    assert (worker, second.attempt) == ("kit/other", 2)
    lab.progress(second, worker)
    lab.wait(15.1)
    worker, third = lab.orders()[-1]
    assert (worker, third.attempt) == ("kit/asab", 3)
    lab.progress(third, worker)
    lab.wait(15.1)
    assert lab.status(order.request) == "failed"
    assert log(lab, order.request) == ["pending", *["reserved", "running", "pending"] * 2,
                                       "reserved", "running", "failed"]  # fmt: skip


def test_a_reservation_that_is_not_taken_up_is_no_attempt(lab: Lab) -> None:
    lab.worker("kit/asab")
    lab.request(attempts=1)
    first = lab.order()
    for _ in range(3):
        lab.wait(15.1)
        lab.wait(30.1)
    assert lab.order().token > first.token
    assert lab.order().attempt == 1


def test_a_lost_instrument_is_held_and_decided(lab: Lab) -> None:
    order = begun(lab, worker="instrument")
    outcome = lab.wait(15.1)
    assert lab.status(order.request) == "held"
    assert lab.voids(outcome) == []
    assert len(lab.orders()) == 1
    assert lab.decide(order.request, "release").accepted
    assert lab.voids()[-1][1].token == order.token
    again = lab.order()
    assert again.token > order.token
    assert again.attempt == 2
    lab.progress(again, "kit/asab")
    lab.wait(15.1)
    assert lab.decide(order.request, "abandon").accepted
    assert lab.status(order.request) == "abandoned"
    refused = lab.decide(order.request, "release")
    assert "abandoned already" in refused.reason


def test_only_a_held_request_is_decided(lab: Lab) -> None:
    order = begun(lab)
    assert "only a held one" in lab.decide(order.request, "release").reason
    assert "no request" in lab.decide(new_id(), "abandon").reason


def test_a_held_instrument_that_is_heard_again_goes_on(lab: Lab) -> None:
    order = begun(lab, worker="instrument")
    lab.wait(15.1)
    lab.heartbeat(order, "kit/asab", epoch=2)
    assert lab.status(order.request) == "held"
    lab.heartbeat(order, "kit/asab", epoch=1)
    assert lab.status(order.request) == "running"
    lab.wait(15.1)
    assert lab.status(order.request) == "held"
    assert lab.result(order, "kit/asab").accepted
    assert lab.status(order.request) == "resolved"
    assert lab.ledger.catalogue.busy["kit/asab", ("q", "m")] == 0


def test_a_late_result_is_fenced_off(lab: Lab) -> None:
    order = begun(lab)
    lab.worker("kit/other")
    lab.wait(15.1)
    _, second = lab.orders()[-1]
    receipt = lab.result(order, "kit/asab")
    assert not receipt.accepted
    assert str(order.token) in receipt.reason
    assert str(second.token) in receipt.reason
    assert "kit/other" in receipt.reason
    assert lab.result(second, "kit/other").accepted
    late = lab.result(order, "kit/asab")
    assert f"token {order.token}, the last one was {second.token}" in late.reason


def test_a_released_request_never_runs_while_the_old_act_could_be_accepted(lab: Lab) -> None:
    """From the decision on no word of the old order counts, whatever comes in which batch."""
    order = begun(lab, worker="instrument")
    lab.wait(15.1)
    released, late = new_id(), new_id()
    decision = Decision(request=order.request, decision="release", person="ada")
    result = Result(
        request=order.request, token=order.token, quantity="q", method="m", parameters={},
        outcome="resolved", data={"y": 1.0},
    )  # fmt: skip
    beat = Progress(request=order.request, token=order.token, kind=ProgressKind.HEARTBEAT)
    topic = str(order.request)
    outcome = lab.apply(
        lab.parcel("kit/cli", "decision", decision, topic, uuid=released),
        lab.parcel("kit/asab", "result", result, "q", "m", uuid=late),
        lab.parcel("kit/asab", "progress", beat, topic),
    )
    assert receipt_of(outcome, released).accepted
    refused = receipt_of(outcome, late).reason
    assert f"token {order.token} is void: the request is pending and no order stands" in refused
    assert f"the last one was {order.token}" in refused
    assert (("kit/asab", order.token)) in [(n, v.token) for n, v in lab.voids(outcome)]
    again = lab.order()
    assert again.token > order.token
    refused = lab.result(order, "kit/asab").reason
    assert f"token {order.token} is old: order {again.token} of attempt 2 stands" in refused
    assert lab.result(again, "kit/asab").accepted


def test_what_a_held_worker_says_first_makes_the_release_come_too_late(lab: Lab) -> None:
    order = begun(lab, worker="instrument")
    lab.wait(15.1)
    assert lab.result(order, "kit/asab").accepted
    assert "is resolved already" in lab.decide(order.request, "release").reason
    assert len(lab.orders()) == 1


def test_an_old_accept_does_not_set_an_instrument_moving(lab: Lab) -> None:
    lab.worker("kit/asab", worker="instrument")
    lab.request()
    order, identity = lab.order(), new_id()
    accepted = lab.progress(order, "kit/asab", id=identity)
    assert accepted.accepted
    assert lab.progress(order, "kit/asab", id=identity) == accepted
    lab.wait(15.1)
    late = lab.progress(order, "kit/asab", id=identity)
    assert not late.accepted
    assert "held" in late.reason
    lab.decide(order.request, "release")
    lab.leases = False
    lab.wait(61)
    late = lab.progress(order, "kit/asab", id=identity)
    assert "is old" in late.reason


def test_a_stale_heartbeat_is_answered_with_a_void(lab: Lab) -> None:
    order = begun(lab)
    lab.cancel(order.request)
    outcome = lab.heartbeat(order, "kit/asab")
    assert [(worker, void.token) for worker, void in outcome.voids] == [("kit/asab", order.token)]
    assert outcome.receipts == []


def test_a_result_before_its_accept(lab: Lab) -> None:
    lab.worker("kit/asab")
    lab.request()
    order = lab.order()
    assert lab.result(order, "kit/asab").accepted
    assert log(lab, order.request) == ["pending", "reserved", "running", "resolved"]
    assert not lab.progress(order, "kit/asab").accepted


@pytest.mark.parametrize("retryable", [True, False])
def test_failures(lab: Lab, retryable: bool) -> None:
    order = begun(lab)
    assert lab.fail(order, "kit/asab", retryable=retryable).accepted
    if not retryable:
        assert lab.status(order.request) == "failed"
        assert lab.voids() == []
        return
    assert lab.status(order.request) == "pending"
    for attempt in (2, 3):
        lab.wait(5)
        order = lab.order()
        assert order.attempt == attempt
        lab.progress(order, "kit/asab")
        lab.fail(order, "kit/asab", retryable=True)
    assert lab.status(order.request) == "failed"
    assert lab.voids() == []
    assert lab.read("query.results", request=str(order.request))["total"] == 3


def test_decline_is_for_who_has_not_begun(lab: Lab) -> None:
    order = begun(lab)
    assert "too late" in lab.progress(order, "kit/asab", ProgressKind.DECLINE).reason


def test_cancel(lab: Lab) -> None:
    waiting = new_id()
    order = begun(lab)
    lab.request(uuid=waiting)
    assert "kit/opt's, not kit/eve's" in lab.cancel(waiting, author="kit/eve").reason
    identity = new_id()
    receipt = lab.cancel(waiting, id=identity)
    assert receipt.accepted
    assert lab.cancel(waiting, id=identity) == receipt
    assert "retracted already" in lab.cancel(waiting).reason
    assert lab.voids() == []
    assert lab.cancel(order.request).accepted
    worker, void = lab.voids()[-1]
    assert (worker, void.request, void.token) == ("kit/asab", order.request, order.token)
    assert "retracted" in lab.result(order, "kit/asab").reason
    assert "no request" in lab.cancel(new_id()).reason


def test_a_cancelled_request_is_not_given_out_later(lab: Lab) -> None:
    order = begun(lab)
    waiting = [new_id() for _ in range(3)]
    for identity in waiting:
        lab.request(uuid=identity)
    lab.cancel(waiting[0])
    lab.result(order, "kit/asab")
    assert lab.order().request == waiting[1]


def test_requests_expire_before_they_begin_never_after(lab: Lab) -> None:
    order = begun(lab)
    soon = START + int((lab.mono + 5) * 1e9)
    waiting = new_id()
    lab.request(uuid=waiting, expires=soon)
    lab.wait(4.9)
    assert lab.status(waiting) == "pending"
    lab.wait(0.2)
    assert lab.status(waiting) == "expired"
    lab.result(order, "kit/asab")
    assert len(lab.orders()) == 1
    assert "passed" in lab.request(expires=soon).reason
    lab.request(expires=START + int((lab.mono + 5) * 1e9))
    lab.progress(lab.order(), "kit/asab")
    lab.heartbeat(lab.order(), "kit/asab")
    lab.wait(10)
    assert lab.status(lab.order().request) == "running"


def test_an_expired_reservation_is_void(lab: Lab) -> None:
    lab.worker("kit/asab")
    lab.request(expires=START + int((lab.mono + 5) * 1e9))
    outcome = lab.wait(5.1)
    assert lab.voids(outcome)[0][1].token == lab.order().token


@pytest.mark.parametrize("state", ["offline", "lost"])
def test_a_worker_that_leaves(lab: Lab, state: str) -> None:
    order = begun(lab, slots=2)
    lab.request()
    reserved = lab.order()
    lab.online("kit/asab", state=state)
    assert lab.status(reserved.request) == "pending"
    assert lab.status(order.request) == "running"
    lab.wait(2.1)
    # Who said goodbye is gone; who was lost may be back before the lease is over.
    assert lab.status(order.request) == ("pending" if state == "offline" else "running")
    lab.wait(13)
    assert lab.status(order.request) == "pending"


def test_a_worker_that_started_anew_has_lost_what_it_had(lab: Lab) -> None:
    order = begun(lab)
    lab.online("kit/asab", epoch=1, state="online")
    assert lab.status(order.request) == "running"
    lab.online("kit/asab", epoch=2)
    assert lab.status(order.request) == "pending"
    lab.wait(1.1)
    assert lab.order().attempt == 2


def test_an_old_will_does_not_bury_a_newer_birth(lab: Lab) -> None:
    lab.worker("kit/asab")
    lab.online("kit/asab", epoch=3)
    lab.online("kit/asab", epoch=2, state="lost")
    lab.request()
    assert len(lab.orders()) == 1


def test_after_the_mqtt_broker_forgot_who_was_there(lab: Lab) -> None:
    lab.worker("kit/asab")
    lab.worker("kit/gone")
    lab.apply(Doubt())
    lab.online("kit/asab")
    lab.apply(NoDoubt())
    assert lab.ledger.catalogue.online("kit/asab")
    assert not lab.ledger.catalogue.online("kit/gone")
    lab.online("kit/gone")
    lab.apply(NoDoubt())
    assert lab.ledger.catalogue.online("kit/gone")


def test_while_the_ledger_is_deaf_no_lease_ends(lab: Lab) -> None:
    order = begun(lab)
    lab.leases = False
    lab.wait(100)
    assert lab.status(order.request) == "running"


def test_a_restart_gives_fresh_leases_and_goes_on(lab: Lab) -> None:
    order = begun(lab, worker="instrument")
    waiting = new_id()
    lab.request(2.0, uuid=waiting, campaign="c")
    lab.wait(14)
    lab.reopen()
    lab.wait(14)
    lab.wait(0.5)
    assert lab.status(order.request) == "running"
    lab.worker("kit/asab", worker="instrument")
    lab.settle()
    assert lab.result(order, "kit/asab").accepted
    assert lab.order().request == waiting
    assert lab.order().parameters == {"x": 2.0}
    assert lab.order().campaign == "c"


def test_a_worker_that_started_anew_while_the_ledger_was_down(lab: Lab) -> None:
    order = begun(lab, worker="instrument")
    lab.reopen()
    lab.online("kit/asab", epoch=2)
    assert lab.status(order.request) == "held"


def test_offers_nobody_repeats_after_a_restart_are_withdrawn(lab: Lab) -> None:
    lab.worker("kit/asab")
    lab.worker("kit/gone")
    before = lab.ledger.head.offset
    lab.reopen()
    lab.worker("kit/asab")
    assert lab.ledger.head.offset == before
    lab.settle()
    assert lab.ledger.head.offset == before + 1
    assert [o["node"] for o in lab.read("query.offers")["offers"]] == ["kit/asab"]

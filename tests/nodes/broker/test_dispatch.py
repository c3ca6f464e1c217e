"""From request to result: who gets what, when, and what is said about it."""

from __future__ import annotations

from messages.ids import new_id
from messages.ledger import FromState, ProgressKind, SampleStep
from messages.node import State
from tests.nodes.broker.lab import Lab


def test_a_request_goes_its_way(lab: Lab) -> None:
    lab.worker("kit/asab")
    identity = new_id()
    receipt = lab.request(2.0, uuid=identity, campaign="c1")
    assert receipt.accepted
    worker, order = lab.orders()[-1]
    assert worker == "kit/asab"
    assert order.request == identity
    assert order.parameters == {"x": 2.0}
    assert order.requester == "kit/opt"
    assert order.attempt == 1
    assert order.token == lab.ledger.head.offset
    assert lab.status(identity) == "reserved"
    assert lab.progress(order, "kit/asab").accepted
    assert lab.status(identity) == "running"
    result = new_id()
    assert lab.result(order, "kit/asab", uuid=result).accepted
    view = lab.read("query.request", id=str(identity))
    assert view["request"]["status"] == "resolved"
    assert view["request"]["result"] == str(result)
    assert [line["after"] for line in view["log"]] == ["pending", "reserved", "running", "resolved"]
    assert lab.read("query.result", id=str(result)[:13])["result"]["data"] == {"y": 1.0}
    assert lab.ledger.books.live == {}
    assert lab.ledger.books.leases.keys() == []
    assert lab.voids() == []


def test_priority_then_age(lab: Lab) -> None:
    ids = {}
    lab.worker("kit/asab")
    lab.request(0.0)
    first = lab.order()
    for name, priority in (("old", 5), ("young", 5), ("urgent", 9), ("idle", 0)):
        ids[name] = new_id()
        lab.request(uuid=ids[name], priority=priority)
    served = []
    order = first
    for _ in ids:
        lab.result(order, "kit/asab")
        order = lab.order()
        served.append(next(name for name, identity in ids.items() if identity == order.request))
    assert served == ["urgent", "old", "young", "idle"]


def test_campaigns_take_turns(lab: Lab) -> None:
    lab.worker("kit/asab")
    lab.request(0.0)
    order = lab.order()
    names = {}
    for campaign in ("a", "a", "a", "b", None):
        identity = new_id()
        names[identity] = campaign
        lab.request(uuid=identity, campaign=campaign)
    served = []
    for _ in names:
        lab.result(order, "kit/asab")
        order = lab.order()
        served.append(names[order.request])
    assert served == ["a", "b", None, "a", "a"]


def test_sixteen_workers_race_for_one_request(lab: Lab) -> None:
    for number in range(16):
        lab.worker(f"kit/w{number}")
    lab.request()
    assert len(lab.orders()) == 1
    worker, order = lab.orders()[0]
    others = [lab.progress(order, f"kit/w{n}") for n in range(16) if f"kit/w{n}" != worker]
    assert not any(receipt.accepted for receipt in others)
    assert f"is with {worker}" in others[0].reason
    assert lab.progress(order, worker).accepted


def test_slots_and_the_least_busy(lab: Lab) -> None:
    lab.worker("kit/a", slots=2)
    lab.worker("kit/b")
    for _ in range(4):
        lab.request()
    assert sorted(worker for worker, _ in lab.orders()) == ["kit/a", "kit/a", "kit/b"]
    lab.result(lab.orders()[0][1], lab.orders()[0][0])
    assert len(lab.orders()) == 4


def test_only_where_the_limitations_fit(lab: Lab) -> None:
    lab.worker("kit/low", limitations={"properties": {"x": {"maximum": 1}}})
    lab.worker("kit/high", limitations={"properties": {"x": {"minimum": 5}}})
    lab.request(7.0)
    lab.request(8.0)
    lab.request(0.5)
    assert [worker for worker, _ in lab.orders()] == ["kit/high", "kit/low"]


def test_no_orders_for_who_is_not_there_or_not_active(lab: Lab) -> None:
    lab.offer("kit/asab")
    lab.request(wait=True)
    assert lab.orders() == []
    lab.online("kit/asab")
    assert lab.orders() == []
    lab.lifecycle("kit/asab", State.INACTIVE)
    assert lab.orders() == []
    lab.lifecycle("kit/asab")
    assert len(lab.orders()) == 1


def test_waiting_for_an_offer(lab: Lab) -> None:
    lab.worker("kit/asab", limitations={"properties": {"x": {"maximum": 1}}})
    lab.request(3.0, wait=True)
    assert lab.orders() == []
    lab.offer("kit/asab", limitations={})
    assert len(lab.orders()) == 1


def test_decline_goes_to_another_and_comes_back(lab: Lab) -> None:
    lab.worker("kit/a")
    lab.request()
    order = lab.order()
    assert lab.progress(order, "kit/a", ProgressKind.DECLINE).accepted
    assert len(lab.orders()) == 1
    lab.worker("kit/b", slots=1)
    lab.wait(0.5)
    lab.wait(0.6)
    again = lab.order()
    assert again.token > order.token
    assert again.attempt == 1
    assert lab.orders()[-1][0] in ("kit/a", "kit/b")
    assert lab.voids() == []


def test_decline_leaves_the_turn_to_others(lab: Lab) -> None:
    lab.worker("kit/a")
    lab.worker("kit/b")
    lab.request()
    worker, order = lab.orders()[-1]
    lab.progress(order, worker, ProgressKind.DECLINE)
    assert lab.orders()[-1][0] != worker


def test_requests_for_one_sample_run_one_after_another(lab: Lab) -> None:
    lab.worker("kit/a", slots=5)
    birth = SampleStep(sample="cell-1", kind="coin_cell", state=0, label="assembled")
    lab.request(0.0)
    lab.result(lab.order(), "kit/a", samples=(birth,))
    start = FromState(sample="cell-1", state=0)
    lab.request(1.0, from_state=start)
    running = lab.order()
    late = new_id()
    lab.request(2.0, from_state=start, uuid=late)
    lab.request(3.0)
    assert [order.parameters["x"] for _, order in lab.orders()] == [0.0, 1.0, 3.0]
    step = SampleStep(sample="cell-1", kind="coin_cell", state=1, expects_state=0, label="formed")
    assert lab.result(running, "kit/a", samples=(step,)).accepted
    assert lab.status(late) == "failed"
    log = lab.read("query.request", id=str(late))["log"]
    assert "moved on to state 1" in log[-1]["message"]
    states = lab.read("query.sample", id="cell-1")["states"]
    assert [(s["state"], s["label"]) for s in states] == [(0, "assembled"), (1, "formed")]


def test_a_sample_left_alone_is_free_for_the_next(lab: Lab) -> None:
    lab.worker("kit/a", slots=5)
    birth = SampleStep(sample="cell-1", kind="coin_cell", state=0, label="assembled")
    lab.result(None, "kit/a", samples=(birth,))
    start = FromState(sample="cell-1", state=0)
    lab.request(1.0, from_state=start)
    first = lab.order()
    lab.request(2.0, from_state=start)
    assert lab.order() is first
    lab.result(first, "kit/a")
    assert lab.order().parameters == {"x": 2.0}

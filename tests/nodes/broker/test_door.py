"""What is refused, in which words; and that nothing sent can break the ledger."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from messages.envelope import pack
from messages.ids import new_id
from messages.ledger import Cancel, FromState, Request, Result, SampleStep
from nodes.broker._door import Parcel
from tests.nodes.broker.lab import PARAMETERS, Lab, receipt_of


@pytest.fixture
def busy(lab: Lab) -> Lab:
    lab.worker("kit/asab", limitations={"properties": {"x": {"maximum": 5}}})
    lab.offer("kit/away", limitations={"properties": {"x": {"minimum": 6}}})
    return lab


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"quantity": "nope"}, "nobody ever offered nope/m; there are q"),
        ({"method": "nope"}, "nobody ever offered q/nope; methods of q: m"),
        ({"parameters": {"x": 11}}, "parameters.x: 11 is greater than the maximum of 10"),
        ({"parameters": {}}, 'parameters: "x" is a required property'),
        ({"parameters": {"x": "1"}}, 'parameters.x: "1" is not of type "number"'),
        ({"parameters": {"x": 1, "z": 1}}, "'z' was unexpected"),
        ({"parameters": {"x": 5.5}}, "no offer of q/m fits"),
        ({"parameters": {"x": 5.5}}, "kit/asab: parameters.x: 5.5 is greater than"),
        ({"parameters": {"x": 5.5}}, "kit/away: parameters.x: 5.5 is less than"),
        ({"parameters": {"x": 7}}, "kit/away: never seen"),
        ({"expires": 1}, "expires: passed"),
        ({"from_state": FromState(sample="s", state=0)}, "sample 's' is not known"),
    ],
)
def test_refused_requests(busy: Lab, fields: dict[str, Any], words: str) -> None:
    before = busy.ledger.head
    receipt = busy.request(**fields)
    assert not receipt.accepted
    assert words in receipt.reason
    assert busy.ledger.head == before


def test_from_state_is_the_last_state(busy: Lab) -> None:
    birth = SampleStep(sample="s", kind="cell", state=0, label="assembled")
    assert busy.result(None, "kit/asab", samples=(birth,)).accepted
    receipt = busy.request(from_state=FromState(sample="s", state=1))
    assert "from_state.state: sample 's' is in state 0, not 1" in receipt.reason
    assert busy.request(from_state=FromState(sample="s", state=0)).accepted


@pytest.mark.parametrize(
    ("change", "words", "code"),
    [
        ({"sender": "kit/eve"}, "from: the envelope says it is from 'kit/eve'", "forged"),
        ({"type": "Nonsense@1"}, "'Nonsense@1' is not known", "unknown_type"),
        ({"type": "Request@9"}, "known: Request@2", "unknown_type"),
        ({"type": "Cancel@1"}, "Cancel@1 came where Request@2 belongs", "unknown_type"),
        ({"type": "Head@1"}, "Head@1 came where Request@2 belongs", "unknown_type"),
        ({"schema": "0" * 64}, "has schema 000000000000 at kit/opt", "schema"),
    ],
)
def test_messages_that_are_not_what_they_claim(
    busy: Lab, change: dict[str, Any], words: str, code: str
) -> None:
    request = Request(quantity="q", method="m", parameters={"x": 1})
    identity = new_id()
    parcel = busy.parcel("kit/opt", "request", request, "q", "m", uuid=identity, **change)
    outcome = busy.apply(parcel)
    receipt = receipt_of(outcome, identity)
    assert words in receipt.reason
    assert outcome.receipts[0][0] == "kit/opt"
    assert [refusal.code for _, refusal in outcome.problems] == [code]
    assert busy.ledger.refusals == {code: 1}


def test_a_body_that_does_not_validate(busy: Lab) -> None:
    parcel = busy.parcel("kit/opt", "request", Cancel(request=new_id()), "q", "m")
    good = Request(quantity="q", method="m", parameters={})
    identity = new_id()
    parcel = busy.parcel("kit/opt", "request", good, "q", "m", uuid=identity)
    bad = Parcel(parcel.topic, parcel.payload.replace(b"\xa8priority\x05", b"\xa8priority\x63"))
    assert bad.payload != parcel.payload
    assert "body.priority" in receipt_of(busy.apply(bad), identity).reason


def test_topic_and_body_agree(busy: Lab) -> None:
    request = Request(quantity="q", method="m", parameters={"x": 1})
    identity = new_id()
    parcel = busy.parcel("kit/opt", "request", request, "q", "other", uuid=identity)
    assert "the topic ends in 'q/other'" in receipt_of(busy.apply(parcel), identity).reason


def test_too_large_for_a_page(busy: Lab) -> None:
    request = Request(quantity="q", method="m", parameters={"x": 1, "z": "a" * 62_000})
    identity = new_id()
    parcel = busy.parcel("kit/opt", "request", request, "q", "m", uuid=identity)
    reason = receipt_of(busy.apply(parcel), identity).reason
    assert "send large data as an artifact" in reason


def test_same_again(busy: Lab) -> None:
    identity = new_id()
    first = busy.request(uuid=identity)
    assert first.accepted
    assert busy.request(uuid=identity) == first
    other = busy.request(2.0, uuid=identity)
    assert f"entry {first.offset} has this id and other content" in other.reason
    thief = busy.request(uuid=identity, author="kit/eve")
    assert "other content" in thief.reason
    busy.reopen()
    busy.worker("kit/asab")
    assert busy.request(uuid=identity) == first
    assert busy.ledger.duplicates == 1


def test_same_again_in_one_batch(busy: Lab) -> None:
    request = Request(quantity="q", method="m", parameters={"x": 1})
    identity = new_id()
    parcels = [
        busy.parcel("kit/opt", "request", request, "q", "m", uuid=identity) for _ in range(3)
    ]
    outcome = busy.apply(*parcels)
    assert len([p for p in outcome.said if p.row.kind == "request"]) == 1
    assert [r.offset for _, r in outcome.receipts] == [outcome.said[0].row.offset] * 2


def test_a_refusal_stays_one_for_late_copies(busy: Lab) -> None:
    identity = new_id()
    first = busy.request(7.0, uuid=identity)
    busy.online("kit/away")
    assert busy.request(7.0, uuid=identity) == first
    busy.wait(61)
    assert busy.request(7.0, uuid=identity).accepted


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"data": {"y": "high"}}, 'data.y: "high" is not of type "number"'),
        ({"data": {}}, 'data: "y" is a required property'),
        ({"quantity": "nope"}, "is not of the common vocabulary"),
        (
            {"samples": (SampleStep(sample="s", kind="cell", state=1, label="formed",
                                    expects_state=0),)},
            "samples.0.sample: sample 's' is not known",
        ),
        (
            {"samples": (SampleStep(sample="s", kind="cell", state=3, label="formed"),)},
            "samples.0.state: the next state of 's' is 0, not 3",
        ),
        (
            {"samples": (SampleStep(sample="s", kind="cell", state=0, label="formed"),) * 2},
            "samples.1.expects_state: sample 's' is in state 0; it was expected to be new",
        ),
    ],
)  # fmt: skip
def test_refused_results(busy: Lab, fields: dict[str, Any], words: str) -> None:
    before = busy.ledger.head
    receipt = busy.result(None, "kit/asab", **fields)
    assert words in receipt.reason
    assert busy.ledger.head == before


def test_an_invalid_result_leaves_the_order_with_its_worker(busy: Lab) -> None:
    busy.request()
    order = busy.order()
    busy.progress(order, "kit/asab")
    assert not busy.result(order, "kit/asab", data={}).accepted
    assert busy.status(order.request) == "running"
    assert "kit/eve" in busy.result(order, "kit/eve").reason
    assert busy.fail(order, "kit/asab").accepted
    assert busy.status(order.request) == "failed"


def test_a_result_of_another_quantity_resolves_nothing(busy: Lab) -> None:
    busy.offer("kit/asab", "other", "m")
    busy.request()
    receipt = busy.result(busy.order(), "kit/asab", quantity="other")
    assert "the request asked for q/m, the result is of other/m" in receipt.reason


def test_the_vocabulary_admits_results_nobody_offered(lab: Lab) -> None:
    lab.vocabulary["density", "vibrating_tube"] = (PARAMETERS, {"required": ["rho"]})
    refused = lab.result(None, "kit/importer", quantity="density", method="vibrating_tube")
    assert 'data: "rho" is a required property' in refused.reason
    receipt = lab.result(
        None, "kit/importer", quantity="density", method="vibrating_tube", data={"rho": 1}
    )
    assert receipt.accepted
    capability = lab.read("query.capabilities")["capabilities"][0]
    assert (capability["quantity"], capability["active"]) == ("density", False)
    asked = lab.request(quantity="density", method="vibrating_tube")
    assert "is not active" in asked.reason


def test_amendments(busy: Lab) -> None:
    identity = new_id()
    busy.result(None, "kit/asab", uuid=identity)
    assert "kit/asab's, not kit/eve's" in busy.amend(identity, "deleted", "kit/eve").reason
    assert busy.amend(identity, "amended", "kit/asab").accepted
    assert busy.amend(identity, "deleted", "kit/asab").accepted
    assert "cannot go from deleted" in busy.amend(identity, "amended", "kit/asab").reason
    assert "no result" in busy.amend(new_id(), "deleted", "kit/asab").reason
    view = busy.read("query.result", id=str(identity))["result"]
    assert (view["status"], view["reason"]) == ("deleted", "a typo")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"parameters_schema": {"type": "nonsense"}}, "not a valid JSON Schema"),
        ({"parameters_schema": {"$ref": "http://127.0.0.1:1/s"}}, "lies outside of the schema"),
        ({"result_schema": {}}, "result_schema: differs from that of q/m version 1"),
        ({"limitations": {"properties": 1}}, "not a valid JSON Schema"),
    ],
)
def test_refused_offers(busy: Lab, fields: dict[str, Any], words: str) -> None:
    before = busy.ledger.head
    outcome = busy.offer("kit/new", **fields)
    assert words in str(outcome.problems[0][1])
    assert busy.ledger.head == before


def test_a_new_version_of_a_capability(busy: Lab) -> None:
    kept, dropped = new_id(), new_id()
    busy.request(1.0)
    busy.request(2.0, uuid=kept)
    busy.request(4.0, uuid=dropped)
    narrower = {**PARAMETERS, "properties": {"x": {"type": "number", "maximum": 3}}}
    busy.offer("kit/new", version=2, parameters_schema=narrower)
    assert busy.status(kept) == "pending"
    assert busy.status(dropped) == "failed"
    outcome = busy.offer("kit/late", version=1)
    assert "q/m is at version 2" in str(outcome.problems[0][1])
    busy.online("kit/new")
    busy.lifecycle("kit/new")
    assert busy.orders()[-1][0] == "kit/new"
    # The old worker's offer is of the old version; its running order is still its own.
    assert busy.result(busy.orders()[0][1], "kit/asab").accepted
    assert len(busy.orders()) == 2


def test_withdrawing_an_offer(busy: Lab) -> None:
    before = busy.ledger.head.offset
    busy.apply(Parcel("lab1/kit/asab/offer/q/m", b""))
    assert busy.ledger.head.offset == before + 1
    busy.apply(Parcel("lab1/kit/asab/offer/q/m", b""))
    assert busy.ledger.head.offset == before + 1
    assert "kit/asab" not in busy.request().reason


def test_one_bad_message_does_not_harm_its_batch(
    busy: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nodes.broker import _ledger
    from nodes.broker._take_request import take_request as take

    def trip(books: Any, incoming: Any, request: Request) -> Any:
        row = take(books, incoming, request)
        if request.priority == 9:
            raise ZeroDivisionError("a bug")
        return row

    monkeypatch.setattr(_ledger, "take_request", trip)
    ids = [new_id() for _ in range(5)]
    parcels = [
        busy.parcel(
            "kit/opt", "request",
            Request(quantity="q", method="m", parameters={"x": 1}, priority=9 if n == 2 else 5),
            "q", "m", uuid=identity,
        )
        for n, identity in enumerate(ids)
    ]  # fmt: skip
    outcome = busy.apply(*parcels)
    receipts = [receipt_of(outcome, identity) for identity in ids]
    assert [receipt.accepted for receipt in receipts] == [True, True, False, True, True]
    assert "could not digest" in receipts[2].reason
    assert "a bug" in receipts[2].reason


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    payload=st.binary(max_size=200)
    | st.recursive(
        st.none() | st.integers(-9, 9) | st.text(max_size=5) | st.binary(max_size=5),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "schema", "id", "stamp", "from", "epoch", "seq", "trace", "body"]
            ),
            inner,
            max_size=9,
        ),
        max_leaves=15,
    ).map(pack),
    topic=st.sampled_from(
        ["request/kit/broker/q/m", "progress/kit/broker/x", "offer/q/m", "node/alive/a",
         "node/life", "result/kit/broker/q/m", "nonsense/a", "amend/kit/broker/r"]
    ),
)  # fmt: skip
def test_nothing_sent_breaks_the_ledger(lab: Lab, payload: bytes, topic: str) -> None:
    before = lab.ledger.head
    outcome = lab.apply(Parcel(f"lab1/kit/eve/{topic}", payload))
    assert lab.ledger.head == before
    assert len(outcome.problems) == (1 if payload else len(outcome.problems))


def test_a_result_needs_its_own_request(busy: Lab) -> None:
    lost = Result(
        request=new_id(), token=1, quantity="q", method="m", parameters={}, outcome="resolved",
        data={"y": 1},
    )  # fmt: skip
    receipt = busy.send(busy.parcel("kit/asab", "result", lost, "q", "m"))
    assert "no request" in receipt.reason


def test_a_uuid_may_be_spelled_as_one_likes(busy: Lab) -> None:
    busy.request()
    order = busy.order()
    result = Result(
        request=order.request, token=order.token, quantity="q", method="m", parameters={},
        outcome="resolved", data={"y": 1},
    )  # fmt: skip
    parcel = busy.parcel("kit/asab", "result", result, "q", "m")
    written = str(order.request).encode()
    loud = Parcel(parcel.topic, parcel.payload.replace(written, written.upper()))
    assert busy.send(loud).accepted
    assert busy.status(order.request) == "resolved"
    assert busy.read("query.results", request=str(order.request))["total"] == 1


@pytest.mark.parametrize(
    "topic", ["lab1/kit/KIT/offer/a/b", "lab1/kit.x/n/node/life", "lab1/kit/n", "x"]
)
def test_clearing_a_topic_of_a_stranger_costs_nobody_anything(busy: Lab, topic: str) -> None:
    before = busy.ledger.refusals.copy()
    outcome = busy.apply(Parcel(topic, b""))
    assert outcome.receipts == []
    assert busy.ledger.refusals == before, "and is not an error of the ledger's own"

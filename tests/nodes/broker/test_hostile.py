"""One node's credentials in bad hands: clear refusals, no crash, and nobody else affected."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest

from messages.errors import BodyError
from messages.ids import new_id
from messages.ledger import (
    Failure,
    FromState,
    Offer,
    Progress,
    ProgressKind,
    Request,
    Result,
    SampleStep,
)
from messages.model import JsonObject, Message
from messages.schema import schema_hash
from nodes.broker._door import Parcel
from nodes.broker._schema_cost import check_cost
from nodes.broker._schemas import Schema
from tests.nodes.broker.lab import LEDGER, PARAMETERS, RESULT, Lab, receipt_of

EVE = "kit/eve"
ASK: JsonObject = {"quantity": "q", "method": "m", "parameters": {"x": 1.0}}
TELL: JsonObject = {
    "quantity": "q", "method": "m", "parameters": {}, "outcome": "resolved", "data": {"y": 1.0}
}  # fmt: skip


@pytest.fixture
def busy(lab: Lab) -> Iterator[Lab]:
    """A lab at work; whatever happens, its order comes to its end and the next one goes out."""
    lab.worker("kit/asab", slots=1)
    lab.request()
    order = lab.order()
    assert lab.progress(order, "kit/asab").accepted
    waiting = new_id()
    assert lab.request(uuid=waiting).accepted
    yield lab
    assert lab.ledger.refusals["internal"] == 0
    assert lab.result(order, "kit/asab").accepted
    assert lab.order().request == waiting


def raw(author: str, kind: str, model: type[Message], body: Any, *levels: str) -> Parcel:
    """A message whose body no model of ours would have made."""
    envelope = {
        "type": model.TYPE, "schema": schema_hash(model), "id": str(new_id()), "stamp": 1,
        "from": author, "epoch": 1, "seq": 1, "trace": "", "body": body,
    }  # fmt: skip
    to = () if kind == "offer" else (LEDGER,)
    return Parcel("/".join(("lab1", author, kind, *to, *levels)), msgpack.packb(envelope))


def refusal(lab: Lab, parcel: Parcel) -> str:
    """Apply a message between two sound ones; return why it alone is refused."""
    head = lab.ledger.head
    outcome = lab.apply(parcel)
    assert lab.ledger.head == head
    reasons = [receipt.reason for _, receipt in outcome.receipts if not receipt.accepted]
    reasons += [str(refused) for _, refused in outcome.problems]
    assert reasons, "it passed silently"
    assert all(len(reason) <= 4000 for reason in reasons)
    return reasons[0]


@pytest.mark.parametrize(
    ("kind", "model", "body", "words"),
    [
        ("request", Request, {**ASK, "quantity": b"q"}, "quantity: Input should be a valid string"),
        ("request", Request, {**ASK, "campaign": b"c"}, "campaign: Input should be a valid string"),
        ("request", Request, {**ASK, "campaign": "c\n"}, "campaign: String should match"),
        ("request", Request, {**ASK, "campaign": "\u202ec"}, "campaign: String should match"),
        ("request", Request, {**ASK, "campaign": "\uff43"}, "campaign: String should match"),
        ("request", Request, {**ASK, "priority": True}, "priority: Input should be a valid int"),
        ("request", Request, {**ASK, "priority": 2**64 - 1}, "priority: Input should be less"),
        ("request", Request, {**ASK, "expires": 2**63}, "expires: Input should be less than"),
        ("request", Request, {**ASK, "attempts": 10**6}, "attempts: Input should be less"),
        ("request", Request, {**ASK, "parameters": {"x": float("nan")}}, "NaN or infinity"),
        ("request", Request, {**ASK, "parameters": {"x": float("-inf")}}, "NaN or infinity"),
        ("request", Request, {**ASK, "parameters": {"x": 2**64 - 1}}, "greater than the maximum"),
        ("request", Request, {**ASK, "parameters": {"x": b"1"}}, 'is not of type "number"'),
        ("request", Request, {**ASK, "parameters": {"x": 1, "k" * 50_000: 1}}, "kkk"),
        ("request", Request, {**ASK, "parameters": {"x": [0] * 20_000}}, "parameters.x: [0,0"),
        ("request", Request, {**ASK, "from_state": {"sample": b"s", "state": 0}}, "valid string"),
        ("request", Request, {**ASK, "from_state": {"sample": "c\u0131", "state": 0}}, "match"),
        ("result", Result, {**TELL, "request": bytes(16), "token": 1}, "bytes where a uuid"),
        ("result", Result, {**TELL, "data": {"y": float("inf")}}, "NaN or infinity"),
        ("result", Result, {**TELL, "samples": [{"sample": b"s", "kind": "c", "state": 0,
                                                "label": "x"}]}, "samples.0.sample"),
        ("result", Result, {**TELL, "samples": [{"sample": "s", "kind": "c", "state": 2**63,
                                                "label": "x"}]}, "samples.0.state"),
    ],
)  # fmt: skip
def test_odd_values(
    busy: Lab, kind: str, model: type[Message], body: JsonObject, words: str
) -> None:
    assert words in refusal(busy, raw(EVE, kind, model, body, "q", "m"))


def test_nesting_as_deep_as_it_goes(busy: Lab) -> None:
    deep: Any = 1
    for _ in range(40_000):
        deep = [deep]
    # What no packer packs is written by hand: 40 000 lists of one.
    sound = raw(EVE, "request", Request, {**ASK, "parameters": {"x": "HERE"}}, "q", "m")
    payload = sound.payload.replace(b"\xa4HERE", b"\x91" * 40_000 + b"\x01")
    assert "not msgpack" in refusal(busy, Parcel(sound.topic, payload))
    payload = sound.payload.replace(b"\xa4HERE", b"\x91" * 40 + b"\x01")
    assert "nested deeper than" in refusal(busy, Parcel(sound.topic, payload))


def test_words_about_another_workers_order(busy: Lab) -> None:
    order = busy.order()
    assert "is with kit/asab, not kit/eve" in busy.result(order, EVE).reason
    assert "is with kit/asab, not kit/eve" in busy.fail(order, EVE).reason
    for kind in (ProgressKind.ACCEPT, ProgressKind.DECLINE):
        assert "is with kit/asab, not kit/eve" in busy.progress(order, EVE, kind).reason
    outcome = busy.heartbeat(order, EVE)
    assert [(node, void.token) for node, void in outcome.voids] == [(EVE, order.token)]
    assert "kit/opt's, not kit/eve's" in busy.cancel(order.request, author=EVE).reason


def test_tokens_that_were_never_given_out(busy: Lab) -> None:
    order = busy.order()
    for token in (order.token + 1, 2**63 - 1):
        future = order.model_copy(update={"token": token})
        reason = busy.result(future, "kit/asab").reason
        assert f"token {token} has not been given out: order {order.token}" in reason
    waiting = [r for r in busy.ledger.books.live.values() if r.order is None]
    unborn = order.model_copy(update={"request": waiting[0].id, "token": 7})
    reason = busy.result(unborn, "kit/asab").reason
    assert "token 7 is void: the request is pending and no order stands; none has been" in reason


def test_words_in_the_wrong_order(busy: Lab) -> None:
    busy.worker("kit/mine", "z", "m", worker="instrument")
    mine = new_id()
    busy.request(quantity="z", uuid=mine)
    order = busy.order()
    result = new_id()
    assert busy.result(order, "kit/mine", uuid=result).accepted
    late = busy.progress(order, "kit/mine")
    assert (
        f"is resolved (answered by kit/mine); token {order.token}, the last one was {order.token}"
        in late.reason
    )
    assert busy.voids(busy.heartbeat(order, "kit/mine"))[0][1].token == order.token
    assert "is resolved" in busy.fail(order, "kit/mine").reason
    assert "kit/mine's, not kit/eve's" in busy.amend(result, "deleted", EVE).reason
    assert "is resolved already" in busy.cancel(mine).reason


def test_what_ended_in_the_same_batch_is_told_as_it_is(busy: Lab) -> None:
    """Of a request that was running when the batch began nobody says that it is."""
    busy.worker("kit/mine", "z", "m", worker="instrument")
    busy.request(quantity="z")
    order = busy.order()
    busy.progress(order, "kit/mine")
    said = {**TELL, "quantity": "z", "request": str(order.request), "token": order.token}
    ids = [new_id() for _ in range(2)]
    parcels = [
        busy.parcel("kit/mine", "result", Result(**said), "z", "m", uuid=each) for each in ids
    ]
    outcome = busy.apply(*parcels)
    assert receipt_of(outcome, ids[0]).accepted
    reason = receipt_of(outcome, ids[1]).reason
    assert (
        f"is resolved (answered by kit/mine); token {order.token}, the last one was {order.token}"
        in reason
    )


def test_a_newer_version_does_not_spoil_the_orders_under_way(busy: Lab) -> None:
    """The order of the fixture ends as it began, although the result's schema is another."""
    order = busy.order()
    other: JsonObject = {"type": "object", "required": ["z"]}
    busy.offer(EVE, version=2, result_schema=other)
    refused = busy.result(order, "kit/asab", data={"wrong": 1})
    assert 'data: "y" is a required property' in refused.reason
    assert 'data: "z" is a required property' in busy.result(None, EVE).reason
    busy.reopen()
    busy.worker("kit/asab")
    # What waits goes to whoever offers the new version, as an offer of it says.
    busy.offer("kit/asab", version=3, result_schema=RESULT)


def test_a_schema_may_not_change_under_one_version(busy: Lab) -> None:
    changed = Offer(
        quantity="q", method="m", parameters_schema={}, result_schema=RESULT, worker="model"
    )
    assert "differs from that of q/m version 1" in refusal(
        busy, busy.parcel(EVE, "offer", changed, "q", "m")
    )


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("slots", 2**40, "slots: 1099511627776 is more than 2147483647"),
        ("version", 2**40, "version: 1099511627776 is more than 2147483647"),
        ("lease", float("nan"), "NaN or infinity"),
        ("lease", -1.0, "lease: Input should be greater than 0"),
        ("slots", 0, "slots: Input should be greater than or equal to 1"),
        ("limitations", {"pattern": "((a{100}){100}){100}"}, 'is not a "regex"'),
        ("limitations", {"pattern": "(?=a)a"}, 'is not a "regex"'),
        ("limitations", {"$schema": "https://example.org/mine"}, "Unknown meta-schema"),
        ("limitations", {"$ref": "file:///etc/passwd"}, "lies outside of the schema"),
        ("limitations", {"$ref": "#"}, "refers to itself without going deeper"),
        ("result_schema", {"multipleOf": 0}, "not a valid JSON Schema"),
    ],
)
def test_offers_that_cannot_be(busy: Lab, field: str, value: Any, words: str) -> None:
    body = {"quantity": "e", "method": "m", "parameters_schema": PARAMETERS,
            "result_schema": RESULT, "worker": "model", field: value}  # fmt: skip
    assert words in refusal(busy, raw(EVE, "offer", Offer, body, "e", "m"))


def test_a_reference_is_never_fetched(busy: Lab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.0)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/schema"
        for schema in ({"$ref": url}, {"$id": url, "$ref": "other"}, {"$schema": url},
                       {"$dynamicRef": url}, {"items": {"$ref": f"{url}#/$defs/a"}}):  # fmt: skip
            body = {"quantity": "e", "method": "m", "parameters_schema": schema,
                    "result_schema": RESULT, "worker": "model"}  # fmt: skip
            reason = refusal(busy, raw(EVE, "offer", Offer, body, "e", "m"))
            assert "not a valid JSON Schema" in reason
        with pytest.raises(BlockingIOError):
            server.accept()


# -- schemas that take for ever ----------------------------------------------------------------


def doubling(count: int, word: str = "allOf") -> JsonObject:
    """Definitions each of which looks twice at the next: 2^count looks at one value."""
    defs: JsonObject = {f"a{n}": {word: [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(count)}
    return {"$defs": {**defs, f"a{count}": {"type": "number"}}, "$ref": "#/$defs/a0"}


def chain(count: int) -> JsonObject:
    """Definitions each of which is the next."""
    defs = {f"a{n}": {"$ref": f"#/$defs/a{n + 1}"} for n in range(count)}
    return {"$defs": {**defs, f"a{count}": {"type": "number"}}, "$ref": "#/$defs/a0"}


DOWN: JsonObject = {"anyOf": [{"items": {"$ref": "#"}}, {"items": {"$ref": "#"}}, {"minimum": 0}]}
ENDLESS = {
    "doubling": doubling(40),
    "alternatives": doubling(40, "anyOf"),
    "downwards": DOWN,
    "by anchor": {
        "$defs": {"a": {"$anchor": "a", "items": {"allOf": [{"$ref": "#a"}, {"$ref": "#a"}]}}},
        "$ref": "#a",
    },
    "in an id": {
        "$defs": {"x": {"$id": "urn:x", **doubling(40)}}, "$ref": "urn:x",
    },
    "itself": {"allOf": [{"$ref": "#"}]},
    "one another": {"$defs": {"a": {"not": {"$ref": "#/$defs/b"}},
                              "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
    "chain": chain(1200),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(ENDLESS))
def test_schemas_that_would_take_for_ever_are_refused(name: str) -> None:
    with pytest.raises(BodyError, match=r"looks at one place|refers to itself|too many references"):
        Schema(ENDLESS[name])


def test_an_offer_with_such_a_schema_is_refused(busy: Lab) -> None:
    body = {"quantity": "e", "method": "m", "parameters_schema": doubling(40),
            "result_schema": RESULT, "worker": "model"}  # fmt: skip
    reason = refusal(busy, raw(EVE, "offer", Offer, body, "e", "m"))
    assert "more than 2000 looks" in reason
    assert "let its definitions refer to fewer" in reason


@pytest.mark.parametrize(
    "schema",
    [
        doubling(8),
        chain(50),
        {"properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}},
        {"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}},
        {"properties": {f"p{n}": {"allOf": [{"type": "number"}] * 9} for n in range(400)}},
        {"items": {"$ref": "#/$defs/none"}, "$defs": {"none": True}},
        {"unevaluatedProperties": False, "allOf": [{"properties": {"a": {}}}]},
    ],
)
def test_schemas_of_honest_people_are_taken(schema: JsonObject) -> None:
    Schema(schema)


def test_the_vocabulary_is_cheap() -> None:
    from nodes.broker._node import vocabulary

    for pair in vocabulary().values():
        for schema in pair:
            check_cost(schema)


def test_a_patient_pattern_takes_no_time(busy: Lab) -> None:
    """``(a+)+$`` takes a backtracking engine longer than the universe has; ours is linear."""
    done = threading.Event()

    def work() -> None:
        Schema({"pattern": "^(a+)+$"}).accepts("a" * 50_000 + "b")
        done.set()

    threading.Thread(target=work, daemon=True).start()
    assert done.wait(60)


def test_of_many_complaints_the_first_are_told(busy: Lab) -> None:
    schema = Schema({"items": {"type": "string"}})
    words = schema.complaint(list(range(20_000)), "data")
    assert words.startswith("data.0: 0 is not of type")
    assert words.endswith("and at least 997 more")


# -- samples -----------------------------------------------------------------------------------


def test_a_sample_in_hand_is_nobody_elses_to_fork(busy: Lab) -> None:
    """A stranger may add to the history, never rewrite it, and whoever counted on it is told."""
    birth = SampleStep(sample="c-1", kind="cell", state=0, label="assembled")
    assert busy.result(None, "kit/asab", samples=(birth,)).accepted
    busy.worker("kit/mine", "z", "m", worker="instrument")
    busy.request(quantity="z", from_state=FromState(sample="c-1", state=0))
    order = busy.order()
    busy.progress(order, "kit/mine")
    step = SampleStep(sample="c-1", kind="cell", state=1, expects_state=0, label="formed")
    assert busy.result(None, EVE, samples=(step,)).accepted
    assert (
        "is in state 1; it was expected in state 0"
        in busy.result(order, "kit/mine", samples=(step,)).reason
    )
    again = SampleStep(sample="c-1", kind="cell", state=0, label="assembled")
    assert "it was expected to be new" in busy.result(None, EVE, samples=(again,)).reason
    failure = Failure(message="no")
    busy.result(order, "kit/mine", outcome="failed", data={}, failure=failure)
    labels = [s["label"] for s in busy.read("query.sample", id="c-1")["states"]]
    assert labels == ["assembled", "formed", "unknown"]


def test_a_word_for_every_order_of_a_stranger(busy: Lab) -> None:
    """Feedback and heartbeats are never refused; their sender alone learns that they are void."""
    order = busy.order()
    for kind in (ProgressKind.FEEDBACK, ProgressKind.HEARTBEAT):
        word = Progress(request=order.request, token=2**63 - 1, kind=kind, fraction=1.0)
        outcome = busy.apply(busy.parcel(EVE, "progress", word, str(order.request)))
        assert [node for node, _ in outcome.voids] == [EVE]
        assert busy.status(order.request) == "running"

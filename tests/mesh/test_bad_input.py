"""Whatever comes in wrong is answered in words, reaches no ledger, and stops nobody."""

from __future__ import annotations

import asyncio
import sys
from typing import Any
from uuid import UUID

import msgpack
import pytest

from messages.envelope import Header, encode
from messages.errors import BodyError, RefusedError
from messages.ids import new_id
from messages.ledger import Receipt, Request, Result
from messages.node import Problem
from messages.schema import schema_hash
from tests.mesh.conftest import Lab

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def lab(steady_lab: Lab) -> Lab:
    return steady_lab


async def head(lab: Lab) -> int:
    return int((await lab.client.query("ledger.head"))["offset"])


REFUSED: list[tuple[str, str, dict[str, Any], str]] = [
    ("speech", "telepathy", {}, "telepathy"),
    ("music", "echo", {}, "music"),
    ("speech", "echo", {"text": 7}, "text"),
    ("speech", "echo", {"seconds": "long"}, "seconds"),
    ("speech", "echo", {"loud": True}, "loud"),
]


async def test_requests_that_cannot_be_served_are_refused_by_name(lab: Lab) -> None:
    before = await head(lab)
    for quantity, method, parameters, reason in REFUSED:
        with pytest.raises(RefusedError, match=reason):
            await lab.client.submit(quantity, method, parameters)
    assert await head(lab) == before
    assert (await lab.client.request("speech", "echo", {"text": "a"})).data["text"] == "a"


async def test_non_finite_numbers_are_refused(lab: Lab) -> None:
    before = await head(lab)
    problems = await listen(lab)
    mesh = lab.visitor.mesh
    topic = mesh.topics.to("request", lab.client.ledger, "speech", "echo")
    for number in (float("nan"), float("inf")):
        with pytest.raises(BodyError, match="NaN or infinity"):
            await lab.client.submit("speech", "echo", {"seconds": number})
        fields = {
            "type": "Request@2", "schema": schema_hash(Request), "id": str(new_id()), "stamp": 1,
            "from": "kit/asker", "epoch": 1, "seq": 1, "trace": "",
            "body": request_body(parameters={"seconds": number}),
        }  # fmt: skip
        await mesh.transport.publish(topic, msgpack.packb(fields))
        assert "NaN or infinity" in (await asyncio.wait_for(problems.get(), 5)).reason
    assert await head(lab) == before


async def test_an_oversize_request_is_refused_before_it_is_sent(lab: Lab) -> None:
    with pytest.raises(BodyError, match="exceeds"):
        await lab.client.submit("speech", "echo", {"text": "x" * 100_000})


async def test_an_oversize_payload_of_a_foreign_client_never_arrives(lab: Lab) -> None:
    before = await head(lab)
    topic = lab.visitor.mesh.topics.to("request", lab.client.ledger, "speech", "echo")
    import paho.mqtt.client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    stranger = paho.Client(CallbackAPIVersion.VERSION2, client_id="s", protocol=paho.MQTTv5)
    stranger.username_pw_set("asker")
    stranger.connect("127.0.0.1", lab.mqtt.port)
    stranger.loop_start()
    stranger.publish(topic, b"x" * 3_000_000, qos=1)
    await asyncio.sleep(0.5)
    stranger.disconnect()
    stranger.loop_stop()
    assert (await lab.client.request("speech", "echo", {"text": "a"})).data["text"] == "a"
    assert await head(lab) > before


async def test_bytes_that_are_no_message_are_answered(lab: Lab) -> None:
    problems = await listen(lab)
    topic = lab.visitor.mesh.topics.to("request", lab.client.ledger, "speech", "echo")
    for payload, reason in ((b"\xc1", "not msgpack"), (b"\x80", "not a Labmesh envelope")):
        await lab.visitor.mesh.transport.publish(topic, payload)
        assert reason in (await asyncio.wait_for(problems.get(), 5)).reason
    await lab.visitor.mesh.transport.publish(topic, b"")
    assert (await lab.client.request("speech", "echo", {"text": "a"})).data["text"] == "a"


WRONG_HEADERS = [
    ({"type": "Request@99"}, "version of 'Request@99' is not known"),
    ({"type": "Reqest@1"}, "message type 'Reqest@1' is not known"),
    ({"type": "Offer@1", "schema": "0" * 64}, "Offer@1"),
    ({"schema": "0" * 64}, "schema 000000000000"),
    ({"sender": "kit/boss"}, "'kit/boss'"),
]


async def test_a_wrong_header_is_answered_with_a_receipt(lab: Lab) -> None:
    before = await head(lab)
    receipts = await listen_to_receipts(lab)
    for changes, reason in WRONG_HEADERS:
        await send_raw(lab, body=request_body(), **changes)
        receipt = await asyncio.wait_for(receipts.get(), 5)
        assert not receipt.accepted
        assert reason in receipt.reason
    assert await head(lab) == before


async def test_a_body_that_does_not_fit_names_the_field(lab: Lab) -> None:
    receipts = await listen_to_receipts(lab)
    await send_raw(lab, body={**request_body(), "priority": 99, "colour": "red"})
    reason = (await asyncio.wait_for(receipts.get(), 5)).reason
    assert "priority" in reason
    assert "colour" in reason


async def test_the_same_uuid_is_the_same_request_unless_its_body_differs(lab: Lab) -> None:
    identity = new_id()
    first = await lab.client.submit("speech", "echo", {"text": "a"}, id=identity)
    await first.result()
    again = await lab.client.submit("speech", "echo", {"text": "a"}, id=identity)
    assert again.offset == first.offset
    with pytest.raises(RefusedError, match="has this id and other content"):
        await lab.client.submit("speech", "echo", {"text": "b"}, id=identity)


async def test_a_result_without_an_order_is_refused(lab: Lab) -> None:
    handle = await lab.client.submit("speech", "megaphone", {"seconds": 0.5})
    topic = lab.visitor.mesh.topics.to("result", lab.client.ledger, "speech", "megaphone")
    forged = Result(
        request=handle.id, token=10**6, quantity="speech", method="megaphone",
        parameters={}, outcome="resolved", data={"text": "HA", "times": 1},
    )  # fmt: skip
    receipts = await listen_to_receipts(lab)
    await lab.visitor.mesh.send(topic, forged)
    receipt = await asyncio.wait_for(receipts.get(), 5)
    assert not receipt.accepted
    assert "1000000" in receipt.reason
    assert (await handle.result()).author == "kit/echo"


async def test_a_node_with_a_name_already_taken_ends_with_code_3(lab: Lab) -> None:
    second = await lab.start("tests.labmesh.node.programs:EchoNode", "echo", wait=False)
    assert await second.wait() == 3
    assert "kit/echo is online since" in second.output
    assert "--name" in second.output
    assert (await lab.client.request("speech", "echo", {"text": "a"})).data["text"] == "a"


async def test_without_an_mqtt_broker_a_node_says_so(lab: Lab) -> None:
    node = await lab.processes.start(
        sys.executable, "-m", "labmesh.node", "asab", "--site", "kit", "--mqtt", "mqtt://127.0.0.1:1",
        "--patience", "0.5",
    )  # fmt: skip
    assert await node.wait() == 1
    assert "127.0.0.1:1" in node.output
    assert "Traceback" not in node.output


def request_body(**changes: Any) -> dict[str, Any]:
    request = Request(quantity="speech", method="echo", parameters={})
    return {**request.model_dump(), **changes}


async def send_raw(lab: Lab, *, body: dict[str, Any], **changes: str) -> UUID:
    """Publish a request as a client that checks nothing would."""
    mesh = lab.visitor.mesh
    identity = new_id()
    fields: dict[str, Any] = {
        "type": "Request@2", "schema": schema_hash(Request), "id": identity, "stamp": 1,
        "sender": "kit/asker", "epoch": 1, "seq": 1, **changes,
    }  # fmt: skip
    topic = mesh.topics.to("request", lab.client.ledger, "speech", "echo")
    await mesh.transport.publish(topic, encode(Header(**fields), body))
    return identity


async def listen(lab: Lab) -> asyncio.Queue[Problem]:
    heard: asyncio.Queue[Problem] = asyncio.Queue()

    def take(problem: Problem, *_: object) -> None:
        heard.put_nowait(problem)

    mesh = lab.visitor.mesh
    await mesh.on_message(mesh.topics.of(lab.client.ledger, "event", "problem"), Problem, take)
    return heard


async def listen_to_receipts(lab: Lab) -> asyncio.Queue[Receipt]:
    heard: asyncio.Queue[Receipt] = asyncio.Queue()

    def take(receipt: Receipt, *_: object) -> None:
        heard.put_nowait(receipt)

    mesh = lab.visitor.mesh
    await mesh.on_message(mesh.topics.to_me("receipt", author=lab.client.ledger), Receipt, take)
    return heard

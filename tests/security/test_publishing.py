"""Publishing as somebody else, or what one's role does not allow."""

from __future__ import annotations

import asyncio
import time

import pytest

from labmesh.transport import Will
from messages.envelope import Header, decode
from messages.errors import CallRefusedError, CallTimeoutError, RefusedError
from messages.ids import NodeId, new_id
from messages.ledger import (
    Decision,
    Order,
    Progress,
    ProgressKind,
    Receipt,
    Request,
    Result,
)
from messages.node import Call, Presence, Reply
from messages.topics import Topic
from tests.labmesh.node.conftest import until
from tests.security.lab import SecureLab, attack, collect, denied, envelope, node

pytestmark = pytest.mark.asyncio(loop_scope="package")

FOREIGN = [
    "lab1/kit/broker/order/kit/adder/1",
    "lab1/kit/broker/receipt/kit/adder",
    "lab1/kit/broker/journal/result/kit/adder",
    "lab1/kit/broker/head",
    "lab1/kit/adder/data/temperature",
    "lab1/kit/adder/node/alive/0",
    "lab1/kit/alice/call/kit/adder/life.change",
    "lab1/kit/alice/estop/kit/adder",
    "lab1/kit/alice/estop",
    "lab1/kit/bob/request/kit/broker/total/sum",
    "lab1/dtu/mallory/data/x",
    "lab1/kit/bridge/link",
    # Names that look like the own or the ledger's.
    "lab1/kit/mallory2/data/x",
    "lab1/kit/mallor/data/x",
    "lab1/kit/Mallory/data/x",
    "lab1/kit/m\u0430llory/data/x",
    "lab1/kit/broker /order/kit/adder/1",
    "lab1/kit/brok\u0435r/order/kit/adder/1",
    "lab1/kit//data/x",
    "lab1//mallory/data/x",
    "lab2/kit/mallory/data/x",
    "LAB1/kit/mallory/data/x",
    "/lab1/kit/mallory/data/x",
    "lab1/kit/mallory",
    "$SYS/broker/uptime",
    "$CONTROL/dynamic-security/v1",
]

BEYOND_THE_ROLE = {
    "mallory": [
        "order/kit/adder/1", "void/kit/adder/1", "receipt/kit/adder", "journal/status/kit/adder",
        "sample/s1", "head", "decision/kit/broker/1", "request/kit/broker/total/sum",
        "cancel/kit/broker/1", "call/kit/adder/life.change", "call/kit/adder/param.set",
        "call/kit/broker/artifact.verify", "link",
    ],
    "bob": [
        "decision/kit/broker/1", "amend/kit/broker/1", "call/kit/adder/param.set",
        "result/kit/broker/total/sum", "offer/total/sum", "reply/kit/alice/0", "data/x",
        "order/kit/adder/1", "node/alive/0",
    ],
    "vera": [
        "request/kit/broker/total/sum", "cancel/kit/broker/1", "call/kit/adder/life.change",
        "call/kit/broker/agent.start", "decision/kit/broker/1", "data/x",
        "estop", "estop/kit", "estop/kit/adder",
    ],
    "alice": ["order/kit/adder/1", "receipt/kit/bob", "journal/result/kit/bob", "head", "result/x"],
    "broker": ["decision/kit/broker/1", "call/kit/adder/life.change", "request/kit/broker/a/b"],
    "dtu": ["../../kit/broker/order/kit/adder/1"],
}  # fmt: skip


async def test_nobody_publishes_as_another(lab: SecureLab) -> None:
    async with lab.connected("mallory") as mallory:
        for topic in FOREIGN:
            with attack("foreign prefix"):
                assert await denied(mallory, topic), topic
        for retained in ("lab1/kit/adder/offer/total/sum", "lab1/kit/adder/node/desc"):
            with attack("foreign prefix"):
                assert await denied(mallory, retained, b"", retain=True), retained
        assert not await denied(mallory, "lab1/kit/mallory/data/x")
    log = lab.mqtt.log
    for topic in FOREIGN:
        assert any("Denied PUBLISH" in line and f"'{topic}'" in line for line in log.splitlines())
    await lab.still_works()


@pytest.mark.parametrize("name", BEYOND_THE_ROLE)
async def test_nobody_does_what_another_role_may(lab: SecureLab, name: str) -> None:
    async with lab.connected(name) as somebody:
        for rest in BEYOND_THE_ROLE[name]:
            topic = f"lab1/kit/{name}/{rest}"
            with attack("beyond the role"):
                async with lab.logged("Denied PUBLISH", topic):
                    assert await denied(somebody, topic), topic


@pytest.mark.parametrize("name", ["alice", "bob", "adder"])
async def test_whoever_works_with_instruments_may_stop_them(lab: SecureLab, name: str) -> None:
    async with lab.connected(name) as somebody:
        for scope in ("", "/kit", "/kit/nobody"):
            assert not await denied(somebody, f"lab1/kit/{name}/estop{scope}", b"")


async def test_a_viewer_reads_the_ledger_and_the_nodes(lab: SecureLab) -> None:
    async with lab.visitor("vera") as vera:
        for service, of in (("ledger.head", "broker"), ("query.requests", "broker"),
                            ("param.get", "adder"), ("node.ping", "adder")):  # fmt: skip
            assert await vera.caller.call(node(of), service, {}, timeout=30)


async def test_a_will_on_anothers_topic_is_not_published(lab: SecureLab) -> None:
    topic = "lab1/kit/adder/node/alive/0"
    async with lab.connected("boss") as boss:
        told = await collect(boss, topic)
        async with lab.connected("mallory", will=Will(topic, b"buried")) as mallory:
            with attack("foreign will"):
                await mallory.close(lost=True)
        await boss.publish("lab1/kit/boss/event/x", b"")
        await asyncio.sleep(0)
        assert all(delivery.payload != b"buried" for delivery in told)
    assert lab.adder.state.value == "active"


async def test_a_forged_author_is_not_believed(lab: SecureLab) -> None:
    lie = Result(
        quantity="total", method="sum", parameters={}, outcome="resolved", data={"total": 666.0}
    )
    async with lab.connected("mallory") as mallory:
        start = len(lab.problems)
        with attack("forged author"):
            payload = envelope("kit/adder", lie)
            await mallory.publish("lab1/kit/mallory/result/kit/broker/total/sum", payload)
            await lab.heard("the envelope says it is from 'kit/adder'", start)
        start = len(lab.problems)
        with attack("forged author"):
            call = envelope("kit/alice", Call(instance="0", deadline=2**62))
            await mallory.publish("lab1/kit/mallory/call/kit/adder/node.ping", call)
            await lab.heard("the envelope says it is from 'kit/alice'", start)
        with attack("forged author"):
            dead = Presence(
                state="online",
                epoch=2**40,
                boot_id=new_id(),
                instance="0",
                since=1,
                host="h",
                pid=1,
            )
            await mallory.publish("lab1/kit/mallory/node/alive/0", envelope("kit/adder", dead))
            assert await denied(mallory, "lab1/kit/adder/node/alive/0", envelope("kit/adder", dead))
    await lab.still_works()


async def test_a_look_alike_ledger_gives_no_orders(lab: SecureLab) -> None:
    """A site in bad hands may publish as its own broker node; nobody listens to that one."""
    order = Order(
        request=new_id(), attempt=1, token=99, requester="kit/bob", quantity="total",
        method="sum", parameters={"a": 666.0}, lease=60.0,
    )  # fmt: skip
    receipt = Receipt(message=new_id(), accepted=True, offset=1)
    async with lab.connected("dtu") as dtu:
        for kind, message in (("order", order), ("receipt", receipt)):
            before = dtu.stats.no_subscribers
            topic = f"lab1/dtu/broker/{kind}/kit/adder"
            for payload in (envelope("dtu/broker", message), envelope("kit/broker", message)):
                with attack("forged ledger"):
                    await dtu.publish(topic + ("/1" if kind == "order" else ""), payload)
            assert dtu.stats.no_subscribers == before + 2, "nobody shall even hear it"
    await lab.still_works()
    assert 666.0 not in lab.adder.asked


async def test_a_quicker_stranger_does_not_answer_calls(
    lab: SecureLab, caplog: pytest.LogCaptureFixture
) -> None:
    async with lab.visitor("vera") as vera, lab.visitor("mallory") as mallory:
        forged = asyncio.Event()

        async def lie(call: Call, header: Header, _topic: Topic) -> None:
            reply = Reply(call=header.id, value={"offset": 666})
            to = mallory.mesh.topics.to("reply", NodeId.parse(header.sender), call.instance)
            await mallory.mesh.send(to, reply)
            forged.set()

        await mallory.mesh.on_message("lab1/+/+/call/kit/silent/+", Call, lie)
        with attack("forged reply"), pytest.raises(CallTimeoutError):
            await vera.caller.call(node("silent"), "ledger.head", {}, timeout=2)
        await forged.wait()
        assert "answer of kit/mallory to a call of kit/silent not taken" in caplog.text


async def test_replayed_messages_do_nothing_twice(lab: SecureLab) -> None:
    async with lab.connected("alice") as alice, lab.client("bob") as bob:
        sent = await collect(alice, "lab1/kit/bob/request/#")
        results = await collect(alice, "lab1/kit/adder/result/#")
        handle = await bob.submit("total", "sum", {"a": 40.0, "b": 2.0})
        async with asyncio.timeout(30):
            await handle.result()
            while not (sent and results):
                await asyncio.sleep(0.02)
        request, result = sent[0], results[0]
    runs = lab.adder.asked.count(40.0)
    head = lab.broker._engine.ledger.head.offset
    async with lab.connected("bob") as thief, lab.connected("rob") as rob:
        receipts = await collect(thief, "lab1/kit/broker/receipt/kit/bob")
        with attack("replay"):
            await thief.publish(request.topic, request.payload)
            async with asyncio.timeout(30):
                while not receipts:
                    await asyncio.sleep(0.02)
        start = len(lab.problems)
        with attack("replay"):
            await rob.publish(request.topic.replace("bob", "rob"), request.payload)
            await lab.heard("the envelope says it is from 'kit/bob'", start)
        with attack("replay"):  # the same id, another content
            receipts.clear()
            other = Request(quantity="total", method="sum", parameters={"a": 41.0})
            identity = decode(request.payload).header.id
            await thief.publish(request.topic, envelope("kit/bob", other, id=identity))
            async with asyncio.timeout(30):
                while not receipts:
                    await asyncio.sleep(0.02)
            body = decode(receipts[0].payload).open().body
            assert isinstance(body, Receipt)
            assert not body.accepted
    async with lab.connected("adder") as stale:
        receipts = await collect(stale, "lab1/kit/broker/receipt/kit/adder")
        with attack("replay"):
            await stale.publish(result.topic, result.payload)
            async with asyncio.timeout(30):
                while not receipts:
                    await asyncio.sleep(0.02)
    assert lab.adder.asked.count(40.0) == runs
    assert lab.broker._engine.ledger.head.offset == head, "nothing was recorded twice"


async def test_only_its_worker_speaks_about_an_order(lab: SecureLab) -> None:
    heard: list[str] = []
    async with lab.client("bob") as bob, lab.connected("mallory") as mallory:
        handle = await bob.submit("total", "sum", {"a": 5.0})
        await until(lambda: handle.worker == "kit/adder", seconds=30)
        async with handle.hearing(lambda feedback: heard.append(feedback.text)):
            with attack("anothers order"):
                for name in ("mallory", "adder"):
                    word = Progress(
                        request=handle.id,
                        token=1,
                        kind=ProgressKind.FEEDBACK,
                        fraction=0.9,
                        text=name,
                    )
                    topic = f"progress/kit/broker/{handle.id}"
                    if name == "mallory":
                        payload = envelope("kit/mallory", word)
                        await mallory.publish(f"lab1/kit/mallory/{topic}", payload)
                    else:
                        await lab.adder.mesh.send(f"lab1/kit/adder/{topic}", word)
                await until(lambda: heard == ["adder"], seconds=30)


async def test_replayed_calls_are_served_once_or_too_late(lab: SecureLab) -> None:
    async with lab.connected("alice") as alice:
        answers = await collect(alice, "lab1/kit/adder/reply/kit/alice/#")
        topic = "lab1/kit/alice/call/kit/adder/node.ping"
        soon = Call(instance="x", deadline=time.time_ns() + 60 * 10**9)
        once = envelope("kit/alice", soon)
        with attack("replay"):
            for _ in range(5):
                await alice.publish(topic, once)
            late = Call(instance="x", deadline=time.time_ns() - 1)
            await alice.publish(topic, envelope("kit/alice", late))
            async with asyncio.timeout(30):
                while len(answers) < 2:
                    await asyncio.sleep(0.02)
        codes = []
        for answer in answers:
            body = decode(answer.payload).open().body
            assert isinstance(body, Reply)
            codes.append(body.failure.code if body.failure else "served")
        assert sorted(codes) == ["served", "too_late"]


async def test_a_result_for_anothers_order_is_refused(lab: SecureLab) -> None:
    stolen = Result(
        request=new_id(), token=1, quantity="total", method="sum", parameters={},
        outcome="resolved", data={"total": 1.0},
    )  # fmt: skip
    async with lab.client("mallory") as mallory:
        with attack("anothers order"), pytest.raises(RefusedError):
            await mallory.post_result(stolen)


async def test_operators_decide_and_others_do_not(lab: SecureLab) -> None:
    decision = Decision(request=new_id(), decision="release", reason="", person="p")
    async with lab.connected("vera") as vera:
        with attack("beyond the role"):
            topic = "lab1/kit/vera/decision/kit/broker/1"
            assert await denied(vera, topic, envelope("kit/vera", decision))
    async with lab.visitor("alice") as alice:
        caller = alice.caller
        assert await caller.call(node("adder"), "param.get", {}, timeout=30)
        with pytest.raises(CallRefusedError, match="unknown_parameter|parameter"):
            await caller.call(node("adder"), "param.set", {"values": {"nothing": 1}}, timeout=30)

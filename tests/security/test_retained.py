"""What an attacker leaves behind: retained garbage, foreign types, lies, and work to be redone."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from labmesh.bag._types import TypeSchemas
from labmesh.listing import retained
from labmesh.node import NodeOptions
from labmesh.transport import Transport
from messages.ids import new_id
from messages.ledger import Request, Result
from messages.node import Call, Descriptor, Presence, Reply, Schema
from messages.schema import schema_hash
from tests.labmesh.node.conftest import running, until
from tests.security.lab import Adder, SecureLab, attack, collect, denied, envelope, node

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_retained_work_is_not_done_at_every_start(
    lab: SecureLab, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An operator's own mistake would do: a call that says `shutdown` for ever after."""
    for_ever = Call(
        arguments={"transition": "shutdown"}, instance="0", deadline=time.time_ns() + 10**18
    )
    topic = "lab1/kit/boss/call/kit/adder2/life.change"
    order = "lab1/kit/boss/order/kit/adder2/1"
    async with lab.connected("boss") as boss:
        await boss.publish(topic, envelope("kit/boss", for_ever), retain=True)
        await boss.publish(order, b"\x80", retain=True)
        account = lab.place("boss")
        second = Adder(NodeOptions(place=account, name="adder2", data_dir=tmp_path, patience=30))
        with attack("retained"):
            async with running(second):
                await until(lambda: second.mesh.problems > 0, seconds=30)
                assert second.state.value == "active"
                await lab.heard("retained, though it is addressed to somebody")
        assert "retained, though it is addressed" in caplog.text
        await boss.publish(topic, b"", retain=True)
        await boss.publish(order, b"", retain=True)


async def test_a_retained_request_is_not_taken_again(lab: SecureLab) -> None:
    request = envelope("kit/rob", Request(quantity="total", method="sum", parameters={"a": 77.0}))
    topic = "lab1/kit/rob/request/kit/broker/total/sum"
    async with lab.connected("rob") as rob, lab.connected("boss") as boss:
        receipts = await collect(rob, "lab1/kit/broker/receipt/kit/rob")
        await rob.publish(topic, request, retain=True)  # live for who listens now
        await until(lambda: len(receipts) == 1, seconds=30)
        await until(lambda: 77.0 in lab.adder.asked, seconds=30)
        start = len(lab.problems)
        with attack("retained"):
            intake = lab.broker._engine._intake
            assert intake is not None
            again = await intake.subscribe(topic, lab.broker._engine._take_in, manual_ack=True)
            await lab.heard("retained, though", start)
            await again.cancel()
        assert lab.adder.asked.count(77.0) == 1
        await boss.publish(topic, b"", retain=True)


async def test_retained_garbage_hides_nobody(lab: SecureLab) -> None:
    """Lists of nodes, their descriptors and presence, with garbage among them."""
    wrong = Presence(
        state="online", epoch=2**60, boot_id=new_id(), instance="0", since=1, host="h", pid=1
    )
    junk: dict[str, bytes] = {
        "node/desc": b"\xc1garbage",
        "node/alive/0": envelope("kit/adder", wrong),
        "node/life": envelope("kit/mallory", Reply(call=new_id(), value={})),
        "node/param": b"\x91" * 500,
        "offer/total/sum": b"{}",
        f"schema/Result@1/{schema_hash(Result)}": b"\x80",
        "node/diag/x": b"\xff" * 1000,
    }
    async with lab.connected("mallory") as mallory, lab.visitor("vera") as vera:
        for rest, payload in junk.items():
            await mallory.publish(f"lab1/kit/mallory/{rest}", payload, retain=True)
        with attack("retained"):
            before = vera.mesh.problems
            found = await retained(vera.mesh, "lab1/+/+/node/desc", Descriptor, timeout=30)
            assert {str(topic.author) for topic, _ in found} >= {"kit/adder", "kit/broker"}
            assert vera.mesh.problems == before + 1
        with attack("retained"):
            alive = await retained(vera.mesh, "lab1/+/+/node/alive/+", Presence, timeout=30)
            online = {str(topic.author): presence.state for topic, presence in alive}
            assert online["kit/adder"] == "online"
            assert "kit/mallory" not in online
        await lab.still_works()
        await _clean(mallory, list(junk))


async def test_a_schema_that_lies_about_its_hash_is_not_believed(lab: SecureLab) -> None:
    digest = "f" * 64
    lie = Schema(type="Dose@1", hash=digest, schema={"type": "object"})
    topic = f"lab1/kit/mallory/schema/Dose@1/{digest}"
    async with lab.connected("mallory") as mallory, lab.connected("vera") as vera:
        with attack("retained"):
            await mallory.publish(topic, envelope("kit/mallory", lie), retain=True)
            found = await collect(vera, "lab1/+/+/schema/#")
            await until(lambda: any(each.topic == topic for each in found), seconds=30)
            book = TypeSchemas()
            for each in found:
                book.learn(each.payload)
            assert book.find("Dose@1", digest) is None
        await _clean(mallory, [topic.removeprefix("lab1/kit/mallory/")])


async def test_old_words_bury_no_newer_ones(lab: SecureLab) -> None:
    """With the adder's own credentials: an old will, an old birth."""
    topic = "lab1/kit/adder/node/alive/0"
    old = Presence(state="lost", epoch=1, boot_id=new_id(), instance="0", since=1, host="h", pid=1)
    async with lab.connected("adder") as stolen, lab.visitor("vera") as vera:
        with attack("replay"):
            await stolen.publish(topic, envelope("kit/adder", old), retain=True)
            async with asyncio.timeout(30):
                while True:
                    found = await retained(vera.mesh, topic, Presence, timeout=30)
                    if found and found[-1][1].state == "online":
                        break
        assert await denied(stolen, "lab1/kit/broker/node/alive/0", b"", retain=True)
        assert await vera.caller.call(node("adder"), "node.ping", {}, timeout=30)


async def _clean(transport: Transport, levels: list[str]) -> None:
    for rest in levels:
        await transport.publish(f"lab1/kit/mallory/{rest}", b"", retain=True)

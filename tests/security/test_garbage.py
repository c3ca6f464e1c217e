"""Bytes that are no MQTT, packets that are no messages, and far too many of both."""

from __future__ import annotations

import asyncio
import random
import struct
import time
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import msgpack
import pytest

from labmesh.mesh import Mesh
from messages.envelope import MAX_PAYLOAD, decode
from messages.errors import PayloadTooLargeError
from messages.ids import new_id
from messages.ledger import Offer, Receipt, Request
from messages.model import Message
from messages.node import Call
from messages.schema import schema_hash
from tests.labmesh.node.conftest import until
from tests.security.lab import (
    CONNECTIONS,
    SecureLab,
    attack,
    collect,
    hang_up,
    node,
    secure_mqtt,
    tls,
)

pytestmark = pytest.mark.asyncio(loop_scope="package")

CONNECT = bytes.fromhex("10 0d 0004 4d515454 05 02 0005 00 0000")


def _more(mesh: Mesh, before: int) -> bool:
    return mesh.problems > before


PACKETS = {
    "no MQTT": b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n",
    "reserved packet type": b"\x00\x00",
    "publish before connect": b"\x30\x05\x00\x01ab",
    "a length of five bytes": b"\x10\xff\xff\xff\xff\x7f",
    "a length of 256 MiB": b"\x10\xff\xff\xff\x7f" + CONNECT,
    "connect shorter than it says": b"\x10\x0d\x00\x04MQ",
    "connect longer than its packet": b"\x10\x04\x00\xffMQ",
    "reserved flags": b"\x1f" + CONNECT[1:],
    "another protocol": bytes.fromhex("10 0d 0004 4d515458 05 02 0005 00 0000"),
    "another version": bytes.fromhex("10 0d 0004 4d515454 63 02 0005 00 0000"),
    "reserved connect flag": bytes.fromhex("10 0d 0004 4d515454 05 03 0005 00 0000"),
    "will of QoS 3": bytes.fromhex("10 0d 0004 4d515454 05 1e 0005 00 0000"),
    "properties beyond the packet": bytes.fromhex("10 0d 0004 4d515454 05 02 0005 ff 0000"),
    "an unknown property": bytes.fromhex("10 0f 0004 4d515454 05 02 0005 02 7f01 0000"),
    "a client id that is no UTF-8": bytes.fromhex("10 0f 0004 4d515454 05 02 0005 00 0002 fffe"),
    "connect without a password": CONNECT,
    "random bytes": random.Random(1).randbytes(2000),
}


async def test_broken_packets_end_their_connection_alone(lab: SecureLab) -> None:
    for name, data in PACKETS.items():
        reader, writer = await asyncio.open_connection("localhost", lab.tls_port, ssl=tls(lab))
        with attack("malformed packet"):
            async with lab.logged("protocol error|malformed|not authori|disconnected"):
                writer.write(data)
                writer.write_eof() if writer.can_write_eof() else None
                try:
                    async with asyncio.timeout(2):
                        answer = await reader.read(100)
                except (TimeoutError, OSError):  # it waits for the rest
                    answer = b""
                assert answer[:1] in (b"", b"\x20", b"\xe0"), name
                assert answer[:1] != b"\x20" or answer[3] >= 0x80 or answer[3] in (1, 5), name
                await hang_up(writer)
    await lab.still_works()


async def test_too_large_packets_are_refused(lab: SecureLab) -> None:
    async with lab.connected("mallory") as mallory:
        with attack("oversize"), pytest.raises(PayloadTooLargeError):
            await mallory.publish("lab1/kit/mallory/data/x", bytes(MAX_PAYLOAD + 1))
        with attack("oversize"):
            lost: list[str] = []
            mallory.on_disconnect(lost.append)
            vars(mallory)["_check_publish"] = lambda *_: None
            async with lab.logged("kit/mallory", "packet too large|oversize|malformed|disconnect"):
                await mallory.publish("lab1/kit/mallory/data/x", bytes(200 * 1024), qos=0)
                await until(lambda: bool(lost), seconds=30)
    await lab.still_works()


def raw(sender: str, model: type[Message], body: Any, **changes: Any) -> bytes:
    """An envelope that no model of ours would have made."""
    fields = {
        "type": model.TYPE, "schema": schema_hash(model), "id": str(new_id()), "stamp": 1,
        "from": sender, "epoch": 1, "seq": 1, "trace": "", "body": body,
    }  # fmt: skip
    return bytes(msgpack.packb(fields | changes))


def nested(depth: int) -> bytes:
    """Lists in lists, by hand: no library would pack them."""
    return b"\x91" * depth + b"\xc0"


def garbage(sender: str, model: type[Message]) -> dict[str, bytes]:
    """Payloads that are no message of ``model``."""
    body = {"quantity": "total", "method": "sum", "parameters": {}}

    def told(**changes: Any) -> bytes:
        return raw(sender, model, **({"body": body} | changes))

    return {
        "nothing but text": b"hello",
        "JSON": b'{"type": "Request@1"}',
        "cut off": told()[:-5],
        "two messages": told() * 2,
        "not a map": msgpack.packb([1, 2, 3]),
        "a list of a million nothings": b"\xdd\x00\x0f\x42\x40" + b"\xc0" * 1000,
        "a length of 4 GiB": b"\xc6\xff\xff\xff\xff" + b"x",
        "nesting bomb": nested(20_000),
        "nesting in the body": raw(sender, model, {"parameters": {"x": [[[[]]] * 50]}}),
        "deep in the body": told()[:-2] + nested(90),
        "NaN": raw(sender, model, {"parameters": {"x": float("nan")}}),
        "infinity": raw(sender, model, {"parameters": {"x": float("inf")}}),
        "an integer of 64 bits": told(stamp=2**64 - 1),
        "a negative stamp": told(stamp=-1),
        "a float for an integer": told(seq=1.5),
        "a map key that is a number": raw(sender, model, {1: 2}),
        "a NUL": raw(sender, model, {"parameters": {"x": "a\0b"}}),
        "a surrogate": raw(sender, model, {}).replace(b"kit/", b"\xed\xa0\x80/"),
        "an extension type": told(body={"parameters": msgpack.ExtType(5, b"x")}),
        "a time": told(body={"parameters": msgpack.Timestamp(1)}),
        "an unknown type": told(type="Nonsense@1"),
        "another version": told(type=model.TYPE.replace("@1", "@99")),
        "a schema that is none": told(schema="0" * 64),
        "no uuid": told(id="1"),
        "a huge name": told(type="x" * 10_000),
        "another trace": told(trace="\x1b[31m"),
        "an author with a wildcard": told(**{"from": "kit/+"}),
        "no body": told(body=None),
        "unknown fields": told(body=body | {"sudo": True}),
    }


async def test_garbage_for_the_ledger_is_answered_and_recorded_nowhere(lab: SecureLab) -> None:
    head = lab.broker._engine.ledger.head.offset
    before = sum(lab.broker._engine.ledger.refusals.values())
    async with lab.connected("rob") as rob:
        receipts = await collect(rob, "lab1/kit/broker/receipt/kit/rob")
        start = len(lab.problems)
        payloads = garbage("kit/rob", Request)
        for payload in payloads.values():
            with attack("garbage"):
                await rob.publish("lab1/kit/rob/request/kit/broker/total/sum", payload)
        for quantity in ("other", "x" * 60, "\u202e"):  # the topic says another
            with attack("garbage"):
                other = raw("kit/rob", Request, {"quantity": "total", "method": "sum",
                                                 "parameters": {"a": 1.0}})  # fmt: skip
                await rob.publish(f"lab1/kit/rob/request/kit/broker/{quantity}/sum", other)
        wanted = len(payloads) + 3

        def refused() -> int:
            return sum(lab.broker._engine.ledger.refusals.values()) - before

        await until(lambda: refused() >= wanted, seconds=30)
        for receipt in receipts:
            body = decode(receipt.payload).open().body
            assert isinstance(body, Receipt)
            assert not body.accepted
        assert len(receipts) + len(lab.problems) - start > 0
    assert lab.broker._engine.ledger.head.offset == head
    await lab.still_works()


async def test_garbage_for_a_node_is_counted_and_told(
    lab: SecureLab, caplog: pytest.LogCaptureFixture
) -> None:
    mesh = lab.adder.mesh
    async with lab.connected("mallory") as mallory:
        for name, payload in garbage("kit/mallory", Call).items():
            before = mesh.problems
            with attack("garbage"):
                await mallory.publish("lab1/kit/mallory/call/kit/adder/node.ping", payload)
                await until(partial(_more, mesh, before), seconds=30)
            assert name
    assert "message on lab1/kit/mallory/call/kit/adder/node.ping not taken" in caplog.text
    await lab.heard("payload")
    await lab.still_works()


async def test_hostile_offers_find_no_work(lab: SecureLab) -> None:
    bomb = {"$defs": {f"a{i}": {"allOf": [{"$ref": f"#/$defs/a{i + 1}"}] * 10} for i in range(9)}}
    schemas: list[dict[str, Any]] = [
        {"type": 5},
        {"$ref": "http://evil.example/schema.json"},
        {"$ref": "file:///etc/passwd"},
        {**bomb, "$ref": "#/$defs/a0"},
    ]
    refusals = lab.broker._engine.ledger.refusals
    async with lab.connected("mallory") as mallory:
        for number, schema in enumerate(schemas):
            before = sum(refusals.values())
            offer = {
                "quantity": f"q{number}", "method": "m", "parameters_schema": schema,
                "result_schema": {"type": "object"}, "worker": "model",
            }  # fmt: skip
            topic = f"lab1/kit/mallory/offer/q{number}/m"
            with attack("hostile schema"):
                await mallory.publish(topic, raw("kit/mallory", Offer, offer), retain=True)
                async with asyncio.timeout(30):
                    while sum(refusals.values()) == before:
                        await asyncio.sleep(0.02)
            await mallory.publish(topic, b"", retain=True)
    await lab.still_works()


@pytest.mark.usefixtures("mosquitto_program")
async def test_a_flood_of_connections_is_bounded(tmp_path: Path) -> None:
    """On an MQTT broker of its own: 2.0 miscounts after connections that ended in an error."""
    with secure_mqtt(tmp_path) as lab:
        async with AsyncExitStack() as stack, lab.connected("adder") as adder:
            with attack("flood"):
                async with lab.logged("denied: max_connections exceeded"):
                    for _ in range(CONNECTIONS + 20):
                        _, writer = await asyncio.open_connection("localhost", lab.tls_port)
                        stack.push_async_callback(hang_up, writer)
                await adder.publish("lab1/kit/adder/data/x", b"still here")
            async with lab.connected("dave"):
                pass  # by the other listener
        async with lab.connected("bob"):
            pass


async def test_a_flood_of_messages_leaves_the_others_alone(lab: SecureLab) -> None:
    server = lab.adder._runtime.server if lab.adder._runtime else None
    assert server is not None
    refused = server.refused
    deadline = time.time_ns() + 3600 * 10**9
    async with lab.connected("mallory", window=500) as mallory, lab.visitor("vera") as vera:
        topic = "lab1/kit/mallory/call/kit/adder/node.ping"
        with attack("flood"):
            for count in range(3000):
                call = raw("kit/mallory", Call, {"arguments": {}, "instance": "0",
                                                 "deadline": deadline}, seq=count)  # fmt: skip
                await mallory.publish(topic, call, qos=0)
            assert await vera.caller.call(node("adder"), "node.ping", {}, timeout=30)
            await until(lambda: server.refused > refused, seconds=30)
        with attack("flood"):
            for _ in range(2000):
                await mallory.publish(topic, struct.pack(">I", 0xDEADBEEF), qos=0)
            assert await vera.caller.call(node("adder"), "node.ping", {}, timeout=30)
    await lab.still_works()

"""The ledger in a mesh: nodes of the real base class, over memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from labmesh.clock import WallClock
from labmesh.mesh import Mesh
from labmesh.transport import Delivery, MemoryHub, MemoryTransport
from messages.envelope import decode
from messages.ids import NodeId, new_id
from messages.ledger import (
    Cancel,
    Entry,
    Head,
    Offer,
    Order,
    OrderCancel,
    Progress,
    ProgressKind,
    Receipt,
    Request,
    Result,
)
from messages.model import Message
from messages.node import Lifecycle, Presence, Problem, State
from messages.topics import Topics
from nodes.broker import LedgerEngine
from nodes.broker.store import sqlite_url
from tests.nodes.broker.lab import PARAMETERS, RESULT

LEDGER = NodeId("kit", "broker")


class Party:
    """A participant that remembers what it was sent."""

    def __init__(self, hub: MemoryHub, name: str) -> None:
        self.id = NodeId("kit", name)
        self.transport = MemoryTransport(hub, client_id=f"{self.id}/0")
        self.mesh = Mesh(self.transport, Topics(self.id), WallClock(), epoch=1)
        self.heard: list[Message] = []
        self._news = asyncio.Condition()

    async def open(self) -> None:
        await self.transport.open()
        for kind in ("receipt", "order", "void"):
            rest = () if kind == "receipt" else ("+",)
            await self.transport.subscribe(self.mesh.topics.to_me(kind, *rest), self._take)
        await self.transport.subscribe(f"lab1/{LEDGER}/journal/+/kit/{self.id.node}", self._take)

    async def _take(self, delivery: Delivery) -> None:
        async with self._news:
            self.heard.append(decode(delivery.payload).open().body)
            self._news.notify_all()

    def of(self, model: type[Message]) -> list[Message]:
        return [m for m in self.heard if isinstance(m, model)]

    async def wait(self, model: type[Message], count: int = 1) -> list[Message]:
        async with asyncio.timeout(10), self._news:
            while len(self.of(model)) < count:
                await self._news.wait()
        return self.of(model)

    async def send(self, kind: str, message: Message, *levels: str) -> None:
        await self.mesh.send(self.mesh.topics.to(kind, LEDGER, *levels), message, id=new_id())

    async def work(self) -> None:
        """Be a worker that is online, active and offers q/m."""
        topics = self.mesh.topics
        presence = Presence(state="online", epoch=1, boot_id=new_id(), instance="0", since=0)
        offer = Offer(
            quantity="q", method="m", parameters_schema=PARAMETERS, result_schema=RESULT,
            worker="model",
        )  # fmt: skip
        await self.mesh.send(topics.own("node", "alive", "0"), presence, retain=True)
        await self.mesh.send(topics.own("node", "life"), Lifecycle(state=State.ACTIVE), retain=True)
        await self.mesh.send(topics.own("offer", "q", "m"), offer, retain=True)

    async def close(self) -> None:
        await self.mesh.close()
        await self.transport.close()


@asynccontextmanager
async def engine_on(hub: MemoryHub, place: Path | str) -> AsyncIterator[LedgerEngine]:
    transport = MemoryTransport(hub, client_id="kit/broker/0")
    await transport.open()
    mesh = Mesh(transport, Topics(LEDGER), WallClock(), epoch=1)
    engine = LedgerEngine(
        mesh,
        lambda: MemoryTransport(
            hub, client_id="kit/broker/intake", clean_start=False, session_expiry=3600
        ),
        sqlite_url(place) if isinstance(place, Path) else place,
    )
    await engine.open()
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()
        await engine.close()
        await mesh.close()
        await transport.close()


@pytest.fixture
async def hub() -> MemoryHub:
    return MemoryHub()


@asynccontextmanager
async def party(hub: MemoryHub, name: str) -> AsyncIterator[Party]:
    someone = Party(hub, name)
    await someone.open()
    try:
        yield someone
    finally:
        await someone.close()


def request(**fields: object) -> Request:
    return Request.model_validate(
        {"quantity": "q", "method": "m", "parameters": {"x": 1.0}, **fields}
    )


async def test_request_order_result(hub: MemoryHub, database_url: str) -> None:
    async with party(hub, "asab") as asab, party(hub, "opt") as opt:
        await asab.work()
        async with engine_on(hub, database_url) as engine:
            await opt.send("request", request(), "q", "m")
            (order,) = await asab.wait(Order)
            assert isinstance(order, Order)
            (receipt,) = await opt.wait(Receipt)
            assert isinstance(receipt, Receipt)
            assert receipt.accepted
            assert receipt.message == order.request
            accept = Progress(request=order.request, token=order.token, kind=ProgressKind.ACCEPT)
            await asab.send("progress", accept, str(order.request))
            result = Result(
                request=order.request, token=order.token, quantity="q", method="m",
                parameters={}, outcome="resolved", data={"y": 2.0},
            )  # fmt: skip
            await asab.send("result", result, "q", "m")
            entries = [e for e in await opt.wait(Entry, 5) if isinstance(e, Entry)]
            assert [e.kind.value for e in entries] == [
                "request", "status", "status", "result", "status"
            ]  # fmt: skip
            assert entries[-1].body["after"] == "resolved"
            await asab.wait(Receipt, 2)
            assert engine.ledger.head.offset == entries[-1].offset


async def test_cancel_tells_the_worker(hub: MemoryHub, database_url: str) -> None:
    async with (
        party(hub, "asab") as asab,
        party(hub, "opt") as opt,
        engine_on(hub, database_url),
    ):
        await asab.work()
        await opt.send("request", request(wait=True), "q", "m")
        await opt.wait(Receipt)
        (order,) = await asab.wait(Order)
        assert isinstance(order, Order)
        await opt.send("cancel", Cancel(request=order.request, reason="enough"), str(order.request))
        (void,) = await asab.wait(OrderCancel)
        assert isinstance(void, OrderCancel)
        assert (void.token, void.reason) == (order.token, "enough")


async def test_what_comes_while_the_ledger_is_down_is_taken(
    hub: MemoryHub, database_url: str
) -> None:
    async with party(hub, "asab") as asab, party(hub, "opt") as opt:
        await asab.work()
        async with engine_on(hub, database_url):
            pass
        for _ in range(100):
            await opt.send("request", request(), "q", "m")
        async with engine_on(hub, database_url) as engine:
            receipts = await opt.wait(Receipt, 100)
            assert all(isinstance(r, Receipt) and r.accepted for r in receipts)
            assert len(engine.ledger.books.live) == 100
            await asab.wait(Order)


async def test_what_was_written_but_not_said_is_said_after_the_crash(
    hub: MemoryHub, database_url: str
) -> None:
    async with party(hub, "asab") as asab, party(hub, "opt") as opt:
        await asab.work()
        async with engine_on(hub, database_url) as engine:

            async def mute(outcome: object) -> None:
                await asyncio.Event().wait()

            await engine.forwarder.drain()
            engine.forwarder.publish = mute  # type: ignore[method-assign]
            await opt.send("request", request(), "q", "m")
            async with asyncio.timeout(5):
                while not engine.forwarder.busy:
                    await asyncio.sleep(0.01)
        assert opt.heard == []
        assert asab.heard == []
        async with engine_on(hub, database_url) as engine:
            (receipt,) = await opt.wait(Receipt)
            assert isinstance(receipt, Receipt)
            assert receipt.accepted
            await opt.wait(Entry, 2)
            (order,) = await asab.wait(Order)
            assert isinstance(order, Order)
            assert order.request == receipt.message
        async with engine_on(hub, database_url) as engine:
            assert engine.forwarder.forwarded == engine.ledger.head.offset
        assert len(opt.of(Receipt)) == 1


async def test_garbage_is_complained_about_and_harms_nobody(
    hub: MemoryHub, database_url: str
) -> None:
    async with (
        party(hub, "asab") as asab,
        party(hub, "opt") as opt,
        engine_on(hub, database_url) as engine,
    ):
        await asab.work()
        problems: asyncio.Queue[Problem] = asyncio.Queue()
        await opt.mesh.on_message(
            "lab1/kit/broker/event/problem", Problem, lambda m, _h, _t: problems.put_nowait(m)
        )
        topic = opt.mesh.topics.to("request", LEDGER, "q", "m")
        await opt.transport.publish(topic, b"\xc1garbage")
        async with asyncio.timeout(5):
            problem = await problems.get()
        assert problem.sender == "kit/opt"
        assert "not msgpack" in problem.reason
        await opt.send("request", request(), "q", "m")
        await asab.wait(Order)
        assert engine.ledger.refusals == {"malformed": 1}


async def test_the_head_is_retained(hub: MemoryHub, database_url: str) -> None:
    async with party(hub, "opt") as opt, engine_on(hub, database_url) as engine:
        heads: asyncio.Queue[Head] = asyncio.Queue()
        await opt.mesh.on_message(
            "lab1/kit/broker/head", Head, lambda m, _h, _t: heads.put_nowait(m)
        )
        async with asyncio.timeout(5):
            assert await heads.get() == engine.ledger.head


async def test_stopped_and_started_again(hub: MemoryHub, database_url: str) -> None:
    async with (
        party(hub, "asab") as asab,
        party(hub, "opt") as opt,
        engine_on(hub, database_url) as engine,
    ):
        await asab.work()
        await engine.stop()
        await opt.send("request", request(), "q", "m")
        await engine.start()
        await opt.wait(Receipt)
        await asab.wait(Order)

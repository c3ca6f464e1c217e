"""Calls: every one is answered once, in words, or not at all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from labmesh._rate import RateLimit
from labmesh.calls import REPLY_LIMIT, Caller, Server, value_of
from labmesh.mesh import Mesh
from labmesh.transport import MemoryHub
from messages.envelope import Header
from messages.errors import CallRefusedError, CallTimeoutError, LabmeshError
from messages.ids import NodeId, new_id
from messages.model import JsonObject, Model
from messages.node import Call, Reply
from messages.topics import Topic
from tests.labmesh.memory import ME, payload, seat, settle, until

SERVANT = NodeId("kit", "servant")


class Servant:
    def __init__(self) -> None:
        self.served = 0
        self.noticed: list[tuple[str, float]] = []
        self.slow = asyncio.Event()

    async def __call__(self, arguments: dict[str, Any], header: Header) -> dict[str, Any]:
        self.served += 1
        match arguments.get("do"):
            case "refuse":
                raise LabmeshError("no\0 way", where="here", remedy="pay")
            case "code":
                raise CallRefusedError("odd code", code="Not A Code!")
            case "crash":
                raise ZeroDivisionError("by nothing")
            case "nan":
                return {"value": float("nan")}
            case "large":
                return {"value": "x" * REPLY_LIMIT}
            case "strange":
                return {"value": object()}
            case "slow":
                await self.slow.wait()
        return {"sender": header.sender}


@pytest.fixture
def servant() -> Servant:
    return Servant()


@pytest.fixture
async def server(servant: Servant) -> AsyncIterator[Mesh]:
    async with seat(MemoryHub.named("calls"), SERVANT) as mesh:
        made = Server(mesh)
        made.on_skew = lambda who, seconds: servant.noticed.append((who, seconds))
        made.add("do", servant)
        await made.open()
        yield mesh


@pytest.fixture
async def caller(server: Mesh) -> AsyncIterator[Caller]:
    async with seat(MemoryHub.named("calls")) as mesh:
        made = Caller(mesh)
        await made.open()
        yield made


REFUSED = [
    ("refuse", "kit/servant do: here: no.* way; pay", "refused"),
    ("code", "odd code", "refused"),
    ("crash", "ZeroDivisionError: by nothing; see the log of kit/servant", "failed"),
    ("nan", "the answer does not travel: .*NaN", "failed"),
    ("large", "the answer has .* bytes; ask for less", "too_large"),
    ("strange", "object is not a type of our messages", "refused"),
]


@pytest.mark.parametrize(("what", "words", "code"), REFUSED)
async def test_every_failure_is_answered_in_words(
    caller: Caller, what: str, words: str, code: str
) -> None:
    with pytest.raises(CallRefusedError, match=words) as caught:
        await caller.call(SERVANT, "do", {"do": what})
    assert caught.value.code == code
    assert (await caller.call(SERVANT, "do", {}))["sender"] == str(ME)


async def test_a_redelivered_call_is_served_once(caller: Caller, servant: Servant) -> None:
    mesh = caller._mesh
    call = Call(instance="0", deadline=time.time_ns() + 10**10)
    data = payload(mesh, call, id=new_id())
    for _ in range(3):
        await mesh.transport.publish(mesh.topics.to("call", SERVANT, "do"), data)
    await settle()
    assert servant.served == 1


async def test_a_late_reply_is_nothing(caller: Caller, servant: Servant, server: Mesh) -> None:
    with pytest.raises(CallTimeoutError, match="kit/servant did not answer within 0.1 s"):
        await caller.call(SERVANT, "do", {"do": "slow"}, timeout=0.1)
    servant.slow.set()
    await settle()
    stray = Reply(call=new_id(), value={})
    await server.send(server.topics.to("reply", ME, "0"), stray)
    await settle()
    assert caller._waiting == {}
    assert caller._mesh.problems == 0
    assert await caller.call(SERVANT, "do", {})


@pytest.mark.parametrize("skew", [-3600, 3600], ids=["behind", "ahead"])
async def test_clocks_that_differ_do_no_harm_and_are_noticed(
    caller: Caller, servant: Servant, monkeypatch: pytest.MonkeyPatch, skew: int
) -> None:
    real = time.time_ns
    shift = iter([skew * 10**9])  # the caller asks first
    monkeypatch.setattr("labmesh.calls.time.time_ns", lambda: real() + next(shift, 0))
    assert await caller.call(SERVANT, "do", {})
    ((who, seconds),) = servant.noticed
    assert who == str(ME)
    assert seconds == pytest.approx(skew, abs=2)


async def test_calls_run_side_by_side(caller: Caller, servant: Servant) -> None:
    slow = asyncio.create_task(caller.call(SERVANT, "do", {"do": "slow"}))
    await settle()
    assert await caller.call(SERVANT, "do", {})
    servant.slow.set()
    assert await slow


def test_values_are_plain_maps() -> None:
    class Level(Model):
        height: int

    assert value_of(None) == {}
    assert value_of({"a": 1}) == {"a": 1}
    assert value_of(Level(height=3)) == {"height": 3}


async def test_only_the_node_that_was_called_answers(server: Mesh) -> None:
    """Whoever reads along knows the call's id and may be quicker."""
    hub = MemoryHub.named("calls")
    async with seat(hub) as asker, seat(hub, NodeId("kit", "mallory")) as mallory:
        caller = Caller(asker)
        await caller.open()

        async def forge(call: Call, header: Header, _topic: Topic) -> None:
            lie = Reply(call=header.id, value={"sender": "forged"})
            await mallory.send(mallory.topics.to("reply", ME, call.instance), lie)

        await mallory.on_message("lab1/+/+/call/kit/silent/+", Call, forge)
        with pytest.raises(CallTimeoutError):
            await caller.call(NodeId("kit", "silent"), "do", {}, timeout=0.2)
        assert await caller.call(SERVANT, "do", {}) == {"sender": "kit/me"}


async def test_a_flood_of_calls_is_refused_and_leaves_others_alone(
    servant: Servant, server: Mesh
) -> None:
    hub = MemoryHub.named("calls")
    async with seat(hub) as asker, seat(hub, NodeId("kit", "mallory")) as mallory:
        caller, flooder = Caller(asker), Caller(mallory)
        await caller.open()
        await flooder.open()
        made = Server(mallory)
        made._calls = RateLimit(1e-9, 2)
        made.add("do", servant)
        await made.open()
        me = NodeId("kit", "mallory")
        for _ in range(2):
            await caller.call(me, "do", {})
        with pytest.raises(CallRefusedError, match="calls a second; call less often") as failure:
            await caller.call(me, "do", {})
        assert failure.value.code == "too_many_calls"
        for _ in range(20):
            asker.post(asker.topics.to("call", me, "do"), Call(instance="0", deadline=2**62))
        await until(lambda: made.refused == 21)
        assert await flooder.call(me, "do", {}) == {"sender": "kit/mallory"}
        assert servant.served == 3


async def test_operators_alone_change_things(servant: Servant) -> None:
    hub = MemoryHub.named("operators")
    async with seat(hub, SERVANT) as mesh, seat(hub) as asker, seat(hub, NodeId("kit", "op")) as op:
        made = Server(mesh)
        made.operators = frozenset({"kit/op"})
        for name in ("life.change", "node.ping"):
            made.add(name, servant)
        await made.open()
        caller, operator = Caller(asker), Caller(op)
        await caller.open()
        await operator.open()
        assert await caller.call(SERVANT, "node.ping", {})
        assert await operator.call(SERVANT, "life.change", {})
        with pytest.raises(CallRefusedError, match="kit/me is not among the operators") as failure:
            await caller.call(SERVANT, "life.change", {})
        assert failure.value.code == "not_allowed"
        assert made.refused == 1


async def test_a_call_that_waited_too_long_for_its_turn_is_not_begun() -> None:
    begun: list[str] = []
    lock = asyncio.Lock()

    @asynccontextmanager
    async def guard() -> AsyncIterator[None]:
        async with lock:
            yield

    async def serve(arguments: JsonObject, _header: Header) -> JsonObject:
        begun.append(arguments["name"])
        return {}

    async with seat(MemoryHub.named("busy"), SERVANT) as mesh, seat(MemoryHub.named("busy")) as me:
        server, caller = Server(mesh), Caller(me)
        server.add("move", serve, guard=guard)
        await server.open()
        await caller.open()
        await lock.acquire()
        patience = 0.5
        server._limit = lambda *_: time.monotonic() + patience  # type: ignore[method-assign]
        late = asyncio.create_task(caller.call(SERVANT, "move", {"name": "late"}, timeout=20))
        await asyncio.sleep(0.6)
        lock.release()
        with pytest.raises(CallRefusedError, match="move was busy with other work until nobody"):
            await late
        patience = 20
        await caller.call(SERVANT, "move", {"name": "in time"}, timeout=20)
    assert begun == ["in time"]

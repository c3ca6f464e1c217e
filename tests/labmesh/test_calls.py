"""Calls: every one is answered once, in words, or not at all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from labmesh.calls import REPLY_LIMIT, Caller, Server, value_of
from labmesh.mesh import Mesh
from labmesh.transport import MemoryHub
from messages.envelope import Header
from messages.errors import CallRefusedError, CallTimeoutError, LabmeshError
from messages.ids import NodeId, new_id
from messages.model import Model
from messages.node import Call, Reply
from tests.labmesh.memory import ME, payload, seat, settle

SERVANT = NodeId("kit", "servant")


class Servant:
    def __init__(self) -> None:
        self.served = 0
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


async def test_clocks_that_differ_are_named(
    caller: Caller, servant: Servant, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time_ns
    shift = iter([-(10**10)])  # the caller asks first, and its clock is ten seconds slow
    monkeypatch.setattr("labmesh.calls.time.time_ns", lambda: real() + next(shift, 0))
    with pytest.raises(CallRefusedError, match="deadline passed .* set the machines' clocks"):
        await caller.call(SERVANT, "do", {})
    assert servant.served == 0


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

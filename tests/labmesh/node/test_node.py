"""A node as others see it: presence, lifecycle, parameters, services; against a real mosquitto."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

import pytest

from labmesh.client import Visitor
from labmesh.listing import retained
from labmesh.node import NodeOptions
from messages.errors import (
    CallRefusedError,
    CallTimeoutError,
    ConfigurationError,
    LabmeshError,
    NodeNameTakenError,
    NotConnectedError,
)
from messages.ids import NodeId
from messages.ledger import Offer
from messages.node import (
    ClockTick,
    Descriptor,
    Diagnostic,
    Lifecycle,
    Parameters,
    Presence,
    Schema,
    State,
)
from messages.schema import hash_schema, schema_hash
from tests.labmesh.node.conftest import running, until
from tests.labmesh.node.programs import EchoNode, Words

Options = Callable[..., NodeOptions]


async def test_a_node_tells_everything_about_itself(options: Options, visitor: Visitor) -> None:
    node = EchoNode(options(parameters={"times": 3}))
    async with running(node):
        mesh, me = visitor.mesh, node.id
        [(_, presence)] = await retained(mesh, mesh.topics.of(me, "node", "alive", "+"), Presence)
        [(_, life)] = await retained(mesh, mesh.topics.of(me, "node", "life"), Lifecycle)
        [(_, desc)] = await retained(mesh, mesh.topics.of(me, "node", "desc"), Descriptor)
        [(_, values)] = await retained(mesh, mesh.topics.of(me, "node", "param"), Parameters)
        offers = await retained(mesh, mesh.topics.of(me, "offer", "+", "+"), Offer)
    assert presence.state == "online"
    assert life.state is State.ACTIVE
    assert desc.description == "Says what it is told."
    assert {"node.ping", "param.set", "life.change"} <= set(desc.services)
    twice = desc.services["echo.twice"]
    assert (twice.arguments, twice.returns, twice.when_inactive) == ("Words", "Said", False)
    assert twice.description == "Say it twice."
    alive = desc.publishes["node/alive/0"]
    assert (alive.type, alive.qos, alive.retained) == ("Presence@1", 1, True)
    assert values.values["times"] == 3
    assert {(o.method, o.worker) for _, o in offers} == {
        ("echo", "model"), ("megaphone", "instrument"),
    }  # fmt: skip


async def test_what_it_does_is_added_to_its_description(options: Options, visitor: Visitor) -> None:
    node = EchoNode(options())
    mesh = visitor.mesh
    seen: dict[str, Schema] = {}
    told: list[Descriptor] = []
    await mesh.on_message(
        mesh.topics.of(node.id, "schema", "+", "+"), Schema,
        lambda schema, _header, topic: seen.update({"/".join(topic.rest): schema}),
    )  # fmt: skip
    await mesh.on_message(
        mesh.topics.of(node.id, "node", "desc"), Descriptor, lambda desc, *_: told.append(desc)
    )
    async with running(node):
        await node.on_message("lab1/kit/other/data/x", ClockTick, lambda *_: None)
        with suppress(CallTimeoutError):
            await node.call(NodeId("kit", "nobody"), "some.service", timeout=0.1)
        await node.emit("data", "ticks", ClockTick(time=1, wall=1, rate=1.0), qos=1)
        await until(lambda: "data/ticks" in told[-1].publishes, seconds=20)
        await until(lambda: f"Words/{schema_hash(Words)}" in seen, seconds=20)
    assert told[-1].subscribes[0].pattern == "kit/other/data/x"
    assert told[-1].subscribes[0].type == "ClockTick@1"
    assert ("kit/nobody", "some.service") in [(c.node, c.service) for c in told[-1].calls]
    assert told[-1].publishes["data/ticks"].qos == 1
    assert len(told) <= 3, "changes of one moment are told together"
    words = seen[f"Words/{schema_hash(Words)}"]
    assert hash_schema(words.content) == words.hash == schema_hash(Words)
    assert not any(name.startswith("Presence") for name in seen), "those the broker node publishes"


async def test_after_leaving_it_is_offline_and_finalized(
    options: Options, visitor: Visitor
) -> None:
    node = EchoNode(options())
    async with running(node):
        pass
    mesh = visitor.mesh
    [(_, presence)] = await retained(mesh, mesh.topics.of(node.id, "node", "alive", "0"), Presence)
    [(_, life)] = await retained(mesh, mesh.topics.of(node.id, "node", "life"), Lifecycle)
    assert presence.state == "offline"
    assert life.state is State.FINALIZED


async def test_the_epoch_counts_boots(options: Options) -> None:
    epochs = []
    for _ in range(2):
        node = EchoNode(options())
        async with running(node):
            epochs.append(node.mesh.epoch)
    assert epochs[1] == epochs[0] + 1


async def test_a_name_that_is_taken_is_refused(options: Options, tmp_path: object) -> None:
    node = EchoNode(options())
    async with running(node):
        with pytest.raises(NodeNameTakenError, match=f"{node.id} is online since .*pid"):
            await EchoNode(options()).run()
        assert node.state is State.ACTIVE


async def test_a_newer_boot_with_the_name_makes_the_older_leave(
    options: Options, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The probe of the second did not see the first (a partition); the presence does."""
    monkeypatch.setattr("labmesh.node._runtime._OTHERS_RETURN", 0.1)
    node = EchoNode(options())
    async with running(node):
        presence = Presence(
            state="online", epoch=node.mesh.epoch + 1, boot_id=UUID(int=1),
            instance="0", since=1, host="elsewhere", pid=7,
        )  # fmt: skip
        # It may have left before the acknowledgement of its own message is back.
        with suppress(NotConnectedError):
            await node.mesh.send(node.topics.own("node", "alive", "0"), presence, retain=True)
        await until(node._finished.is_set)
        assert node.exit_code == 3


async def test_services_answer_and_refuse(options: Options, visitor: Visitor) -> None:
    node = EchoNode(options())
    async with running(node):
        call = visitor.caller.call
        assert (await call(node.id, "echo.twice", {"text": "ab"}))["text"] == "abab"
        with pytest.raises(CallRefusedError, match="has no service 'echo.thrice'.*echo.twice"):
            await call(node.id, "echo.thrice", {})
        with pytest.raises(CallRefusedError, match=r"echo.twice.txt: Extra inputs"):
            await call(node.id, "echo.twice", {"txt": "ab"})
        with pytest.raises(CallRefusedError, match="ZeroDivisionError: by nothing"):
            await call(node.id, "echo.fail", {})
        await call(node.id, "life.change", {"transition": "deactivate"})
        with pytest.raises(CallRefusedError, match="is inactive; activate it"):
            await call(node.id, "echo.twice", {"text": "ab"})


async def test_a_call_to_nobody_times_out_by_name(visitor: Visitor) -> None:
    with pytest.raises(CallTimeoutError, match="kit/nobody did not answer within 0.2 s"):
        await visitor.caller.call(NodeId("kit", "nobody"), "node.ping", {}, timeout=0.2)


async def test_parameters_change_together_or_not_at_all(options: Options, visitor: Visitor) -> None:
    node = EchoNode(options())
    async with running(node):
        call = visitor.caller.call
        answer = await call(node.id, "param.set", {"values": {"times": 4, "diary": "x"}})
        assert answer["version"] == 1
        with pytest.raises(CallRefusedError, match="parameter time is unknown, did you mean times"):
            await call(node.id, "param.set", {"values": {"diary": "y", "time": 5}})
        with pytest.raises(CallRefusedError, match="times: Input should be less than or equal"):
            await call(node.id, "param.set", {"values": {"diary": "y", "times": 50}})
        with pytest.raises(CallRefusedError, match="seven is unlucky"):
            await call(node.id, "param.set", {"values": {"diary": "y", "times": 7}})
        with pytest.raises(CallRefusedError, match="at version 1, not 0"):
            await call(node.id, "param.set", {"values": {"diary": "y"}, "if_version": 0})
        answer = await call(node.id, "param.get", {})
        assert {"times": 4, "refuse": False, "diary": "x"}.items() <= answer["values"].items()


async def test_lifecycle_follows_ros(options: Options, visitor: Visitor) -> None:
    node = EchoNode(options(autostart=False))
    async with running(node, State.UNCONFIGURED):

        async def change(transition: str) -> str:
            answer = await visitor.caller.call(node.id, "life.change", {"transition": transition})
            return str(answer["state"])

        with pytest.raises(
            CallRefusedError, match="cannot activate.*possible: configure, shutdown"
        ):
            await change("activate")
        assert await change("configure") == "inactive"
        assert await change("activate") == "active"
        with pytest.raises(CallRefusedError, match="is active; it cannot cleanup"):
            await change("cleanup")
        assert await change("deactivate") == "inactive"
        assert await change("cleanup") == "unconfigured"
        await change("shutdown")
        await until(node._finished.is_set)


async def test_a_hook_that_fails_leaves_the_state_and_says_why(
    options: Options, visitor: Visitor
) -> None:
    node = EchoNode(options(autostart=False, parameters={"refuse": True}))
    async with running(node, State.UNCONFIGURED):
        with pytest.raises(CallRefusedError, match="wall: the echo is broken; mend the wall"):
            await visitor.caller.call(node.id, "life.change", {"transition": "configure"})
        topic = visitor.mesh.topics.of(node.id, "node", "life")
        [(_, life)] = await retained(visitor.mesh, topic, Lifecycle)
    assert (life.state, life.transition) == (State.UNCONFIGURED, None)
    assert "mend the wall" in life.reason


async def test_autostart_that_fails_ends_the_node_with_its_own_words(options: Options) -> None:
    with pytest.raises(LabmeshError, match="mend the wall"):
        await EchoNode(options(parameters={"refuse": True})).run()


def test_wrong_parameters_are_named_before_anything_starts(options: Options) -> None:
    with pytest.raises(ConfigurationError, match="parameter tiems is unknown, did you mean times"):
        EchoNode(options(parameters={"tiems": 2}))


async def test_an_absent_mqtt_broker_is_named(options: Options) -> None:
    from labmesh.place import Place

    nowhere = options(place=Place(mqtt="mqtt://127.0.0.1:1", site="kit"), patience=0.3)
    with pytest.raises(NotConnectedError, match="127.0.0.1"):
        await EchoNode(nowhere).run()


BAD_PAYLOADS = {
    "not msgpack": b"\xc1garbage",
    "not an envelope": b"\x81\xa1a\x01",
    "empty map": b"\x80",
    "random": bytes(range(256)),
}


@pytest.mark.parametrize("payload", BAD_PAYLOADS.values(), ids=BAD_PAYLOADS.keys())
async def test_garbage_is_counted_answered_and_survived(
    options: Options, visitor: Visitor, payload: bytes
) -> None:
    from messages.node import Call, Problem

    node = EchoNode(options())
    async with running(node):
        problems: asyncio.Queue[Problem] = asyncio.Queue()

        def hear(problem: Problem, *_: object) -> None:
            problems.put_nowait(problem)

        mesh = visitor.mesh
        await mesh.on_message(mesh.topics.of(node.id, "event", "problem"), Problem, hear)
        topic = mesh.topics.to("call", node.id, "echo.twice")
        await mesh.transport.publish(topic, payload)
        problem = await asyncio.wait_for(problems.get(), 5)
        assert problem.topic == topic
        assert problem.sender == "kit/visitor"
        await mesh.send(topic, Call(instance="x", deadline=0))
        assert node.mesh.problems == 1
        assert (await visitor.caller.call(node.id, "echo.twice", {"text": "a"}))["text"] == "aa"


async def test_a_message_of_a_foreign_type_or_author_is_answered(
    options: Options, visitor: Visitor
) -> None:
    from messages.envelope import Header, encode
    from messages.ids import new_id
    from messages.node import Call, Problem
    from messages.schema import schema_hash

    node = EchoNode(options())
    async with running(node):
        reasons: asyncio.Queue[str] = asyncio.Queue()

        def hear(problem: Problem, *_: object) -> None:
            reasons.put_nowait(problem.reason)

        mesh = visitor.mesh
        await mesh.on_message(mesh.topics.of(node.id, "event", "problem"), Problem, hear)
        topic = mesh.topics.to("call", node.id, "echo.twice")
        call = Call(instance="x", deadline=2**62)

        async def send(**changes: str) -> str:
            fields = {
                "type": "Call@1", "schema": schema_hash(Call), "id": new_id(), "stamp": 1,
                "sender": "kit/visitor", "epoch": 1, "seq": 1, **changes,
            }  # fmt: skip
            await mesh.transport.publish(topic, encode(Header(**fields), call))  # type: ignore[arg-type]
            return await asyncio.wait_for(reasons.get(), 5)

        assert "'kit/boss', its topic says kit/visitor" in await send(sender="kit/boss")
        assert "version of 'Call@9' is not known here (known: Call@1)" in await send(type="Call@9")
        assert "message type 'Cal@1' is not known here" in await send(type="Cal@1")
        assert "has schema 000 at kit/visitor" in await send(schema="000")


async def test_health_is_published(options: Options, visitor: Visitor) -> None:
    node = EchoNode(options())
    async with running(node):
        mesh = visitor.mesh
        topic = mesh.topics.of(node.id, "node", "diag", "messages")
        async with asyncio.timeout(5):
            while not (found := await retained(mesh, topic, Diagnostic)):
                pass
    assert found[0][1].message == "all is well"

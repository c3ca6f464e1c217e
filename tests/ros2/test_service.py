"""Service: a call with a deadline, an answer or a refusal that says why; nobody waits for ever."""

from __future__ import annotations

import asyncio

import pytest

from labmesh.calls import called_by
from messages.errors import CallRefusedError, CallTimeoutError
from messages.ids import NodeId
from messages.node import Descriptor
from tests.ros2._life import Bench, bench  # noqa: F401 - a fixture
from tests.ros2.programs import TalkerNode


async def test_service(bench: Bench) -> None:  # noqa: F811
    node = TalkerNode(bench.options("server", parameters={"words": "ok"}))
    me = NodeId("kit", "server")
    async with bench.run(node):
        # Synchronous and asynchronous, many at a time over one connection.
        assert await bench.call(me, "talk", {}) == {"words": "ok"}
        answers = await asyncio.gather(*(bench.call(me, "talk", {}, timeout=30) for _ in range(20)))
        assert len(answers) == 20

        # A wrong name, a wrong argument, a refusal and a crash are answers, each its own.
        for service, arguments, code, words in (
            ("tlak", {}, "unknown_service", "no service 'tlak'"),
            ("talk", {"loud": True}, "bad_arguments", "talk.loud: Extra inputs"),
            ("refuse", {}, "refused", "not to you"),
            ("explode", {}, "failed", "ZeroDivisionError: oh"),
        ):
            with pytest.raises(CallRefusedError, match=words) as caught:
                await bench.call(me, service, arguments)
            assert caught.value.code == code

        # A server that does not answer costs the caller its time-out, not its life.
        with pytest.raises(CallTimeoutError, match="kit/server did not answer within 0.2 s"):
            await bench.call(me, "hang", {}, timeout=0.2)
        assert (await bench.call(me, "whoami", {}))["words"] == "kit/visitor"
        with pytest.raises(RuntimeError, match="no service runs here"):
            called_by()

        # A call out of a service's own handler does not lock up.
        assert (await bench.call(me, "relay", {}, timeout=30))["words"] == "ok"

        # What there is to call, and with what, is on the mesh; an inactive node says so.
        listed = await bench.cli("service", "list", "server")
        assert "talk" in listed
        said = await bench.cli("service", "call", "server", "talk")
        assert "ok" in said
        description = await bench.retained("server", "node", "desc", model=Descriptor)
        assert description.services["talk"].returns == "Talk"
        await bench.call(me, "life.change", {"transition": "deactivate"})
        with pytest.raises(CallRefusedError, match="is inactive; activate it") as caught:
            await bench.call(me, "talk", {})
        assert caught.value.code == "not_active"

"""Lifecycle: ROS 2's states and ids, its three ways for a hook to end, its transition events."""

from __future__ import annotations

import asyncio

import pytest

from messages.errors import CallRefusedError
from messages.ids import NodeId
from messages.node import Lifecycle, NodeEvent
from tests.ros2._life import Bench, bench, soon  # noqa: F401 - a fixture
from tests.ros2.programs import TalkerNode

ME = NodeId("kit", "managed")


async def test_lifecycle(bench: Bench) -> None:  # noqa: F811
    node = TalkerNode(bench.options("managed", autostart=False))
    states = await bench.hear("kit/managed/node/life", Lifecycle)
    events = await bench.hear("kit/managed/event/lifecycle", NodeEvent)

    async def change(transition: str) -> int:
        answer = await bench.call(ME, "life.change", {"transition": transition}, timeout=30)
        return int(answer["id"])

    async def walked(count: int) -> list[tuple[int, int]]:
        """The next so many steps, by the ids of their two states."""
        steps = [(await soon(events)).values for _ in range(count)]
        return [(step["start"]["id"], step["goal"]["id"]) for step in steps]

    async def seen(label: str) -> Lifecycle:
        return await soon(states, lambda life: life.label == label)

    async with bench.run(node):
        assert (await seen("unconfigured")).id == 1
        assert await change("configure") == 2
        assert await change("activate") == 3
        assert await change("deactivate") == 2
        assert await change("cleanup") == 1
        assert await walked(8) == [
            (1, 10), (10, 2), (2, 13), (13, 3), (3, 14), (14, 2), (2, 11), (11, 1),
        ]  # fmt: skip
        on_the_way = await seen("configuring")
        assert (on_the_way.id, on_the_way.state.value) == (10, "unconfigured")
        assert (await seen("active")).id == 3
        assert node.hooks == ["configure", "activate", "deactivate", "cleanup"]

        # FAILURE: a hook refuses, and the state is as before.
        node.fails = "configure"
        with pytest.raises(CallRefusedError, match="no configure today; come again"):
            await change("configure")
        assert await walked(2) == [(1, 10), (10, 1)]
        # ERROR: whatever else a hook raises leads through errorprocessing to on_error ...
        node.fails = "activate!"
        await change("configure")
        with pytest.raises(CallRefusedError, match="ZeroDivisionError: activate"):
            await change("activate")
        assert await walked(5) == [(1, 10), (10, 2), (2, 13), (13, 15), (15, 1)]
        assert (await seen("errorprocessing")).reason == "ZeroDivisionError: activate"
        assert node.hooks[-1] == "error: activate"
        # ... from where the node may be configured anew.
        node.fails = ""
        await change("configure")
        assert await change("activate") == 3
        assert not node.takes_orders or node.state.value == "active"

        # A transition that is none names those that are; the command line has ROS 2's verbs.
        with pytest.raises(CallRefusedError, match="it cannot configure; .*deactivate, shutdown"):
            await change("configure")
        assert "kit/managed" in (await bench.cli("lifecycle", "nodes")).splitlines()
        shown = await bench.json("lifecycle", "get", "managed")
        assert (shown["state"], shown["id"]) == ("active", 3)
        said = await bench.cli("lifecycle", "set", "managed", "deactivate")
        assert said == "kit/managed is inactive\n"


async def test_a_node_that_cannot_recover_ends(bench: Bench) -> None:  # noqa: F811
    node = TalkerNode(bench.options("hopeless", autostart=False))
    node.fails, node.recovers = "configure!", False
    me = NodeId("kit", "hopeless")
    async with bench.run(node) as running:
        with pytest.raises(CallRefusedError, match="ZeroDivisionError"):
            await bench.call(me, "life.change", {"transition": "configure"}, timeout=30)
        assert await asyncio.wait_for(running, 30) == 1
    life = await bench.retained("hopeless", "node", "life", model=Lifecycle)
    assert (life.id, life.reason) == (4, "ZeroDivisionError: configure")

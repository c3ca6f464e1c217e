"""Parameters: described, typed, all or none, and what a person set outlives a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from messages.errors import CallRefusedError
from messages.ids import NodeId
from messages.node import NodeEvent, Parameters
from tests.ros2._life import Bench, bench, soon  # noqa: F401 - a fixture
from tests.ros2.programs import TalkerNode

ME = NodeId("kit", "tunable")


@asynccontextmanager
async def tunable(bench: Bench, **parameters: Any) -> AsyncIterator[TalkerNode]:  # noqa: F811
    node = TalkerNode(bench.options("tunable", parameters=parameters))
    async with bench.run(node):
        yield node


async def test_parameters(bench: Bench) -> None:  # noqa: F811
    async def refused(words: str, code: str, **arguments: Any) -> None:
        with pytest.raises(CallRefusedError, match=words) as caught:
            await bench.call(ME, "param.set", arguments)
        assert caught.value.code == code

    async with tunable(bench) as node:
        # Descriptors: type, range, default, meaning, when a change counts.
        described = await bench.json("param", "describe", "tunable")
        assert described["properties"]["times"]["maximum"] == 9
        assert described["properties"]["serial"]["readOnly"] is True
        assert "at the next start" in await bench.cli("param", "describe", "tunable", "voice")

        # All or none, refused by the node itself, too; who changed what is told.
        events = await bench.hear("kit/tunable/event/param", NodeEvent)
        await refused("wrods is unknown, did you mean words", "bad_arguments",
                      values={"times": 2, "wrods": "x"})  # fmt: skip
        await refused("times: Input should be less", "bad_arguments", values={"times": 10})
        await refused("not said here", "refused", values={"times": 2, "words": "swear"})
        await refused("serial is read-only", "read_only", values={"serial": "s2", "times": 2})
        assert node.parameters.times == 1
        await bench.cli("param", "set", "tunable", "times=2", "pump.rate=2.5")
        event = await soon(events)
        assert event.values["by"] == "kit/cli"
        assert event.values["changed"]["times"] == 2
        assert event.values["before"]["times"] == 1
        await refused("at version 1, not 0", "conflict", values={"times": 3}, if_version=0)
        wrong = await bench.cli("param", "set", "tunable", "times=3", "--if-version", "0", code=1)
        assert "at version 1" in wrong

        # Some take effect later: they are pending, for everyone to see.
        shown = await bench.json("param", "set", "tunable", "voice=low", "pump.port=b")
        assert shown["pending"] == {"voice": "low", "pump.port": "b"}
        assert node.parameters.pump.port == "a"
        for transition in ("deactivate", "cleanup", "configure"):
            await bench.call(ME, "life.change", {"transition": transition})
        assert node.parameters.pump.port == "b"
        said = await bench.retained("tunable", "node", "param", model=Parameters)
        assert said.pending == {"voice": "low"}
        wanted = {"times": 2, "pump.rate": 2.5, "voice": "low", "pump.port": "b"}
        assert said.desired == wanted
        await bench.call(ME, "param.set", {"values": {"words": "now"}, "keep": False})

    # What a person set is set again at the next start ...
    async with tunable(bench) as node:
        p = node.parameters
        assert (p.times, p.voice, p.pump.rate, p.pump.port) == (2, "low", 2.5, "b")
        assert p.words == "hi"
        said = await bench.retained("tunable", "node", "param", model=Parameters)
        assert (said.desired, said.pending) == (wanted, {})
    # ... unless the launch file says something new by then; that is the last word for good.
    for _ in range(2):
        async with tunable(bench, times=5) as node:
            assert (node.parameters.times, node.parameters.voice) == (5, "low")
    async with tunable(bench) as node:
        assert node.parameters.times == 1
        # Unset returns to what the file says.
        await bench.cli("param", "delete", "tunable", "voice")
        assert await bench.cli("param", "unset", "tunable", "pump") != ""
        with pytest.raises(CallRefusedError, match="puma is unknown, did you mean pump"):
            await bench.call(ME, "param.unset", {"names": ["puma"]})
        assert node.parameters.pump.rate == 1.0
    async with tunable(bench) as node:
        assert (node.parameters.voice, node.parameters.pump.port) == ("high", "a")


async def test_parameter_files(bench: Bench) -> None:  # noqa: F811
    """`dump` writes what `load` reads; ROS 2's layout is read as well."""
    file = bench.folder / "ros.yaml"
    file.write_text(
        "/**: {ros__parameters: {times: 3, words: all}}\n"
        "/kit/tunable: {ros__parameters: {words: me}}\n"
        "other: {ros__parameters: {words: you}}\n"
    )
    async with tunable(bench) as node:
        dumped = await bench.cli("param", "dump", "tunable")
        await bench.cli("param", "load", "tunable", str(file))
        assert (node.parameters.times, node.parameters.words) == (3, "me")
        await asyncio.to_thread(Path(file).write_text, dumped)
        said = await bench.cli("param", "set", "tunable", "serial=x", code=1)
        assert "serial is read-only" in said
        await bench.cli("param", "load", "tunable", str(file))
        assert (node.parameters.times, node.parameters.words) == (1, "hi")
        file.write_text("other: {ros__parameters: {words: you}}\n")
        said = await bench.cli("param", "load", "tunable", str(file), code=2)
        assert "has no parameters for kit/tunable; it has sections for other" in said
        file.write_text("other: {ros__parameters: {words: you}}\ntimes: 3\n")
        said = await bench.cli("param", "load", "tunable", str(file), code=2)
        assert "times has no ros__parameters" in said

"""Clocks that are off: named once, and no more when they are mended."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from messages.errors import CallTimeoutError
from messages.ids import NodeId
from messages.model import JsonObject
from nodes.broker._clocks import ClockWatch

ME = "hub/broker"


async def test_one_node_of_every_other_machine_is_asked() -> None:
    hosts = {ME: "alpha", "hub/clock": "alpha", "kit/asab": "beta", "kit/pump": "beta",
             "dtu/opt": "gamma", "uu/gone": "delta"}  # fmt: skip
    skews = {"kit": 3600.0, "dtu": -7.0}
    asked: list[str] = []
    said: list[tuple[str, dict[str, float]]] = []
    told = asyncio.Event()

    async def ask(node: NodeId) -> JsonObject:
        asked.append(str(node))
        if node.site == "uu":
            raise CallTimeoutError("gone")
        return {"wall": time.time_ns() + int(skews[node.site] * 1e9)}

    def tell(words: str, seconds: dict[str, float]) -> None:
        said.append((words, seconds))
        told.set()

    watch = ClockWatch(ME, ask, lambda: hosts, tell)
    running = asyncio.create_task(watch.run())
    async with asyncio.timeout(20):
        await told.wait()
        while len(asked) < 3:
            await asyncio.sleep(0.01)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert sorted(asked) == ["dtu/opt", "kit/asab", "uu/gone"]
    ((words, seconds),) = said
    assert words == "the clock of kit/asab is 3600 s ahead"
    assert seconds == {"kit/asab": 3600}

    # Calls tell as well; one machine is named once, and set right it is named no more.
    watch.note("kit/pump", 3605.0)
    watch.note("cli/ada", -120.0)
    assert (
        said[1][0] == "the clock of kit/pump is 3605 s ahead; the clock of cli/ada is 120 s behind"
    )
    watch.note("kit/asab", 1.0)
    watch.note("cli/ada", 0.0)
    assert said[-1] == ("", {})
    assert len(said) == 4

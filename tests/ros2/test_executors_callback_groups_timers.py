"""One event loop: named resources in the place of callback groups, timers that do not pile up."""

from __future__ import annotations

import asyncio
import time

import pytest
from pydantic import Field

from labmesh import (
    LabmeshError,
    NoArguments,
    Node,
    NodeOptions,
    NodeParameters,
    publisher,
    service,
    subscription,
    timer,
)
from messages.errors import CallRefusedError
from tests.ros2.lab import Lab, Plain, Temperature, until


class RigParameters(NodeParameters):
    """How often it looks."""

    sample_every: float = Field(default=0.02, gt=0, description="seconds between two looks")


class Rig(Node[RigParameters]):
    """Uses one valve from a timer, a service, a subscription and a driver's thread."""

    Parameters = RigParameters
    tick = publisher("tick", Temperature)

    def __init__(self, options: NodeOptions) -> None:
        super().__init__(options)
        self.at_the_valve = 0
        self.most = 0
        self.used = dict.fromkeys(("timer", "service", "subscription", "thread"), 0)
        self.free = 0
        self.looks = 0

    async def use(self, who: str) -> None:
        """Turn the valve, slowly."""
        self.at_the_valve += 1
        self.most = max(self.most, self.at_the_valve)
        self.used[who] += 1
        # The driver's own calls name the resource that the callback holds already.
        await self.in_thread(time.sleep, 0.002, resource="valve")
        self.at_the_valve -= 1

    @timer("sample_every", resource="valve")
    async def look(self) -> None:
        """Use it from a timer."""
        self.looks += 1
        await self.use("timer")
        await self.tick.publish(Temperature(kelvin=self.looks))

    @timer(0.01)
    def breathe(self) -> None:
        """Nothing is in its way (Reentrant)."""
        self.free += 1

    @subscription("rig", "tick", Temperature, resource="valve")
    async def on_tick(self, message: Temperature) -> None:
        """Use it from a subscription."""
        await self.use("subscription")

    @service("valve.turn", resource="valve")
    async def turn(self, arguments: NoArguments) -> NoArguments:
        """Use it from a service."""
        await self.use("service")
        return NoArguments()

    def drive(self) -> None:
        """Use it from a driver's thread."""
        self.used["thread"] += 1
        self.most = max(self.most, self.at_the_valve + 1)
        time.sleep(0.002)


async def test_what_names_one_resource_never_runs_side_by_side(lab: Lab) -> None:
    name = lab.name("rig")
    rig = Rig(lab.options(name))
    rig = await lab.start(Rig, name, remap={"rig": rig.id})
    visitor = await lab.visitor()

    async def turn() -> None:
        await visitor.caller.call(rig.id, "valve.turn", {}, timeout=20)

    while min(rig.used.values()) < 3:
        drives = [rig.in_thread(rig.drive, resource="valve") for _ in range(3)]
        await asyncio.gather(turn(), turn(), *drives)
    assert rig.most == 1
    assert rig.free > 0


async def test_timers_of_code_errors_and_scope(lab: Lab) -> None:
    node, visitor = await lab.start(Plain), await lab.visitor()
    called: list[str] = []

    async def fail() -> None:
        called.append("fail")
        raise ZeroDivisionError("by nothing")

    failing = node.create_timer(0.01, fail)
    stopped = node.create_timer(0.01, lambda: called.append("stopped"), name="stopped")
    stopped.cancel()
    await until(lambda: called.count("fail") >= 3)
    assert "stopped" not in called
    assert node._node_streams is not None
    troubles = node._node_streams.troubles
    assert "timer fail failed: ZeroDivisionError: by nothing" in troubles.words
    assert troubles.counts["callback_errors"]["timer fail"] >= 3
    stopped.reset()
    await until(lambda: "stopped" in called)

    await visitor.caller.call(node.id, "life.change", {"transition": "deactivate"})
    assert failing.cancelled
    assert stopped.cancelled
    calls = len(called)
    await visitor.caller.call(node.id, "life.change", {"transition": "activate"})
    assert len(called) == calls, "what was made while it was active has ended"


class Stubborn(Plain):
    """Does not let itself be deactivated."""

    async def on_deactivate(self) -> None:
        """Refuse, while the node is not ending."""
        if not self.leaving:
            raise LabmeshError("the oven is still hot")


async def test_a_node_that_could_not_be_deactivated_goes_on(lab: Lab) -> None:
    node, visitor = await lab.start(Stubborn), await lab.visitor()
    ended = node.create_timer(0.01, lambda: None, name="ended")
    going = node.create_timer(0.01, lambda: None, name="going")
    ended.cancel()
    with pytest.raises(CallRefusedError, match="the oven is still hot"):
        await visitor.caller.call(node.id, "life.change", {"transition": "deactivate"})
    calls = going.calls
    await until(lambda: going.calls > calls)
    assert ended.cancelled
    assert node.takes_orders


async def test_a_callback_that_takes_too_long_leaves_calls_out(lab: Lab) -> None:
    node = await lab.start(Plain)

    async def slow() -> None:
        await asyncio.sleep(0.1)

    made = node.create_timer(0.01, slow)
    await until(lambda: made.calls >= 3)
    assert made.skips >= 2 * (made.calls - 1)
    assert node._node_streams is not None
    assert node._node_streams.troubles.totals["timer_skips"] == made.skips

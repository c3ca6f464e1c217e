"""Time: a clock node drives timers and deadlines of everyone, however fast it runs."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from labmesh import (
    DeadlineMissed,
    Node,
    NodeOptions,
    NodeParameters,
    publisher,
    subscription,
    timer,
)
from nodes.clock import ClockNode
from tests.ros2.lab import Lab, Temperature, until

HOUR = 3600.0


class Cycler(Node[NodeParameters]):
    """Looks once an hour, for weeks."""

    voltage = publisher("voltage", Temperature)

    def __init__(self, options: NodeOptions) -> None:
        super().__init__(options)
        self.looked: list[int] = []
        self.heard: list[int] = []
        self.missed: list[DeadlineMissed] = []

    @timer(HOUR)
    async def look(self) -> None:
        """Note the hour; fall silent after ten."""
        self.looked.append(self.clock.now())
        if len(self.looked) <= 10:
            await self.voltage.publish(Temperature(kelvin=len(self.looked)))

    @subscription("cycler", "voltage", Temperature, deadline=24 * HOUR)
    def on_voltage(self, message: Temperature) -> None:
        """Note when it came."""
        self.heard.append(self.clock.now())

    async def on_deadline_missed(self, missed: DeadlineMissed) -> None:
        """Note it."""
        self.missed.append(missed)


async def test_timers_and_deadlines_run_on_simulated_time(lab: Lab) -> None:
    clock = await lab.start(ClockNode, lab.name("clock"), parameters={"rate": 100_000.0})
    lab.place = replace(lab.place, clock=clock.id)
    name = lab.name("cycler")
    cycler = await lab.start(Cycler, name, remap={"cycler": clock.id.parse(f"kit/{name}")})
    assert cycler.clock.simulated
    await until(lambda: len(cycler.looked) >= 12)
    # A loaded machine leaves hours out, and calls no hour twice.
    assert cycler.looked[11] - cycler.looked[0] > 10.5 * HOUR * 1e9
    assert cycler.heard
    await until(lambda: cycler.missed)
    assert cycler.missed[0].silence >= 24 * HOUR
    assert not cycler.missed[0].own

    visitor = await lab.visitor()
    await visitor.caller.call(clock.id, "param.set", {"values": {"rate": 0.0}})
    await until(lambda: getattr(cycler.clock, "rate", 1.0) == 0.0)
    looks, now = len(cycler.looked), cycler.clock.now()
    await asyncio.sleep(0.05)
    assert cycler.clock.now() == now, "a pause stops time for everyone"
    assert len(cycler.looked) == looks

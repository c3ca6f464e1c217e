"""Simulated time across processes: ticks, rate, pause, and going on after a restart."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from labmesh.client import Visitor, visit
from labmesh.clock import ScaledClock
from labmesh.node import NodeOptions
from labmesh.place import Place
from messages.ids import NodeId
from messages.node import ClockTick, State
from nodes.clock import ClockNode
from tests.support import MqttBroker, Processes

SECOND = 10**9
HOUR = 3600 * SECOND


@asynccontextmanager
async def ticking(place: Place, folder: Path, **parameters: Any) -> AsyncIterator[ClockNode]:
    options = NodeOptions(
        place=place, name="clock", data_dir=folder, parameters={"period": 0.05, **parameters}
    )
    node = ClockNode(options)
    task = asyncio.create_task(node.run())
    try:
        async with asyncio.timeout(10):
            while not (hasattr(node, "_life") and node.state is State.ACTIVE):
                if task.done():
                    await task
                await asyncio.sleep(0.01)
        yield node
    finally:
        node.finish()
        await task


@asynccontextmanager
async def following(visitor: Visitor) -> AsyncIterator[ScaledClock]:
    clock = ScaledClock()

    def take(tick: ClockTick, *_: object) -> None:
        clock.tick(tick)

    topic = visitor.mesh.topics.of(NodeId("lab", "clock"), "clock")
    subscription = await visitor.mesh.on_message(topic, ClockTick, take)
    await clock.ready(timeout=5)
    yield clock
    await subscription.cancel()


@pytest.fixture
def place(mqtt_broker: MqttBroker) -> Place:
    return Place(mqtt=mqtt_broker.url, site="lab")


async def test_hours_pass_in_a_moment_and_a_late_joiner_agrees(
    place: Place, tmp_path: Path
) -> None:
    async with (
        ticking(place, tmp_path, rate=36_000),
        visit(place, "eye") as visitor,
        following(visitor) as first,
        asyncio.timeout(10),
    ):
        begun = first.now()
        await first.sleep(7200)
        assert first.now() - begun >= 2 * HOUR
        async with following(visitor) as second:
            apart = abs(second.now() - first.now())
            assert apart < 10 * HOUR, "within a second of wall time"


async def test_rate_zero_is_a_pause_and_a_new_rate_goes_on_from_there(
    place: Place, tmp_path: Path
) -> None:
    clock_id = NodeId("lab", "clock")
    async with (
        ticking(place, tmp_path, rate=36_000),
        visit(place, "eye") as visitor,
        following(visitor) as clock,
        asyncio.timeout(10),
    ):
        await visitor.caller.call(clock_id, "param.set", {"values": {"rate": 0}})
        while clock.rate:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        paused = clock.now()
        await asyncio.sleep(0.2)
        assert clock.now() == paused
        await visitor.caller.call(clock_id, "param.set", {"values": {"rate": 36_000}})
        await clock.sleep(3600)
        assert clock.now() >= paused + HOUR


async def test_time_runs_as_slowly_as_the_slowest_who_holds_it_back(
    place: Place, tmp_path: Path
) -> None:
    clock_id = NodeId("lab", "clock")
    async with (
        ticking(place, tmp_path, rate=36_000),
        visit(place, "robot") as robot,
        visit(place, "mixer") as mixer,
        following(robot) as clock,
        asyncio.timeout(10),
    ):
        slow = {"rate": 50, "seconds": 30}
        await mixer.caller.call(clock_id, "clock.hold", {"rate": 600, "seconds": 30})
        answer = await robot.caller.call(clock_id, "clock.hold", slow)
        assert answer["rate"] == 50
        assert sorted(answer["holds"].values()) == [50, 600]
        assert answer["wanted"] == 36_000
        await until_rate(clock, 50)
        await robot.caller.call(clock_id, "clock.release", {})
        await until_rate(clock, 600)
        await mixer.caller.call(clock_id, "clock.release", {})
        await until_rate(clock, 36_000)


async def test_a_hold_that_nobody_renews_ends(place: Place, tmp_path: Path) -> None:
    async with (
        ticking(place, tmp_path, rate=36_000),
        visit(place, "robot") as robot,
        following(robot) as clock,
        asyncio.timeout(10),
    ):
        short = {"rate": 50, "seconds": 0.3}
        await robot.caller.call(NodeId("lab", "clock"), "clock.hold", short)
        await until_rate(clock, 50)
        await until_rate(clock, 36_000)


async def test_a_pause_stays_a_pause_whoever_holds_time_back(place: Place, tmp_path: Path) -> None:
    async with (
        ticking(place, tmp_path, rate=0) as node,
        visit(place, "robot") as robot,
        asyncio.timeout(10),
    ):
        answer = await robot.caller.call(node.id, "clock.hold", {"rate": 50, "seconds": 30})
        assert answer["rate"] == 0


async def until_rate(clock: ScaledClock, rate: float) -> None:
    while clock.rate != rate:
        await asyncio.sleep(0.01)


async def test_time_goes_on_where_the_last_process_left_it(place: Place, tmp_path: Path) -> None:
    async with visit(place, "eye") as visitor:
        async with ticking(place, tmp_path, rate=360_000), following(visitor) as clock:
            await clock.sleep(100 * 3600)
            before = clock.now()
        async with ticking(place, tmp_path, rate=1), following(visitor) as clock:
            assert before <= clock.now() < before + 1000 * HOUR


async def test_a_clock_that_is_killed_leaves_a_time_nobody_can_have_passed(
    place: Place, tmp_path: Path, processes: Processes
) -> None:
    async with visit(place, "eye") as visitor:
        node = await processes.start(
            sys.executable, "-m", "labmesh.node", "clock", "--site", "lab", "--mqtt", place.mqtt,
            "--data-dir", tmp_path, "--param", "rate=36000", "--param", "period=0.2",
        )  # fmt: skip
        async with following(visitor) as clock, asyncio.timeout(15):
            await clock.sleep(3600)
            node.kill()
            await node.wait()
            before = clock.now()
        async with ticking(place, tmp_path, rate=1), following(visitor) as clock:
            assert clock.now() >= before


async def test_a_node_with_a_clock_that_is_not_there_says_so(place: Place, tmp_path: Path) -> None:
    from labmesh.node import Node
    from messages.errors import ConfigurationError

    absent = Place(mqtt=place.mqtt, site="lab", clock=NodeId("lab", "clock"))
    node: Node[Any] = Node(NodeOptions(place=absent, name="waits", data_dir=tmp_path, patience=0.5))
    with pytest.raises(ConfigurationError, match="no simulated time came from lab/clock"):
        await node.run()


async def test_a_damaged_time_file_is_named(place: Place, tmp_path: Path) -> None:
    from messages.errors import LabmeshError

    (tmp_path / "lab" / "clock").mkdir(parents=True)
    (tmp_path / "lab" / "clock" / "time.json").write_text("{")
    with pytest.raises(LabmeshError, match=r"time\.json"):
        async with ticking(place, tmp_path):
            pass


async def test_a_disk_that_cannot_be_written_does_not_stop_time(
    place: Place, tmp_path: Path
) -> None:
    async with (
        ticking(place, tmp_path, rate=36_000) as node,
        visit(place, "eye") as visitor,
        following(visitor) as clock,
    ):
        temporary = node.data_dir / "time.tmp"
        temporary.unlink(missing_ok=True)
        temporary.mkdir()
        ticks: asyncio.Queue[ClockTick] = asyncio.Queue()
        topic = visitor.mesh.topics.of(node.id, "clock")
        await visitor.mesh.on_message(topic, ClockTick, lambda tick, *_: ticks.put_nowait(tick))
        async with asyncio.timeout(10):
            for _ in range(5):
                await ticks.get()
            temporary.rmdir()
            while not temporary.with_suffix(".json").is_file():
                await asyncio.sleep(0.01)
        assert clock.now() > 0

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import labmesh.clock
from labmesh.clock import Clock, ManualClock, ScaledClock, WallClock
from messages.node import ClockTick

T0 = 1_700_000_000 * 10**9
SECOND = 10**9


def tick(seconds: float, rate: float) -> ClockTick:
    return ClockTick(time=T0 + round(seconds * SECOND), wall=0, rate=rate)


class Wall:
    """Stands in for the monotonic clock of the module under test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 5 * SECOND
        monkeypatch.setattr("labmesh.clock._scaled.time.monotonic_ns", lambda: self.now)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    return Wall(monkeypatch)


async def test_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    clock: Clock = WallClock()
    assert not clock.simulated
    before = time.time_ns()
    assert before <= clock.now() <= time.time_ns()
    last = clock.now()
    monkeypatch.setattr("labmesh.clock._wall.time.time_ns", lambda: last - SECOND)
    assert clock.now() == last, "somebody set the wall clock back"
    await clock.sleep(0)


async def test_there_is_no_time_before_the_first_tick() -> None:
    clock = ScaledClock()
    assert clock.simulated
    assert (clock.now(), clock.rate) == (0, 0.0)
    with pytest.raises(TimeoutError):
        await clock.ready(timeout=0.01)
    sleeper = asyncio.create_task(clock.sleep(10))
    waiter = asyncio.create_task(clock.ready())
    await asyncio.sleep(0)
    clock.tick(tick(0, 1e6))
    await asyncio.gather(sleeper, waiter)
    assert clock.now() >= T0 + 10 * SECOND


async def test_extrapolates_by_rate(wall: Wall) -> None:
    await _extrapolates(wall)


async def _extrapolates(wall: Wall) -> None:
    clock = ScaledClock()
    clock.tick(tick(0, 100))
    wall.now += SECOND
    assert clock.now() == T0 + 100 * SECOND
    clock.tick(tick(100, 0))
    wall.now += 1000 * SECOND
    assert clock.now() == T0 + 100 * SECOND, "paused"
    clock.tick(tick(100, 2))
    wall.now += SECOND
    assert clock.now() == T0 + 102 * SECOND
    assert clock.rate == 2


def test_a_retained_first_tick_is_dated_by_its_wall_time_where_believable() -> None:
    def shown(age: int) -> float:
        clock = ScaledClock()
        clock.tick(ClockTick(time=T0, wall=time.time_ns() - age, rate=100))
        return (clock.now() - T0) / SECOND

    assert 100 <= shown(SECOND) < 200
    assert shown(10 * SECOND) < 100, "an old tick of a clock node that is gone"
    assert shown(-10 * SECOND) < 100, "a host whose clock is ahead"


async def test_runs_at_half_the_rate_while_a_late_tick_catches_up(wall: Wall) -> None:
    clock = ScaledClock()
    clock.tick(tick(0, 10))
    wall.now += 2 * SECOND
    assert clock.now() == T0 + 20 * SECOND
    clock.tick(tick(15, 10))
    assert clock.now() == T0 + 20 * SECOND
    assert clock.ignored == 0
    wall.now += SECOND // 2
    assert clock.now() == T0 + 22 * SECOND + SECOND // 2
    wall.now += SECOND // 2
    assert clock.now() == T0 + 25 * SECOND
    wall.now += SECOND
    assert clock.now() == T0 + 35 * SECOND, "by the last tick, not by what was shown"


async def test_a_sleep_ends_soon_though_time_has_slowed_down_late() -> None:
    """A tick that says 10 instead of 100 000 comes when the clock is a thousand seconds ahead."""
    clock = ScaledClock()
    clock.tick(tick(0, 100_000))
    await asyncio.sleep(0.01)
    clock.tick(tick(0.1, 10))
    due = clock.now() + SECOND
    async with asyncio.timeout(5):
        await clock.sleep(1)
    assert clock.now() >= due


async def test_a_tick_that_goes_back_is_ignored_and_counted(wall: Wall) -> None:
    clock = ScaledClock()
    clock.tick(tick(50, 1))
    clock.tick(tick(49, 1000))
    wall.now += SECOND
    assert clock.now() == T0 + 51 * SECOND
    assert (clock.ignored, clock.rate) == (1, 1)


@given(
    st.lists(
        st.tuples(
            st.floats(-100, 1000),
            st.one_of(st.just(0.0), st.floats(1e-3, 1e6)),
            st.integers(0, 10 * SECOND),
        ),
        max_size=40,
    )
)
def test_never_runs_backwards(steps: list[tuple[float, float, int]]) -> None:
    async def run() -> None:
        with pytest.MonkeyPatch.context() as patch:
            wall, clock, last = Wall(patch), ScaledClock(), 0
            for jump, rate, elapsed in steps:
                clock.tick(ClockTick(time=max(0, last + round(jump * SECOND)), wall=0, rate=rate))
                for _ in range(2):
                    assert clock.now() >= last
                    last = clock.now()
                    wall.now += elapsed

    asyncio.run(run())


async def test_sleepers_wake_in_order_and_not_early() -> None:
    clock, woken = ScaledClock(), list[tuple[float, int]]()
    clock.tick(tick(0, 1000))

    async def sleep(seconds: float) -> None:
        due = clock.now() + round(seconds * SECOND)
        await clock.sleep(seconds)
        assert clock.now() >= due
        woken.append((seconds, clock.now()))

    await asyncio.gather(*(sleep(s) for s in (30, 10, 20, 0, -5)))
    assert [seconds for seconds, _ in woken] == [0, -5, 10, 20, 30]


async def test_a_change_of_rate_reaches_sleepers() -> None:
    clock = ScaledClock()
    clock.tick(tick(0, 1e-3))
    sleeper = asyncio.create_task(clock.sleep(3600))
    await asyncio.sleep(0.01)
    clock.tick(tick(1, 0))
    await asyncio.sleep(0.02)
    assert not sleeper.done()
    clock.tick(tick(2, 1e6))
    await sleeper
    assert clock.now() >= T0 + 3600 * SECOND


async def test_a_tick_past_a_sleeper_wakes_it() -> None:
    clock = ScaledClock()
    clock.tick(tick(0, 0))
    sleeper = asyncio.create_task(clock.sleep(60))
    gone = asyncio.create_task(clock.sleep(30))
    await asyncio.sleep(0)
    gone.cancel()
    clock.tick(tick(60, 0))
    await sleeper
    await asyncio.wait([gone])
    assert gone.cancelled()


async def test_manual_clock_wakes_each_at_its_time() -> None:
    clock, woken = ManualClock(T0), list[Any]()

    async def loop(name: str, period: float) -> None:
        while True:
            await clock.sleep(period)
            woken.append((name, (clock.now() - T0) / SECOND))

    tasks = [asyncio.create_task(loop("a", 3)), asyncio.create_task(loop("b", 2))]
    await clock.advance(1.5)
    assert woken == []
    await clock.advance(4.5)
    assert woken == [("b", 2.0), ("a", 3.0), ("b", 4.0), ("a", 6.0), ("b", 6.0)]
    assert clock.now() == T0 + 6 * SECOND
    assert clock.simulated
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await clock.sleep(0)
    with pytest.raises(ValueError, match="backwards"):
        await clock.advance(-1)


def test_exported_names() -> None:
    assert labmesh.clock.__all__ == [
        "Clock", "ManualClock", "Patience", "ScaledClock", "WallClock", "settle",
    ]  # fmt: skip

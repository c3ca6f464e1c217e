"""Timers and watchdogs on a clock that the test turns by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labmesh.clock import ManualClock
from labmesh.streams import Pace, Timer
from labmesh.streams._pace import Watchdog
from messages.errors import ConfigurationError


class Bench:
    """A timer whose calls are noted, in seconds since the beginning."""

    def __init__(self, period: float = 10.0, *, takes: float = 0.0) -> None:
        self.clock = ManualClock()
        self.begin = self.clock.now()
        self.period = period
        self.takes = takes
        self.called: list[float] = []
        self.skips: list[int] = []
        self.refused: list[str] = []
        self.timer = Timer(
            "t", lambda: self.period, self._call, Pace(self.clock),
            skipped=self.skips.append, refused=lambda error: self.refused.append(str(error)),
        )  # fmt: skip
        self.timer.reset()

    async def _call(self) -> None:
        self.called.append((self.clock.now() - self.begin) / 1e9)
        if self.takes:
            await self.clock.sleep(self.takes)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.timer.close()


async def test_it_calls_every_period_and_does_not_drift(bench: Bench) -> None:
    bench.takes = 3.0
    await bench.clock.advance(100)
    assert bench.called == [10.0 * n for n in range(1, 11)]
    assert bench.timer.skips == 0


async def test_a_call_that_overruns_leaves_the_ones_out_that_it_ran_over(bench: Bench) -> None:
    bench.takes = 25.0
    await bench.clock.advance(100)
    assert bench.called == [10.0, 40.0, 70.0, 100.0]
    assert bench.skips == [2, 2, 2]
    assert bench.timer.skips == 6


async def test_cancel_and_reset(bench: Bench) -> None:
    await bench.clock.advance(15)
    assert bench.timer.time_until_next_call == pytest.approx(5.0)
    bench.timer.cancel()
    assert bench.timer.cancelled
    assert bench.timer.time_until_next_call == float("inf")
    await bench.clock.advance(50)
    assert bench.called == [10.0]
    bench.timer.reset()
    await bench.clock.advance(12)
    assert bench.called == [10.0, 75.0]


async def test_reset_in_mid_period_begins_anew(bench: Bench) -> None:
    await bench.clock.advance(9)
    bench.timer.reset()
    await bench.clock.advance(9)
    assert bench.called == []
    await bench.clock.advance(1)
    assert bench.called == [19.0]


async def test_a_callback_may_cancel_or_reset_its_own_timer() -> None:
    bench = Bench()

    async def once() -> None:
        bench.called.append((bench.clock.now() - bench.begin) / 1e9)
        if len(bench.called) == 2:
            bench.timer.cancel()
        else:
            await bench.clock.sleep(4)
            bench.timer.reset()

    bench.timer._call = once
    await bench.clock.advance(100)
    assert bench.called == [10.0, 24.0]
    await bench.timer.close()


async def test_closing_ends_the_call_that_has_begun(bench: Bench) -> None:
    bench.takes = 1e6
    await bench.clock.advance(10)
    await asyncio.wait_for(bench.timer.close(), 20)
    assert bench.called == [10.0]


async def test_a_period_that_changes_holds_from_the_next_call_on(bench: Bench) -> None:
    await bench.clock.advance(10)
    bench.period = 3.0
    await bench.clock.advance(16)
    assert bench.called == [10.0, 20.0, 23.0, 26.0]
    bench.period = 0.0
    await bench.clock.advance(6)
    assert bench.called[-2:] == [29.0, 32.0]
    assert "a period of 0 s is too short" in bench.refused[0]


def test_a_period_that_is_none_is_refused() -> None:
    async def call() -> None:
        """Do nothing."""

    for period in ("0", "-1", "nan"):
        with pytest.raises(ConfigurationError, match=rf"timer t: a period of {period} s is too"):
            Timer("t", partial(float, period), call, Pace())


@given(takes=st.lists(st.integers(0, 40), min_size=1, max_size=8))
def test_every_call_comes_at_a_multiple_of_the_period(takes: list[int]) -> None:
    async def run() -> None:
        bench, rest = Bench(), list(takes)

        async def call() -> None:
            bench.called.append((bench.clock.now() - bench.begin) / 1e9)
            await bench.clock.sleep(rest.pop(0) if rest else 0)

        bench.timer._call = call
        await bench.clock.advance(400)
        await bench.timer.close()
        assert all(when % 10 == 0 for when in bench.called)
        assert bench.timer.calls + bench.timer.skips == 40
        assert len(set(bench.called)) == len(bench.called)

    asyncio.run(run())


async def test_a_watchdog_bites_once_a_period_until_it_is_fed() -> None:
    clock = ManualClock()
    bites: list[float] = []
    dog = Watchdog(5.0, bites.append, Pace(clock), name="dog")
    dog.start()
    for _ in range(10):
        await clock.advance(4)
        dog.feed()
    assert bites == []
    await clock.advance(16)
    assert bites == [5.0, 10.0, 15.0]
    dog.feed()
    await clock.advance(4.9)
    assert len(bites) == 3
    dog.stop()
    await clock.advance(100)
    assert len(bites) == 3

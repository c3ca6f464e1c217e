"""Waiting for a device, however fast time runs."""

from __future__ import annotations

import asyncio
import time

from labmesh.clock import ManualClock, Patience, WallClock, settle


async def test_simulated_seconds_alone_do_not_end_patience() -> None:
    clock = ManualClock()
    patience = Patience(clock, 5.0, least=0.05)
    await clock.advance(3600)
    assert not patience.over
    await asyncio.sleep(0.06)
    assert patience.over


async def test_wall_seconds_alone_do_not_end_it_either() -> None:
    clock = ManualClock()
    patience = Patience(clock, 5.0, least=0.01)
    await asyncio.sleep(0.02)
    assert not patience.over
    await clock.advance(6)
    assert patience.over


async def test_on_wall_time_nothing_is_added() -> None:
    patience = Patience(WallClock(), 0.01, least=60.0)
    await asyncio.sleep(0.02)
    assert patience.over


async def test_a_silence_is_long_enough_for_a_real_line() -> None:
    clock, begun = ManualClock(), time.monotonic()
    waiting = asyncio.create_task(settle(clock, 2.0, least=0.05))
    await clock.advance(3)
    assert not waiting.done()
    await waiting
    assert time.monotonic() - begun >= 0.05

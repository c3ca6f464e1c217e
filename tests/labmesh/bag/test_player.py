"""When what is played, and what a recorder does that cannot keep up: without a mesh."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from labmesh.bag import (
    RAW,
    Bag,
    BagChannel,
    BagMessage,
    Player,
    Recorder,
    Timing,
    TypeSchemas,
    Writing,
)
from labmesh.transport import Delivery
from messages.node import ClockTick

SECOND = 10**9
START = 1_700_000_000 * SECOND


def message(
    name: str,
    at: float,
    *,
    stamp: float | None = None,
    retained: bool = False,
    replayed: bool = False,
) -> BagMessage:
    channel = BagChannel(
        f"lab1/kit/asab/data/{name}", RAW, "kit/asab", retained=retained, replayed=replayed
    )
    log_time = START + round(at * SECOND)
    published = log_time if stamp is None else START + round(stamp * SECOND)
    return BagMessage(channel, name.encode(), log_time, published, 0)


class Heard:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.skipped: Counter[str] = Counter()
        self.names: list[str] = []

    async def send(self, messages: list[BagMessage]) -> int:
        self.names += [each.data.decode() for each in messages]
        return len(messages)

    async def settle(self) -> None:
        """Everything is."""

    async def clear(self) -> None:
        """Nothing is retained."""


RECORDED = [
    message("state", 0.0, stamp=-500.0, retained=True, replayed=True),
    message("a", 0.01, stamp=100.0),
    message("life", 0.02, stamp=160.0, retained=True),
    message("b", 0.03, stamp=150.0),
    message("c", 0.04, stamp=400.0),
]


async def play(timing: Timing, rounds: int = 1) -> tuple[list[str], list[ClockTick]]:
    heard, ticks = Heard(), list[ClockTick]()

    async def tick(each: ClockTick) -> None:
        ticks.append(each)

    player = Player(lambda: RECORDED, heard, timing, tick if timing.stamps else None)
    for _ in range(rounds):
        await player.round()
    assert player.played.messages == len(heard.names)
    assert player.played.rounds == rounds
    return heard.names, ticks


async def test_everything_in_its_order_again_and_again() -> None:
    names, _ = await play(Timing(rate=10.0), rounds=2)
    assert names == ["state", "a", "life", "b", "c"] * 2


async def test_a_late_start_begins_with_what_was_retained() -> None:
    names, _ = await play(Timing(rate=10.0, start=0.025, duration=0.01))
    assert names == ["state", "life", "b"]


async def test_by_stamps_time_never_runs_back_and_stands_at_the_end() -> None:
    names, ticks = await play(Timing(rate=3000.0, stamps=True))
    # What was retained holds at the beginning, however old it is.
    assert names == ["state", "a", "life", "b", "c"]
    assert START + 100 * SECOND <= ticks[0].time < START + 400 * SECOND
    assert (ticks[-1].time, ticks[-1].rate) == (START + 400 * SECOND, 0.0)


async def test_a_recorder_that_cannot_keep_up_says_how_much_it_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labmesh.bag._recorder._WAITING", -1)
    recorder = Recorder(tmp_path / "x.mcap", Writing(), {"site": "kit"}, TypeSchemas())
    for _ in range(3):
        recorder.take(Delivery("lab1/kit/asab/data/x", b"12"))
    progress = await recorder.close("stopped")
    assert (progress.messages, progress.dropped) == (0, 3)
    bag = Bag(tmp_path / "x.mcap")
    assert list(bag.messages()) == []
    assert bag.whole
    assert bag.ended == {"reason": "stopped", "dropped": "3"}

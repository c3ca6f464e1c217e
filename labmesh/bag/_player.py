"""Playing: each message at its time, again and again if so wished."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from labmesh.bag._record import BagMessage
from labmesh.bag._sinks import Sink
from messages.node import ClockTick

_BATCH: Final = 200
"""Messages that are due together and published together."""

_TICK: Final = 1.0
"""Wall seconds between two ticks, as of the clock node."""


@dataclass(frozen=True, slots=True)
class Timing:
    """When recorded messages are played.

    Attributes:
        rate: Recorded seconds a wall second.
        start: Seconds of receipt that are left out at the beginning; what was retained by then is
            published at once.
        duration: Seconds of receipt that are played, None for all.
        stamps: Keep the time of the stamps (that of the experiment), not that of receipt.
    """

    rate: float = 1.0
    start: float = 0.0
    duration: float | None = None
    stamps: bool = False


@dataclass(slots=True)
class Played:
    """What has been played so far."""

    messages: int = 0
    rounds: int = 0


class Player:
    """Plays recorded messages.

    Args:
        read: Yields them from the first one on; called once a round.
        sink: Publishes them.
        timing: When.
        tick: With it, publishes simulated time; given none, there is none.
    """

    def __init__(
        self,
        read: Callable[[], Iterable[BagMessage]],
        sink: Sink,
        timing: Timing,
        tick: Callable[[ClockTick], Awaitable[object]] | None = None,
    ) -> None:
        self.played = Played()
        self._read = read
        self._sink = sink
        self._timing = timing
        self._tick = tick

    async def round(self) -> None:
        """Play from beginning to end once. Errors as `Sink.send`."""
        timeline = self._timeline()
        first = next(timeline, None)
        if first is None:
            return
        begin, wall = first[0], time.time_ns()
        pace = _Pace(begin, wall, self._timing.rate)
        ticking = asyncio.create_task(self._ticks(pace), name="bag clock")
        try:
            await self._say(pace, self._timing.rate)
            batch = [first[1]]
            due = begin
            for due, message in timeline:
                if pace.seconds_until(due) > 0 or len(batch) >= _BATCH:
                    await self._send(batch)
                    batch = []
                    await pace.wait(due)
                batch.append(message)
            await self._send(batch)
            await self._sink.settle()
        finally:
            ticking.cancel()
        # Time stands where the recording ends, so that nobody runs ahead of another one.
        await self._say(_Pace(due, time.time_ns(), 0.0), 0.0)
        self.played.rounds += 1

    def _timeline(self) -> Iterator[tuple[int, BagMessage]]:
        """Yield when each message is due, on the chosen time, never going back."""
        timing = self._timing
        state: dict[str, BagMessage] = {}
        begin: int | None = None
        end: int | None = None
        due: int | None = None
        for message in self._read():
            if begin is None:
                begin = message.log_time + round(timing.start * 1e9)
                end = None if timing.duration is None else begin + round(timing.duration * 1e9)
            if message.log_time < begin:
                if message.channel.retained:
                    state[message.channel.topic] = message
                continue
            if end is not None and message.log_time >= end:
                return
            at = message.publish_time if timing.stamps else message.log_time
            if message.channel.replayed and timing.stamps:
                # It was said long before; what it says holds at the beginning.
                state[message.channel.topic] = message
                continue
            due = at if due is None else max(due, at)
            for earlier in state.values():
                yield due, earlier
            state.clear()
            yield due, message
        for earlier in state.values():
            yield due or earlier.publish_time, earlier

    async def _send(self, batch: list[BagMessage]) -> None:
        self.played.messages += await self._sink.send(batch)

    async def _ticks(self, pace: _Pace) -> None:
        while self._tick is not None:
            await asyncio.sleep(_TICK)
            await self._say(pace, pace.rate)

    async def _say(self, pace: _Pace, rate: float) -> None:
        if self._tick is not None:
            wall = time.time_ns()
            await self._tick(ClockTick(time=pace.time(wall), wall=wall, rate=rate))


@dataclass(frozen=True, slots=True)
class _Pace:
    """Recorded time ``begin`` was at wall time ``wall`` (ns both); it runs at ``rate``."""

    begin: int
    wall: int
    rate: float

    def time(self, wall: int) -> int:
        return self.begin + int((wall - self.wall) * self.rate)

    def seconds_until(self, due: int) -> float:
        return (due - self.begin) / self.rate / 1e9 - (time.time_ns() - self.wall) / 1e9

    async def wait(self, due: int) -> None:
        left = self.seconds_until(due)
        if left > 0:
            await asyncio.sleep(left)

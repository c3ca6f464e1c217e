"""Timers on the node's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from labmesh.streams._pace import Pace, stop_task
from messages.errors import ConfigurationError

_GRACE: Final = 5.0
"""Wall seconds that a callback has to end after it was told to."""

_SHORTEST: Final = 0.001
"""Seconds; a shorter period is a loop, not a timer."""


class Timer:
    """Calls back every period, counted from its start: no drift.

    A call that takes longer than a period makes the ones it ran over be left out, as in ROS 2; they
    are counted, and the next one comes at its own time.

    Args:
        name: For people.
        period: Returns the seconds between two calls; asked anew before each.
        call: The callback; must not raise.
        pace: Whose seconds.
        skipped: Told how many calls were left out.
        refused: Told of a period that is none; the one before it stands.

    Raises:
        ConfigurationError: The period is not positive.

    Attributes:
        calls: Calls so far.
        skips: Calls left out so far.
    """

    def __init__(
        self,
        name: str,
        period: Callable[[], float],
        call: Callable[[], Awaitable[None]],
        pace: Pace,
        *,
        skipped: Callable[[int], None] = lambda _times: None,
        refused: Callable[[ConfigurationError], None] = lambda _error: None,
    ) -> None:
        self.name = name
        self.calls = 0
        self.skips = 0
        self._period = period
        self._call = call
        self._pace = pace
        self._skipped = skipped
        self._refused = refused
        self._step = self._read_period()
        self._due = 0
        self._anew = False
        self._calling = False
        self._cancelled = True
        self._task: asyncio.Task[None] | None = None

    @property
    def period(self) -> float:
        """Seconds between two calls."""
        return self._period()

    @property
    def cancelled(self) -> bool:
        """Whether it calls no more, until `reset`."""
        return self._cancelled

    @property
    def running(self) -> bool:
        """Whether it has been started and calls."""
        return not self._cancelled

    @property
    def time_until_next_call(self) -> float:
        """Seconds; negative while a call is late, infinity while cancelled."""
        return float("inf") if self._cancelled else (self._due - self._pace.now()) / 1e9

    def reset(self) -> None:
        """Begin anew: the next call comes one period from now. Also starts a cancelled timer."""
        self._due = self._pace.now() + self._next_step()
        self._anew, self._cancelled = True, False
        if self._calling:
            return  # the loop goes on by itself
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"timer {self.name}")

    def cancel(self) -> None:
        """Call no more; a call that has begun goes on to its end."""
        self._cancelled = True
        if self._task is not None and not self._calling:
            self._task.cancel()
            self._task = None

    async def open(self) -> None:
        """As `reset`."""
        self.reset()

    async def close(self) -> None:
        """Call no more, and end the call that has begun."""
        task, self._cancelled = self._task, True
        self._task = None
        await stop_task(task, seconds=_GRACE)

    def _read_period(self) -> int:
        period = self._period()
        if not period >= _SHORTEST:
            raise ConfigurationError(
                f"a period of {period:g} s is too short",
                where=f"timer {self.name}",
                remedy=f"a timer waits {_SHORTEST:g} s at least",
            )
        return round(period * 1e9)

    def _next_step(self) -> int:
        try:
            self._step = self._read_period()
        except ConfigurationError as error:
            self._refused(error)
        return self._step

    async def _run(self) -> None:
        while not self._cancelled:
            await self._pace.sleep_until(self._due)
            self._anew = False
            self._calling = True
            self.calls += 1
            try:
                await self._call()
            finally:
                self._calling = False
            if not self._anew:
                self._advance()

    def _advance(self) -> None:
        step = self._next_step()
        left_out = max(0, (self._pace.now() - self._due) // step)
        if left_out:
            self.skips += left_out
            self._skipped(left_out)
        self._due += (left_out + 1) * step

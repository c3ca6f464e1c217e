"""Time in which periods and deadlines are counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from labmesh.clock import Clock


class Pace:
    """The node's clock where it is simulated; else the computer's, which nobody can set.

    Args:
        clock: The node's clock; None for wall time in any case, as liveness asks for.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock if clock is not None and clock.simulated else None

    def now(self) -> int:
        """Return nanoseconds since whenever; they never run backwards."""
        return time.monotonic_ns() if self._clock is None else self._clock.now()

    async def sleep_until(self, when: int) -> None:
        """Return when `now` has reached ``when``."""
        while (rest := when - self.now()) > 0:
            if self._clock is None:
                await asyncio.sleep(rest / 1e9)
            else:
                await self._clock.sleep(rest / 1e9)


class Watchdog:
    """Calls when it has not been fed for a period, and again after every further one.

    Args:
        seconds: The period.
        missed: Called with the seconds since it was last fed.
        pace: Whose seconds.
        name: Of its task.
    """

    def __init__(
        self, seconds: float, missed: Callable[[float], None], pace: Pace, *, name: str
    ) -> None:
        self._period = round(seconds * 1e9)
        self._missed = missed
        self._pace = pace
        self._name = name
        self._fed = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch, as if just fed."""
        self.feed()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._watch(), name=self._name)

    def feed(self) -> None:
        """Note that all is well at this moment."""
        self._fed = self._pace.now()

    def stop(self) -> None:
        """Watch no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    async def _watch(self) -> None:
        due = self._fed + self._period
        while True:
            await self._pace.sleep_until(due)
            now, fresh = self._pace.now(), self._fed + self._period
            if fresh > now:
                due = fresh
                continue
            self._missed((now - self._fed) / 1e9)
            due = now + self._period


async def stop_task(task: asyncio.Task[None] | None, *, seconds: float) -> bool:
    """Cancel a task, wait for its end, and tell whether it came within ``seconds``."""
    if task is None or task.done() or task is asyncio.current_task():
        return True
    task.cancel()
    await asyncio.wait([task], timeout=seconds)
    return task.done()

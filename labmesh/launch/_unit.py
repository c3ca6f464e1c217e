"""One planned process at run time: what is known of it, its runs, its end."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Final

from labmesh.launch._live import Row
from labmesh.launch._plan import ExecutableProcess, NodeProcess
from labmesh.launch._process import Child

_RANK: Final = {"unconfigured": 0, "inactive": 1, "active": 2}
_MAX_DELAY: Final = 30.0
_SIGNALS: Final = 128
"""Exit codes above it stand for a signal, as in a shell."""

_LONG_RUN: Final = 60.0
INTERRUPT_SECONDS: Final = 5.0
"""From SIGINT to SIGTERM, as ROS 2's launch has it (sigterm_timeout)."""
TERMINATE_SECONDS: Final = 5.0
"""From SIGTERM to SIGKILL (sigkill_timeout)."""


class Force:
    """How impatient the operator is: 0 politely, 1 SIGTERM now, 2 SIGKILL now."""

    def __init__(self) -> None:
        self.level = 0
        self._events = (asyncio.Event(), asyncio.Event())

    def raise_level(self) -> None:
        """Be one step less patient."""
        if self.level < len(self._events):
            self._events[self.level].set()
            self.level += 1

    async def wait(self, level: int) -> None:
        """Return once the level is at least ``level`` (1 or 2; above, never)."""
        if level > len(self._events):
            await asyncio.Event().wait()
        await self._events[level - 1].wait()


class Unit:
    """The state of one process of the plan.

    Attributes:
        plan: What was planned.
        label: What it is called on the screen.
        child: The present or last run.
        runs: How often it was started since it was last begun.
        restarts: How often it was started again, by itself or on request.
        since: Start of the present or last run, ns UTC; None before it.
        leaving: Whether it is being ended, and shall not be started again by itself.
        life: The lifecycle state of the present run, None before it said one.
        ready_once: Whether the present run has been ready.
        code: Its final exit code once it has ended for good.
        task: Runs it; None before its turn has come.
        gate: Held while a process is being made.
    """

    def __init__(self, plan: NodeProcess | ExecutableProcess, label: str) -> None:
        self.plan = plan
        self.label = label
        self.child: Child | None = None
        self.runs = 0
        self.restarts = -1
        self.since: int | None = None
        self.leaving = False
        self.life: str | None = None
        self.ready_once = False
        self.code: int | None = None
        self.task: asyncio.Task[None] | None = None
        self.gate = asyncio.Lock()
        self._retries = 0
        self._epoch: int | None = None
        self._former: set[int] = set()

    @property
    def running(self) -> bool:
        """Whether its program is alive."""
        return self.child is not None and self.child.running

    @property
    def over(self) -> bool:
        """Whether it has ended for good."""
        return self.code is not None

    @property
    def state(self) -> str:
        """One word: planned, waiting, starting, a lifecycle state, running, stopping, again ...

        ``planned``: its turn has not come. ``waiting``: for what it comes after. ``starting``: a
        node that has said nothing yet. ``respawning``: it will be started again. ``exited``,
        ``failed``, ``stopped``: it has ended well, badly, or because it was asked to.
        """
        if self.running:
            if self.leaving:
                return "stopping"
            return (
                "running" if isinstance(self.plan, ExecutableProcess) else self.life or "starting"
            )
        if self.code is not None:
            return "failed" if self.code else "exited"
        if self.leaving:
            return "stopped"
        if self.task is None:
            return "planned"
        return "respawning" if self.runs else "waiting"

    @property
    def last_line(self) -> str:
        """What it said last; empty when it has said nothing, or its container speaks for it."""
        if isinstance(self.plan, NodeProcess) and self.plan.container:
            return ""
        return self.child.tail[-1] if self.child is not None and self.child.tail else ""

    @property
    def row(self) -> Row:
        """What the live table shows of it."""
        return Row(
            self.label,
            self.state,
            self.child.pid if self.child is not None and self.running else None,
            self.since,
            max(self.restarts, 0),
            self.last_line,
        )

    def renew(self, plan: NodeProcess | ExecutableProcess, label: str) -> None:
        """Be as before the first run, perhaps with another plan. It must not run."""
        self.plan = plan
        self.label = label
        self.runs = 0
        self.life = None
        self.code = None
        self.task = None
        self.leaving = False
        self._retries = 0

    def new_run(self, child: Child) -> None:
        """Take note of a new run."""
        if self._epoch is not None:
            self._former.add(self._epoch)
        self.child = child
        self.since = time.time_ns()
        self.runs += 1
        self.restarts += 1
        self.life = None
        self.ready_once = isinstance(self.plan, ExecutableProcess)

    def take_life(self, state: str, epoch: int, *, retained: bool) -> bool:
        """Take a lifecycle state; return whether it is news of the present run.

        A retained one with the epoch of a former process (of this launch or before it) is not: the
        MQTT broker replays it whenever we connect.
        """
        if not self.running:
            self._former.add(epoch)
            return False
        if (retained and epoch in self._former) or state == self.life:
            return False
        self.life = state
        self._epoch = epoch
        autostart = isinstance(self.plan, NodeProcess) and self.plan.autostart
        self.ready_once |= satisfies(state, "active" if autostart else "unconfigured")
        return True

    def fulfils(self, state: str) -> bool:
        """Tell whether it is now as a dependency asks."""
        if state == "started":
            return self.runs > 0
        if state == "exited":
            return self.code == 0
        return satisfies(self.life, state) and self.running

    def respawn_delay(self, ran: float, code: int) -> float | None:
        """Return how many seconds to wait before the next run, None for no further run.

        Args:
            ran: How many seconds the last run lasted.
            code: With which it ended; above 128 by a signal.
        """
        respawn = self.plan.respawn
        if respawn is None or (respawn.when == "killed" and code <= _SIGNALS):
            return None
        self._retries = 1 if ran >= _LONG_RUN else self._retries + 1
        if respawn.max_retries is not None and self._retries > respawn.max_retries:
            return None
        longest = max(_MAX_DELAY, respawn.delay)
        return min(respawn.delay * 2.0 ** min(self._retries - 1, 16), longest)

    async def stop(
        self, force: Force, warn: Callable[[str], None], before: Awaitable[object]
    ) -> None:
        """End it: SIGINT, after 5 s SIGTERM, after 5 s SIGKILL. Its task ends soon after.

        Args:
            force: Cuts the waits short.
            warn: Takes a line when it does not end when asked.
            before: What should be over first, unless forced.
        """
        already, self.leaving = self.leaving, True
        if already and self.child is not None:
            await self.child.wait()
            return
        await _first(before, force.wait(1))
        async with self.gate:
            pass  # a process that is being made now is there from here on
        if self.task is not None and not self.running:
            self.task.cancel()
        child = self.child
        if child is None or not self.running:
            return
        steps = (
            (signal.SIGINT, INTERRUPT_SECONDS),
            (signal.SIGTERM, TERMINATE_SECONDS),
            (signal.SIGKILL, None),
        )
        for level, (number, patience) in enumerate(steps):
            if level < force.level:
                continue
            if level:
                warn(f"{self.label} does not end, sending {number.name}")
            child.signal(number)
            await _first(child.wait(), force.wait(level + 1), timeout=patience)
            if not child.running:
                return


def satisfies(state: str | None, wanted: str) -> bool:
    """Tell whether a node in ``state`` has reached ``wanted``: active is beyond inactive."""
    if state is None:
        return False
    if state in _RANK and wanted in _RANK:
        return _RANK[state] >= _RANK[wanted]
    return state == wanted


async def _first(*work: Awaitable[object], timeout: float | None = None) -> None:  # noqa: ASYNC109
    """Return when one of ``work`` is done, or after ``timeout`` seconds."""
    tasks = {asyncio.ensure_future(item) for item in work}
    await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

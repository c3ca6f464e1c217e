"""The simulated arm: its queue of motions, where it is at any time, and what stops it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from labmesh.clock import Clock
from nodes.autobass.devices import _meca_codes as codes
from nodes.autobass.devices._meca_limits import Joints, ReachError
from nodes.autobass.sim._meca_motion import DEFAULTS, Motion, Settings, plan

Say = Callable[[int, str], None]

RESTING: Final[Joints] = (0.0, -60.0, 60.0, 0.0, 0.0, 0.0)
"""Where the arm is before anybody has moved it: folded, as it is shipped (user manual)."""


_TICK: Final = 1e-6
"""Seconds; clocks count nanoseconds, so that less than one might never pass."""


@dataclass(frozen=True)
class Item:
    """One entry of the motion queue; names in lower case."""

    name: str
    arguments: tuple[float, ...] = ()


class Arm:
    """Works its queue off, on a clock.

    Args:
        clock: Whose time motions take.
        say: Tells the client a code and its data.
        gripper: Starts the gripper: a command's name and its arguments.

    Attributes:
        settings: Speeds, frames, limits, work zone.
        error: The code of the error it is in; 0: none.
        collides: The next motion ends half-way, in a collision.
        jammed: Motions do not proceed.
    """

    def __init__(
        self, clock: Clock, say: Say, gripper: Callable[[str, tuple[float, ...]], None]
    ) -> None:
        self.settings = Settings()
        self.activated = self.homed = self.paused = False
        self.error = 0
        self.collides = self.jammed = False
        self._clock = clock
        self._say = say
        self._gripper = gripper
        self._rest: Joints = RESTING
        self._queue: deque[Item] = deque()
        self._motion: Motion | None = None
        self._done = 0.0
        self._since: int | None = None
        self._news = asyncio.Event()

    def power(self) -> None:
        """Power goes or comes: forget all but where the arm is; its brakes hold it."""
        self._rest = self.joints
        self._motion, self._since = None, None
        self._queue.clear()
        self.settings.values = dict(DEFAULTS)
        self.activated = self.homed = self.paused = False
        self.error = 0

    @property
    def joints(self) -> Joints:
        """Where the arm is now."""
        if self._motion is None:
            return self._rest
        return self._motion.at(self._done + self._running)

    @property
    def moving(self) -> bool:
        """Whether a motion has begun and not ended."""
        return self._motion is not None

    @property
    def pending(self) -> int:
        """Commands of the queue that are not finished."""
        return len(self._queue) + self.moving

    def activate(self) -> None:
        """Switch the motors on: settings are the defaults again."""
        self.activated, self.paused = True, False
        self.settings.values = dict(DEFAULTS)

    def deactivate(self) -> None:
        """Switch the motors off."""
        self.clear()
        self.activated = self.homed = False

    def add(self, item: Item) -> None:
        """Queue a command."""
        self._queue.append(item)
        self._news.set()

    def pause(self) -> None:
        """Hold the motion where it is."""
        self._hold()
        self.paused = True
        self._news.set()

    def resume(self) -> None:
        """Go on."""
        self.paused = False
        self._news.set()

    def clear(self) -> None:
        """Stop now, forget the queue, and hold; discarded checkpoints are said."""
        self._rest = self.joints
        self._motion, self._since = None, None
        waiting, self._queue = list(self._queue), deque()
        for item in waiting:
            if item.name == "setcheckpoint":
                self._say(codes.CHECKPOINT_DISCARDED, f"{item.arguments[0]:.0f}")
        self.paused = True
        self._news.set()

    def fail(self, code: int, text: str) -> None:
        """Stop in error."""
        if not self.error:
            self.error = code
            self._say(code, text)
            self.clear()

    async def live(self) -> None:
        """Work the queue off until cancelled."""
        while True:
            while self.paused or not self._queue:
                await self._wait()
            item = self._queue.popleft()
            try:
                finished = await self._perform(item)
            except ReachError as error:
                self.fail(error.code, error.text)
                continue
            if finished and not self._queue:
                self._say(codes.END_OF_BLOCK, "End of block.")

    async def _perform(self, item: Item) -> bool:
        name, arguments = item.name, item.arguments
        if name == "setcheckpoint":
            self._say(codes.CHECKPOINT, f"{arguments[0]:.0f}")
        elif name.startswith("set"):
            self.settings.values[name[3:]] = arguments
        elif "gripper" in name:
            self._gripper(name, arguments)
        else:
            return await self._travel(plan(name, arguments, self.joints, self.settings))
        return True

    async def _travel(self, motion: Motion) -> bool:
        """Move, with holds in between; False when the motion was stopped for good."""
        collides, end = self.collides and motion.path[0] != motion.path[-1], motion.duration
        if collides:
            self.collides, end = False, motion.duration / 2
        self._motion, self._done = motion, 0.0
        while self._done < end:
            if self.paused or self.jammed:
                await self._wait()
            else:
                self._since = self._clock.now()
                await self._sleep(max(end - self._done, _TICK))
            if self._motion is not motion:
                return False
            self._hold()
        if collides:
            self.fail(codes.COLLISION, "Collision detected.")
            return False
        self._rest, self._motion = motion.path[-1], None
        if not self._queue or not self._queue[0].name.startswith("move"):
            self._say(codes.END_OF_MOTION, "End of movement.")
        return True

    def jam(self, *, jammed: bool) -> None:
        """Block the arm, or free it."""
        self._hold()
        self.jammed = jammed
        self._news.set()

    @property
    def _running(self) -> float:
        return 0.0 if self._since is None else (self._clock.now() - self._since) / 1e9

    def _hold(self) -> None:
        """Add what has passed since the motion went on."""
        self._done += self._running
        self._since = None

    async def _sleep(self, seconds: float) -> None:
        """Let time pass, or less of it when there is news."""
        self._news.clear()
        tasks = [
            asyncio.ensure_future(self._clock.sleep(seconds)),
            asyncio.ensure_future(self._news.wait()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()

    async def _wait(self) -> None:
        self._news.clear()
        await self._news.wait()

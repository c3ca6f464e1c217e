"""Faults that a simulator plays, on order."""

from __future__ import annotations

import asyncio
import difflib
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from labmesh.clock import Clock
from messages.errors import ConfigurationError

COMMON_FAULTS: Final = {
    "no_answer": "what the device sends is lost",
    "garbage": "what the device sends arrives as random bytes of the same number",
    "stall": "the device stops in the middle of an answer; the rest comes when it is cleared",
    "power_cut": "the device loses power: connections break, and once cleared it is as after "
    "power-up",
}
"""Faults that every simulator plays."""


@dataclass(frozen=True, slots=True)
class FaultOrder:
    """A fault to be played. As text: ``no_answer``, ``stall:after=5,lasts=10``, ``nak:times=1``.

    Attributes:
        kind: Which.
        after: Seconds of the simulator's clock until it begins.
        lasts: Seconds of the simulator's clock until it is cleared by itself; None: never.
        times: How often it strikes before it is cleared by itself; None: without end.
    """

    kind: str
    after: float = 0.0
    lasts: float | None = None
    times: int | None = None

    @classmethod
    def parse(cls, text: str) -> FaultOrder:
        """Read the text form.

        Raises:
            ConfigurationError: It is not of that form.
        """
        kind, _, rest = text.partition(":")
        values: dict[str, float] = {}
        for part in filter(None, rest.split(",")):
            name, _, number = part.partition("=")
            try:
                values[name.strip()] = float(number)
            except ValueError:
                values["?"] = 0
        known = {"after", "lasts", "times"}
        if values.keys() - known or any(not 0 <= value < 1e9 for value in values.values()):
            raise ConfigurationError(
                f"{text!r} is no fault",
                remedy="write it as kind, kind:after=5 or kind:after=5,lasts=10,times=1",
            )
        times = values.get("times")
        return cls(
            kind.strip(), values.get("after", 0.0), values.get("lasts"),
            int(times) if times is not None else None,
        )  # fmt: skip


class Faults:
    """The faults of one simulator: ordered, in force, counted.

    Args:
        kinds: Every kind with what it does.
        clock: Of the simulator.
        seed: Of the garbage.

    Attributes:
        kinds: As given.
        counts: How often each has struck.
        changed: Called with a kind and whether it begins (True) or ends.
    """

    def __init__(self, kinds: Mapping[str, str], clock: Clock, *, seed: int = 0) -> None:
        self.kinds = dict(kinds)
        self.counts: Counter[str] = Counter()
        self.changed: list[Callable[[str, bool], None]] = []
        self._clock = clock
        self._random = random.Random(seed)  # noqa: S311 - garbage, not secrets
        self._active: dict[str, int | None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()

    # What a simulator asks.

    def active(self, kind: str) -> bool:
        """Return whether a fault is in force; counts nothing."""
        return kind in self._active

    def strike(self, kind: str) -> bool:
        """Return whether a fault is in force, and count that it strikes."""
        if kind not in self._active:
            return False
        self.counts[kind] += 1
        left = self._active[kind]
        if left is not None:
            self._active[kind] = left - 1
            if left <= 1:
                self.clear(kind)
        return True

    def take(self, kind: str) -> bool:
        """As `strike`, and clear it: for what happens once, a collision say."""
        struck = self.strike(kind)
        if struck:
            self.clear(kind)
        return struck

    def garbage(self, count: int) -> bytes:
        """Return random bytes."""
        return self._random.randbytes(count)

    async def cleared(self, kind: str) -> None:
        """Return when a fault is not in force."""
        while kind in self._active:
            self._news.clear()
            await self._news.wait()

    # What whoever tests asks.

    @property
    def in_force(self) -> list[str]:
        """The kinds that are in force."""
        return sorted(self._active)

    def order(self, order: FaultOrder | str) -> None:
        """Play a fault.

        Raises:
            ConfigurationError: The simulator knows no such fault; says which it knows.
        """
        order = FaultOrder.parse(order) if isinstance(order, str) else order
        self.check(order.kind)
        if order.after:
            self._later(order.after, lambda: self._begin(order))
        else:
            self._begin(order)

    def check(self, kind: str) -> None:
        """Raise ConfigurationError where a kind is not known."""
        check_kind(self.kinds, kind)

    def clear(self, kind: str | None = None) -> None:
        """End a fault, or all of them, those to come included.

        Raises:
            ConfigurationError: As `order`.
        """
        if kind is not None:
            self.check(kind)
        else:
            self._forget_timers()
        for each in [kind] if kind is not None else list(self._active):
            if each in self._active:
                del self._active[each]
                self._tell(each, begins=False)
        self._news.set()

    def close(self) -> None:
        """Forget what is to come."""
        self._forget_timers()

    def _begin(self, order: FaultOrder) -> None:
        self._active[order.kind] = order.times
        self._tell(order.kind, begins=True)
        if order.lasts is not None:
            self._later(order.lasts, lambda: self.clear(order.kind))

    def _tell(self, kind: str, *, begins: bool) -> None:
        for changed in self.changed:
            changed(kind, begins)

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        async def wait() -> None:
            await self._clock.sleep(seconds)
            self._tasks.discard(task)
            act()

        task = asyncio.get_running_loop().create_task(wait(), name="fault")
        self._tasks.add(task)

    def _forget_timers(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()


def check_kind(kinds: Mapping[str, str], kind: str) -> None:
    """Raise ConfigurationError where a kind is not among those known."""
    if kind not in kinds:
        close = difflib.get_close_matches(kind, kinds, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise ConfigurationError(
            f"no fault is called {kind!r}", remedy=f"{hint}there are {', '.join(kinds)}"
        )

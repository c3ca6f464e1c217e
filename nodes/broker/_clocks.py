"""Whose clock is off: noticed from calls that come, and asked of a node on every machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from messages.errors import LabmeshError
from messages.ids import NodeId
from messages.model import JsonObject

TOLERANCE: Final = 30.0
"""Seconds. More than a message's way and whole seconds of expiry explain; less than would harm:
nothing in the mesh compares two machines' clocks but a request's ``expires``."""

_LOOK: Final = (5.0, 60.0)
"""Wall seconds between two looks at who is there, and between two questions to one machine."""

_AT_ONCE: Final = 20
"""Machines asked at one look."""

_SHOWN: Final = 5

Machine = tuple[str, str]
"""Site and host; of who has no presence, a visitor, site and name."""


class ClockWatch:
    """Compares other machines' clocks with this one's.

    Args:
        me: Who compares.
        ask: Calls ``node.ping`` of a node.
        hosts: Gives the machine of every node that can be called now.
        tell: Told in words whose clocks are off, with the seconds by machine; empty when none is.
    """

    def __init__(
        self,
        me: str,
        ask: Callable[[NodeId], Awaitable[JsonObject]],
        hosts: Callable[[], dict[str, str]],
        tell: Callable[[str, dict[str, float]], None],
    ) -> None:
        self._me = me
        self._ask = ask
        self._look = hosts
        self._tell = tell
        self._hosts: dict[str, str] = {}
        self._asked: dict[Machine, float] = {}
        self._off: dict[Machine, tuple[str, float]] = {}

    def note(self, node: str, seconds: float) -> None:
        """Take word of how far a node's clock is ahead of ours; negative is behind."""
        machine = self._machine(node)
        was = self._off.pop(machine, None)
        if abs(seconds) > TOLERANCE:
            self._off[machine] = (node, seconds)
        now = self._off.get(machine)
        # A clock drifts; what is said changes only with what is to be done.
        if (was is None) != (now is None) or (was and now and abs(was[1] - now[1]) > TOLERANCE):
            self._say()

    async def run(self) -> None:
        """Ask one node of every machine, now and then, until cancelled."""
        while True:
            for node in self._due(time.monotonic()):
                await self._measure(node)
            await asyncio.sleep(_LOOK[0])

    def _due(self, now: float) -> list[NodeId]:
        self._hosts = self._look()
        own = self._machine(self._me)
        found: dict[Machine, NodeId] = {}
        for name in self._hosts:
            machine = self._machine(name)
            last = self._asked.get(machine)
            if machine != own and (last is None or now - last >= _LOOK[1]):
                found.setdefault(machine, NodeId.parse(name))
        chosen = dict(list(found.items())[:_AT_ONCE])
        self._asked |= dict.fromkeys(chosen, now)
        return list(chosen.values())

    async def _measure(self, node: NodeId) -> None:
        before, start = time.time_ns(), time.monotonic()
        try:
            wall = (await self._ask(node)).get("wall")
        except LabmeshError:
            return  # another look comes
        if isinstance(wall, int):
            half = (time.monotonic() - start) / 2
            self.note(str(node), (wall - before) / 1e9 - half)

    def _machine(self, node: str) -> Machine:
        site, _, name = node.partition("/")
        return site, self._hosts.get(node) or name

    def _say(self) -> None:
        worst = sorted(self._off.values(), key=lambda item: -abs(item[1]))
        words = [
            f"the clock of {node} is {abs(seconds):.0f} s {'ahead' if seconds > 0 else 'behind'}"
            for node, seconds in worst[:_SHOWN]
        ]
        if len(worst) > _SHOWN:
            words.append(f"and {len(worst) - _SHOWN} others are off")
        self._tell("; ".join(words), {node: round(seconds) for node, seconds in worst})

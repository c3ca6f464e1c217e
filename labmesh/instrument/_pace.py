"""How fast simulated time may run while an instrument works."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from labmesh.clock import Clock, ScaledClock
from messages.errors import LabmeshError

_LEASE: Final = 3.0
"""Wall seconds for which the clock keeps to a hold that is not renewed: should this process die,
time runs on."""

_LOOK, _LOOKS = 0.005, 400
"""Wall seconds between two looks whether a tick says that time has slowed down, and how many."""


class Pace:
    """Holds the mesh's clock back while orders are in hand.

    A driver's answer takes milliseconds by the wall, whatever the clock says: at 20 000 simulated
    seconds a second each of them would count as half a minute, and a cell would dry out on the
    post. So an instrument says how fast time may run while it works, and the clock node keeps to
    the slowest of those who work.

    Args:
        clock: Of the node. Nothing is held unless it is a simulated one.
        rate: Returns the greatest rate, 0 for any.
        call: Calls a service of the clock node.
        warn: Hears that the clock node did not listen.
    """

    def __init__(
        self,
        clock: Clock,
        rate: Callable[[], float],
        call: Callable[[str, dict[str, Any]], Awaitable[Any]],
        warn: Callable[[str], None],
    ) -> None:
        self._clock, self._rate, self._call, self._warn = clock, rate, call, warn
        self._users = 0
        self._keeper: asyncio.Task[None] | None = None
        self._held = asyncio.Event()

    def begin(self) -> None:
        """Hold the clock back from now on."""
        self._users += 1
        if self._keeper is None and isinstance(self._clock, ScaledClock) and self._rate():
            self._held.clear()
            self._keeper = asyncio.create_task(self._keep(), name="pace")

    def end(self) -> None:
        """Let the clock go, unless another order is in hand."""
        self._users -= 1
        if not self._users and self._keeper is not None:
            self._keeper.cancel()
            self._keeper = None

    async def ready(self) -> None:
        """Return when time has slowed down, or the clock node does not listen."""
        if self._keeper is not None:
            await self._held.wait()

    async def _keep(self) -> None:
        said = False
        try:
            while True:
                try:
                    await self._call("clock.hold", {"rate": self._rate(), "seconds": _LEASE})
                    await self._followed()
                except LabmeshError as error:
                    if not said:
                        self._warn(f"simulated time may run too fast for this instrument: {error}")
                    said = True
                self._held.set()
                await asyncio.sleep(_LEASE / 3)
        finally:
            self._held.set()
            await self._let_go()

    async def _followed(self) -> None:
        """Wait until the tick with the new rate has come: it takes another way than the answer."""
        clock = self._clock
        for _ in range(_LOOKS):
            if not isinstance(clock, ScaledClock) or clock.rate <= self._rate():
                return
            await asyncio.sleep(_LOOK)
        self._warn("the clock node holds simulated time back, but no tick says so")

    async def _let_go(self) -> None:
        try:
            await self._call("clock.release", {})
        except LabmeshError:
            return  # The hold ends by itself.

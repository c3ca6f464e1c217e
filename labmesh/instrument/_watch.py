"""The watchdog: devices that do not answer, an MQTT broker that is not there."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

from messages.errors import LabmeshError
from messages.node import Level
from messages.safety import Condition

if TYPE_CHECKING:
    from labmesh.instrument._body import InstrumentBody

_TICK: Final = 0.5
"""Wall seconds between two looks."""
_REVIEW: Final = 30.0
"""Wall seconds between two looks at what expires."""


class Watch:
    """Looks after one instrument.

    Attributes:
        lost: Why no new order may begin (the MQTT broker is lost), or empty.
    """

    def __init__(self, node: InstrumentBody[Any]) -> None:
        self._node = node
        self._gone_since: float | None = None
        self._last_beat = 0.0
        self._last_review = 0.0
        self._back = asyncio.Event()
        self._back.set()
        self.lost = ""

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            patience = self._node.parameters.connection_patience
            await asyncio.sleep(min(_TICK, patience / 2, self._node.parameters.heartbeat_interval))
            await self.look(time.monotonic())

    async def look(self, now: float) -> None:
        """Look once, at wall second ``now`` (monotonic)."""
        await self._look_at_connections(now)
        if now - self._last_review >= _REVIEW:
            self._last_review = now
            self._node.review_calibrations()
        due = now - self._last_beat >= self._node.parameters.heartbeat_interval
        if due and self._node.condition is Condition.IDLE and not self._node.dry_run:
            self._last_beat = now
            await self._ask_devices()

    async def until_back(self) -> None:
        """Return when the MQTT broker is there."""
        await self._back.wait()

    async def _look_at_connections(self, now: float) -> None:
        node = self._node
        gone = [
            name
            for name, there in (
                ("the MQTT broker", node.transport.connected),
                ("the line of emergency stops", node.stops_are_heard),
            )
            if not there
        ]
        if not gone:
            if self.lost:
                words = f"back after {now - (self._gone_since or now):.0f} s without"
                self._back_again(words)
            self._gone_since = None
            return
        if self._gone_since is None:
            self._gone_since = now
        patience = node.parameters.connection_patience
        if not self.lost and now - self._gone_since >= patience:
            await self._lose(f"{' and '.join(gone)} lost for {patience:g} s")

    async def _lose(self, why: str) -> None:
        node = self._node
        self.lost = why
        self._back.clear()
        policy = node.parameters.on_connection_loss
        node.log.error(f"{why}: no order is begun", policy=policy)
        remedy = "see to the network and the MQTT broker; the instrument goes on by itself then"
        node.diagnose("connection", Level.ERROR, f"{why}: no order is begun", remedy=remedy)
        if policy == "park" and node.condition is Condition.IDLE:
            await node.park_now(why)
        else:
            node.review()

    def _back_again(self, words: str) -> None:
        self.lost = ""
        self._back.set()
        self._node.log.info(f"the MQTT broker is {words}")
        self._node.diagnose("connection", Level.OK, words)
        self._node.unpark()

    async def _ask_devices(self) -> None:
        node, patience = self._node, self._node.parameters.heartbeat_timeout
        try:
            async with asyncio.timeout(patience):
                await node.heartbeat()
        except TimeoutError:
            why, remedy = f"a device has not answered within {patience:g} s", ""
        except LabmeshError as error:
            why, remedy = f"{error.where}: {error.what}".removeprefix(": "), error.remedy
        except Exception as error:  # noqa: BLE001 - a driver's
            why, remedy = f"{type(error).__name__}: {error}", ""
        else:
            return
        if node.condition is Condition.IDLE:
            remedy = remedy or "check its power and its cable"
            node.fault(why, remedy=f"{remedy}; then labmesh estop reset {node.id}")

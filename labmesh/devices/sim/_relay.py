"""Simulator of an Arduino with relays."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from labmesh.clock import Clock
from labmesh.devices._relay import GAP, PULSE
from labmesh.sim import SimLine, SimPort, Simulator, SimulatorOptions
from messages.model import JsonObject


class RelayOptions(SimulatorOptions):
    """What may be set of the simulated board."""

    count: int = Field(4, ge=1, le=9, description="number of relays")
    gap: float = Field(
        GAP, gt=0, description="seconds of silence after which a command is taken as complete"
    )
    stuck: int = Field(1, ge=1, description="the relay that the fault relay_stuck concerns")


class RelaySimulator(Simulator[RelayOptions]):
    """Switches by ``1_1``, ``1_0``, ``1_pulse``, ``1_read``; ended by a pause or a line feed.

    Attributes:
        relays: State of each relay's contact, by number.
        switched: How often each has been switched on.
        last_on: When each was switched on last (ns).
    """

    title: ClassVar[str] = "Arduino relay board (simulated)"
    ports: ClassVar[tuple[SimPort, ...]] = (
        SimPort("serial", "serial", 0, "commands without terminator, 9600 8N1", "baud=9600"),
    )
    fault_kinds: ClassVar[Mapping[str, str]] = {
        "relay_stuck": "relay `stuck` stays as it is, and the board says so",
        "reset": "the board restarts: every relay falls off",
    }
    Options: ClassVar[type[SimulatorOptions]] = RelayOptions

    def __init__(self, options: RelayOptions | None = None, *, clock: Clock | None = None) -> None:
        super().__init__(options, clock=clock)
        self.relays: dict[int, bool] = {}
        self.switched: dict[int, int] = {}
        self.last_on: dict[int, int] = {}

    async def start(self) -> None:
        """Power comes on: every relay is off."""
        self.relays = dict.fromkeys(range(1, self.options.count + 1), False)

    async def stop(self) -> None:
        """Power goes: every relay falls off."""
        self.relays = dict.fromkeys(self.relays, False)

    def look(self) -> JsonObject:
        """Return which relays are on, how often each was switched on, and when last."""
        return {
            str(number): {
                "on": on, "switched_on": self.switched.get(number, 0),
                "last_on": self.last_on.get(number),
            }
            for number, on in self.relays.items()
        }  # fmt: skip

    def trip(self, kind: str) -> None:
        """Restart."""
        if kind == "reset":
            self.faults.clear(kind)
            self.relays = dict.fromkeys(self.relays, False)

    async def serve(self, port: str, line: SimLine) -> None:
        """Take commands as the firmware does: up to a line feed, or until nothing comes."""
        waiting = b""
        while True:
            while b"\n" not in waiting:
                more = await self._read(line, timed=bool(waiting))
                waiting += more
                if not more:
                    break
            text, _, waiting = waiting.partition(b"\n")
            await line.write((await self._handle(text.decode("ascii", "replace"))).encode())

    async def _read(self, line: SimLine, *, timed: bool) -> bytes:
        """Return what comes; nothing, where it is timed, when nothing comes for a while."""
        if not timed:
            return await line.read()
        reading = asyncio.ensure_future(line.read())
        quiet = asyncio.ensure_future(self.clock.sleep(self.options.gap))
        try:
            await asyncio.wait({reading, quiet}, return_when=asyncio.FIRST_COMPLETED)
            return reading.result() if reading.done() else b""
        finally:
            reading.cancel()
            quiet.cancel()

    async def _handle(self, text: str) -> str:
        number, _, verb = text.partition("_")
        relay = int(number) if number.isdecimal() and len(number) == 1 else 0
        if relay not in self.relays or verb not in {"0", "1", "pulse", "read"}:
            return "Invalid input"
        if verb == "pulse":
            self._switch(relay, on=True)
            await self.clock.sleep(PULSE)
            self._switch(relay, on=False)
            return ""
        if verb != "read":
            self._switch(relay, on=verb == "1")
        return f"Relay_{relay} {'on' if self.relays[relay] else 'off'}"

    def _switch(self, relay: int, *, on: bool) -> None:
        if relay == self.options.stuck and self.faults.strike("relay_stuck"):
            return
        if on and not self.relays[relay]:
            self.switched[relay] = self.switched.get(relay, 0) + 1
            self.last_on[relay] = self.clock.now()
        self.relays[relay] = on

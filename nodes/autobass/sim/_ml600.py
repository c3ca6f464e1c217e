"""A Hamilton Microlab 600 that is not there (protocol 1/RNO+)."""

from __future__ import annotations

import asyncio
import re
from typing import ClassVar, Final

from pydantic import Field

from labmesh.sim import SimLine, SimPort, Simulator, SimulatorOptions
from messages.model import JsonObject

_STROKE: Final = 48_000
_COMMAND: Final = re.compile(
    r"^(?P<name>YQP|T1|T2|E1|[XPDMIOFZGU])(?P<steps>\d*)(S(?P<speed>\d+))?R$"
)


class ML600Options(SimulatorOptions):
    """What the pump is."""

    syringe: float = Field(default=100e-9, gt=0, description="volume of the syringe, m3")
    valve_time: float = Field(default=0.5, ge=0, description="s to turn the valve; assumed")
    lost_steps: int = Field(default=0, ge=0, description="by which each stroke stays short")


class ML600Simulator(Simulator[ML600Options]):
    """One syringe with its valve; refuses what leaves its stroke or speed, and while it moves.

    Attributes:
        position: Of the plunger, in steps.
        given: Strokes out of the needle since power-up or `given.clear()`, in steps.
        taken: Strokes in, likewise.
        last_given: When the last of `given` ended (ns), or None.
    """

    title = "Hamilton Microlab 600 (simulated)"
    ports = (
        SimPort("serial", "serial", description="protocol 1/RNO+",
                settings="baud=9600&bytes=7&parity=O&stop=1"),
    )  # fmt: skip
    fault_kinds: ClassVar[dict[str, str]] = {
        "nak": "commands are answered with NAK",
        "blocked": "the plunger does not move, and the syringe reports an error",
    }
    Options = ML600Options

    async def start(self) -> None:
        """Power comes on: not initialised, valve anywhere."""
        self.position = getattr(self, "position", 0)
        self.given: list[int] = getattr(self, "given", [])
        self.taken: list[int] = getattr(self, "taken", [])
        self.last_given: int | None = getattr(self, "last_given", None)
        self._initialised = False
        self._valve = "I"
        self._error = False
        self._motion: asyncio.Task[None] | None = None

    def look(self) -> JsonObject:
        """Return where the plunger is, and what has come out of the needle."""
        return {
            "moving": self._moving,
            "volume_in_syringe": self.position / _STROKE * self.options.syringe,
            "strokes_given": len(self.given),
            "last_given": self.last_given,
        }

    async def serve(self, port: str, line: SimLine) -> None:
        """Answer commands, one at a time."""
        while True:
            command = (await line.read_until(b"\r"))[:-1].decode("ascii", "replace")
            answer = self._answer(command)
            if answer is not None:
                await line.write(answer.encode("ascii") + b"\r")

    def _answer(self, command: str) -> str | None:
        if command == "1a":
            return "1b"
        if not command.startswith("a"):
            return None  # of another pump in the chain: it keeps silent
        if command in ("aK", "aV"):
            self._stop()
            return "\x06"
        match = _COMMAND.match(command[1:])
        if match is None or self.faults.strike("nak"):
            return "\x15"
        data = self._do(match["name"], int(match["steps"] or 0), int(match["speed"] or 12))
        return "\x15" if data is None else f"\x06{data}"

    def _do(self, name: str, steps: int, speed: int) -> str | None:
        questions = {
            "F": "*" if self._moving else "Y",
            "Z": "Y" if self._error else "N",
            "G": "N",
            "T1": "A" if self._moving else "@",
            "T2": "A" if self._error else "@",
            "E1": "@",
            "YQP": str(self.position),
            "U": "NV01.02.A",
        }
        if name in questions:
            return questions[name]
        if self._moving or not 2 <= speed <= 3692:
            return None
        if name == "X":
            self._initialised, self._error, self._valve = True, False, "O"
            return self._move(0, speed)
        if not self._initialised:
            return None
        if name in "IO":
            self._valve = name
            self._motion = self.spawn(self.clock.sleep(self.options.valve_time), name="valve")
            return ""
        target = {"P": self.position + steps, "D": self.position - steps, "M": steps}[name]
        return self._move(target, speed) if 0 <= target <= _STROKE else None

    def _move(self, target: int, speed: int) -> str:
        if self.faults.active("blocked"):
            self._error = True
        else:
            self._motion = self.spawn(self._travel(target, speed), name="plunger")
        return ""

    async def _travel(self, target: int, speed: int) -> None:
        """Move, and count what left or entered, also if it is stopped on the way."""
        start, began = self.position, self.clock.now()
        way = target - start
        way -= min(self.options.lost_steps, abs(way)) * (1 if way > 0 else -1)
        seconds = abs(way) / _STROKE * speed
        try:
            await self.clock.sleep(seconds)
            done = way
        except asyncio.CancelledError:
            done = round(way * min((self.clock.now() - began) / 1e9 / max(seconds, 1e-9), 1))
            raise
        finally:
            self.position = start + done
            if self._valve == "O" and done < 0:
                self.given.append(-done)
                self.last_given = self.clock.now()
            elif self._valve == "I" and done > 0:
                self.taken.append(done)

    def _stop(self) -> None:
        if self._motion is not None:
            self._motion.cancel()

    @property
    def _moving(self) -> bool:
        return self._motion is not None and not self._motion.done()

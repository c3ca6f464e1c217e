"""A Sartorius rLINE dispensing module, 200 uL, that is not there."""

from __future__ import annotations

import asyncio
import re
from typing import ClassVar, Final

from pydantic import Field

from labmesh.sim import SimLine, SimPort, Simulator, SimulatorOptions
from nodes.autobass.devices._rline import UNCHECKED, frame, unframe

_STEP: Final = 0.5e-9
_HOME, _LAST = 30, 443
_SPEEDS: Final = (31e-9, 50e-9, 80e-9, 115e-9, 150e-9, 190e-9)
"""m3/s of the six speeds [assumed, of the order that public drivers name]."""
_COMMAND: Final = re.compile(r"^(R[IOZBES]|S[IO]|D[SEPN])(\d*)$")


class RLineOptions(SimulatorOptions):
    """What the module is."""

    checked: bool = Field(default=False, description="frames carry a checksum")


class RLineSimulator(Simulator[RLineOptions]):
    """One module; refuses what leaves the piston's way, and while it moves.

    Attributes:
        position: Of the piston, in steps; 30 is empty.
        given: Strokes out, in steps.
        taken: Strokes in, in steps.
        tips: Tips thrown off.
    """

    title = "Sartorius rLINE 200 uL (simulated)"
    ports = (
        SimPort("serial", "serial", description="rLINE protocol",
                settings="baud=9600&bytes=8&parity=N&stop=1"),
    )  # fmt: skip
    fault_kinds: ClassVar[dict[str, str]] = {
        "er4": "the drive says that it is busy",
        "drive_error": "the drive fails: general error 8",
    }
    Options = RLineOptions

    async def start(self) -> None:
        """Power comes on: the piston is where it was, speeds are the device's own."""
        self.position = getattr(self, "position", _HOME)
        self.given: list[int] = getattr(self, "given", [])
        self.taken: list[int] = getattr(self, "taken", [])
        self.tips: int = getattr(self, "tips", 0)
        self._speed = {"I": 3, "O": 3}
        self._motion: asyncio.Task[None] | None = None

    async def serve(self, port: str, line: SimLine) -> None:
        """Answer commands, one at a time."""
        checked = self.options.checked
        placeholder = b"" if checked else UNCHECKED
        while True:
            message = await line.read_until(b"\r")
            payload = unframe(message, checked=checked)
            text = "" if payload is None else payload.decode("ascii", "replace")
            answer = "er3" if payload is None else self._answer(text)
            await line.write(frame(answer.encode("ascii") + placeholder, checked=checked))

    def _answer(self, text: str) -> str:
        match = _COMMAND.match(text)
        if match is None:
            return "er1"
        name, number = match[1], int(match[2] or 0)
        if name[0] == "D":
            return text.lower() + self._question(name)
        if name == "RS":
            if self._motion is not None:
                self._motion.cancel()
            return "ok"
        if self._moving or self.faults.strike("er4"):
            return "er4"
        if name[0] == "S":
            if not 1 <= number <= 6:
                return "er2"
            self._speed[name[1]] = number
            return "ok"
        target = self._target(name, number)
        if target is None:
            return "er2"
        if name == "RE":
            self.tips += 1
        if not self.faults.active("drive_error"):
            speed = _SPEEDS[self._speed["I" if target > self.position else "O"] - 1]
            self._motion = self.spawn(self._travel(target, speed, name), name="piston")
        return "ok"

    def _question(self, name: str) -> str:
        if name == "DP":
            return str(self.position)
        if name == "DN":
            return str(240 + (60 if self.position > _HOME else 0))
        failed = self.faults.active("drive_error")
        if name == "DE":
            return "8" if failed else "0"
        return "8" if failed else "4" if self._moving else "0"

    def _target(self, name: str, number: int) -> int | None:
        if name in ("RI", "RO"):
            target = self.position + (number if name == "RI" else -number)
            return target if number and _HOME <= target <= _LAST else None
        return _HOME

    async def _travel(self, target: int, speed: float, name: str) -> None:
        start, began = self.position, self.clock.now()
        seconds = abs(target - start) * _STEP / speed
        done = target - start
        try:
            await self.clock.sleep(seconds)
        except asyncio.CancelledError:
            done = round(done * min((self.clock.now() - began) / 1e9 / max(seconds, 1e-9), 1))
            raise
        finally:
            self.position = start + done
            if name == "RI":
                self.taken.append(done)
            elif done < 0:
                self.given.append(-done)

    @property
    def _moving(self) -> bool:
        return self._motion is not None and not self._motion.done()

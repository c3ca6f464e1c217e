"""The Meca500's control port: commands out, numbered answers in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from labmesh.devices import DeviceError
from labmesh.wire import ByteWire
from nodes.autobass.devices._meca_codes import (
    SAFETY_STOPS,
    SYNCHRONISED,
    USER_ALREADY,
    is_fault,
    said,
)

_ANSWER: Final = re.compile(r"\s*\[(\d{1,6})\](?:\[(.*)\])?\s*", re.DOTALL)


@dataclass(frozen=True)
class Answer:
    """One message of the robot: ``[code][data]``."""

    code: int
    data: str = ""


def parse(raw: bytes) -> Answer | None:
    """Return the message in one frame (its terminating NUL may be there), or None if it is none."""
    match = _ANSWER.fullmatch(raw.removesuffix(b"\0").decode("ascii", "replace"))
    return Answer(int(match[1]), match[2] or "") if match else None


def command(name: str, *arguments: float | str) -> bytes:
    """Return the frame of a command; numbers as the robot takes them, without exponents."""
    words = [a if isinstance(a, str) else f"{round(a, 6) + 0.0:.6f}" for a in arguments]
    short = [w.rstrip("0").rstrip(".") if "." in w else w for w in words]
    return f"{name}({','.join(short)})\0".encode("ascii")


class MecaLine:
    """Asks and listens on a control port. Not for two tasks at a time, except `send`.

    Args:
        wire: The control port.
        timeout: Wall seconds within which the robot answers what it answers at once.

    Attributes:
        stops: Codes of the safety stops that the robot has reported and not ended.
    """

    def __init__(self, wire: ByteWire, timeout: float) -> None:
        self.wire = wire
        self.stops: set[int] = set()
        self._timeout = timeout
        self._mark = 0

    async def send(self, frames: bytes) -> None:
        """Write frames, if there are any, now."""
        if frames:
            await self.wire.write(frames)

    async def next(self) -> Answer:
        """Return the next message, whatever it is.

        Raises:
            WireTimeoutError: None came in time.
            DeviceError: What came is not the robot's language.
        """
        raw = await self.wire.read_until(b"\0", timeout=self._timeout)

        answer = parse(raw)
        if answer is None:
            raise self._foreign(raw)
        if answer.code in SAFETY_STOPS:
            over = answer.data.strip() == "0"
            self.stops = self.stops - {answer.code} if over else self.stops | {answer.code}
        return answer

    async def expect(self, *codes: int) -> Answer:
        """Return the next message with one of the codes; others are passed over, errors raised."""
        while True:
            answer = await self.next()
            if answer.code in codes:
                return answer
            self.check(answer)

    async def synchronise(self) -> None:
        """Read away everything the robot said until now; errors among it are raised."""
        mark = await self.ask_mark()
        while (await self.expect(SYNCHRONISED)).data.strip() != str(mark):
            pass

    async def ask_mark(self) -> int:
        """Send a mark that the robot returns in order (SyncCmdQueue): a sign of life."""
        self._mark += 1
        await self.send(command("SyncCmdQueue", self._mark))
        return self._mark

    async def ask(self, frame: bytes, *codes: int) -> Answer:
        """Send a command and return its answer, not an older one with the same code."""
        await self.synchronise()
        await self.send(frame)
        return await self.expect(*codes)

    async def ask_numbers(self, name: str, code: int, count: int) -> list[float]:
        """Ask for something and return its numbers, ``count`` or more."""
        answer = await self.ask(command(name), code)
        try:
            numbers = [float(part) for part in answer.data.split(",")]
        except ValueError:
            numbers = []
        if len(numbers) < count:
            raise self._foreign(f"[{answer.code}][{answer.data}]".encode())
        return numbers

    def _foreign(self, raw: bytes) -> DeviceError:
        return DeviceError(
            f"the robot sent {raw[:80]!r}",
            where=self.wire.address,
            remedy="look at the network, and that this is the robot's control port, 10000",
        )

    def check(self, answer: Answer) -> None:
        """Raise DeviceError when a message reports an error or a stop."""
        if is_fault(answer.code, answer.data) or answer.code == USER_ALREADY:
            raise self.error(answer)

    def error(self, answer: Answer, during: str = "") -> DeviceError:
        """Put an error's code, the robot's words and the remedy together."""
        meaning, remedy = said(answer.code)
        robot = f' ("{answer.data}")' if answer.data and not answer.data.strip().isdigit() else ""
        return DeviceError(
            f"{during}{': ' if during else ''}robot error {answer.code}, {meaning}{robot}",
            where=self.wire.address,
            remedy=remedy,
            code=answer.code,
        )

    def lost(self, during: str, why: str) -> DeviceError:
        """Say that the robot has fallen silent in the middle of something."""
        return DeviceError(
            f"{during}: {why}",
            where=self.wire.address,
            remedy="look at its power and network, see where the arm is and what it holds, connect"
            " again, activate and home it",
        )

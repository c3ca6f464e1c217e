"""Sartorius rLINE dispensing module, 200 uL, by its serial protocol (9600 baud, 8N1).

A command is ``0x01 '1' <command> 0x0D``, ``1`` being the module's address; the answer has the same
frame around ``ok``, ``er1`` to ``er4``, or a value after the question's name in small letters
(``dp123``). The piston moves in steps of 0.5 uL (rLINE technical manual; public drivers agree).
Answers have one more byte before their end: a placeholder (0xBA) or, with the checksum switched on,
the checksum, which commands need then, too. It is taken to be the exclusive or of all before it
with its highest bit set [assumed: no public driver checks it]. A command that stops the piston in
its stroke is in no public driver; ``RS`` is assumed. A module that does not know it ends its
stroke, which takes some seconds at most, and the driver sends nothing more.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import reduce
from operator import xor
from typing import Final

from labmesh.clock import Clock, Patience
from labmesh.devices import DeviceError, HaltedError, LimitError
from labmesh.wire import ByteWire, WireError
from nodes.autobass.devices._dispenser import Dispensed, steps_of

STEP: Final = 0.5e-9
"""m3 per step of the 200 uL module."""
CAPACITY: Final = 200e-9
HOME: Final = 30
"""Step at which the piston stands empty, above the blow-out's stroke."""
SPEEDS: Final = range(1, 7)
SOH, ADDRESS, END = b"\x01", b"1", b"\r"
UNCHECKED: Final = b"\xba"
"""Where the checksum would be in an answer while it is switched off."""

_POLL: Final = 0.2
_SLOWEST: Final = 20e-9
"""m3/s, below the slowest of its six speeds: how long a stroke is waited for."""
_ERRORS: Final = {
    "er1": ("the command is not understood", "the module's firmware is another: see its manual"),
    "er2": ("the piston would leave its way", "initialise, then ask for less"),
    "er3": ("the checksum is wrong", "set checksum as the module has it"),
    "er4": ("the drive is busy", "wait for its end; halt it if it does not come"),
}


def checksum(data: bytes) -> int:
    """Return the checksum of a frame without its end."""
    return reduce(xor, data, 0) | 0x80


def frame(payload: bytes, *, checked: bool = False) -> bytes:
    """Return a whole message around a command or an answer."""
    body = SOH + ADDRESS + payload
    return body + (bytes([checksum(body)]) if checked else b"") + END


def unframe(message: bytes, *, checked: bool = False) -> bytes | None:
    """Return what a message holds, None where its frame or checksum is wrong.

    Without checksums the placeholder may be there or not.
    """
    body = message.removesuffix(END)
    if checked:
        if not body or checksum(body[:-1]) != body[-1]:
            return None
        body = body[:-1]
    else:
        body = body.removesuffix(UNCHECKED)
    if not message.endswith(END) or not body.startswith(SOH + ADDRESS):
        return None
    return body[2:]


class RLine:
    """One module with a tip on.

    Args:
        wire: Its serial line; None: a dry run, which validates everything and sends nothing.
        clock: Of the experiment.
        speed_in: Of aspirating, 1 to 6.
        speed_out: Of dispensing, 1 to 6.
        correction: Real volume over counted one, from the calibration.
        checked: Whether the module wants checksums.
        timeout: Wall seconds that an answer may take.

    Raises:
        LimitError: A speed the module does not have.
    """

    name = "rline"
    capacity = CAPACITY
    resolution = STEP

    def __init__(
        self,
        wire: ByteWire | None,
        *,
        clock: Clock,
        speed_in: int = 3,
        speed_out: int = 2,
        correction: float = 1.0,
        checked: bool = False,
        timeout: float = 2.0,
    ) -> None:
        for speed in (speed_in, speed_out):
            if speed not in SPEEDS:
                raise LimitError(f"speed {speed} is not from 1 to 6", where="rline")
        self.contents = 0.0
        self._wire = wire
        self._clock = clock
        self._speeds = speed_in, speed_out
        self._correction = correction
        self._checked = checked
        self._timeout = timeout
        self._lock = asyncio.Lock()
        self._halted = False
        self._steps = 0

    async def connect(self) -> None:
        """See `Dispenser`."""
        if self._wire is None:
            return
        await self._wire.open()
        async with self._lock:
            await self._ask("DS")
            self._note(max(int(await self._ask("DP")) - HOME, 0))

    async def initialise(self) -> float:
        """See `Dispenser`."""
        expelled = self.contents
        async with self._lock:
            await self._order(f"RZ{HOME}", CAPACITY)
            for letter, speed in zip("IO", self._speeds, strict=True):
                await self._tell(f"S{letter}{speed}")
            await self._read_position(expected=0)
        return expelled

    async def aspirate(self, volume: float) -> float:
        """See `Dispenser`."""
        steps = self._way(volume, room=steps_of(CAPACITY, STEP) - self._steps)
        async with self._lock:
            before = self._steps
            await self._order(f"RI{steps}", volume)
            await self._read_position(expected=before + steps)
            return self._volume(self._steps - before)

    async def dispense(self, volume: float) -> Dispensed:
        """See `Dispenser`."""
        steps = self._way(volume, room=self._steps)
        async with self._lock:
            before = self._steps
            await self._order(f"RO{steps}", volume)
            await self._read_position(expected=before - steps)
            moved = before - self._steps
            return Dispensed(volume, self._volume(moved), moved)

    async def wash(self, volume: float, cycles: int) -> float:
        """See `Dispenser`; ends with a blow-out."""
        used = 0.0
        for _ in range(cycles):
            used += await self.aspirate(volume)
            await self.dispense(volume)
        async with self._lock:
            await self._order(f"RB{HOME}", CAPACITY)
            await self._read_position(expected=0)
        return used

    async def eject_tip(self) -> None:
        """Throw the tip off; over the waste only."""
        async with self._lock:
            await self._order(f"RE{HOME}", CAPACITY)
            await self._read_position(expected=0)

    async def liquid_level(self) -> int:
        """Return the reading of the level sensor, in its own units; greater with liquid near."""
        if self._wire is None:
            return 0
        async with self._lock:
            return int(await self._ask("DN"))

    async def alive(self) -> None:
        """See `Dispenser`."""
        if self._wire is not None and not self._lock.locked():
            async with self._lock:
                await self._ask("DS")

    async def halt(self) -> None:
        """See `Dispenser`: ``RS`` [assumed]; see the top of this file."""
        self._halted = True
        if self._wire is not None:
            await self._wire.write(frame(b"RS", checked=self._checked))

    async def reset_error(self) -> None:
        """See `Dispenser`."""
        if self._wire is not None:
            async with self._lock:
                self._note(max(int(await self._ask("DP")) - HOME, 0))
        self._halted = False

    async def close(self) -> None:
        """See `Dispenser`."""
        if self._wire is not None:
            with suppress(WireError):
                await self._wire.close()

    def _way(self, volume: float, *, room: int) -> int:
        steps = steps_of(volume / self._correction, STEP)
        if not 1 <= steps <= room:
            raise LimitError(
                f"{volume * 1e9:.2f} uL is not from 0.5 uL, one step, to "
                f"{self._volume(room) * 1e9:.1f} uL, what the tip has or takes",
                where="rline",
                remedy="ask for less",
            )
        return steps

    def _volume(self, steps: int) -> float:
        return steps * STEP * self._correction

    def _note(self, steps: int) -> None:
        self._steps = steps
        self.contents = self._volume(steps)

    async def _order(self, command: str, volume: float) -> None:
        """Execute what moves, and wait for its end; never sent twice."""
        self._check_released()
        if self._wire is None:
            return
        await self._tell(command)
        patience = Patience(self._clock, volume / _SLOWEST + 3.0 + 20 * _POLL)
        while True:
            self._check_released()
            status = await self._ask("DS")
            if status == "0":
                break
            if status == "8":
                raise DeviceError(
                    f"the module reports error {await self._ask('DE')} after {command}",
                    where=self._wire.address,
                    remedy="look at the tip, then initialise",
                )
            if patience.over:
                raise DeviceError(
                    f"{command} does not end", where=self._wire.address,
                    remedy="look at the module, then initialise",
                )  # fmt: skip
            await self._clock.sleep(_POLL)

    async def _read_position(self, *, expected: int) -> None:
        found = expected if self._wire is None else int(await self._ask("DP")) - HOME
        self._note(found)
        if found != expected:
            raise DeviceError(
                f"the piston is at {found} steps, not at {expected}",
                where=self._wire.address if self._wire is not None else "rline",
                remedy="the volume is wrong: scrap the cell, then initialise",
            )

    async def _tell(self, command: str) -> None:
        answer = "ok" if self._wire is None else await self._exchange(command)
        if answer != "ok":
            raise self._unexpected(command, answer)

    async def _ask(self, question: str) -> str:
        answer = await self._exchange(question)
        name = question.lower()
        if not answer.startswith(name):
            raise self._unexpected(question, answer)
        return answer.removeprefix(name)

    async def _exchange(self, command: str) -> str:
        assert self._wire is not None  # noqa: S101 - callers see to it
        await self._wire.discard_input()
        await self._wire.write(frame(command.encode("ascii"), checked=self._checked))
        answer = await self._wire.read_until(END, timeout=self._timeout)
        payload = unframe(answer, checked=self._checked)
        if payload is None:
            raise WireError(
                f"{answer!r} is no answer of an rLINE module to {command}",
                where=self._wire.address,
                remedy="check 9600 baud 8N1, and whether the module wants checksums",
            )
        text = payload.decode("ascii", "replace")
        if text in _ERRORS:
            what, remedy = _ERRORS[text]
            raise DeviceError(
                f"{text} to {command}: {what}", where=self._wire.address, remedy=remedy
            )
        return text

    def _unexpected(self, command: str, answer: str) -> WireError:
        return WireError(
            f"{answer!r} does not answer {command}",
            where=self._wire.address if self._wire is not None else "rline",
            remedy="another program may use the line",
        )

    def _check_released(self) -> None:
        if self._halted:
            raise HaltedError(
                "the dispenser was halted",
                where=self._wire.address if self._wire is not None else "rline",
                remedy="make sure that the needle is over the waste, then reset the error",
            )

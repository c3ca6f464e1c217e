"""Hamilton Microlab 600 syringe pump, by its serial protocol 1/RNO+ (9600 baud, 7O1).

A command is ``<pump><command>R<CR>`` (``R`` executes); the answer begins with ACK (0x06) and its
data, or is NAK (0x15) where the command was not understood. Pumps of a daisy chain get their
letters from ``1a``: the answer ``1b`` says that there is one. A stroke has 48 000 steps of the
60 mm that every Hamilton syringe has (Microlab 600 manual, "Protocol 1/RNO+"; the public drivers of
flow chemistry agree).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from labmesh.clock import Clock, Patience
from labmesh.devices import DeviceError, HaltedError, LimitError
from labmesh.wire import ByteWire, WireError
from nodes.autobass.devices._dispenser import Dispensed, steps_of

STEPS_PER_STROKE: Final = 48_000
FASTEST, SLOWEST = 2, 3692
"""Seconds per stroke that the pump takes (its parameter S)."""
ACK, NAK, END = b"\x06", b"\x15", b"\r"

_POLL: Final = 0.2
"""Seconds of the experiment between two questions whether it has done."""


class ML600:
    """One syringe pump with one syringe; input of the valve at the vial, output at the needle.

    Args:
        wire: Its serial line; None: a dry run, which validates everything and sends nothing.
        clock: Of the experiment.
        syringe: Volume of the syringe in m3.
        seconds_per_stroke: How fast it moves, 2 to 3692.
        correction: Real volume over counted one, from the calibration.
        pump: Its letter in the chain.
        timeout: Wall seconds that an answer may take.

    Raises:
        LimitError: A speed the pump does not have.
    """

    name = "ml600"

    def __init__(
        self,
        wire: ByteWire | None,
        *,
        clock: Clock,
        syringe: float = 100e-9,
        seconds_per_stroke: int = 12,
        correction: float = 1.0,
        pump: str = "a",
        timeout: float = 2.0,
    ) -> None:
        if not FASTEST <= seconds_per_stroke <= SLOWEST:
            raise LimitError(
                f"{seconds_per_stroke} s per stroke is not from {FASTEST} to {SLOWEST} s",
                where="ml600",
            )
        self.capacity = syringe
        self.resolution = syringe / STEPS_PER_STROKE
        self.contents = 0.0
        self._wire = wire
        self._clock = clock
        self._speed = seconds_per_stroke
        self._correction = correction
        self._pump = pump
        self._timeout = timeout
        self._lock = asyncio.Lock()
        self._halted = False
        self._position = 0

    async def connect(self) -> None:
        """See `Dispenser`."""
        if self._wire is None:
            return
        await self._wire.open()
        async with self._lock:
            await self._wire.discard_input()
            await self._wire.write(b"1a" + END)
            answer = await self._wire.read_until(END, timeout=self._timeout)
            last = answer.strip(END)[-1:]
            if answer[:1] != b"1" or not last > self._pump.encode():
                raise WireError(
                    f"no pump {self._pump!r} in the chain, which answers {answer!r}",
                    where=self._wire.address,
                    remedy="check power, the cable, and 9600 baud 7O1",
                )
            self._note(int(await self._ask("YQP")))

    async def initialise(self) -> float:
        """See `Dispenser`."""
        expelled = self.contents
        async with self._lock:
            await self._order("X", self._speed * 2)
            await self._read_position(expected=0)
        return expelled

    async def aspirate(self, volume: float) -> float:
        """See `Dispenser`."""
        steps = self._steps(volume, room=STEPS_PER_STROKE - self._position)
        async with self._lock:
            before = self._position
            await self._order("I", 1.0)
            await self._order(f"P{steps}S{self._speed}", self._seconds(steps))
            await self._read_position(expected=before + steps)
            return self._volume(self._position - before)

    async def dispense(self, volume: float) -> Dispensed:
        """See `Dispenser`."""
        steps = self._steps(volume, room=self._position)
        async with self._lock:
            before = self._position
            await self._order("O", 1.0)
            await self._order(f"D{steps}S{self._speed}", self._seconds(steps))
            await self._read_position(expected=before - steps)
            moved = before - self._position
            return Dispensed(volume, self._volume(moved), moved)

    async def wash(self, volume: float, cycles: int) -> float:
        """See `Dispenser`."""
        used = 0.0
        for _ in range(cycles):
            used += await self.aspirate(volume)
            await self.dispense(volume)
        return used

    async def alive(self) -> None:
        """See `Dispenser`."""
        if self._wire is not None and not self._lock.locked():
            async with self._lock:
                await self._ask("U")

    async def halt(self) -> None:
        """See `Dispenser`: pause (``K``), then forget what was not executed (``V``)."""
        self._halted = True
        if self._wire is not None:
            pump = self._pump.encode()
            await self._wire.write(pump + b"K" + END + pump + b"V" + END)

    async def reset_error(self) -> None:
        """See `Dispenser`."""
        if self._wire is not None:
            async with self._lock:
                self._note(int(await self._ask("YQP")))
        self._halted = False

    async def close(self) -> None:
        """See `Dispenser`."""
        if self._wire is not None:
            with suppress(WireError):
                await self._wire.close()

    def _steps(self, volume: float, *, room: int) -> int:
        steps = steps_of(volume / self._correction, self.resolution)
        if not 1 <= steps <= room:
            raise LimitError(
                f"{volume * 1e9:.3f} uL is not from {self.resolution * 1e9:.4f} uL, one step, to "
                f"{self._volume(room) * 1e9:.3f} uL, what the syringe has or takes",
                where="ml600",
                remedy="ask for less, or use a larger syringe",
            )
        return steps

    def _seconds(self, steps: int) -> float:
        return steps / STEPS_PER_STROKE * self._speed

    def _volume(self, steps: int) -> float:
        return steps * self.resolution * self._correction

    def _note(self, position: int) -> None:
        self._position = position
        self.contents = self._volume(position)

    async def _order(self, command: str, seconds: float) -> None:
        """Execute what moves, and wait for its end; never sent twice."""
        self._check_released()
        if self._wire is None:
            return
        await self._ask(command)
        patience = Patience(self._clock, 3 * seconds + 20 * _POLL)
        while True:
            self._check_released()
            if await self._ask("F") == "Y":
                break
            if patience.over:
                raise DeviceError(
                    f"{command} does not end", where=self._wire.address,
                    remedy="look at the syringe and its valve, then initialise",
                )  # fmt: skip
            await self._clock.sleep(_POLL)
        for question, what in (("Z", "syringe"), ("G", "valve")):
            if await self._ask(question) == "Y":
                raise DeviceError(
                    f"the {what} reports an error ({await self._ask('T2')}) after {command}",
                    where=self._wire.address,
                    remedy="look at the syringe and its valve, then initialise",
                )

    async def _read_position(self, *, expected: int) -> None:
        """Note where the plunger is.

        Raises:
            DeviceError: Not where it was sent.
        """
        found = expected if self._wire is None else int(await self._ask("YQP"))
        self._note(found)
        if abs(found - expected) > 1:
            raise DeviceError(
                f"the plunger is at step {found}, not at {expected}",
                where=self._wire.address if self._wire is not None else "ml600",
                remedy="the volume is wrong: scrap the cell, then initialise",
            )

    async def _ask(self, command: str) -> str:
        assert self._wire is not None  # noqa: S101 - callers see to it
        await self._wire.discard_input()
        await self._wire.write(f"{self._pump}{command}R".encode("ascii") + END)
        answer = await self._wire.read_until(END, timeout=self._timeout)
        if answer.startswith(NAK):
            raise DeviceError(
                f"the pump does not take {command}", where=self._wire.address,
                remedy="it may be busy, or want to be initialised first",
            )  # fmt: skip
        if not answer.startswith(ACK):
            raise WireError(
                f"{answer!r} is no answer of a Microlab 600 to {command}",
                where=self._wire.address,
                remedy="check 9600 baud 7O1 and that nothing else is on the line",
            )
        return answer[1:-1].decode("ascii", "replace")

    def _check_released(self) -> None:
        if self._halted:
            raise HaltedError(
                "the dispenser was halted",
                where=self._wire.address if self._wire is not None else "ml600",
                remedy="make sure that the needle is over the waste, then reset the error",
            )

"""SMC LECP6P electric actuator by Modbus RTU, 38400 8N1."""

from __future__ import annotations

import asyncio
import struct
from typing import Final

from labmesh.clock import Clock, Patience
from labmesh.devices import DeviceError, HaltedError
from labmesh.wire import ModbusWire
from nodes.autobass.devices._rail import RailLimits

HOLD, SVON, RESET, SETUP, SERIAL = 0x18, 0x19, 0x1B, 0x1C, 0x30
"""Coils: stop and wait, servo on, reset, return to origin, be driven by the serial line."""

BUSY, SVRE, SETON, ALARM = 0x48, 0x49, 0x4A, 0x4F
"""Discrete inputs: moving, servo ready, origin known, alarm."""

POSITION, START, MODE, SPEED, TARGET, ACCELERATION, DECELERATION = (
    0x9000, 0x9100, 0x9102, 0x9103, 0x9104, 0x9106, 0x9107,
)  # fmt: skip
"""Holding registers; POSITION and TARGET are signed 32-bit numbers, high word first."""

ABSOLUTE: Final = 1
GO: Final = 0x0100
HUNDREDTHS: Final = 1e5
"""Positions count 0.01 mm; speeds mm/s, accelerations mm/s2 (LEC serial manual, step data)."""

_SET_OFF: Final = 500_000_000
"""Nanoseconds within which BUSY comes on after START."""


class Lecp6:
    """A `Rail`: step data written, START written, BUSY asked until it is off.

    Args:
        wire: The Modbus line; None for a dry run.
        clock: Time of the experiment.
        low: Least position allowed, m.
        high: Greatest position allowed, m; the stroke of the actuator.
        speed: Speed of moves unless told otherwise, m/s.
        fastest: Greatest speed allowed, m/s.
        acceleration: Of moves, m/s2.
        alarm_is_low: ALARM reads 0 during an alarm, as the signal of that name on the parallel
            connector; of a working public driver. A wrong setting shows at once: nothing moves.
        tolerance: How near to the target is there, m.
        poll: Seconds between two questions during a move.
    """

    def __init__(
        self,
        wire: ModbusWire | None,
        *,
        clock: Clock,
        low: float = 0.0,
        high: float = 0.9,
        speed: float = 0.3,
        fastest: float = 1.0,
        acceleration: float = 3.0,
        alarm_is_low: bool = True,
        tolerance: float = 1e-4,
        poll: float = 0.05,
    ) -> None:
        self.low, self.high = low, high
        self._wire = wire
        self._clock = clock
        self._limits = RailLimits(wire.address if wire else "dry run", low, high, fastest)
        self._speed = speed
        self._acceleration = acceleration
        self._alarm_is_low = alarm_is_low
        self._tolerance = tolerance
        self._poll = poll
        self._dry_position = low
        self._dry_homed = False
        self._lock = asyncio.Lock()
        self._limits.check(low, speed)

    async def connect(self) -> None:
        """See `Rail.connect`; takes the controller over to the serial line."""
        async with self._lock:
            if self._wire is None:
                return
            await self._wire.open()
            await self._wire.write_coil(SERIAL, True)
            await self._wire.read_discrete_inputs(BUSY, 8)

    async def close(self) -> None:
        """See `Rail.close`."""
        if self._wire is not None:
            await self._wire.close()

    async def home(self) -> None:
        """See `Rail.home`. SETUP is taken back as soon as SETON comes: left on, it is an alarm."""
        async with self._lock:
            self._limits.check_released()
            if self._wire is None:
                self._dry_homed = True
                return
            what = "the return to origin"
            async with self._limits.under_way(what, self.halt):
                await self._wire.write_coil(SVON, True)
                await self._wait(SVRE, "servo on", 10.0)
                if (await self._wire.read_discrete_inputs(SETON))[0]:
                    return
                await self._wire.write_coil(SETUP, True)
                try:
                    await self._wait(SETON, what, 120.0)
                finally:
                    await self._wire.write_coil(SETUP, False)

    async def move_to(self, position: float, *, speed: float | None = None) -> None:
        """See `Rail.move_to`."""
        pace = self._speed if speed is None else speed
        self._limits.check(position, pace)
        async with self._lock:
            self._limits.check_released()
            what = f"the move to {position:g} m"
            if self._wire is None:
                self._check_homed(self._dry_homed)
                self._dry_position = position
                return
            inputs = await self._inputs(what)
            self._check_homed(inputs[SETON - BUSY] and inputs[SVRE - BUSY])
            await self._wire.write_registers(MODE, [ABSOLUTE, round(pace * 1e3)])
            await self._wire.write_registers(TARGET, words(round(position * HUNDREDTHS)))
            ramp = round(self._acceleration * 1e3)
            await self._wire.write_registers(ACCELERATION, [ramp, ramp])
            self._limits.check_released()
            async with self._limits.under_way(what, self.halt):
                await self._wire.write_registers(START, [GO])
                there = await self._idle(what, position, 5.0 + 2 * (self.high - self.low) / pace)
            if abs(there - position) > self._tolerance:
                raise DeviceError(
                    f"{what} ended at {there:g} m",
                    where=self._limits.where,
                    remedy="look for what blocks the axis, then reset its error",
                )

    async def position(self) -> float:
        """See `Rail.position`."""
        if self._wire is None:
            return self._dry_position
        async with self._lock:
            return await self._where_is()

    async def halt(self) -> None:
        """See `Rail.halt`: HOLD, which brakes and keeps the axis held.

        Modbus allows one question at a time, so it goes out behind at most one that is under way.
        """
        self._limits.halted = True
        if self._wire is not None:
            await self._wire.write_coil(HOLD, True)

    async def reset_error(self) -> None:
        """See `Rail.reset_error`: RESET, which also forgets a held move, then HOLD off."""
        async with self._lock:
            if self._wire is not None:
                await self._wire.open()
                await self._wire.write_coil(SERIAL, True)  # forgotten by a power cut
                await self._wire.write_coil(RESET, True)
                await self._wire.write_coil(RESET, False)
                await self._wire.write_coil(HOLD, False)
            self._limits.halted = False

    async def _where_is(self) -> float:
        return self._of_words(await self._read(POSITION, 2)) / HUNDREDTHS

    async def _read(self, address: int, count: int) -> list[int]:
        return (
            await self._wire.read_holding_registers(address, count) if self._wire else [0] * count
        )

    @staticmethod
    def _of_words(registers: list[int]) -> int:
        return int(struct.unpack(">i", struct.pack(">HH", *registers))[0])

    async def _inputs(self, what: str) -> list[bool]:
        """Read BUSY to ALARM; raises HaltedError after a halt, DeviceError during an alarm."""
        inputs = await self._wire.read_discrete_inputs(BUSY, 8) if self._wire else [False] * 8
        if self._limits.halted:
            raise HaltedError(
                f"halted during {what}, at {await self._where_is():g} m",
                where=self._limits.where,
                remedy="make sure that the way is free, then reset the rail's error",
            )
        if inputs[ALARM - BUSY] is not self._alarm_is_low:
            raise DeviceError(
                f"{what}: the controller reports an alarm",
                where=self._limits.where,
                remedy="read its number on the controller, remove the cause, then reset the error",
                code="ALARM",
            )
        return inputs

    def _check_homed(self, homed: bool) -> None:
        if not homed:
            raise DeviceError(
                "the servo is off or the origin unknown",
                where=self._limits.where,
                remedy="home it first",
            )

    async def _wait(self, address: int, what: str, seconds: float) -> None:
        """Wait until an input is on."""
        patience = Patience(self._clock, seconds)
        while not (await self._inputs(what))[address - BUSY]:
            await self._late(what, seconds, patience)

    async def _idle(self, what: str, position: float, seconds: float) -> float:
        """Return where the axis is once BUSY is off again, or was never on for a while."""
        begun = self._clock.now()
        patience = Patience(self._clock, seconds)
        seen = False
        while True:
            busy = (await self._inputs(what))[0]
            there = await self._where_is()
            seen = seen or busy or abs(there - position) <= self._tolerance
            if not busy and (seen or self._clock.now() - begun > _SET_OFF):
                return there
            await self._late(what, seconds, patience)

    async def _late(self, what: str, seconds: float, patience: Patience) -> None:
        if patience.over:
            raise self._limits.too_late(what, seconds)
        await self._clock.sleep(self._poll)


def words(number: int) -> list[int]:
    """Return the two registers of a signed 32-bit number, high word first."""
    return list(struct.unpack(">HH", struct.pack(">i", number)))

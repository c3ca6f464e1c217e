"""A climate chamber with a Watlow F4 controller by Modbus TCP."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from labmesh.clock import Clock, Patience
from labmesh.devices._errors import DeviceError, LimitError
from labmesh.devices._registers import Register
from labmesh.wire import ModbusWire

PROCESS_VALUE, ALARM, SET_POINT, LOW_LIMIT, HIGH_LIMIT, DECIMALS = 100, 102, 300, 602, 603, 606
"""Holding registers of input 1 (Watlow Series F4 user manual, Modbus parameters)."""

_ZERO_CELSIUS: Final = 273.15


@dataclass(frozen=True)
class ChamberState:
    """What a chamber reports: temperatures in K, whether an alarm lasts."""

    temperature: float
    set_point: float
    alarm: bool


class ClimateChamber:
    """Sets and reads the temperature of a chamber whose display is in degrees Celsius.

    The F4 counts in tenths (or what register 606 says) of the display's unit.

    Args:
        wire: The controller; None for a dry run.
        clock: Time of the experiment.
        low: Least temperature allowed, K; the controller's own limit counts as well.
        high: Greatest temperature allowed, K.
        poll: Seconds between two questions while waiting.
    """

    def __init__(
        self,
        wire: ModbusWire | None,
        *,
        clock: Clock,
        low: float = 233.15,
        high: float = 373.15,
        poll: float = 5.0,
    ) -> None:
        self._wire = wire
        self._clock = clock
        self._low, self._high = low, high
        self._poll = poll
        self._scale = 0.1
        self._dry_set_point = 298.15
        self._lock = asyncio.Lock()

    async def connect(self) -> None:
        """Open the wire and read the controller's decimals and limits."""
        async with self._lock:
            if self._wire is None:
                return
            await self._wire.open()
            (decimals,) = await self._wire.read_holding_registers(DECIMALS)
            if decimals > 3:
                raise DeviceError(
                    f"register {DECIMALS} holds {decimals}, which is no number of decimals",
                    where=self._wire.address,
                    remedy="is this a Watlow F4?",
                )
            self._scale = 10.0**-decimals
            limits = await self._wire.read_holding_registers(LOW_LIMIT, 2)
            low, high = (self._register(LOW_LIMIT).decode([word]) for word in limits)
            self._low, self._high = max(self._low, low), min(self._high, high)

    async def close(self) -> None:
        """Close the wire; the chamber keeps its set point."""
        if self._wire is not None:
            await self._wire.close()

    async def set_temperature(self, temperature: float) -> None:
        """Set the set point (K) and read it back.

        Raises:
            LimitError: Outside the limits; nothing was sent.
            DeviceError: The controller keeps another set point.
        """
        if not self._low <= temperature <= self._high:
            raise LimitError(
                f"{temperature:g} K is outside the chamber's limits",
                where=self._where,
                remedy=f"temperatures are {self._low:g} to {self._high:g} K",
            )
        async with self._lock:
            self._dry_set_point = temperature
            if self._wire is None:
                return
            register = self._register(SET_POINT)
            await self._wire.write_registers(SET_POINT, register.encode(temperature))
            kept = await register.read(self._wire)
            if abs(kept - temperature) > self._scale:
                raise DeviceError(
                    f"the set point should be {temperature:g} K and is {kept:g} K",
                    where=self._where,
                    remedy="is a profile running, or the keypad's lock on?",
                )

    async def read(self) -> ChamberState:
        """Read temperature, set point and alarm."""
        async with self._lock:
            if self._wire is None:
                return ChamberState(self._dry_set_point, self._dry_set_point, alarm=False)
            value = await self._register(PROCESS_VALUE).read(self._wire)
            set_point = await self._register(SET_POINT).read(self._wire)
            (alarm,) = await self._wire.read_holding_registers(ALARM)
            return ChamberState(value, set_point, alarm=bool(alarm))

    async def settle(
        self, *, tolerance: float = 0.5, hold: float = 60.0, limit: float = 7200.0
    ) -> ChamberState:
        """Return once the temperature has stayed at the set point.

        Args:
            tolerance: How near is there, K.
            hold: For how many seconds it stays there.
            limit: Seconds after which waiting ends.

        Raises:
            DeviceError: An alarm, or the limit is over.
        """
        patience = Patience(self._clock, limit)
        since: int | None = None
        while True:
            state = await self.read()
            now = self._clock.now()
            if state.alarm:
                raise DeviceError(
                    f"the chamber reports an alarm at {state.temperature:.1f} K",
                    where=self._where,
                    remedy="look at the chamber; its set point stays as it is",
                )
            if abs(state.temperature - state.set_point) > tolerance:
                since = None
            elif since is None:
                since = now
            if since is not None and now - since >= hold * 1e9:
                return state
            if patience.over:
                raise DeviceError(
                    f"{state.temperature:.1f} K instead of {state.set_point:.1f} K"
                    f" after {limit:.0f} s",
                    where=self._where,
                    remedy="is the door closed, and is the chamber's power on?",
                )
            await self._clock.sleep(self._poll)

    def _register(self, address: int) -> Register:
        return Register(
            address=address, table="holding", encoding="int16", scale=self._scale,
            offset=_ZERO_CELSIUS,
        )  # fmt: skip

    @property
    def _where(self) -> str:
        return self._wire.address if self._wire is not None else "dry run"

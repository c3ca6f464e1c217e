"""Simulator of a climate chamber with a Watlow F4, by Modbus TCP."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp
from typing import TYPE_CHECKING, ClassVar, Final

from pydantic import Field

from labmesh.clock import Clock
from labmesh.devices._chamber import (
    ALARM,
    DECIMALS,
    HIGH_LIMIT,
    LOW_LIMIT,
    PROCESS_VALUE,
    SET_POINT,
)
from labmesh.devices._registers import Register
from labmesh.devices.sim._bank import Table, modbus_unit
from labmesh.sim import SimPort, Simulator, SimulatorOptions

if TYPE_CHECKING:
    from pymodbus.simulator import SimDevice

_KNOWN: Final = (PROCESS_VALUE, ALARM, SET_POINT, LOW_LIMIT, HIGH_LIMIT, DECIMALS)


class ChamberOptions(SimulatorOptions):
    """What may be set of the simulated chamber; SI units."""

    temperature: float = Field(298.15, gt=0, description="at first, and the room's, K")
    low: float = Field(233.15, gt=0, description="least set point, K")
    high: float = Field(373.15, gt=0, description="greatest set point, K")
    ramp: float = Field(3 / 60, gt=0, description="fastest change, K/s")
    lag: float = Field(120.0, gt=0, description="time constant of the approach, s")
    decimals: int = Field(1, ge=0, le=3, description="of the display, and of the registers")


class ChamberSimulator(Simulator[ChamberOptions]):
    """The temperature follows the set point with a lag of first order and at a limited rate.

    Attributes:
        set_point: K.
        temperature: K, when it was last asked for.
    """

    title: ClassVar[str] = "Watlow F4 climate chamber (simulated)"
    ports: ClassVar[tuple[SimPort, ...]] = (
        SimPort("modbus", "modbus_tcp", 502, "Modbus TCP, unit 1", "unit=1"),
    )
    fault_kinds: ClassVar[Mapping[str, str]] = {
        "heater": "heating and cooling are off: the chamber drifts to the room's temperature",
        "alarm": "the controller reports an alarm",
        "locked": "a set point is taken and not kept, as with the keypad's lock",
    }
    Options: ClassVar[type[SimulatorOptions]] = ChamberOptions

    def __init__(
        self, options: ChamberOptions | None = None, *, clock: Clock | None = None
    ) -> None:
        super().__init__(options, clock=clock)
        self.set_point = self.temperature = self.options.temperature
        self._at = self.clock.now()
        self._target = self.set_point

    def trip(self, kind: str) -> None:
        """Let the temperature be what it is until now; from now on it changes otherwise."""
        self._pass()

    def cleared(self, kind: str) -> None:
        """As `trip`, when a fault ends."""
        self._pass()

    def modbus(self, port: str) -> SimDevice:
        """Return unit 1."""
        return modbus_unit(
            1, self._read, self._write, holding=[range(address, address + 1) for address in _KNOWN]
        )

    def _read(self, table: Table, address: int) -> int:
        self._pass()
        if address == DECIMALS:
            return self.options.decimals
        if address == ALARM:
            return int(self.faults.active("alarm"))
        value = {
            PROCESS_VALUE: self.temperature,
            SET_POINT: self.set_point,
            LOW_LIMIT: self.options.low,
            HIGH_LIMIT: self.options.high,
        }.get(address)
        return 0 if value is None else self._register.encode(value)[0]

    def _write(self, table: Table, address: int, value: int) -> bool:
        if address != SET_POINT:
            return False
        wanted = self._register.decode([value])
        if not self.options.low <= wanted <= self.options.high:
            return False
        if not self.faults.strike("locked"):
            self.set_point = wanted
        self._pass()
        return True

    @property
    def _register(self) -> Register:
        scale = 10.0**-self.options.decimals
        return Register(address=0, encoding="int16", scale=scale, offset=273.15)

    def _pass(self) -> None:
        """Let the temperature change for as long as has passed: at the ramp, then with the lag."""
        now = self.clock.now()
        seconds, self._at = (now - self._at) / 1e9, now
        lag, ramp = self.options.lag, self.options.ramp
        error = self._target - self.temperature
        if abs(error) > ramp * lag:
            ramped = min(seconds, abs(error) / ramp - lag)
            self.temperature += ramp * ramped * (1 if error > 0 else -1)
            seconds -= ramped
        rest = (self.temperature - self._target) * exp(-seconds / lag)
        self.temperature = self._target + rest
        self._target = self.options.temperature if self.faults.active("heater") else self.set_point

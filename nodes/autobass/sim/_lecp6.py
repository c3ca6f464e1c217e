"""Simulator of an SMC LECP6P with a linear actuator, by Modbus RTU."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Final

from pydantic import Field

from labmesh.clock import Clock
from labmesh.devices.sim import Table, modbus_unit
from labmesh.sim import SimPort, Simulator, SimulatorOptions
from nodes.autobass.sim._axis import Axis

if TYPE_CHECKING:
    from pymodbus.simulator import SimDevice

_HOLD, _SVON, _RESET, _SETUP, _SERIAL = 0x18, 0x19, 0x1B, 0x1C, 0x30
_BUSY, _SVRE, _SETON, _INP, _ALARM = 0x48, 0x49, 0x4A, 0x4B, 0x4F
_POSITION, _START, _MODE, _SPEED, _TARGET = 0x9000, 0x9100, 0x9102, 0x9103, 0x9104
_GO: Final = 0x0100


class Lecp6Options(SimulatorOptions):
    """What may be set of the simulated controller."""

    stroke: float = Field(0.9, gt=0, description="length of the actuator in m")
    position: float = Field(0.1, ge=0, description="where the carriage is at first, m")
    home_speed: float = Field(0.1, gt=0, description="speed of the return to origin, m/s")
    servo_time: float = Field(0.3, ge=0, description="seconds until the servo is ready")
    alarm_is_low: bool = Field(default=True, description="ALARM is off during an alarm")


class Lecp6Simulator(Simulator[Lecp6Options]):
    """Coils command, discrete inputs tell, step data lie in holding registers."""

    title: ClassVar[str] = "SMC LECP6P electric actuator (simulated)"
    ports: ClassVar[tuple[SimPort, ...]] = (
        SimPort("rs485", "modbus_rtu", 0, "Modbus RTU, 38400 8N1, unit 1", "baud=38400&unit=1"),
    )
    fault_kinds: ClassVar[Mapping[str, str]] = {
        "alarm": "the controller raises an alarm and stops; RESET ends it once this is cleared",
        "obstacle": "what moves, or else the next move half-way, ends in an alarm",
        "jam": "the carriage does not proceed while this lasts, and nothing is reported",
    }
    Options: ClassVar[type[SimulatorOptions]] = Lecp6Options

    def __init__(self, options: Lecp6Options | None = None, *, clock: Clock | None = None) -> None:
        super().__init__(options, clock=clock)
        self.axis = Axis(self.clock, min(self.options.position, self.options.stroke))
        self._coils: dict[int, bool] = {}
        self._ready = self._origin = self._alarm = False
        self._held: tuple[float, float] | None = None
        self._wanted = (0.0, 1.0)
        self._steps = [0] * 0x20

    async def start(self) -> None:
        """Power comes on: servo off, origin unknown, the carriage where it was."""
        self.axis.stop()
        self._coils = {}
        self._ready = self._origin = False
        self._alarm = self.faults.active("alarm")
        self._held = None
        self._steps = [0] * 0x20

    async def stop(self) -> None:
        """Power goes: the carriage stands."""
        self.axis.stop()

    def trip(self, kind: str) -> None:
        """Block the carriage, or raise an alarm."""
        if kind == "jam":
            self.axis.jam(jammed=True)
        elif kind == "alarm":
            self._raise()
        elif kind == "obstacle":
            self.faults.clear(kind)
            if self.axis.moving:
                self._raise()
            else:
                self.axis.blocked = True

    def cleared(self, kind: str) -> None:
        """Let the carriage go on."""
        if kind == "jam":
            self.axis.jam(jammed=False)

    def modbus(self, port: str) -> SimDevice:
        """Return unit 1."""
        return modbus_unit(
            1, self._read, self._write, bits=0x50,
            holding=(range(_POSITION, _POSITION + 0x10), range(_START, _START + len(self._steps))),
        )  # fmt: skip

    def _read(self, table: Table, address: int) -> int:
        if table == "coil":
            return int(self._coils.get(address, False))
        if self.axis.collided:
            self._raise()
        if table == "discrete":
            told = {
                _BUSY: self.axis.moving,
                _SVRE: self._ready,
                _SETON: self._origin,
                _INP: self._ready and not self.axis.moving,
                _ALARM: self._alarm is not self.options.alarm_is_low,
            }
            return int(told.get(address, False))
        if address in {_POSITION, _POSITION + 1}:
            raw = struct.pack(">i", round(self.axis.position * 1e5))
            return int(struct.unpack(">HH", raw)[address - _POSITION])
        return self._steps[address - _START] if address > _START else 0

    def _write(self, table: Table, address: int, value: int) -> bool:
        if table == "holding":
            if address == _START:
                return self._start_move() if value & _GO else True
            if address < _START:
                return False
            self._steps[address - _START] = value
            return True
        before = self._coils.get(address, False)
        self._coils[address] = bool(value)
        if self._coils.get(_SERIAL, False) and bool(value) is not before:
            self._switched(address, on=bool(value))
        return True

    def _switched(self, coil: int, *, on: bool) -> None:
        if coil == _SVON and on:
            self.spawn(self._servo_on(), name="servo")
        elif coil == _SVON:
            self.axis.stop()
            self._ready = False
        elif coil == _SETUP and on and self._ready and not self._alarm:
            self._origin = False
            self.axis.move(0.0, self.options.home_speed)
            self.spawn(self._return(), name="return to origin")
        elif coil == _RESET and on:
            self.axis.stop()
            self._held = None
            self._alarm = self.faults.active("alarm")
            if self._coils.get(_SVON, False) and not self._ready:
                self.spawn(self._servo_on(), name="servo")
        elif coil == _HOLD and on and self.axis.moving:
            self._held = self._wanted
            self.axis.stop()
        elif coil == _HOLD and not on and self._held is not None:
            self._move(*self._held)

    async def _servo_on(self) -> None:
        await self.clock.sleep(self.options.servo_time)
        self._ready = self._coils.get(_SVON, False) and not self._alarm

    async def _return(self) -> None:
        await self.axis.arrived()
        if self._alarm or self.axis.position != 0.0:
            return
        self._origin = True

    def _start_move(self) -> bool:
        """Set off for the step data's target; what cannot be, or SETUP left on, is an alarm."""
        if not self._coils.get(_SERIAL, False) or not self._ready or self._alarm:
            return True
        if self._coils.get(_HOLD, False):
            return True
        high, low = self._steps[_TARGET - _START], self._steps[_TARGET - _START + 1]
        target = struct.unpack(">i", struct.pack(">HH", high, low))[0] / 1e5
        speed = self._steps[_SPEED - _START] / 1e3
        possible = self._steps[_MODE - _START] == 1 and speed > 0
        possible = possible and 0 <= target <= self.options.stroke
        if not self._origin or not possible or self._coils.get(_SETUP, False):
            self._raise()
        else:
            self._move(target, speed)
        return True

    def _move(self, target: float, speed: float) -> None:
        self._held = None
        self._wanted = target, speed
        self.axis.move(target, speed)

    def _raise(self) -> None:
        """Stop with an alarm: the servo is off."""
        self.axis.stop()
        self._alarm, self._ready, self._held = True, False, None

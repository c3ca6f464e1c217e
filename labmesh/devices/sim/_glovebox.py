"""Simulator of a glovebox's controller, by Modbus TCP."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp
from typing import TYPE_CHECKING, ClassVar, Final

from pydantic import Field

from labmesh.clock import Clock
from labmesh.devices._glovebox import GloveboxMap
from labmesh.devices.sim._bank import Table, modbus_unit
from labmesh.sim import SimPort, Simulator, SimulatorOptions

if TYPE_CHECKING:
    from pymodbus.simulator import SimDevice

_AIR: Final = {"oxygen": 0.2095, "water": 0.01}
"""Mole fractions outside: dry air's oxygen; water of air at 20 degrees Celsius, half saturated."""


class GloveboxOptions(SimulatorOptions):
    """What may be set of the simulated glovebox; SI units."""

    registers: GloveboxMap = Field(GloveboxMap(), description="where it keeps what")
    oxygen: float = Field(3e-7, ge=0, description="mole fraction of O2 while all is well")
    water: float = Field(2e-7, ge=0, description="mole fraction of H2O while all is well")
    pressure: float = Field(300.0, description="over the room's, Pa, while all is well")
    temperature: float = Field(298.15, gt=0, description="inside, K")
    alarm_at: float = Field(1e-5, gt=0, description="mole fraction at which an alarm begins")
    leak: float = Field(1e-6, gt=0, description="share of the gas a leak exchanges in a second")
    recovery: float = Field(600.0, gt=0, description="seconds in which purification removes 63 %")


class GloveboxSimulator(Simulator[GloveboxOptions]):
    """Oxygen and water rise through a leak and fall through purification, exponentially."""

    title: ClassVar[str] = "Glovebox controller (simulated)"
    ports: ClassVar[tuple[SimPort, ...]] = (
        SimPort("modbus", "modbus_tcp", 502, "Modbus TCP, unit 1", "unit=1"),
    )
    fault_kinds: ClassVar[Mapping[str, str]] = {
        "leak": "air comes in: oxygen and water rise, pressure falls",
        "door_open": "the first of the map's doors is open",
        "blower": "purification is off, and its alarm on",
        "sensor": "the oxygen sensor reads its greatest number",
        "emergency_stop": "the glovebox's emergency stop is pressed",
    }
    Options: ClassVar[type[SimulatorOptions]] = GloveboxOptions

    def __init__(
        self, options: GloveboxOptions | None = None, *, clock: Clock | None = None
    ) -> None:
        super().__init__(options, clock=clock)
        self._gas = {"oxygen": self.options.oxygen, "water": self.options.water}
        self._at = self.clock.now()
        self._since = (0.0, 1 / self.options.recovery)

    def trip(self, kind: str) -> None:
        """Let the gas be what it is until now; from now on it changes otherwise."""
        self._pass()

    def cleared(self, kind: str) -> None:
        """As `trip`, when a fault ends."""
        self._pass()

    def modbus(self, port: str) -> SimDevice:
        """Return unit 1, with the registers of the option."""
        where = self.options.registers
        fields = (where.oxygen, where.water, where.pressure, where.temperature)
        places: dict[str, list[range]] = {
            table: [range(f.address, f.address + f.count) for f in fields if f.table == table]
            or [range(1)]
            for table in ("holding", "input")
        }
        last = max([*where.doors.values(), *where.alarms.values(), 0])
        return modbus_unit(
            1, self._read, lambda *_: False, bits=last + 1,
            holding=places["holding"], inputs=places["input"],
        )  # fmt: skip

    def _read(self, table: Table, address: int) -> int:
        self._pass()
        where = self.options.registers
        if table in {"discrete", "coil"}:
            return int(self._bit(address))
        values = {
            "oxygen": 1.0 if self.faults.active("sensor") else self._gas["oxygen"],
            "water": self._gas["water"],
            "pressure": -50.0 if self.faults.active("leak") else self.options.pressure,
            "temperature": self.options.temperature,
        }
        for name, value in values.items():
            field = getattr(where, name)
            if field.table == table and 0 <= address - field.address < field.count:
                return int(field.encode(value)[address - field.address])
        return 0

    def _bit(self, address: int) -> bool:
        where, faults = self.options.registers, self.faults
        for name, place in where.doors.items():
            if place == address:
                return not (faults.active("door_open") and name == next(iter(where.doors)))
        alarms = {
            "oxygen_high": self._gas["oxygen"] > self.options.alarm_at or faults.active("sensor"),
            "water_high": self._gas["water"] > self.options.alarm_at,
            "pressure": faults.active("leak"),
            "blower": faults.active("blower"),
            "emergency_stop": faults.active("emergency_stop"),
        }
        return any(place == address and alarms.get(name) for name, place in where.alarms.items())

    def _pass(self) -> None:
        """Let the gas change for as long as has passed, as faults were until now."""
        now = self.clock.now()
        seconds, self._at = (now - self._at) / 1e9, now
        leak, cleaning = self._since
        for name, outside in _AIR.items() if leak + cleaning else ():
            clean = getattr(self.options, name)
            end = (leak * outside + cleaning * clean) / (leak + cleaning)
            self._gas[name] = end + (self._gas[name] - end) * exp(-(leak + cleaning) * seconds)
        self._since = (
            self.options.leak if self.faults.active("leak") else 0.0,
            0.0 if self.faults.active("blower") else 1 / self.options.recovery,
        )

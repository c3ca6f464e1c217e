"""A glovebox's controller by Modbus TCP: what the atmosphere is, and whether it is closed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from pydantic import Field

from labmesh.devices._registers import Register
from labmesh.wire import ModbusWire
from messages.model import Model


class GloveboxMap(Model):
    """Where a glovebox's controller keeps what.

    Makers publish no common map, so this is a parameter. The defaults are a map of this project's
    own, which the simulator has: input registers 0 to 3 and discrete inputs from 0.
    """

    oxygen: Register = Field(
        Register(address=0, scale=1e-7), description="mole fraction of O2; default 0.1 ppm"
    )
    water: Register = Field(
        Register(address=1, scale=1e-7), description="mole fraction of H2O; default 0.1 ppm"
    )
    pressure: Register = Field(
        Register(address=2, encoding="int16", scale=10.0),
        description="over the room's, Pa; default 0.1 mbar",
    )
    temperature: Register = Field(
        Register(address=3, encoding="int16", scale=0.1, offset=273.15),
        description="inside, K; default 0.1 degrees Celsius",
    )
    doors: dict[str, int] = Field(
        default={"antechamber_inner": 0, "antechamber_outer": 1, "window": 2},
        description="doors, each with the discrete input that is on while it is closed",
    )
    alarms: dict[str, int] = Field(
        default={
            "oxygen_high": 16, "water_high": 17, "pressure": 18, "blower": 19, "emergency_stop": 20,
        },
        description="alarms, each with the discrete input that is on while it lasts",
    )  # fmt: skip


@dataclass(frozen=True)
class Atmosphere:
    """What a glovebox reports, SI.

    Attributes:
        oxygen: Mole fraction of O2; 1e-6 is 1 ppm.
        water: Mole fraction of H2O.
        pressure: Over the room's, Pa.
        temperature: K.
        doors_closed: Whether every door is closed.
        alarms: Names of the alarms that last.
        open_doors: Names of the doors that are open.
    """

    oxygen: float
    water: float
    pressure: float
    temperature: float
    doors_closed: bool
    alarms: tuple[str, ...] = ()
    open_doors: tuple[str, ...] = ()


class Glovebox:
    """Reads a glovebox; commands nothing.

    Args:
        wire: The controller; None for a dry run.
        registers: Where it keeps what.
        dry: What a dry run reads.
    """

    def __init__(
        self,
        wire: ModbusWire | None,
        *,
        registers: GloveboxMap | None = None,
        dry: Atmosphere = Atmosphere(1e-7, 1e-7, 300.0, 298.15, doors_closed=True),
    ) -> None:
        self._wire = wire
        self._map = registers or GloveboxMap()
        self._dry = dry
        self._lock = asyncio.Lock()

    async def connect(self) -> None:
        """Open the wire."""
        if self._wire is not None:
            await self._wire.open()

    async def close(self) -> None:
        """Close the wire."""
        if self._wire is not None:
            await self._wire.close()

    async def read(self) -> Atmosphere:
        """Read everything.

        Raises:
            WireError: No answer, an address the controller does not have, or a broken sensor.
        """
        wire, where = self._wire, self._map
        if wire is None:
            return self._dry
        async with self._lock:
            oxygen = await where.oxygen.read(wire)
            water = await where.water.read(wire)
            pressure = await where.pressure.read(wire)
            temperature = await where.temperature.read(wire)
            doors = await _inputs(wire, where.doors)
            alarms = await _inputs(wire, where.alarms)
        return Atmosphere(
            oxygen,
            water,
            pressure,
            temperature,
            doors_closed=all(doors.values()),
            alarms=tuple(name for name, on in alarms.items() if on),
            open_doors=tuple(name for name, closed in doors.items() if not closed),
        )


async def _inputs(wire: ModbusWire, names: dict[str, int]) -> dict[str, bool]:
    """Read named discrete inputs, those from the first to the last at once."""
    if not names:
        return {}
    first = min(names.values())
    bits = await wire.read_discrete_inputs(first, max(names.values()) - first + 1)
    return {name: bits[address - first] for name, address in names.items()}

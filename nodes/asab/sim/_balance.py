"""A simulated balance under the vial, as Sartorius' are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

from pydantic import Field

from labmesh.sim import SimLine, SimPort, Simulator, SimulatorOptions
from nodes.asab._noise import Noise
from nodes.asab.devices import PRINT, TARE, format_weight
from nodes.asab.sim._world import mass_in

_ESCAPE: Final = b"\x1b"


class BalanceOptions(SimulatorOptions):
    """Options of the simulated balance."""

    world: Path = Field(default=Path("world"), description="folder of the simulated world")
    vessel: str = Field(default="vial", description="what stands on it")
    empty: float = Field(default=0.0152, ge=0, description="kg of the empty vial")
    repeatability: float = Field(default=1e-7, ge=0, description="standard deviation, kg")
    seed: int = Field(default=0, description="of its noise")


class BalanceSimulator(Simulator[BalanceOptions]):
    """Weighs what the simulated world has in the vial."""

    title: ClassVar[str] = "Sartorius balance (simulated)"
    ports: ClassVar[tuple[SimPort, ...]] = (
        SimPort("serial", "serial", description="SBI, 22 characters", settings="baud=115200"),
    )
    fault_kinds: ClassVar[Mapping[str, str]] = {
        "draught": "it does not come to rest: readings without a unit",
        "overload": "it shows H instead of a value",
    }
    Options: ClassVar[type[SimulatorOptions]] = BalanceOptions

    async def start(self) -> None:
        """Zero is what the balance feels with nothing on it."""
        self._zero = 0.0
        self._readings = 0

    async def serve(self, port: str, line: SimLine) -> None:
        """Answer ESC P, obey ESC T, ignore the rest as the real one does."""
        while True:
            command = await line.read_until(b"\n")
            command = command[command.find(_ESCAPE) :] if _ESCAPE in command else command
            if command == TARE:
                self._zero = self._load()
            elif command == PRINT:
                if self.faults.active("overload"):
                    await line.write(b"Stat" + b" " * 7 + b"H" + b" " * 8 + b"\r\n")
                    continue
                self._readings += 1
                noise = Noise(self.options.seed).normal("balance", self._readings)
                mass = self._load() - self._zero + self.options.repeatability * noise
                await line.write(format_weight(mass, stable=not self.faults.active("draught")))

    def _load(self) -> float:
        return self.options.empty + mass_in(self.options.world, self.options.vessel)

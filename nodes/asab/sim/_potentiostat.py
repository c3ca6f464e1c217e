"""A simulated EmStat Pico at a conductivity cell, which runs MethodSCRIPT."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
from pydantic import Field

from labmesh.sim import SimLine, SimPort, Simulator, SimulatorOptions
from nodes.asab._laws import CONDUCTIVITY
from nodes.asab._measurement import molality_and_share
from nodes.asab.devices import (
    FREQUENCY,
    HIGHEST,
    IMAGINARY,
    LOWEST,
    REAL,
    encode,
    impedance,
    parse_number,
)
from nodes.asab.sim._world import look

_DRY: Final = 1e-9
"""S/m of a cell with air between its electrodes: so little that only noise is seen."""
_CYCLES: Final = 4
"""Periods of the sine that a point takes, and 20 ms beside them; assumed."""

_UNKNOWN: Final = 0x4001
"""MethodSCRIPT error: the command is not known."""
_ARGUMENT: Final = 0x4004
"""MethodSCRIPT error: an argument is not what it should be."""


class PotentiostatOptions(SimulatorOptions):
    """Options of the simulated potentiostat and of the cell at its leads."""

    world: Path = Field(default=Path("world"), description="folder of the simulated world")
    cell: str = Field(default="conductivity_cell", description="its cell in the rig")
    cell_constant: float = Field(default=105.3, gt=0, description="true one, 1/m; unknown to nodes")
    temperature: float = Field(default=298.15, gt=0, description="of the thermostatted cell, K")
    inductance: float = Field(default=4e-7, ge=0, description="of the leads, H; assumed")
    admittance: float = Field(default=2e-4, gt=0, description="Q of the electrodes, S s^n; assumed")
    exponent: float = Field(default=0.92, gt=0, le=1, description="n of the electrodes; assumed")
    noise: float = Field(default=1e-3, ge=0, description="relative, of each part of a point")
    seed: int = Field(default=0, description="of the noise")


class PotentiostatSimulator(Simulator[PotentiostatOptions]):
    """Runs the scripts that measure impedance, on what the simulated world has in the cell."""

    title: ClassVar[str] = "PalmSens EmStat Pico at a conductivity cell (simulated)"
    ports: ClassVar[tuple[SimPort, ...]] = (
        SimPort("serial", "serial", description="MethodSCRIPT", settings="baud=230400"),
    )
    fault_kinds: ClassVar[Mapping[str, str]] = {
        "overload": "every package says that the current overloads its range",
        "contact": "a contact is loose: spectra are of no cell",
    }
    Options: ClassVar[type[SimulatorOptions]] = PotentiostatOptions

    async def start(self) -> None:
        """No spectrum has been taken since power-up."""
        self._spectra = 0

    async def serve(self, port: str, line: SimLine) -> None:
        """Answer commands, run scripts, abort them."""
        while True:
            command = await line.read_until(b"\n")
            if command == b"t\n":
                await line.write(b"tespico1501#Oct 10 2023 11:38:01\nR*\n")
            elif command == b"e\n":
                await self._run(line)
            elif command == b"Z\n":
                await line.write(b"Z\n")
            elif command.strip():
                await line.write(command[:1] + b"!0003\n")

    async def _run(self, line: SimLine) -> None:
        """Take a script, and run it until it ends or is aborted."""
        script = []
        while (row := await line.read_until(b"\n")) != b"\n":
            script.append(row.decode("ascii", "replace").split())
        await line.write(b"e\n")
        running = asyncio.ensure_future(self._execute(line, script))
        heard = asyncio.ensure_future(self._abortion(line, running))
        try:
            await running
        except asyncio.CancelledError:
            if not heard.done():
                raise
            await line.write(b"\nZ\n")
        finally:
            running.cancel()
            heard.cancel()
            await asyncio.gather(running, heard, return_exceptions=True)

    async def _abortion(self, line: SimLine, running: asyncio.Future[None]) -> None:
        while await line.read_until(b"\n") != b"Z\n":
            pass
        running.cancel()

    async def _execute(self, line: SimLine, script: list[list[str]]) -> None:
        for number, words in enumerate(script, start=1):
            if words and words[0] == "meas_loop_eis":
                try:
                    amplitude, highest, lowest = (parse_number(word) for word in words[4:7])
                    points = int(words[7])
                except (ValueError, IndexError):
                    await line.write(f"!{_ARGUMENT:04X}: Line {number}, Col 1\n".encode())
                    return
                if not (LOWEST <= lowest < highest <= HIGHEST and 0 < amplitude <= 0.25):
                    await line.write(f"!{_ARGUMENT:04X}: Line {number}, Col 1\n".encode())
                    return
                await self._spectrum(line, np.geomspace(highest, lowest, points))
            elif words and words[0] not in _KNOWN:
                await line.write(f"!{_UNKNOWN:04X}: Line {number}, Col 1\n".encode())
                return
        await line.write(b"\n")

    async def _spectrum(self, line: SimLine, frequencies: np.ndarray) -> None:
        options = self.options
        self._spectra += 1
        random = np.random.default_rng([options.seed, self._spectra])
        ideal = impedance(
            frequencies, options.cell_constant / self._conductivity(), options.inductance,
            options.admittance, options.exponent,
        )  # fmt: skip
        await line.write(b"M000D\n")
        for frequency, true in zip(frequencies.tolist(), ideal.tolist(), strict=True):
            await self.clock.sleep(_CYCLES / frequency + 0.02)
            errors = random.normal(0.0, options.noise, 2)
            if self.faults.active("contact"):
                errors = random.normal(0.0, 0.5, 2)
            found = true + abs(true) * complex(*errors)
            status = ",12" if self.faults.active("overload") else ",10"
            fields = (
                encode(FREQUENCY, frequency),
                encode(REAL, found.real) + status,
                encode(IMAGINARY, found.imag) + status,
            )
            await line.write(f"P{';'.join(fields)}\n".encode("ascii"))
        await line.write(b"*\n")

    def _conductivity(self) -> float:
        """S/m of what is in the cell; air there narrows the way of the current (Maxwell)."""
        content = look(self.options.world, self.options.cell)
        if content.standard is not None:
            return content.standard
        if content.fractions is None:
            return _DRY
        liquid = CONDUCTIVITY.law(*molality_and_share(content.fractions), self.options.temperature)
        return max(liquid * (1 - content.air) / (1 + content.air / 2), _DRY)


_KNOWN: Final = frozenset((
    "var", "set_pgstat_chan", "set_pgstat_mode", "set_max_bandwidth", "set_range_minmax",
    "set_range", "set_autoranging", "set_e", "cell_on", "cell_off", "pck_start", "pck_add",
    "pck_end", "endloop", "on_finished:", "wait",
))  # fmt: skip

"""A simulated Anton Paar DMA with Lovis, which speaks in files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

from pydantic import Field

from labmesh.sim import SimPort, Simulator, SimulatorOptions
from labmesh.wire import FolderWire, WireTimeoutError
from nodes.asab._laws import DENSITY, VISCOSITY
from nodes.asab._measurement import molality_and_share
from nodes.asab._noise import Noise
from nodes.asab.devices import MASTER, VALID, read_check, read_sample_list, write_table
from nodes.asab.sim._world import CellContent, look

_MOST_AIR: Final = 0.01
"""Volume fraction of air in the cell above which an oscillation or a ball's run is not valid."""
_LONGEST: Final = 3600.0


class DensimeterOptions(SimulatorOptions):
    """Options of the simulated densimeter."""

    world: Path = Field(default=Path("world"), description="folder of the simulated world")
    cell: str = Field(default="densimeter", description="its cell in the rig")
    methods: dict[str, float] = Field(
        default_factory=lambda: {
            "DL-20": 293.15,
            "DL-25": 298.15,
            "DL-30": 303.15,
            "DL-40": 313.15,
        },
        description="methods it knows, with their temperatures in K",
    )
    readings: int = Field(default=3, ge=1, le=20, description="rows of a result")
    duration: float = Field(default=120.0, ge=0, description="seconds of one reading; assumed")
    density_repeatability: float = Field(
        default=2e-5, ge=0, description="relative standard deviation; of the order of the maker's"
    )
    viscosity_repeatability: float = Field(
        default=2e-3, ge=0, description="relative standard deviation; of the order of the maker's"
    )
    seed: int = Field(default=0, description="of its noise")


class DensimeterSimulator(Simulator[DensimeterOptions]):
    """Measures density and viscosity of what the simulated world has in its cell.

    It takes ``.lims`` files, ignores what it does not understand as the real one does (its journal
    of mistakes is `refused`), and writes a ``;``-separated table for each sample.
    """

    title: ClassVar[str] = "Anton Paar DMA with Lovis (simulated)"
    ports: ClassVar[tuple[SimPort, ...]] = (
        SimPort(
            "folder",
            "folder",
            description="lists of samples in, tables of results out",
            settings="put=lims&take=results",
        ),
    )
    fault_kinds: ClassVar[Mapping[str, str]] = {
        "bubble": "a bubble in the tube: readings are not valid",
        "ball_stuck": "the ball does not run: viscosities are not valid",
    }
    Options: ClassVar[type[SimulatorOptions]] = DensimeterOptions

    async def start(self) -> None:
        """Forget what was refused and checked before."""
        self.refused: list[str] = []
        self.checks: list[str] = []

    async def serve_folder(self, port: str, folder: FolderWire) -> None:
        """Take lists, write results."""
        while True:
            try:
                name, data = await folder.take("*.lims", timeout=_LONGEST)
            except WireTimeoutError:
                continue
            if check := read_check(data):
                await self.clock.sleep(self.options.duration)
                self.checks.append(check)
                continue
            try:
                samples = read_sample_list(data)
            except (ValueError, UnicodeDecodeError) as error:
                self.refused.append(f"{name}: {error}")
                continue
            for sample, method in samples:
                if method not in self.options.methods:
                    self.refused.append(f"{name}: no method {method}")
                    continue
                table = await self._measure(sample, method)
                await folder.put(f"{sample}_{method}_Measurement.csv", table)

    async def _measure(self, sample: str, method: str) -> bytes:
        options, noise = self.options, Noise(self.options.seed)
        temperature = options.methods[method]
        rows: list[tuple[float, str, float, str, str]] = []
        for index in range(options.readings):
            await self.clock.sleep(options.duration)
            content = look(options.world, options.cell)
            dense, viscous = self._values(content, temperature)
            # What the liquid is decides the noise, not the sample's name, which is new each time.
            label = json.dumps([] if content.fractions is None else content.fractions.tolist())
            dense *= 1 + options.density_repeatability * noise.normal("dma", label, index)
            viscous *= 1 + options.viscosity_repeatability * noise.normal("lovis", label, index)
            good = content.air < _MOST_AIR and dense > 0
            dense_word = VALID if good and not self.faults.strike("bubble") else "not valid"
            runs = dense_word == VALID and not self.faults.strike("ball_stuck")
            viscous_word = VALID if runs else "not valid"
            rows.append((dense * 1e-3, dense_word, viscous * 1e3, viscous_word, f"{index + 1}"))
        means = [sum(row[k] for row in rows) / len(rows) for k in (0, 2)]  # type: ignore[misc]
        words = [VALID if all(row[k] == VALID for row in rows) else "not valid" for k in (1, 3)]
        rows.insert(0, (means[0], words[0], means[1], words[1], MASTER))
        return write_table(rows)

    @staticmethod
    def _values(content: CellContent, temperature: float) -> tuple[float, float]:
        if content.fractions is None:
            return 0.0, 0.0
        point = molality_and_share(content.fractions)
        return DENSITY.law(*point, temperature), VISCOSITY.law(*point, temperature)

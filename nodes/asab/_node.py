"""The node of ASAB."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, Final, Protocol

from labmesh import (
    LabmeshError,
    Level,
    NoArguments,
    NodeOptions,
    Order,
    OrderError,
    capability,
    service,
)
from labmesh.instrument import InstrumentNode
from messages.electrolyte import (
    ConductivityInput,
    ConductivityOutput,
    DensityInput,
    DensityOutput,
    ElectrolyteInput,
    ElectrolyteOutput,
    ElectrolytePropertiesInput,
    ElectrolytePropertiesOutput,
    ViscosityInput,
    ViscosityOutput,
)
from messages.errors import CallRefusedError
from messages.model import JsonObject
from nodes.asab._devices import Guards, make_devices
from nodes.asab._devices_rig import DevicesRig
from nodes.asab._inventory import Inventory
from nodes.asab._laws_rig import LawsRig
from nodes.asab._line import Line
from nodes.asab._mixing import Mixer, formulation_of, mole_fractions, named
from nodes.asab._parameters import AsabParameters
from nodes.asab._readings import CELL_CONSTANT
from nodes.asab._services import (
    CalibrateInput,
    CellCalibration,
    Plan,
    PlanInput,
    RefillInput,
    StockLevel,
    StockLevels,
)
from nodes.asab._stock_samples import register, sample_of
from nodes.asab._stocks import CHEMICALS, Stock, load_stocks
from nodes.asab._tube_book import TubeBook
from nodes.asab.devices import KCL
from nodes.asab.sim import PotentiostatOptions

_YEAR: Final = 365 * 86400 * 10**9


class Rig(Protocol):
    """What serves the capabilities: `LawsRig` or `DevicesRig`."""

    async def conductivity(self, order: Order[ConductivityInput]) -> ConductivityOutput: ...
    async def density(self, order: Order[DensityInput]) -> DensityOutput: ...
    async def viscosity(self, order: Order[ViscosityInput]) -> ViscosityOutput: ...
    async def properties(
        self, order: Order[ElectrolytePropertiesInput]
    ) -> ElectrolytePropertiesOutput: ...
    async def electrolyte(self, order: Order[ElectrolyteInput]) -> ElectrolyteOutput: ...
    async def levels(self) -> dict[str, float]: ...
    async def refill(self, stock: str, volume: float) -> None: ...
    def dirty(self) -> str: ...
    async def close(self) -> None: ...
    async def halt(self) -> list[BaseException]: ...
    async def reset(self) -> None: ...


class AsabNode(InstrumentNode[AsabParameters]):
    """ASAB: mixes LiPF6 in EC:EMC from stock solutions and measures the mixtures.

    One line, so one order at a time. The rig of laws has no hardware: values come from published
    laws, noise from published repeatability. The rig of devices moves liquid by pumps and valves
    and measures by instruments, each real or simulated. How full the bottles are, what the tubes
    hold, and what was begun survives a crash; no order is begun again by itself.
    """

    Parameters = AsabParameters

    def __init__(self, options: NodeOptions) -> None:
        super().__init__(options)
        self._rig: Rig | None = None
        self._stocks: tuple[Stock, ...] = ()
        self._showing = asyncio.Lock()
        p = self.parameters
        real = p.rig == "devices" and p.devices.pumps != "simulated" and p.devices.hardware
        absent = self._absent(p)
        for key, bound in list(self._capabilities.items()):
            if key in absent:
                del self._capabilities[key]
            elif real:
                spec = replace(bound.spec, simulated=False)
                words = bound.description.removeprefix("Simulated: ")
                self._capabilities[key] = replace(bound, spec=spec, description=words)

    async def on_configure(self) -> None:
        """Read the stocks file and the records; open the devices, if there are any."""
        p = self.parameters
        self._stocks = load_stocks(p.stocks_file or None)
        if p.rig == "laws":
            inventory = Inventory(self.data_dir / "inventory.sqlite", self._stocks, p.stock_volume)
            line = Line(self._stocks, inventory, self.clock, p, self._show)
            self._rig = LawsRig(line, self.id)
            return
        self._record_certificate(p)
        self.calibrations.declare(CELL_CONSTANT, "cell constant of the conductivity cell")
        known = {s.name: s.level for s in self.supplies.all()}
        bottles = {s.name: known.get(f"stock/{s.name}", p.stock_volume) for s in self._stocks}
        devices = make_devices(
            p.devices, self._stocks, self.clock, Guards(self.guard, self.guard),
            folder=self.data_dir, seed=p.seed, bottles=bottles, dry_run=self.dry_run,
        )  # fmt: skip
        book = TubeBook(self.data_dir / "tubes.sqlite")
        rig = DevicesRig(self, devices, self._stocks, book, self._mixer)
        rig.define_supplies(p)
        try:
            await devices.connect()
        except BaseException:
            await rig.close()
            raise
        self._rig = rig

    async def on_activate(self) -> None:
        """Tell the ledger of the stock solutions; say how the bottles and the line are."""
        self.spawn(self._register(), name="stock-solutions")
        await self._show_now()

    async def on_cleanup(self) -> None:
        """Close the records and the devices."""
        rig, self._rig = self._rig, None
        if rig is not None:
            await rig.close()

    async def on_parameters(self, before: AsabParameters, after: AsabParameters) -> None:
        """Take over everything but another stocks file."""
        if self._rig is None:
            return
        if after.stocks_file != before.stocks_file:
            raise LabmeshError(
                "stocks_file cannot change while the node is configured",
                where=str(self.id),
                remedy="start the node again with the new file",
            )
        if isinstance(self._rig, LawsRig):
            self._rig.line.adopt(after)
        if self.state == "active":
            await self.publish_offers()

    async def halt(self) -> None:
        """Stop every pump, shut the gas, end the spectrum."""
        if self._rig is not None:
            for error in await self._rig.halt():
                self.log.error(f"not stopped: {error}")

    async def on_reset(self) -> None:
        """Let the pumps move again; the next order cleans the line first."""
        await self._ready.reset()

    def limitations(self, quantity: str, method: str) -> JsonObject:
        """LiPF6, EC and EMC alone, within the instrument's temperatures and volumes."""
        p = self.parameters
        chemical = {
            "properties": {"inchikey": {"enum": [chemical.key for chemical in CHEMICALS]}},
            "required": ["inchikey"],
        }
        components = {"items": {"properties": {"chemical": chemical}}}
        properties: JsonObject = {
            "formulation": {"properties": {"components": components}},
        }
        if quantity == "electrolyte":
            properties["volume"] = {"minimum": p.smallest_volume, "maximum": p.largest_volume}
        elif p.rig == "laws":
            properties["temperature"] = {
                "minimum": p.lowest_temperature,
                "maximum": p.highest_temperature,
            }
        else:
            properties["temperature"] = {"enum": self._temperatures(quantity)}
        return {"properties": properties}

    @capability(
        "conductivity",
        "two_electrode",
        worker="instrument",
        resource="flow",
        simulated=True,
        process="ImpedanceConductometry",
    )
    async def conductivity(self, order: Order[ConductivityInput]) -> ConductivityOutput:
        """Simulated: ionic conductivity of a mixture, by impedance between two electrodes."""
        with self.busy(order):
            return await self._ready.conductivity(order)

    @capability(
        "density",
        "vibrating_tube_densimetry",
        worker="instrument",
        resource="flow",
        simulated=True,
        process="OscillatingTubeDensimetry",
    )
    async def density(self, order: Order[DensityInput]) -> DensityOutput:
        """Simulated: density of a mixture from a vibrating tube, and its viscosity."""
        with self.busy(order):
            return await self._ready.density(order)

    @capability(
        "viscosity",
        "rolling_ball",
        worker="instrument",
        resource="flow",
        simulated=True,
        process="RollingBallViscometry",
    )
    async def viscosity(self, order: Order[ViscosityInput]) -> ViscosityOutput:
        """Simulated: dynamic viscosity of a mixture, from a ball that rolls in a capillary."""
        with self.busy(order):
            return await self._ready.viscosity(order)

    @capability(
        "electrolyte_properties", "flow", worker="instrument", resource="flow", simulated=True
    )
    async def properties(
        self, order: Order[ElectrolytePropertiesInput]
    ) -> ElectrolytePropertiesOutput:
        """Simulated: density, viscosity and conductivity of one sample, mixed once."""
        with self.busy(order):
            return await self._ready.properties(order)

    @capability("electrolyte", "flow", worker="instrument", resource="flow", simulated=True)
    async def electrolyte(self, order: Order[ElectrolyteInput]) -> ElectrolyteOutput:
        """Simulated: a vial of electrolyte, mixed by flow from the stock solutions."""
        with self.busy(order):
            return await self._ready.electrolyte(order)

    @service("stock.levels", when_inactive=True)
    async def stock_levels(self, arguments: NoArguments) -> StockLevels:
        """How full the bottles are, by the node's own record."""
        levels = await self._ready.levels()
        return StockLevels(
            stocks=tuple(
                StockLevel(
                    name=stock.name,
                    label=stock.label,
                    volume=levels[stock.name],
                    concentration=named(stock.concentration),
                    sample=sample_of(stock),
                )
                for stock in self._stocks
            )
        )

    @service("stock.refill", when_inactive=True)
    async def stock_refill(self, arguments: RefillInput) -> StockLevels:
        """Note that a bottle was refilled with the same solution."""
        names = [stock.name for stock in self._stocks]
        if arguments.stock not in names:
            raise CallRefusedError(
                f"there is no stock {arguments.stock!r}", remedy=f"one of {', '.join(names)}"
            )
        volume = arguments.volume
        if volume is None:
            volume = self.parameters.stock_volume
        await self._ready.refill(arguments.stock, volume)
        self.log.info("stock refilled", stock=arguments.stock, volume=volume)
        await self._show_now()
        return await self.stock_levels(NoArguments())

    @service("formulation.plan", when_inactive=True)
    async def formulation_plan(self, arguments: PlanInput) -> Plan:
        """How a formulation would be mixed, or the nearest one that can be; nothing moves."""
        mixer = self._mixer()
        _, nearest, distance = mixer.nearest(mole_fractions(arguments.formulation))
        volume = self.parameters.sample_volume if arguments.volume is None else arguments.volume
        try:
            mixture = mixer.plan(arguments.formulation, volume)
        except OrderError as error:
            return Plan(
                feasible=False,
                formulation=formulation_of(nearest),
                distance=distance,
                reason=error.what,
            )
        names = (stock.name for stock in self._stocks)
        return Plan(
            feasible=True,
            formulation=mixture.formulation,
            distance=mixture.distance,
            volumes=dict(zip(names, mixture.volumes.tolist(), strict=True)),
            handling=self._rig.handling(mixture, arguments.target, volume)
            if isinstance(self._rig, DevicesRig)
            else None,
        )

    @service("cell.calibrate", resource="flow")
    async def cell_calibrate(self, arguments: CalibrateInput) -> CellCalibration:
        """Find the cell constant from a standard that somebody has filled into the cell."""
        rig = self._ready
        if not isinstance(rig, DevicesRig):
            raise CallRefusedError("the rig of laws has no cell", remedy="set rig to devices")
        standard = arguments.conductivity
        if standard is None:
            standard = KCL[float(arguments.kcl)]
        value, uncertainty, fits = await rig.readings.calibrate(standard)
        record = self.calibrations.record(
            CELL_CONSTANT, who=arguments.who,
            method=f"{len(fits)} impedance spectra of a standard of {standard:g} S/m",
            result={"cell_constant": value, "uncertainty": uncertainty, "standard": standard},
            expires=self.clock.now() + round(arguments.days / 365 * _YEAR),
        )  # fmt: skip
        return CellCalibration(id=record.id, cell_constant=value, uncertainty=uncertainty)

    @property
    def _ready(self) -> Rig:
        if self._rig is None:
            raise LabmeshError(
                "the node is not configured",
                where=str(self.id),
                remedy=f"labmesh lifecycle set {self.id} configure",
            )
        return self._rig

    def _mixer(self) -> Mixer:
        p = self.parameters
        return Mixer(
            self._stocks, resolution=p.pump_resolution, volume_uncertainty=p.volume_uncertainty,
            tolerance=p.tolerance,
        )  # fmt: skip

    @staticmethod
    def _absent(parameters: AsabParameters) -> set[tuple[str, str]]:
        """Return what cannot be served for want of a device."""
        p, absent = parameters.devices, set[tuple[str, str]]()
        if parameters.rig == "laws":
            return absent
        if not p.densimeter:
            absent |= {("density", "vibrating_tube_densimetry"), ("viscosity", "rolling_ball")}
        if not p.potentiostat:
            absent.add(("conductivity", "two_electrode"))
        if not p.densimeter or not p.potentiostat:
            absent.add(("electrolyte_properties", "flow"))
        return absent

    def _temperatures(self, quantity: str) -> list[float]:
        p = self.parameters.devices
        methods = sorted(p.methods.values())
        if quantity == "conductivity":
            return [p.cell_temperature]
        if quantity == "electrolyte_properties":
            return [kelvin for kelvin in methods if kelvin == p.cell_temperature]
        return methods

    def _record_certificate(self, parameters: AsabParameters) -> None:
        """Record the cell's certificate as its calibration, where there is none yet.

        A simulated cell without one is calibrated by its construction.
        """
        p = parameters.devices
        if self.calibrations.last(CELL_CONSTANT) is not None:
            return
        who, method, constant = "parameter devices.cell_constant", "certificate", p.cell_constant
        uncertainty = constant * p.cell_constant_uncertainty
        if not constant and not p.hardware:
            who, method = "simulation", "simulated: exact by construction"
            constant, uncertainty = PotentiostatOptions().cell_constant, 0.0
        if not constant:
            return
        self.calibrations.record(
            CELL_CONSTANT, who=who, method=method, expires=self.clock.now() + _YEAR,
            result={
                "cell_constant": constant, "uncertainty": uncertainty, "simulated": not p.hardware
            },
        )  # fmt: skip

    async def _register(self) -> None:
        troubles = await register(self.lab, self.id, self._stocks)
        self.diagnose(
            "stock-solutions",
            Level.WARN if troubles else Level.OK,
            "; ".join(troubles) or "known to the ledger",
            remedy="give a new solution a name or a batch of its own" if troubles else "",
        )

    def _show(self) -> None:
        self.mesh.background(self._show_now(), "bottles")

    async def _show_now(self) -> None:
        """Publish how the bottles and the line are, each time in turn: the last word is true."""
        async with self._showing:
            await self._tell_levels()

    async def _tell_levels(self) -> None:
        rig = self._ready
        levels, dirty = await rig.levels(), rig.dirty()
        low = [name for name, volume in levels.items() if volume < self.parameters.stock_warning]
        values: dict[str, Any] = {f"{name}_m3": volume for name, volume in levels.items()}
        self.diagnose(
            "stocks",
            Level.WARN if low else Level.OK,
            f"nearly empty: {', '.join(low)}" if low else "enough in every bottle",
            remedy="refill, then call stock.refill" if low else "",
            **values,
        )
        self.diagnose(
            "line",
            Level.OK,
            f"in use by, or not cleaned since, request {dirty}" if dirty else "clean",
        )

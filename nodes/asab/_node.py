"""The node of the simulated ASAB."""

from __future__ import annotations

import asyncio
from typing import Final

from labmesh import (
    LabmeshError,
    Level,
    NoArguments,
    Node,
    Order,
    OrderError,
    capability,
    service,
)
from messages.chemistry import FormulationInfo, RunInfo
from messages.electrolyte import (
    ConductivityInput,
    ConductivityOutput,
    DensityInput,
    DensityOutput,
    ElectrolyteInput,
    ElectrolyteOutput,
)
from messages.ledger import SampleStep
from messages.location import Location
from messages.model import JsonObject
from messages.quantity import Quantity
from nodes.asab._inventory import Inventory
from nodes.asab._laws import CONDUCTIVITY, DENSITY, VISCOSITY
from nodes.asab._line import Batch, Line, named
from nodes.asab._mixing import formulation_of, mole_fractions
from nodes.asab._parameters import AsabParameters
from nodes.asab._rating import rate
from nodes.asab._services import Plan, PlanInput, RefillInput, StockLevel, StockLevels
from nodes.asab._stocks import CHEMICALS, load_stocks

_LOW_CONFIDENCE: Final = 2
"""The best rating of a viscosity."""


class AsabNode(Node[AsabParameters]):
    """Simulated ASAB: mixes LiPF6 in EC:EMC from stock solutions and measures the mixtures.

    No hardware: values come from published laws, noise from published repeatability. One line, so
    one order at a time. How full the bottles are, and whether the line is clean, survives a crash;
    no order is begun again by itself.
    """

    Parameters = AsabParameters
    _line: Line | None = None

    async def on_configure(self) -> None:
        """Read the stocks file and the record of the bottles."""
        p = self.parameters
        stocks = load_stocks(p.stocks_file or None)
        inventory = Inventory(self.data_dir / "inventory.sqlite", stocks, p.stock_volume)
        self._line = Line(stocks, inventory, self.clock, p, self._show)

    async def on_activate(self) -> None:
        """Say how the bottles and the line are."""
        self._show()

    async def on_cleanup(self) -> None:
        """Close the record."""
        self._ready.inventory.close()
        self._line = None

    async def on_parameters(self, before: AsabParameters, after: AsabParameters) -> None:
        """Take over everything but another stocks file."""
        if self._line is None:
            return
        if after.stocks_file != before.stocks_file:
            raise LabmeshError(
                "stocks_file cannot change while the node is configured",
                where=str(self.id),
                remedy="start the node again with the new file",
            )
        self._line.adopt(after)
        if self.state == "active":
            await self.publish_offers()

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
        else:
            properties["temperature"] = {
                "minimum": p.lowest_temperature,
                "maximum": p.highest_temperature,
            }
        return {"properties": properties}

    @capability(
        "conductivity", "two_electrode", worker="instrument", resource="flow", simulated=True
    )
    async def conductivity(self, order: Order[ConductivityInput]) -> ConductivityOutput:
        """Simulated: ionic conductivity of a mixture, by impedance between two electrodes."""
        asked, p, line = order.parameters, self.parameters, self._ready
        async with line.batch(order, asked.formulation, p.sample_volume) as batch:
            await line.repeat(order, "conductivity", p.conductivity_duration)
        mixture = batch.mixture
        reading = line.read(CONDUCTIVITY, batch, asked.temperature)
        left = CONDUCTIVITY.outside(mixture.achieved, asked.temperature)
        quality = rate(reading.relative, mixture.distance, left)
        order.rate(success=True, rating=quality.rating, reason=quality.reason)
        order.note(law={"conductivity": CONDUCTIVITY.notes(left)})
        order.sample(self._birth(batch, "measured", "waste"))
        order.performed(asked.model_copy(update={"formulation": mixture.formulation}))
        return ConductivityOutput(
            run_info=self._run_info(batch),
            conductivity=Quantity.of(reading.value, "S/m", reading.uncertainty, quality),
            temperature=Quantity.of(asked.temperature, "K"),
            repeats=reading.repeats,
        )

    @capability(
        "density", "vibrating_tube_densimetry", worker="instrument", resource="flow", simulated=True
    )
    async def density(self, order: Order[DensityInput]) -> DensityOutput:
        """Simulated: density of a mixture from a vibrating tube, and its viscosity."""
        asked, p, line = order.parameters, self.parameters, self._ready
        async with line.batch(order, asked.formulation, p.sample_volume) as batch:
            await line.repeat(order, "density and viscosity", p.density_duration)
        mixture = batch.mixture
        dense = line.read(DENSITY, batch, asked.temperature)
        viscous = line.read(VISCOSITY, batch, asked.temperature)
        dense_left = DENSITY.outside(mixture.achieved, asked.temperature)
        viscous_left = VISCOSITY.outside(mixture.achieved, asked.temperature)
        quality = rate(dense.relative, mixture.distance, dense_left)
        viscous_quality = rate(
            viscous.relative,
            mixture.distance,
            viscous_left,
            at_most=_LOW_CONFIDENCE,
            because=f"the law itself is good to {VISCOSITY.accuracy:.0%} only",
        )
        order.rate(success=True, rating=quality.rating, reason=f"density: {quality.reason}")
        order.note(
            law={"density": DENSITY.notes(dense_left), "viscosity": VISCOSITY.notes(viscous_left)}
        )
        order.sample(self._birth(batch, "measured", "waste"))
        order.performed(asked.model_copy(update={"formulation": mixture.formulation}))
        return DensityOutput(
            run_info=self._run_info(batch),
            density=Quantity.of(dense.value, "kg/m3", dense.uncertainty, quality),
            temperature=Quantity.of(asked.temperature, "K"),
            repeats=dense.repeats,
            viscosity=Quantity.of(viscous.value, "Pa.s", viscous.uncertainty, viscous_quality),
            viscosity_repeats=viscous.repeats,
        )

    @capability("electrolyte", "flow", worker="instrument", resource="flow", simulated=True)
    async def electrolyte(self, order: Order[ElectrolyteInput]) -> ElectrolyteOutput:
        """Simulated: a vial of electrolyte, mixed by flow from the stock solutions."""
        asked = order.parameters
        async with self._ready.batch(order, asked.formulation, asked.volume) as batch:
            mixture = batch.mixture
        quality = rate(mixture.volume_uncertainty / mixture.volume, mixture.distance)
        place = Location(
            address=self.id.site, detail_1=f"simulated ASAB {self.id}", detail_2="outlet vial"
        )
        words = f"{place.address}, {place.detail_1}, {place.detail_2}"
        order.rate(success=True, rating=quality.rating, reason=f"volume: {quality.reason}")
        order.sample(self._birth(batch, "formulated", words))
        order.performed(ElectrolyteInput(formulation=mixture.formulation, volume=mixture.volume))
        return ElectrolyteOutput(
            run_info=self._run_info(batch),
            sample=batch.sample,
            volume=Quantity.of(mixture.volume, "m3", mixture.volume_uncertainty),
            location=place,
            rating=quality,
        )

    @service("stock.levels", when_inactive=True)
    async def stock_levels(self, arguments: NoArguments) -> StockLevels:
        """How full the bottles are, by the node's own record."""
        line = self._ready
        levels = await asyncio.to_thread(line.inventory.levels)
        return StockLevels(
            stocks=tuple(
                StockLevel(
                    name=stock.name,
                    label=stock.label,
                    volume=levels[stock.name],
                    concentration=named(stock.concentration),
                )
                for stock in line.stocks
            )
        )

    @service("stock.refill", when_inactive=True)
    async def stock_refill(self, arguments: RefillInput) -> StockLevels:
        """Note that a bottle was refilled with the same solution."""
        volume = arguments.volume
        if volume is None:
            volume = self.parameters.stock_volume
        await asyncio.to_thread(self._ready.inventory.refill, arguments.stock, volume)
        self.log.info("stock refilled", stock=arguments.stock, volume=volume)
        self._show()
        return await self.stock_levels(NoArguments())

    @service("formulation.plan", when_inactive=True)
    async def formulation_plan(self, arguments: PlanInput) -> Plan:
        """How a formulation would be mixed, or the nearest one that can be; nothing moves."""
        line = self._ready
        _, nearest, distance = line.mixer.nearest(mole_fractions(arguments.formulation))
        volume = self.parameters.sample_volume if arguments.volume is None else arguments.volume
        try:
            mixture = line.mixer.plan(arguments.formulation, volume)
        except OrderError as error:
            return Plan(
                feasible=False,
                formulation=formulation_of(nearest),
                distance=distance,
                reason=error.what,
            )
        return Plan(
            feasible=True,
            formulation=mixture.formulation,
            distance=mixture.distance,
            volumes=line.by_stock(mixture.volumes),
        )

    @property
    def _ready(self) -> Line:
        if self._line is None:
            raise LabmeshError(
                "the node is not configured",
                where=str(self.id),
                remedy=f"labmesh lifecycle set {self.id} configure",
            )
        return self._line

    def _run_info(self, batch: Batch) -> RunInfo:
        return RunInfo(
            formulation=batch.mixture.formulation,
            internal_reference=f"simulated {self.id} {batch.sample}",
            formulation_info=FormulationInfo(name="mixed by a simulated ASAB", sample=batch.sample),
        )

    def _birth(self, batch: Batch, label: str, location: str) -> SampleStep:
        """Return the first state of a mixture.

        It has no parents: a stock bottle is no sample of the ledger; its name and batch are
        properties instead.
        """
        line = self._ready
        used = zip(line.stocks, line.by_stock(batch.mixture.volumes).values(), strict=True)
        return SampleStep(
            sample=batch.sample,
            kind="electrolyte",
            state=0,
            label=label,
            location=location,
            properties={
                "simulated": True,
                "mole_fractions": named(batch.mixture.achieved),
                "volume": batch.mixture.volume,
                "stocks": [
                    {"name": stock.name, "batch": stock.batch, "volume": volume}
                    for stock, volume in used
                    if volume > 0
                ],
            },
        )

    def _show(self) -> None:
        """Publish how the bottles and the line are."""
        inventory = self._ready.inventory
        levels, dirty = inventory.levels(), inventory.dirty
        low = [name for name, volume in levels.items() if volume < self.parameters.stock_warning]
        self.diagnose(
            "stocks",
            Level.WARN if low else Level.OK,
            f"nearly empty: {', '.join(low)}" if low else "enough in every bottle",
            remedy="refill, then call stock.refill" if low else "",
            **{f"{name}_m3": volume for name, volume in levels.items()},
        )
        self.diagnose(
            "line",
            Level.OK,
            f"in use by, or not cleaned since, request {dirty}" if dirty else "clean",
        )

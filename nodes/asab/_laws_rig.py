"""The rig of laws: no device at all, values from published laws."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from labmesh import Order
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
from messages.ids import NodeId
from messages.ledger import Rating
from messages.location import Location
from messages.quantity import Quantity
from nodes.asab._births import birth, run_info
from nodes.asab._laws import CONDUCTIVITY, DENSITY, VISCOSITY, Property
from nodes.asab._line import Batch, Line
from nodes.asab._measurement import Reading
from nodes.asab._rating import rate

_LOW_CONFIDENCE: Final = 2
"""The best rating of a viscosity."""

Asked = ConductivityInput | DensityInput | ViscosityInput | ElectrolytePropertiesInput


class LawsRig:
    """Serves ASAB's capabilities without a device.

    Args:
        line: The simulated line.
        node: Who it is for.
    """

    def __init__(self, line: Line, node: NodeId) -> None:
        self.line = line
        self._node = node

    async def conductivity(self, order: Order[ConductivityInput]) -> ConductivityOutput:
        """Serve conductivity/two_electrode."""
        asked, line = order.parameters, self.line
        async with line.batch(order, asked.formulation, line.sample_volume) as batch:
            await line.repeat(order, "conductivity", line.conductivity_duration)
        reading, quality = self._read(CONDUCTIVITY, batch, asked.temperature)
        order.rate(success=True, rating=quality.rating, reason=quality.reason)
        self._tell(order, batch, asked, CONDUCTIVITY)
        return ConductivityOutput(
            run_info=run_info(self._node, batch.sample, batch.mixture, simulated=True),
            conductivity=Quantity.of(reading.value, "S/m", reading.uncertainty, quality),
            temperature=Quantity.of(asked.temperature, "K"),
            repeats=reading.repeats,
        )

    async def density(self, order: Order[DensityInput]) -> DensityOutput:
        """Serve density/vibrating_tube_densimetry."""
        asked, line = order.parameters, self.line
        async with line.batch(order, asked.formulation, line.sample_volume) as batch:
            await line.repeat(order, "density and viscosity", line.density_duration)
        dense, quality = self._read(DENSITY, batch, asked.temperature)
        viscous, viscous_quality = self._read(VISCOSITY, batch, asked.temperature)
        order.rate(success=True, rating=quality.rating, reason=f"density: {quality.reason}")
        self._tell(order, batch, asked, DENSITY, VISCOSITY)
        return DensityOutput(
            run_info=run_info(self._node, batch.sample, batch.mixture, simulated=True),
            density=Quantity.of(dense.value, "kg/m3", dense.uncertainty, quality),
            temperature=Quantity.of(asked.temperature, "K"),
            repeats=dense.repeats,
            viscosity=Quantity.of(viscous.value, "Pa.s", viscous.uncertainty, viscous_quality),
            viscosity_repeats=viscous.repeats,
        )

    async def viscosity(self, order: Order[ViscosityInput]) -> ViscosityOutput:
        """Serve viscosity/rolling_ball."""
        asked, line = order.parameters, self.line
        async with line.batch(order, asked.formulation, line.sample_volume) as batch:
            await line.repeat(order, "viscosity", line.density_duration)
        viscous, quality = self._read(VISCOSITY, batch, asked.temperature)
        order.rate(success=True, rating=quality.rating, reason=quality.reason)
        self._tell(order, batch, asked, VISCOSITY)
        return ViscosityOutput(
            run_info=run_info(self._node, batch.sample, batch.mixture, simulated=True),
            viscosity=Quantity.of(viscous.value, "Pa.s", viscous.uncertainty, quality),
            temperature=Quantity.of(asked.temperature, "K"),
            repeats=viscous.repeats,
        )

    async def properties(
        self, order: Order[ElectrolytePropertiesInput]
    ) -> ElectrolytePropertiesOutput:
        """Serve electrolyte_properties/flow."""
        asked, line = order.parameters, self.line
        async with line.batch(order, asked.formulation, line.sample_volume) as batch:
            await line.repeat(order, "density and viscosity", line.density_duration)
            await line.repeat(order, "conductivity", line.conductivity_duration)
        dense, dense_quality = self._read(DENSITY, batch, asked.temperature)
        viscous, viscous_quality = self._read(VISCOSITY, batch, asked.temperature)
        ionic, ionic_quality = self._read(CONDUCTIVITY, batch, asked.temperature)
        order.rate(
            success=True,
            rating=min(dense_quality.rating, ionic_quality.rating),
            reason=f"density: {dense_quality.reason}; conductivity: {ionic_quality.reason}",
        )
        self._tell(order, batch, asked, DENSITY, VISCOSITY, CONDUCTIVITY)
        return ElectrolytePropertiesOutput(
            run_info=run_info(self._node, batch.sample, batch.mixture, simulated=True),
            temperature=Quantity.of(asked.temperature, "K"),
            density=Quantity.of(dense.value, "kg/m3", dense.uncertainty, dense_quality),
            density_repeats=dense.repeats,
            viscosity=Quantity.of(viscous.value, "Pa.s", viscous.uncertainty, viscous_quality),
            viscosity_repeats=viscous.repeats,
            conductivity=Quantity.of(ionic.value, "S/m", ionic.uncertainty, ionic_quality),
            conductivity_repeats=ionic.repeats,
        )

    async def electrolyte(self, order: Order[ElectrolyteInput]) -> ElectrolyteOutput:
        """Serve electrolyte/flow."""
        asked = order.parameters
        async with self.line.batch(order, asked.formulation, asked.volume) as batch:
            mixture = batch.mixture
        quality = rate(mixture.volume_uncertainty / mixture.volume, mixture.distance)
        place = Location(address=self._node.site, detail_1=self._node.node, detail_2="outlet vial")
        order.rate(success=True, rating=quality.rating, reason=f"volume: {quality.reason}")
        self._birth(order, batch, "formulated", place.text)
        order.performed(ElectrolyteInput(formulation=mixture.formulation, volume=mixture.volume))
        return ElectrolyteOutput(
            run_info=run_info(self._node, batch.sample, mixture, simulated=True),
            sample=batch.sample,
            volume=Quantity.of(mixture.volume, "m3", mixture.volume_uncertainty),
            location=place,
            rating=quality,
        )

    async def levels(self) -> dict[str, float]:
        """Return m3 in each bottle."""
        return await asyncio.to_thread(self.line.inventory.levels)

    async def refill(self, stock: str, volume: float) -> None:
        """Note that a bottle holds ``volume`` m3 now; errors as `Inventory.refill`."""
        await asyncio.to_thread(self.line.inventory.refill, stock, volume)

    def dirty(self) -> str:
        """Return whose liquid is in the line, empty when it is clean."""
        return self.line.inventory.dirty

    async def close(self) -> None:
        """Close the record."""
        self.line.inventory.close()

    async def halt(self) -> list[BaseException]:
        """Nothing moves here."""
        return []

    async def reset(self) -> None:
        """Nothing was stopped here."""

    def _read(self, what: Property, batch: Batch, temperature: float) -> tuple[Reading, Rating]:
        reading = self.line.read(what, batch, temperature)
        left = what.outside(batch.mixture.achieved, temperature)
        cap = {"at_most": _LOW_CONFIDENCE} if what is VISCOSITY else {}
        because = f"the law itself is good to {what.accuracy:.0%} only" if cap else ""
        quality = rate(reading.relative, batch.mixture.distance, left, because=because, **cap)
        return reading, quality

    def _tell(self, order: Order[Any], batch: Batch, asked: Asked, *laws: Property) -> None:
        order.note(
            law={
                law.name: law.notes(law.outside(batch.mixture.achieved, asked.temperature))
                for law in laws
            }
        )
        self._birth(order, batch, "measured", "waste")
        order.performed(asked.model_copy(update={"formulation": batch.mixture.formulation}))

    def _birth(self, order: Order[Any], batch: Batch, label: str, location: str) -> None:
        if self.line.dry_run:
            order.rate(success=True, rating=0, reason="dry run: nothing was mixed")
            return
        volumes = self.line.by_stock(batch.mixture.volumes)
        order.sample(
            birth(
                batch.sample,
                batch.mixture,
                self.line.stocks,
                volumes,
                label=label,
                location=location,
                simulated=True,
            )
        )

"""The rig of devices: ASAB's capabilities with pumps, valves and instruments."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labmesh import Order, OrderError
from labmesh.instrument import InstrumentNode
from labmesh.wire import WireError
from messages.chemistry import Formulation
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
from messages.ledger import Rating
from messages.location import Location
from messages.quantity import Quantity
from nodes.asab._births import birth, run_info
from nodes.asab._devices import Devices
from nodes.asab._filling import Filling, Fillings
from nodes.asab._mixing import Mixer, Mixture
from nodes.asab._parameters import AsabParameters
from nodes.asab._plumbing import VIALS, WASTE, Plumbing, stock_supply
from nodes.asab._rating import rate
from nodes.asab._readings import Judged, Readings
from nodes.asab._services import Handling
from nodes.asab._stock_samples import sample_of
from nodes.asab._stocks import Stock
from nodes.asab._tube_book import TubeBook
from nodes.asab.fluidics import Target, pump_of
from nodes.asab.sim import RINSE


class DevicesRig:
    """Serves ASAB's capabilities with devices.

    Args:
        node: Whose journal, supplies, calibrations and condition count.
        devices: Open.
        stocks: In the bottles.
        book: Of tubes.
        mixer: Plans volumes; asked for anew at each order.
    """

    def __init__(
        self,
        node: InstrumentNode[AsabParameters],
        devices: Devices,
        stocks: Sequence[Stock],
        book: TubeBook,
        mixer: Callable[[], Mixer],
    ) -> None:
        self._node = node
        self.devices = devices
        self.stocks = tuple(stocks)
        self._book = book
        self.plumbing = Plumbing(
            devices.fluidics, devices.rig, lambda: node.parameters.devices, node.journal,
            node.supplies, book, node.checkpoint,
        )  # fmt: skip
        self._fillings = Fillings(node, devices, self.plumbing, self.stocks, mixer)
        self.readings = Readings(
            devices, lambda: node.parameters.devices, node.calibrations, node.clock
        )
        self.simulated = node.parameters.devices.pumps == "simulated" or not (
            node.parameters.devices.hardware
        )

    def define_supplies(self, parameters: AsabParameters) -> None:
        """Say what there is; what the record knows of levels stands."""
        define, p = self._node.supplies.define, parameters.devices
        for stock in self.stocks:
            define(
                stock_supply(stock.name), "stock", "m3", parameters.stock_volume,
                lot=stock.batch, sample=sample_of(stock),
                low=min(1.0, parameters.stock_warning / parameters.stock_volume),
            )  # fmt: skip
        define(RINSE, "stock", "m3", p.rinse_volume)
        define(WASTE, "waste", "m3", p.waste_volume)
        define(VIALS, "parts", "1", float(p.vials))

    async def conductivity(self, order: Order[ConductivityInput]) -> ConductivityOutput:
        """Serve conductivity/two_electrode."""
        asked = order.parameters
        self.readings.cell()
        async with self._fillings.filled(order, asked.formulation) as filling:
            found, calibration = await self.readings.conductivity(order, filling.mixture)
        quality = self._quality(found, filling.mixture)
        self._tell(order, filling, quality, asked, {"conductivity": found})
        return ConductivityOutput(
            run_info=self._run_info(filling),
            conductivity=_quantity(found, "S/m", quality),
            temperature=Quantity.of(asked.temperature, "K"),
            repeats=found.reading.repeats,
            cell_constant=_cell_constant(calibration.result),
        )

    async def density(self, order: Order[DensityInput]) -> DensityOutput:
        """Serve density/vibrating_tube_densimetry."""
        asked = order.parameters
        dense, viscous, filling = await self._measured(order, asked.formulation, asked.temperature)
        self._need(dense, "density")
        quality = self._quality(dense, filling.mixture)
        self._tell(order, filling, quality, asked, {"density": dense, "viscosity": viscous})
        good = len(viscous.reading.repeats) > 0
        viscous_quality = self._quality(viscous, filling.mixture)
        return DensityOutput(
            run_info=self._run_info(filling),
            density=_quantity(dense, "kg/m3", quality),
            temperature=Quantity.of(asked.temperature, "K"),
            repeats=dense.reading.repeats,
            viscosity=_quantity(viscous, "Pa.s", viscous_quality) if good else None,
            viscosity_repeats=viscous.reading.repeats if good else None,
        )

    async def viscosity(self, order: Order[ViscosityInput]) -> ViscosityOutput:
        """Serve viscosity/rolling_ball."""
        asked = order.parameters
        dense, viscous, filling = await self._measured(order, asked.formulation, asked.temperature)
        self._need(viscous, "viscosity")
        quality = self._quality(viscous, filling.mixture)
        self._tell(order, filling, quality, asked, {"density": dense, "viscosity": viscous})
        return ViscosityOutput(
            run_info=self._run_info(filling),
            viscosity=_quantity(viscous, "Pa.s", quality),
            temperature=Quantity.of(asked.temperature, "K"),
            repeats=viscous.reading.repeats,
        )

    async def properties(
        self, order: Order[ElectrolytePropertiesInput]
    ) -> ElectrolytePropertiesOutput:
        """Serve electrolyte_properties/flow: formulated once, everything measured of it."""
        asked = order.parameters
        self.readings.cell()
        self.readings.method(asked.temperature)
        async with self._fillings.filled(order, asked.formulation) as filling:
            dense, viscous = await self.readings.density_and_viscosity(
                order, filling.mixture, asked.temperature
            )
            ionic, calibration = await self.readings.conductivity(order, filling.mixture)
        found = {"density": dense, "viscosity": viscous, "conductivity": ionic}
        qualities = {name: self._quality(each, filling.mixture) for name, each in found.items()}
        worst = min(qualities.values(), key=lambda quality: quality.rating)
        words = "; ".join(f"{name}: {each.reason}" for name, each in qualities.items())
        self._tell(
            order, filling, Rating(success=True, rating=worst.rating, reason=words), asked, found
        )
        there = {name: each for name, each in found.items() if len(each.reading.repeats)}
        units = {"density": "kg/m3", "viscosity": "Pa.s", "conductivity": "S/m"}
        values: dict[str, Any] = {}
        for name, each in there.items():
            values[name] = _quantity(each, units[name], qualities[name])
            values[f"{name}_repeats"] = each.reading.repeats
        return ElectrolytePropertiesOutput(
            run_info=self._run_info(filling),
            temperature=Quantity.of(asked.temperature, "K"),
            cell_constant=_cell_constant(calibration.result),
            **values,
        )

    async def electrolyte(self, order: Order[ElectrolyteInput]) -> ElectrolyteOutput:
        """Serve electrolyte/flow: a vial, weighed where there is a balance."""
        asked = order.parameters
        filling = self._fillings.plan(order, asked.formulation, "vial", asked.volume)
        self.plumbing.refuse_short(filling.recipe, vial=True)
        empty: tuple[float | None, str] = (None, "")

        async def ready() -> None:
            nonlocal empty
            self.devices.place("vial")
            empty = await self._weigh()

        async with self._fillings.mixed(order, filling, "vial", ready=ready):
            full = await self._weigh()
        trouble = empty[1] or full[1]
        mass = None if empty[0] is None or full[0] is None else full[0] - empty[0]
        if mass is not None and mass <= 0:
            mass, trouble = None, ": the balance shows no more than before"
        mixture = filling.mixture
        planned = sum(filling.volumes.values())
        relative = mixture.volume_uncertainty / mixture.volume
        delivered, reason = planned, f"not weighed{trouble}"
        if mass is not None:
            density = sum(
                stock.density * filling.volumes.get(stock.name, 0.0) for stock in self.stocks
            )
            delivered = mass / (density / planned)
            off = delivered / planned - 1
            relative = max(relative, abs(off))
            reason = f"{mass * 1e3:.4f} g weighed, {off:+.2%} of what was planned"
        quality = rate(relative, mixture.distance)
        if self._node.dry_run:
            quality = Rating(success=True, rating=0, reason="dry run: nothing was delivered")
        place = Location(
            address=self._node.id.site, detail_1=self._node.id.node, detail_2="outlet vial"
        )
        order.rate(success=True, rating=quality.rating, reason=f"{reason}; {quality.reason}")
        order.note(delivered={"planned_m3": planned, "weighed_kg": mass})
        self._birth(order, filling, "formulated", place.text)
        order.performed(ElectrolyteInput(formulation=mixture.formulation, volume=delivered))
        return ElectrolyteOutput(
            run_info=self._run_info(filling),
            sample=filling.sample,
            volume=Quantity.of(delivered, "m3", delivered * relative),
            location=place,
            rating=quality,
        )

    def handling(self, mixture: Mixture, target: Target, volume: float) -> Handling:
        """Return what the pumps would do; nothing moves. Errors as `Fillings.recipe`."""
        recipe = self._fillings.recipe(mixture, target, volume)
        fluids = {pump_of(self.devices.rig, stock.name): stock.name for stock in self.stocks}
        return Handling(
            taken={fluids[pump]: volume for pump, volume in recipe.taken().items()},
            mixture=recipe.mixture,
            wasted=recipe.wasted,
            strokes=sum(len(portion.dosing.strokes) for portion in recipe.portions),
            seconds=recipe.seconds,
            remarks=recipe.remarks,
        )

    async def levels(self) -> dict[str, float]:
        """Return m3 in each bottle."""
        supplies = self._node.supplies
        return {stock.name: supplies.level(stock_supply(stock.name)) for stock in self.stocks}

    async def refill(self, stock: str, volume: float) -> None:
        """Note that a bottle holds ``volume`` m3 now."""
        if stock not in {each.name for each in self.stocks}:
            raise OrderError(f"there is no stock {stock!r}")
        self._node.supplies.refill(stock_supply(stock), volume)

    def dirty(self) -> str:
        """Return what the line holds, empty when it is clean."""
        return "; ".join(sorted(set(self.plumbing.dirty().values())))

    async def close(self) -> None:
        """Close every device, and the book."""
        await self.devices.close()
        self._book.close()

    async def halt(self) -> list[BaseException]:
        """Stop everything at once."""
        return await self.devices.halt()

    async def reset(self) -> None:
        """Make the devices ready again."""
        await self.devices.reset()

    # What is told.

    async def _measured(
        self, order: Order[Any], formulation: Formulation, temperature: float
    ) -> tuple[Judged, Judged, Filling]:
        self.readings.method(temperature)
        async with self._fillings.filled(order, formulation) as filling:
            dense, viscous = await self.readings.density_and_viscosity(
                order, filling.mixture, temperature
            )
        return dense, viscous, filling

    async def _weigh(self) -> tuple[float | None, str]:
        """Return kg in the vial, or None and why not: a vial is not lost for want of a balance."""
        if self.devices.balance is None:
            return None, ""
        try:
            return await self.devices.balance.weigh(), ""
        except WireError as error:
            return None, f": {error.what}"

    def _need(self, found: Judged, what: str) -> None:
        if not len(found.reading.repeats):
            raise OrderError(
                f"no {what} was measured: {found.words}", where="densimeter",
                remedy="look for bubbles in the cell; the line was cleaned",
            )  # fmt: skip

    def _quality(self, found: Judged, mixture: Mixture) -> Rating:
        if found.notes.get("dry_run"):
            return Rating(success=True, rating=0, reason=found.words)
        relative = found.reading.relative if math.isfinite(found.reading.value) else math.inf
        quality = rate(relative, mixture.distance, at_most=found.at_most, because=found.words)
        if self.simulated:
            return quality
        reason = quality.reason.removeprefix("simulated; ")
        return quality.model_copy(update={"reason": reason})

    def _tell(
        self, order: Order[Any], filling: Filling, quality: Rating, asked: Any,
        found: Mapping[str, Judged],
    ) -> None:  # fmt: skip
        order.rate(success=True, rating=quality.rating, reason=quality.reason)
        order.note(
            readings={name: {"valid": each.words, **each.notes} for name, each in found.items()},
            calibrations=self._node.calibrations.notes(),
        )
        self._birth(order, filling, "measured", "waste")
        order.performed(asked.model_copy(update={"formulation": filling.mixture.formulation}))

    def _birth(self, order: Order[Any], filling: Filling, label: str, location: str) -> None:
        if self._node.dry_run:
            return
        order.sample(
            birth(
                filling.sample,
                filling.mixture,
                self.stocks,
                filling.volumes,
                label=label,
                location=location,
                simulated=self.simulated,
            )
        )

    def _run_info(self, filling: Filling) -> Any:
        return run_info(self._node.id, filling.sample, filling.mixture, simulated=self.simulated)


def _quantity(found: Judged, unit: str, quality: Rating) -> Quantity:
    uncertainty = found.reading.uncertainty
    known = uncertainty if math.isfinite(uncertainty) else None
    return Quantity.of(found.reading.value, unit, known, quality)


def _cell_constant(result: Mapping[str, Any]) -> Quantity:
    return Quantity.of(float(result["cell_constant"]), "1/m", float(result["uncertainty"]))

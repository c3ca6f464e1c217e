"""Fillings: one mixture at a time in the cells or in the vial, and a clean line after it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from labmesh import Order, OrderError
from labmesh.instrument import EmergencyStopError, InstrumentNode
from messages.chemistry import Formulation
from nodes.asab._devices import Devices
from nodes.asab._mixing import Mixer, Mixture, named
from nodes.asab._parameters import AsabParameters
from nodes.asab._plumbing import WASTE, Plumbing, in_millilitres, stock_supply
from nodes.asab._stocks import Stock
from nodes.asab.fluidics import FluidicsError, Recipe, SimulatedBus, Target, plan_recipe

_NOTICED: Final = 1e-6
"""m3 by which the book and the simulated bottle differ after a refill, not by rounding."""

_MIXED: Final = 0.4
_CLEANING: Final = 0.8
"""Fractions of an order."""


@dataclass(frozen=True, slots=True)
class Filling:
    """One mixture in the cells or in the vial.

    Attributes:
        sample: Its id.
        mixture: As planned.
        recipe: How it came there.
        volumes: m3 by stock that the sample consists of.
    """

    sample: str
    mixture: Mixture
    recipe: Recipe
    volumes: Mapping[str, float]


class Fillings:
    """Plans, makes and clears away fillings of the line.

    Args:
        node: Whose parameters and supplies count.
        devices: Open.
        plumbing: Moves the liquid.
        stocks: In the bottles.
        mixer: Plans volumes; asked for anew at each order.
    """

    def __init__(
        self,
        node: InstrumentNode[AsabParameters],
        devices: Devices,
        plumbing: Plumbing,
        stocks: Sequence[Stock],
        mixer: Callable[[], Mixer],
    ) -> None:
        self._node = node
        self._devices = devices
        self._plumbing = plumbing
        self._stocks = stocks
        self._mixer = mixer

    @asynccontextmanager
    async def filled(self, order: Order[Any], formulation: Formulation) -> AsyncIterator[Filling]:
        filling = self.plan(order, formulation, "cells", self._node.parameters.sample_volume)
        self._plumbing.refuse_short(filling.recipe, vial=False)
        async with self.mixed(order, filling, "cells"):
            yield filling

    @asynccontextmanager
    async def mixed(
        self,
        order: Order[Any],
        filling: Filling,
        target: Target,
        *,
        ready: Callable[[], Awaitable[None]] | None = None,
    ) -> AsyncIterator[None]:
        """Prepare, mix, let the caller measure, and clean; also when the order turns out void.

        ``ready`` is awaited just before the mixture flows.
        """
        self._notice_refills()
        try:
            await self._plumbing.prepare(order, filling.recipe)
            if ready is not None:
                await ready()
            await order.feedback(0.05, f"mixing {in_millilitres(filling.volumes)}")
            await self._plumbing.mix(order, filling.sample, filling.recipe, target)
            await order.feedback(_MIXED, "mixed")
            yield
            await order.feedback(_CLEANING, "cleaning")
        except EmergencyStopError:
            raise  # nothing moves now; the next order begins with cleaning
        except OrderError:
            await self._plumbing.clean(order)
            raise
        await self._plumbing.clean(order)

    def plan(
        self, order: Order[Any], formulation: Formulation, target: Target, volume: float
    ) -> Filling:
        p = self._node.parameters
        mixture = self._mixer().plan(formulation, volume)
        shares, recipe = self._shares(mixture), self.recipe(mixture, target, volume)
        order.note(
            rig="devices",
            simulated_pumps=p.devices.pumps == "simulated",
            stock_volumes={n: s * recipe.mixture for n, s in shares.items()},
            requested_mole_fractions=named(mixture.requested),
            achieved_mole_fractions=named(mixture.achieved),
            achieved_uncertainties=named(mixture.covariance.diagonal() ** 0.5),
            distance=mixture.distance,
            dosing=list(recipe.remarks),
        )
        volumes = {name: share * recipe.delivered for name, share in shares.items()}
        return Filling(f"electrolyte-{order.request}-{order.attempt}", mixture, recipe, volumes)

    def recipe(self, mixture: Mixture, target: Target, volume: float) -> Recipe:
        """Return how a mixture would come to a target with the lines as they are now.

        Raises:
            OrderError: The rig cannot do it.
        """
        p = self._node.parameters.devices
        try:
            return plan_recipe(
                self._devices.rig, self._shares(mixture), target, volume, flow=p.flow,
                purge=p.purge_factor, prime=p.prime_factor, primed=self._plumbing.primed(),
            )  # fmt: skip
        except FluidicsError as error:
            raise OrderError(error.what, where=error.where, remedy=error.remedy) from None

    def _shares(self, mixture: Mixture) -> dict[str, float]:
        volumes = mixture.volumes / mixture.volume
        return {s.name: float(v) for s, v in zip(self._stocks, volumes, strict=True) if v > 0}

    def _notice_refills(self) -> None:
        """Let the simulated world follow what people have noted of bottles and waste."""
        bus, supplies = self._devices.bus, self._node.supplies
        if not isinstance(bus, SimulatedBus):
            return
        for vessel in self._devices.rig.vessels:
            there = bus.world.vessels[vessel.name].volume
            if vessel.kind == "bottle" and vessel.fluid is not None:
                noted = supplies.level(stock_supply(vessel.fluid))
                if noted > there + _NOTICED:
                    bus.place(vessel.name, noted)
            elif vessel.kind == "waste" and supplies.level(WASTE) < there - _NOTICED:
                bus.place(vessel.name, supplies.level(WASTE))
